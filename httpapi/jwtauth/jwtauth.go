// Package jwtauth turns the JSON Web Token of a request into a
// [holdall.Principal]. It verifies tokens signed with HS256, RS256, ES256 or
// EdDSA against keys that the host gives, or against the JSON Web Key Set at
// a URL:
//
//	auth, err := jwtauth.New(jwtauth.HS256(secret), nil)
//	auth, err := jwtauth.NewJWKS("https://id.example.com/jwks.json", &jwtauth.Options{
//		Issuer:   "https://id.example.com",
//		Audience: []string{"files"},
//	})
//
// The algorithm belongs to the key; what the token names as its "alg" must
// equal it. Nothing in a token leads to a fetch from an address in that token.
package jwtauth

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/holdall-go/holdall"
)

// maxToken is the length in bytes over which a token is refused unread.
const maxToken = 8 << 10

// Options are the checks that a host adds, and its clock. The zero value, or
// a nil pointer, means the defaults.
type Options struct {
	// Issuer is what the claim "iss" must equal. When it is empty, any issuer
	// whose tokens verify is accepted.
	Issuer string
	// Audience lists the names of this service. The claim "aud" must hold at
	// least one of them. When it is empty, "aud" decides nothing.
	Audience []string
	// Leeway is the difference between clocks that "exp" and "nbf" allow for:
	// 30 seconds when it is 0, none when it is negative.
	Leeway time.Duration
	// Now is the clock that "exp" and "nbf" are compared with, [time.Now] when
	// nil. It must be safe for concurrent use. The ages of a key set go by the
	// machine's monotonic clock instead, which nobody sets back.
	Now func() time.Time

	// HTTPClient fetches the key set; nil means the zero [http.Client].
	// Whatever its settings, redirects are not followed and a fetch ends after
	// 10 seconds. It is not used by [New], nor are the durations below.
	HTTPClient *http.Client
	// MinRefresh is the least time between the beginnings of two fetches,
	// whatever tokens ask for: 30 seconds when it is not positive.
	MinRefresh time.Duration
	// MaxAge is the age of a key set from which its use starts a fetch in the
	// background: 15 minutes when it is not positive.
	MaxAge time.Duration
	// MaxStale is the age from which a key set that could not be replaced is
	// not used any more, so that every token is refused: one hour when it is
	// not positive. It bounds how long a withdrawn key is believed.
	MaxStale time.Duration
}

// Verifier verifies tokens. It is safe for concurrent use, holds no
// connection of its own and needs no closing.
type Verifier struct {
	// find returns the keys that a token with this "kid" may be signed with,
	// at least one when err is nil.
	find     func(ctx context.Context, kid string) ([]verifyKey, error)
	issuer   string
	audience []string
	leeway   time.Duration
	now      func() time.Time
}

// New returns a Verifier for tokens signed with key, which may be several (see
// [AnyOf]). Each key is tried, whatever "kid" the token names. It fails when a
// key is missing or too weak, or an option makes no sense.
func New(key Key, opts *Options) (*Verifier, error) {
	if key.err != nil {
		return nil, key.err
	}
	if len(key.keys) == 0 {
		return nil, errors.New("jwtauth: no key")
	}
	find := func(context.Context, string) ([]verifyKey, error) { return key.keys, nil }
	return newVerifier(find, opts)
}

func newVerifier(find func(context.Context, string) ([]verifyKey, error), opts *Options) (*Verifier, error) {
	if opts == nil {
		opts = &Options{}
	}
	if slices.Contains(opts.Audience, "") {
		return nil, errors.New("jwtauth: an audience is empty")
	}
	v := &Verifier{
		find:     find,
		issuer:   opts.Issuer,
		audience: slices.Clone(opts.Audience),
		leeway:   max(opts.Leeway, 0),
		now:      opts.Now,
	}
	if opts.Leeway == 0 {
		v.leeway = 30 * time.Second
	}
	if v.now == nil {
		v.now = time.Now
	}
	return v, nil
}

// Authenticate returns the caller that the request's Authorization header
// proves. It returns ok false and no error only for a request that has no such
// header. A header that is there must be one, and read "Bearer <token>" (RFC
// 6750, section 2.1; the scheme in any letter case); everything else, and a
// token that [Verifier.Verify] refuses, is an error.
func (v *Verifier) Authenticate(r *http.Request) (p holdall.Principal, ok bool, err error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return holdall.Principal{}, false, nil
	}
	if len(values) > 1 {
		return holdall.Principal{}, false, refuse("there is more than one Authorization header")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return holdall.Principal{}, false, refuse("the Authorization header is not of scheme Bearer")
	}
	p, err = v.Verify(r.Context(), strings.TrimLeft(token, " "))
	return p, err == nil, err
}

