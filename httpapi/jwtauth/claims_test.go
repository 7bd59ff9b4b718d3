package jwtauth

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
)

func TestPrincipal(t *testing.T) {
	v := newTest(t, HS256(testSecret), Options{})
	p, err := v.Verify(t.Context(), hs(goodClaims(`,"app_id":"crm","permissions":["storage:read","no key"],"roles":["editor",""],"TENANT_ID":"other","Sub":"root","nested":{"tenant_id":"other"}`)))
	require.NoError(t, err)
	require.Equal(t, holdall.Principal{
		Tenant: "acme", User: "ana", App: "crm",
		Permissions: []string{"storage:read", "no key"},
		Roles:       []string{"editor", ""},
	}, p)
}

// Each of sub, tenant_id and app_id is held to the same rules; the first two
// must be there.
func TestNames(t *testing.T) {
	v := newTest(t, HS256(testSecret), Options{})
	claims := func(claim, member string) string {
		all := map[string]string{"sub": `"sub":"ana",`, "tenant_id": `"tenant_id":"acme",`, "app_id": `"app_id":"crm",`}
		all[claim] = member
		return hs(`{` + all["sub"] + all["tenant_id"] + all["app_id"] + `"exp":1800000060}`)
	}
	for _, claim := range []string{"sub", "tenant_id", "app_id"} {
		for _, good := range []string{
			"x", " x", strings.Repeat("é", 128), "*", "a/b", `\u00e9`, `\ud83d\ude00`, "..", "\u200b", `\ufffd`,
		} {
			token := claims(claim, `"`+claim+`":"`+good+`",`)
			_, err := v.Verify(t.Context(), token)
			require.NoError(t, err, "%s %q", claim, good)
		}
		for _, bad := range []string{
			`""`, `" "`, `"\u00a0\u2003"`, `"` + strings.Repeat("é", 129) + `"`, `"a\nb"`, `"a\u007f"`,
			`"a\u0085"`, `"a\u2028"`, `"a\u2029"`,
			`null`, `7`, `1.5`, `true`, `{}`, `[]`, `["acme"]`,
		} {
			token := claims(claim, `"`+claim+`":`+bad+`,`)
			_, err := v.Verify(t.Context(), token)
			requireRefused(t, err, token, claim)
		}
		token := claims(claim, `"`+claim+`":"x","`+claim+`":"x",`)
		_, err := v.Verify(t.Context(), token)
		requireRefused(t, err, token, "two members")
		if claim == "app_id" {
			continue
		}
		for _, absent := range []string{``, `"` + strings.ToUpper(claim) + `":"x",`, `"` + claim + ` ":"x",`} {
			token := claims(claim, absent)
			_, err := v.Verify(t.Context(), token)
			requireRefused(t, err, token, claim+" is missing")
		}
	}
}

