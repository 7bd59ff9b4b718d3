package jwtauth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
)

var (
	testNow    = time.Unix(1_800_000_000, 0)
	testSecret = []byte("0123456789abcdef0123456789abcdef")
	rsaKey     = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	p256Key    = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	edKey      = sync.OnceValue(func() ed25519.PrivateKey {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return must(private, err)
	})
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// forge signs header and claims as they are written, whatever they say.
func forge(method jwt.SigningMethod, key any, header, claims string) string {
	return sign(method, key, b64(header)+"."+b64(claims))
}

func sign(method jwt.SigningMethod, key any, signed string) string {
	signature := must(method.Sign(signed, key))
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// goodClaims returns claims that hold at testNow, with more members after.
func goodClaims(more string) string {
	return claimsAt(testNow, more)
}

func claimsAt(now time.Time, more string) string {
	return fmt.Sprintf(`{"sub":"ana","tenant_id":"acme","exp":%d%s}`, now.Unix()+60, more)
}

func hs(claims string) string {
	return forge(jwt.SigningMethodHS256, testSecret, `{"alg":"HS256"}`, claims)
}

func newTest(t testing.TB, key Key, opts Options) *Verifier {
	t.Helper()
	if opts.Now == nil {
		opts.Now = func() time.Time { return testNow }
	}
	v, err := New(key, &opts)
	require.NoError(t, err)
	return v
}

// requireRefused checks what holds for each refusal: the sentinel, the reason,
// and that no part of the token is in the text.
func requireRefused(t testing.TB, err error, token, reason string) {
	t.Helper()
	require.ErrorIs(t, err, holdall.ErrUnauthenticated)
	require.ErrorContains(t, err, reason)
	for part := range strings.SplitSeq(token, ".") {
		if len(part) > 3 {
			require.NotContains(t, err.Error(), part)
		}
	}
}