// Verify checks a token in JWS compact form (RFC 7515, section 7.1) and returns
// the caller that its claims name. ctx bounds the wait for a key set, and is
// not looked at when the key is at hand.
//
// A token is refused when it is longer than 8 KiB; when its base64url or JSON
// is not strict, so that two readers could differ about it (padding, stray
// bits, a member twice at any depth); when its header has "crit", or a "typ" other
// than "JWT" and "at+jwt", so that a token made for another purpose does not
// pass for one of access (RFC 8725, section 3.11); when no key verifies it; or
// when its claims do not hold.
//
// The claims: "exp" is required; "nbf" is checked where present, "iat" is not
// (RFC 7519, section 4.1.6, makes it information); "sub" and "tenant_id" are
// required and "app_id" is optional, each 1 to 128 characters, not blank,
// without control characters; "permissions" and "roles" are optional arrays of strings of
// at most 256 characters. A claim of another type, null included, is refused.
//
// Each error is a [*holdall.Error] and matches [holdall.ErrUnauthenticated]. When
// there is no key set to verify with, it matches [holdall.ErrUnavailable] and
// the reason too, and its code is [holdall.CodeUnavailable]. No error holds the
// token or the value of a claim.
func (v *Verifier) Verify(ctx context.Context, token string) (holdall.Principal, error) {
	payload, err := v.verifySignature(ctx, token)
	if err != nil {
		return holdall.Principal{}, err
	}
	claims, err := readObject(payload)
	if err != nil {
		return holdall.Principal{}, refuse("the token's claims are not sound: %v", err)
	}
	if err := v.checkValidity(claims); err != nil {
		return holdall.Principal{}, err
	}
	return principal(claims)
}

// verifySignature returns the bytes that the token's signature covers.
func (v *Verifier) verifySignature(ctx context.Context, token string) ([]byte, error) {
	if len(token) > maxToken {
		return nil, refuse("the token is longer than %d bytes", maxToken)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, refuse("the token is not three parts with dots between")
	}
	var raw [3][]byte
	for i, part := range parts {
		var err error
		if raw[i], err = decodeBase64(part); err != nil {
			return nil, refuse("the token is not strict base64url without padding")
		}
	}
	alg, kid, err := readHeader(raw[0])
	if err != nil {
		return nil, err
	}
	keys, err := v.find(ctx, kid)
	if err != nil {
		return nil, err
	}
	signed := token[:len(parts[0])+1+len(parts[1])]
	tried := false
	for _, key := range keys {
		if key.alg != alg {
			continue
		}
		if key.verify(signed, raw[2]) == nil {
			return raw[1], nil
		}
		tried = true
	}
	if !tried {
		return nil, refuse("the token's alg is not the key's")
	}
	return nil, refuse("the token's signature does not verify")
}

// readHeader returns the members of a JOSE header that matter here. kid is ""
// when absent.
func readHeader(raw []byte) (alg, kid string, err error) {
	header, err := readObject(raw)
	if err != nil {
		return "", "", refuse("the token's header is not sound: %v", err)
	}
	if _, ok := header["crit"]; ok {
		return "", "", refuse("the token's header has crit, and no extension is understood")
	}
	if typ, ok := header["typ"]; ok && !knownType(typ) {
		return "", "", refuse("the token's typ is not JWT or at+jwt")
	}
	alg, ok := header["alg"].(string)
	if !ok || !slices.Contains(algorithms, alg) {
		return "", "", refuse("the token's alg is not one of %s", strings.Join(algorithms, ", "))
	}
	if v, ok := header["kid"]; ok {
		if kid, ok = v.(string); !ok {
			return "", "", refuse("the token's kid is not a string")
		}
	}
	return alg, kid, nil
}

// knownType tells whether typ may stand for an access token. It is a media
// type, so letter case does not matter and "application/" may be left out (RFC
// 7515, section 4.1.9).
func knownType(typ any) bool {
	s, _ := typ.(string)
	s = strings.TrimPrefix(strings.ToLower(s), "application/")
	return s == "jwt" || s == "at+jwt"
}

// decodeBase64 reads base64url as RFC 7515, section 2, has it. The standard
// decoder skips line ends even when it is strict.
func decodeBase64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, base64.CorruptInputError(strings.IndexAny(s, "\r\n"))
	}
	return base64.RawURLEncoding.Strict().DecodeString(s)
}
