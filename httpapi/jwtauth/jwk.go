package jwtauth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"math/big"
	"slices"
)

// setKey is a key of a key set. Several may have the same id: RFC 7517, section
// 4.5, only says that they should not.
type setKey struct {
	id string
	verifyKey
}

// parseKeySet reads a JWK Set (RFC 7517, section 5). A key that cannot verify
// one of [algorithms] is left out, as that section asks; a set of none is a
// set.
func parseKeySet(data []byte) ([]setKey, error) {
	document, err := readObject(data)
	if err != nil {
		return nil, err
	}
	list, ok := document["keys"].([]any)
	if !ok {
		return nil, errors.New("no array named keys")
	}
	set := make([]setKey, 0, len(list))
	for _, entry := range list {
		jwk, _ := entry.(map[string]any)
		if !forVerifying(jwk) {
			continue
		}
		key := parseKey(jwk)
		if key.err != nil || !absentOr(jwk, "alg", key.keys[0].alg) {
			continue
		}
		id, _ := jwk["kid"].(string)
		set = append(set, setKey{id: id, verifyKey: key.keys[0]})
	}
	return set, nil
}

// forVerifying tells whether the publisher means the key for signatures. A key
// that is published with its private half proves nothing.
func forVerifying(jwk map[string]any) bool {
	if _, private := jwk["d"]; private || !absentOr(jwk, "use", "sig") {
		return false
	}
	if kid, ok := jwk["kid"]; ok {
		if _, ok := kid.(string); !ok {
			return false
		}
	}
	if operations, ok := jwk["key_ops"]; ok {
		list, _ := operations.([]any)
		return slices.Contains(list, any("verify"))
	}
	return true
}

func absentOr(jwk map[string]any, name, want string) bool {
	value, ok := jwk[name]
	return !ok || value == want
}

// parseKey reads a public key by its type. Symmetric ones (kty "oct") are
// refused: what is published is no secret.
func parseKey(jwk map[string]any) Key {
	switch jwk["kty"] {
	case "RSA":
		return parseRSA(jwk)
	case "EC":
		return parseEC(jwk)
	case "OKP":
		if jwk["crv"] == "Ed25519" {
			return EdDSA(ed25519.PublicKey(octets(jwk, "x")))
		}
	}
	return badKey("the key's type is not supported")
}

func parseRSA(jwk map[string]any) Key {
	n := new(big.Int).SetBytes(octets(jwk, "n"))
	e := new(big.Int).SetBytes(octets(jwk, "e"))
	if e.BitLen() > 31 {
		return badKey("the RSA exponent is too large")
	}
	return RS256(&rsa.PublicKey{N: n, E: int(e.Int64())})
}

func parseEC(jwk map[string]any) Key {
	x, y := octets(jwk, "x"), octets(jwk, "y")
	if jwk["crv"] != "P-256" || len(x) != 32 || len(y) != 32 {
		return badKey("the EC key is not one of P-256")
	}
	point := slices.Concat([]byte{4}, x, y)
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return badKey("the EC key is not a point on the curve: %w", err)
	}
	return ES256(public)
}

// octets returns nil when the member is not there or not base64url.
func octets(jwk map[string]any, name string) []byte {
	s, _ := jwk[name].(string)
	b, err := decodeBase64(s)
	if err != nil {
		return nil
	}
	return b
}
