package jwtauth

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func b64n(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }

func jwkRSA(more string) string {
	return fmt.Sprintf(`{"kty":"RSA","n":"%s","e":"AQAB"%s}`, b64n(rsaKey().N), more)
}

func jwkEC(more string) string {
	point := must(p256Key().PublicKey.Bytes())
	return fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":"%s","y":"%s"%s}`, b64(string(point[1:33])), b64(string(point[33:])), more)
}

func jwkEd(more string) string {
	return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","x":"%s"%s}`, b64(string(publicOf(edKey()))), more)
}

func set(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

func TestUnusableKeysAreLeftOut(t *testing.T) {
	x := b64(string(publicOf(edKey())))
	for _, bad := range []string{
		`{}`, `null`, `7`, `"key"`, `[]`,
		`{"kty":"oct","k":"` + b64(string(testSecret)) + `"}`,
		`{"kty":"OKP","crv":"X25519","x":"` + x + `"}`,
		`{"kty":"OKP","x":"` + x + `"}`,
		`{"kty":"okp","crv":"Ed25519","x":"` + x + `"}`,
		`{"kty":"OKP","crv":"Ed25519","x":"` + x + `="}`,
		`{"kty":"OKP","crv":"Ed25519","x":"` + x[:40] + `"}`,
		`{"kty":"OKP","crv":"Ed25519","X":"` + x + `"}`,
		`{"kty":"OKP","crv":"Ed25519","x":7}`,
		jwkEd(`,"use":"enc"`), jwkEd(`,"use":null`), jwkEd(`,"use":["sig"]`),
		jwkEd(`,"alg":"ES256"`), jwkEd(`,"alg":null`), jwkEd(`,"alg":{}`),
		jwkEd(`,"key_ops":["sign"]`), jwkEd(`,"key_ops":"verify"`), jwkEd(`,"key_ops":[["verify"],{}]`),
		jwkEd(`,"kid":7`), jwkEd(`,"d":"AAAA"`),
		jwkRSA(`,"alg":"RS512"`), jwkRSA(`,"alg":"PS256"`), jwkRSA(`,"alg":"RSA-OAEP"`),
		`{"kty":"RSA","n":"AQAB","e":"AQAB"}`,
		`{"kty":"RSA","n":"` + b64n(rsaKey().N) + `","e":""}`,
		`{"kty":"RSA","n":"` + b64n(rsaKey().N) + `","e":"AQ"}`,
		`{"kty":"RSA","n":"` + b64n(rsaKey().N) + `","e":"AQAAAAAAAQAB"}`,
		`{"kty":"RSA","e":"AQAB"}`,
		strings.Replace(jwkEC(""), "P-256", "P-384", 1),
		strings.Replace(jwkEC(""), `"x":"`, `"x":"AA`, 1),
		`{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + x + `"}`,
		`{"kty":"EC","crv":"P-256"}`,
	} {
		keys, err := parseKeySet([]byte(set(bad, jwkEd(`,"kid":"good"`))))
		require.NoError(t, err, bad)
		require.Len(t, keys, 1, bad)
		require.Equal(t, "good", keys[0].id)
	}
	for _, bad := range []string{``, `[]`, `{}`, `null`, `{"keys":null}`, `{"keys":{}}`, `{"Keys":[]}`, `{"keys":[],"keys":[]}`, set(jwkEd(`,"kty":"OKP"`))} {
		_, err := parseKeySet([]byte(bad))
		require.Error(t, err, bad)
	}
}
