package jwtauth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
)

func TestEachAlgorithm(t *testing.T) {
	otherRSA := must(rsa.GenerateKey(rand.Reader, 2048))
	otherP256 := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	_, otherEd, err := newEd25519()
	require.NoError(t, err)
	for _, c := range []struct {
		method         jwt.SigningMethod
		key            Key
		private, other any
	}{
		{jwt.SigningMethodHS256, HS256(testSecret), testSecret, []byte("another secret, thirty-two bytes")},
		{jwt.SigningMethodRS256, RS256(&rsaKey().PublicKey), rsaKey(), otherRSA},
		{jwt.SigningMethodES256, ES256(&p256Key().PublicKey), p256Key(), otherP256},
		{jwt.SigningMethodEdDSA, EdDSA(publicOf(edKey())), edKey(), otherEd},
	} {
		t.Run(c.method.Alg(), func(t *testing.T) {
			v := newTest(t, c.key, Options{})
			header := `{"alg":"` + c.method.Alg() + `","typ":"JWT"}`
			token := forge(c.method, c.private, header, goodClaims(""))
			p, err := v.Verify(t.Context(), token)
			require.NoError(t, err)
			require.Equal(t, holdall.Principal{Tenant: "acme", User: "ana"}, p)

			parts := strings.Split(token, ".")
			admin := b64(goodClaims(`,"permissions":["*"]`))
			for name, bad := range map[string]string{
				"another key":    forge(c.method, c.other, header, goodClaims("")),
				"other claims":   parts[0] + "." + admin + "." + parts[2],
				"no signature":   parts[0] + "." + parts[1] + ".",
				"half signature": token[:len(token)-len(parts[2])/2],
				"twice signed":   token + parts[2],
			} {
				_, err := v.Verify(t.Context(), bad)
				require.ErrorIs(t, err, holdall.ErrUnauthenticated, name)
			}
			for _, alg := range []string{"none", "None", "", "HS256", "RS256", "ES256", "EdDSA", "HS384", "RS512", "PS256", "ES384", "hs256"} {
				if alg == c.method.Alg() {
					continue
				}
				bad := forge(c.method, c.private, `{"alg":"`+alg+`"}`, goodClaims(""))
				_, err := v.Verify(t.Context(), bad)
				requireRefused(t, err, bad, "alg")
				unsigned := b64(`{"alg":"`+alg+`"}`) + "." + parts[1] + "."
				_, err = v.Verify(t.Context(), unsigned)
				requireRefused(t, err, unsigned, "alg")
			}
		})
	}
}

// A verifier that let the token choose would take the public key for a secret.
func TestPublicKeyIsNoSecret(t *testing.T) {
	public := &rsaKey().PublicKey
	v := newTest(t, RS256(public), Options{})
	der := must(x509.MarshalPKIXPublicKey(public))
	for _, secret := range [][]byte{
		der,
		pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(public)}),
		public.N.Bytes(),
	} {
		for _, alg := range []string{"HS256", "RS256"} {
			token := forge(jwt.SigningMethodHS256, secret, `{"alg":"`+alg+`"}`, goodClaims(""))
			_, err := v.Verify(t.Context(), token)
			require.ErrorIs(t, err, holdall.ErrUnauthenticated)
		}
	}
}

func TestAnyOf(t *testing.T) {
	before := []byte("the secret that is being replaced")
	v := newTest(t, AnyOf(HS256(testSecret), HS256(before), ES256(&p256Key().PublicKey)), Options{})
	for _, token := range []string{
		hs(goodClaims("")),
		forge(jwt.SigningMethodHS256, before, `{"alg":"HS256","kid":"whatever"}`, goodClaims("")),
		forge(jwt.SigningMethodES256, p256Key(), `{"alg":"ES256"}`, goodClaims("")),
	} {
		_, err := v.Verify(t.Context(), token)
		require.NoError(t, err)
	}
	_, err := v.Verify(t.Context(), forge(jwt.SigningMethodHS256, []byte("neither"), `{"alg":"HS256"}`, goodClaims("")))
	require.ErrorIs(t, err, holdall.ErrUnauthenticated)
}

func TestHeaders(t *testing.T) {
	v := newTest(t, HS256(testSecret), Options{})
	for _, c := range []struct{ header, reason string }{
		{`{"alg":"HS256"}`, ""},
		{` { "alg" : "HS256" , "x":[1,{"y":null}] } `, ""},
		{`{"alg":"HS256","typ":"jwt"}`, ""},
		{`{"alg":"HS256","typ":"AT+JWT"}`, ""},
		{`{"alg":"HS256","typ":"application/at+jwt"}`, ""},
		{`{"alg":"HS256","kid":"../../etc/passwd"}`, ""},
		{`{"alg":"HS256","kid":"x' OR 1=1","jku":"http://127.0.0.1/","jwk":{"kty":"oct","k":"AA"},"x5u":"http://127.0.0.1/"}`, ""},
		{`{"alg":"HS256","kid":7}`, "kid"},
		{`{"alg":"HS256","kid":null}`, "kid"},
		{`{"alg":"HS256","kid":["a"]}`, "kid"},
		{`{"alg":"HS256","typ":"logout+jwt"}`, "typ"},
		{`{"alg":"HS256","typ":"dpop+jwt"}`, "typ"},
		{`{"alg":"HS256","typ":""}`, "typ"},
		{`{"alg":"HS256","typ":null}`, "typ"},
		{`{"alg":"HS256","crit":["b64"],"b64":false}`, "crit"},
		{`{"alg":"HS256","crit":["exp"],"exp":1}`, "crit"},
		{`{"alg":"HS256","crit":[]}`, "crit"},
		{`{"alg":"HS256","crit":null}`, "crit"},
		{`{"alg":"none","alg":"HS256"}`, "two members"},
		{`{"alg":"HS256","\u0061lg":"HS256"}`, "two members"},
		{`{"ALG":"HS256"}`, "alg"},
		{`{"alg":["HS256"]}`, "alg"},
		{`{"alg":null}`, "alg"},
		{`{}`, "alg"},
		{`[]`, "object"},
		{`null`, "object"},
		{`"HS256"`, "object"},
		{``, "JSON"},
		{`{"alg":"HS256"`, "JSON"},
		{`{"alg":"HS256",}`, "JSON"},
		{`{"alg":"HS256"}{}`, "JSON"},
		{"{\"alg\":\"HS256\",\"x\":\"\xff\"}", "UTF-8"},
	} {
		token := forge(jwt.SigningMethodHS256, testSecret, c.header, goodClaims(""))
		_, err := v.Verify(t.Context(), token)
		if c.reason == "" {
			require.NoError(t, err, c.header)
			continue
		}
		requireRefused(t, err, token, c.reason)
	}
}

