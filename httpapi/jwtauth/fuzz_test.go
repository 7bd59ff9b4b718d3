package jwtauth

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// FuzzVerify changes a good token in one place: del bytes at at give way to
// ins. Nothing but the token itself may verify.
func FuzzVerify(f *testing.F) {
	good := hs(goodClaims(`,"app_id":"crm","permissions":["storage:*"]`))
	v := newTest(f, HS256(testSecret), Options{})
	f.Add(0, 0, "")
	f.Add(len(good), 0, "=")
	f.Add(len(good)-1, 1, "B")
	f.Add(len(good), 0, "\n")
	f.Add(0, 20, b64(`{"alg":"none"}`)+".")
	f.Add(strings.LastIndexByte(good, '.'), len(good), ".")
	f.Add(5, 0, "\r\n")
	f.Fuzz(func(t *testing.T, at, del int, ins string) {
		at = min(max(at, 0), len(good))
		del = min(max(del, 0), len(good)-at)
		token := good[:at] + ins + good[at+del:]
		p, err := v.Verify(t.Context(), token)
		if token == good {
			require.NoError(t, err)
			return
		}
		require.Error(t, err)
		require.Zero(t, p)
	})
}

// FuzzClaims signs any header and claims with the right key. Whatever verifies
// must hold the rules by a reader of its own.
func FuzzClaims(f *testing.F) {
	v := newTest(f, HS256(testSecret), Options{})
	f.Add(`{"alg":"HS256","typ":"JWT"}`, goodClaims(`,"app_id":"crm","permissions":["*"],"roles":["r"]`))
	f.Add(`{"alg":"HS256","crit":[]}`, goodClaims(""))
	f.Add(`{"alg":"HS256"}`, goodClaims(`,"tenant_id":"other"`))
	f.Add(`{"alg":"HS256"}`, `{"sub":"a","tenant_id":"b","exp":1.9e9,"nbf":0,"aud":["x"]}`)
	f.Add(`{"ALG":"HS256"}`, `{"SUB":"a","TENANT_ID":"b","EXP":1900000000}`)
	f.Fuzz(func(t *testing.T, header, claims string) {
		p, err := v.Verify(t.Context(), forge(jwt.SigningMethodHS256, testSecret, header, claims))
		if err != nil {
			require.Zero(t, p)
			return
		}
		require.NotContains(t, header, `"crit"`)
		for _, name := range []string{p.Tenant, p.User} {
			require.NotEmpty(t, strings.TrimSpace(name))
		}
		for _, name := range []string{p.Tenant, p.User, p.App} {
			require.LessOrEqual(t, utf8.RuneCountInString(name), 128)
			require.True(t, utf8.ValidString(name))
			require.NotContains(t, name, "\x00")
		}
		// The library's own reader, which knows neither duplicates nor null, agrees
		// about what it knows. It cuts fractions of a second off: hence 31.
		var read jwt.MapClaims
		_, err = jwt.NewParser(jwt.WithTimeFunc(func() time.Time { return testNow }), jwt.WithLeeway(31*time.Second),
			jwt.WithExpirationRequired()).ParseWithClaims(forge(jwt.SigningMethodHS256, testSecret, header, claims), &read,
			func(*jwt.Token) (any, error) { return testSecret, nil })
		require.NoError(t, err)
		require.Equal(t, p.Tenant, read["tenant_id"])
		require.Equal(t, p.User, read["sub"])
	})
}

func FuzzKeySet(f *testing.F) {
	f.Add([]byte(set(jwkRSA(`,"kid":"r","use":"sig"`), jwkEC(""), jwkEd(`,"key_ops":["verify"]`))))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AAAA"},null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := parseKeySet(data)
		if err != nil {
			require.Nil(t, keys)
		}
		for _, key := range keys {
			require.NotEqual(t, "HS256", key.alg)
			_ = key.verify("signed", make([]byte, 64)) // must not panic
		}
	})
}
