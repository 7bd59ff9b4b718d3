package jwtauth

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

func newEd25519() (ed25519.PublicKey, ed25519.PrivateKey, error) {
	return ed25519.GenerateKey(rand.Reader)
}

func publicOf(private ed25519.PrivateKey) ed25519.PublicKey {
	return private.Public().(ed25519.PublicKey)
}

func TestWeakKeys(t *testing.T) {
	bits := func(n int) *big.Int {
		return new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), uint(n-1)), big.NewInt(1))
	}
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	for name, key := range map[string]Key{
		"zero":            {},
		"none of many":    AnyOf(),
		"one of two":      AnyOf(HS256(testSecret), Key{}),
		"short of two":    AnyOf(HS256(testSecret), HS256([]byte("short"))),
		"nil secret":      HS256(nil),
		"31 bytes":        HS256(testSecret[:31]),
		"nil RSA":         RS256(nil),
		"RSA of nothing":  RS256(&rsa.PublicKey{}),
		"RSA 2047":        RS256(&rsa.PublicKey{N: bits(2047), E: 65537}),
		"RSA 8193":        RS256(&rsa.PublicKey{N: bits(8193), E: 65537}),
		"RSA exponent 1":  RS256(&rsa.PublicKey{N: bits(2048), E: 1}),
		"RSA exponent 4":  RS256(&rsa.PublicKey{N: bits(2048), E: 4}),
		"RSA even":        RS256(&rsa.PublicKey{N: new(big.Int).Sub(bits(2048), big.NewInt(1)), E: 3}),
		"nil ECDSA":       ES256(nil),
		"P-384":           ES256(&p384.PublicKey),
		"nil EdDSA":       EdDSA(nil),
		"EdDSA, 31 bytes": EdDSA(make([]byte, 31)),
	} {
		v, err := New(key, nil)
		require.Error(t, err, name)
		require.Nil(t, v, name)
	}
	_, err := New(HS256(testSecret), &Options{Audience: []string{"a", ""}})
	require.Error(t, err)
}

func TestSecretIsCopiedAndNotPrinted(t *testing.T) {
	secret := bytes.Clone(testSecret)
	key := HS256(secret)
	v := newTest(t, key, Options{})
	clear(secret)
	_, err := v.Verify(t.Context(), hs(goodClaims("")))
	require.NoError(t, err)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		text := fmt.Sprintf(format, key) + fmt.Sprintf(format, v)
		require.NotContains(t, text, string(testSecret))
		require.NotContains(t, text, fmt.Sprintf("%x", testSecret))
		require.NotContains(t, text, fmt.Sprint(testSecret))
	}
}