func TestMalformedClaims(t *testing.T) {
	v := newTest(t, HS256(testSecret), Options{})
	for _, c := range []struct{ claims, reason string }{
		{``, "JSON"},
		{`null`, "object"},
		{`[]`, "object"},
		{`[{"sub":"ana"}]`, "object"},
		{`"e30"`, "object"},
		{goodClaims("") + `{}`, "JSON"},
		{goodClaims(`,`), "JSON"},
		{goodClaims(`,"x":01`), "JSON"},
		{goodClaims(`,"x":"` + "\xff" + `"`), "UTF-8"},
		{"\ufeff" + goodClaims(""), "JSON"},
		{goodClaims(`,"x":{"y":1,"y":1}`), "two members"},
		{goodClaims(`,"x":[[{"y":{"z":1,"z":2}}]]`), "two members"},
		{goodClaims(`,"x":1,"\u0078":2`), "two members"},
		{goodClaims(`,"":1,"":2`), "two members"},
		{goodClaims(`,"x":` + strings.Repeat("[", 3000)), "JSON"},
		{goodClaims(`,"x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64)), "JSON"},
		{goodClaims(`,"x":"\ud800"`), "surrogate"},
		{goodClaims(`,"x":"\u0000"`), "U+0000"},
		{goodClaims(`,"permissions":null`), "permissions"},
		{goodClaims(`,"permissions":"*"`), "permissions"},
		{goodClaims(`,"permissions":{"0":"*"}`), "permissions"},
		{goodClaims(`,"permissions":["*",null]`), "permissions"},
		{goodClaims(`,"permissions":["*",["*"]]`), "permissions"},
		{goodClaims(`,"permissions":["` + strings.Repeat("x", 257) + `"]`), "permissions"},
		{goodClaims(`,"roles":null`), "roles"},
		{goodClaims(`,"roles":"editor"`), "roles"},
		{goodClaims(`,"roles":[7]`), "roles"},
		{goodClaims(`,"roles":["` + strings.Repeat("x", 257) + `"]`), "roles"},
		{goodClaims(`,"permissions":[],"permissions":["*"]`), "two members"},
		{goodClaims(`,"iss":7`), "iss"},
		{goodClaims(`,"iss":null`), "iss"},
		{goodClaims(`,"aud":7`), "aud"},
		{goodClaims(`,"aud":null`), "aud"},
		{goodClaims(`,"aud":["a",null]`), "aud"},
		{goodClaims(`,"iat":"now"`), "iat"},
	} {
		token := hs(c.claims)
		_, err := v.Verify(t.Context(), token)
		requireRefused(t, err, token, c.reason)
	}
	for _, claims := range []string{
		goodClaims(`,"permissions":[],"roles":[]`),
		goodClaims(`,"permissions":["` + strings.Repeat("é", 256) + `"]`),
		goodClaims(`,"PERMISSIONS":7,"Roles":null,"EXP":0,"Aud":null`),
		goodClaims(`,"x":` + strings.Repeat("[", 63) + strings.Repeat("]", 63)),
		goodClaims(`,"iss":"anyone","aud":["a","b"]`),
	} {
		_, err := v.Verify(t.Context(), hs(claims))
		require.NoError(t, err, claims)
	}
}

func TestTimes(t *testing.T) {
	const exp, nbf = 1_800_000_000, 1_700_000_000
	for _, c := range []struct {
		claims string
		leeway time.Duration
		now    time.Time
		reason string
	}{
		{`"exp":1800000000`, 0, time.Unix(exp+29, 999_999_999), ""},
		{`"exp":1800000000`, 0, time.Unix(exp+30, 0), "expired"},
		{`"exp":1800000000`, -1, time.Unix(exp-1, 999_999_999), ""},
		{`"exp":1800000000`, -1, time.Unix(exp, 0), "expired"},
		{`"exp":1800000000`, time.Minute, time.Unix(exp+59, 0), ""},
		{`"exp":1800000000`, time.Minute, time.Unix(exp+60, 0), "expired"},
		{`"exp":1800000000.5`, -1, time.Unix(exp, 499_999_999), ""},
		{`"exp":1800000000.5`, -1, time.Unix(exp, 500_000_000), "expired"},
		{`"exp":1.8e9`, -1, time.Unix(exp-1, 0), ""},
		{`"exp":1.8e9`, -1, time.Unix(exp, 0), "expired"},
		{`"exp":253402300799`, 0, time.Unix(exp, 0), ""},
		{`"exp":253402300800`, 0, time.Unix(exp, 0), "exp is not a number"},
		{`"exp":1e300`, 0, time.Unix(exp, 0), "exp is not a number"},
		{`"exp":1e999`, 0, time.Unix(exp, 0), "range of a float64"},
		{`"exp":9223372036854775808`, 0, time.Unix(exp, 0), "exp is not a number"},
		{`"exp":-1`, 0, time.Unix(exp, 0), "exp is not a number"},
		{`"exp":0`, 0, time.Unix(exp, 0), "expired"},
		{`"exp":"1900000000"`, 0, time.Unix(exp, 0), "exp is not a number"},
		{`"exp":null`, 0, time.Unix(exp, 0), "exp is not a number"},
		{`"exp":true`, 0, time.Unix(exp, 0), "exp is not a number"},
		{`"exp":[1900000000]`, 0, time.Unix(exp, 0), "exp is not a number"},
		{`"EXP":1900000000`, 0, time.Unix(exp, 0), "no exp"},
		{`"x":1`, 0, time.Unix(exp, 0), "no exp"},
		{`"exp":1800000000,"EXP":1900000000`, 0, time.Unix(exp+60, 0), "expired"},
		{`"exp":1800000000,"nbf":1700000000`, 0, time.Unix(nbf-30, 0), ""},
		{`"exp":1800000000,"nbf":1700000000`, 0, time.Unix(nbf-31, 999_999_999), "not valid yet"},
		{`"exp":1800000000,"nbf":1700000000`, -1, time.Unix(nbf, 0), ""},
		{`"exp":1800000000,"nbf":1700000000`, -1, time.Unix(nbf-1, 0), "not valid yet"},
		{`"exp":1800000000,"nbf":null`, 0, time.Unix(nbf, 0), "nbf is not a number"},
		{`"exp":1800000000,"nbf":"0"`, 0, time.Unix(nbf, 0), "nbf is not a number"},
		{`"exp":1800000000,"iat":1799999999`, 0, time.Unix(nbf, 0), ""},
	} {
		v := newTest(t, HS256(testSecret), Options{Leeway: c.leeway, Now: func() time.Time { return c.now }})
		token := hs(`{"sub":"ana","tenant_id":"acme",` + c.claims + `}`)
		_, err := v.Verify(t.Context(), token)
		if c.reason == "" {
			require.NoError(t, err, "%s at %v", c.claims, c.now)
			continue
		}
		requireRefused(t, err, token, c.reason)
	}
}

func TestIssuerAndAudience(t *testing.T) {
	v := newTest(t, HS256(testSecret), Options{Issuer: "https://id.example.com", Audience: []string{"files", "records"}})
	const iss, aud = `,"iss":"https://id.example.com"`, `,"aud":"files"`
	for _, c := range []struct{ more, reason string }{
		{iss + aud, ""},
		{iss + `,"aud":["other","records"]`, ""},
		{aud, "iss"},
		{`,"iss":"https://id.example.com/"` + aud, "iss"},
		{`,"iss":"HTTPS://id.example.com"` + aud, "iss"},
		{`,"iss":""` + aud, "iss"},
		{`,"iss":["https://id.example.com"]` + aud, "iss"},
		{`,"ISS":"https://id.example.com"` + aud, "iss"},
		{iss, "aud"},
		{iss + `,"aud":[]`, "aud"},
		{iss + `,"aud":""`, "aud"},
		{iss + `,"aud":"file"`, "aud"},
		{iss + `,"aud":"files records"`, "aud"},
		{iss + `,"aud":["files",7]`, "aud"},
		{iss + `,"aud":{"files":true}`, "aud"},
		{iss + `,"AUD":"files"`, "aud"},
	} {
		token := hs(goodClaims(c.more))
		_, err := v.Verify(t.Context(), token)
		if c.reason == "" {
			require.NoError(t, err, c.more)
			continue
		}
		requireRefused(t, err, token, c.reason)
	}
}

func TestMint(t *testing.T) {
	v := newTest(t, HS256(testSecret), Options{Leeway: -1})
	for _, p := range []holdall.Principal{
		{Tenant: "acme", User: "ana"},
		{Tenant: "acmé 😀", User: "ana", App: "crm", Permissions: []string{"storage:*"}, Roles: []string{"editor"}},
	} {
		token, err := Mint(testSecret, p, time.Second, testNow)
		require.NoError(t, err)
		back, err := v.Verify(t.Context(), token)
		require.NoError(t, err)
		require.Equal(t, p, back)
		token, err = Mint(testSecret, p, time.Second, testNow.Add(-time.Second))
		require.NoError(t, err)
		_, err = v.Verify(t.Context(), token)
		requireRefused(t, err, token, "expired")
	}
	good := holdall.Principal{Tenant: "acme", User: "ana"}
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprintf("storage:bucket-%d:read", i))
	}
	for name, c := range map[string]struct {
		secret []byte
		p      holdall.Principal
		ttl    time.Duration
	}{
		"short secret": {testSecret[:31], good, time.Hour},
		"no time":      {testSecret, good, 0},
		"no tenant":    {testSecret, holdall.Principal{User: "ana"}, time.Hour},
		"no user":      {testSecret, holdall.Principal{Tenant: "acme"}, time.Hour},
		"blank app":    {testSecret, holdall.Principal{Tenant: "acme", User: "ana", App: " "}, time.Hour},
		"not UTF-8":    {testSecret, holdall.Principal{Tenant: "acme\xff", User: "ana"}, time.Hour},
		"too long":     {testSecret, holdall.Principal{Tenant: "acme", User: "ana", Permissions: many}, time.Hour},
	} {
		token, err := Mint(c.secret, c.p, c.ttl, testNow)
		require.Error(t, err, name)
		require.Empty(t, token, name)
	}
}
