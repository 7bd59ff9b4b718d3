package jwtauth

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// algorithms are the values of "alg" that are understood (RFC 7518, section
// 3.1, and RFC 8037, section 3.1).
var algorithms = []string{"HS256", "RS256", "ES256", "EdDSA"}

// Key is one key that tokens are verified with, or several, each with its
// algorithm. [HS256], [RS256], [ES256], [EdDSA] and [AnyOf] make one; [New]
// reports what is wrong with it. The zero Key is none.
type Key struct {
	keys []verifyKey
	err  error
}

// verifyKey holds its key in a closure, so that printing a Key does not print a
// secret.
type verifyKey struct {
	alg    string
	verify func(signed string, signature []byte) error
}

// HS256 is a shared secret of at least 32 bytes (RFC 7518, section 3.2). It is
// copied.
func HS256(secret []byte) Key {
	if len(secret) < 32 {
		return badKey("an HS256 secret needs at least 32 bytes, this one has %d", len(secret))
	}
	return goodKey(jwt.SigningMethodHS256, bytes.Clone(secret))
}

// RS256 is an RSA public key of 2048 to 8192 bits (RFC 7518, section 3.3, sets
// the lower bound; the upper one bounds the work per token). The caller must
// not change it afterwards.
func RS256(public *rsa.PublicKey) Key {
	if public == nil || public.N == nil {
		return badKey("no RS256 key")
	}
	if bits := public.N.BitLen(); bits < 2048 || bits > 8192 {
		return badKey("an RS256 key needs 2048 to 8192 bits, this one has %d", bits)
	}
	if public.E < 3 || public.E%2 == 0 || public.N.Bit(0) == 0 {
		return badKey("an RS256 key needs an odd modulus and an odd exponent from 3")
	}
	return goodKey(jwt.SigningMethodRS256, public)
}

// ES256 is an ECDSA public key on the curve P-256 (RFC 7518, section 3.4). The
// caller must not change it afterwards.
func ES256(public *ecdsa.PublicKey) Key {
	if public == nil || public.Curve != elliptic.P256() {
		return badKey("an ES256 key must be on the curve P-256")
	}
	if _, err := public.ECDH(); err != nil {
		return badKey("the ES256 key is not a point on the curve P-256")
	}
	return goodKey(jwt.SigningMethodES256, public)
}

// EdDSA is an Ed25519 public key (RFC 8037, section 3.1). It is copied.
func EdDSA(public ed25519.PublicKey) Key {
	if len(public) != ed25519.PublicKeySize {
		return badKey("an Ed25519 key has %d bytes, this one has %d", ed25519.PublicKeySize, len(public))
	}
	return goodKey(jwt.SigningMethodEdDSA, ed25519.PublicKey(bytes.Clone(public)))
}

// AnyOf accepts a token that any of keys verifies, so that a key can be
// replaced while tokens signed with the one before are still about.
func AnyOf(keys ...Key) Key {
	var all Key
	for i, key := range keys {
		if key.err == nil && len(key.keys) == 0 {
			key.err = fmt.Errorf("jwtauth: key %d of %d is no key", i+1, len(keys))
		}
		all.keys = append(all.keys, key.keys...)
		all.err = errors.Join(all.err, key.err)
	}
	return all
}

func goodKey(method jwt.SigningMethod, material any) Key {
	return Key{keys: []verifyKey{{
		alg:    method.Alg(),
		verify: func(signed string, signature []byte) error { return method.Verify(signed, signature, material) },
	}}}
}

func badKey(format string, args ...any) Key {
	return Key{err: fmt.Errorf("jwtauth: "+format, args...)}
}