func TestEncoding(t *testing.T) {
	v := newTest(t, HS256(testSecret), Options{})
	good := hs(goodClaims(""))
	_, err := v.Verify(t.Context(), good)
	require.NoError(t, err)
	parts := strings.Split(good, ".")

	// A signature of 32 bytes leaves two bits of its last digit unused.
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(digits, good[len(good)-1])
	require.Zero(t, last%4)
	stray := good[:len(good)-1] + string(digits[last+1])
	// The same in a signed part: "{}" and another digit of the same meaning.
	straySigned := func(part string) string { return sign(jwt.SigningMethodHS256, testSecret, part) }

	for name, bad := range map[string]string{
		"empty":                  "",
		"dots":                   "..",
		"two parts":              parts[0] + "." + parts[1],
		"four parts":             good + ".",
		"five parts (JWE)":       good + ".a.b",
		"padding":                good + "=",
		"padding in a header":    straySigned(b64(`{"alg":"HS256"} `) + "==." + parts[1]),
		"padding in claims":      straySigned(parts[0] + "." + parts[1] + "="),
		"stray bits":             stray,
		"stray bits in claims":   straySigned(parts[0] + ".e31"),
		"standard alphabet":      straySigned(parts[0] + "." + "+/+/"),
		"line end":               good + "\n",
		"line end in the header": straySigned(parts[0][:4] + "\r\n" + parts[0][4:] + "." + parts[1]),
		"space in front":         " " + good,
		"space behind":           good + " ",
		"NUL":                    good + "\x00",
		"not ASCII":              good + "é",
	} {
		_, err := v.Verify(t.Context(), bad)
		require.ErrorIs(t, err, holdall.ErrUnauthenticated, name)
	}
}

func TestTokenLength(t *testing.T) {
	v := newTest(t, HS256(testSecret), Options{})
	padded := func(n int) string { return hs(goodClaims(`,"x":"` + strings.Repeat("x", n) + `"`)) }
	n := 0
	for len(padded(n)) < maxToken {
		n++
	}
	for ; len(padded(n)) > maxToken; n-- {
	}
	_, err := v.Verify(t.Context(), padded(n))
	require.NoError(t, err)
	_, err = v.Verify(t.Context(), padded(n+3))
	require.ErrorContains(t, err, "longer than 8192 bytes")
	_, err = v.Verify(t.Context(), strings.Repeat(".", 1<<20))
	require.ErrorContains(t, err, "longer than 8192 bytes")
}

func TestAuthenticate(t *testing.T) {
	v := newTest(t, HS256(testSecret), Options{})
	token := hs(goodClaims(""))
	for _, c := range []struct {
		name   string
		values []string
		ok     bool
		reason string
	}{
		{"no header", nil, false, ""},
		{"bearer", []string{"Bearer " + token}, true, ""},
		{"letter case of the scheme", []string{"bEARER " + token}, true, ""},
		{"several spaces", []string{"Bearer   " + token}, true, ""},
		{"empty header", []string{""}, false, "scheme"},
		{"scheme alone", []string{"Bearer"}, false, "three parts"},
		{"empty token", []string{"Bearer "}, false, "three parts"},
		{"no scheme", []string{token}, false, "scheme"},
		{"Basic", []string{"Basic YTpi"}, false, "scheme"},
		{"longer scheme", []string{"Bearers " + token}, false, "scheme"},
		{"tab", []string{"Bearer\t" + token}, false, "scheme"},
		{"two headers", []string{"Bearer " + token, "Bearer " + token}, false, "more than one"},
		{"two headers, one empty", []string{"", "Bearer " + token}, false, "more than one"},
		{"list", []string{"Bearer " + token + ", Bearer " + token}, false, "three parts"},
		{"parameter", []string{"Bearer token=" + token}, false, "base64url"},
		{"bad token", []string{"Bearer " + hs(`{}`)}, false, "exp"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		for _, value := range c.values {
			r.Header.Add("Authorization", value)
		}
		p, ok, err := v.Authenticate(r)
		require.Equal(t, c.ok, ok, c.name)
		if c.reason != "" {
			requireRefused(t, err, token, c.reason)
		} else {
			require.NoError(t, err, c.name)
		}
		if !c.ok {
			require.Zero(t, p, c.name)
		}
	}
}
