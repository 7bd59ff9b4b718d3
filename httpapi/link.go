package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// minSecret is the shortest signing secret accepted, in bytes: as long as the
// digest, which RFC 2104, section 3 names as the least that keeps its strength.
const minSecret = sha256.Size

// linkVersion opens every MAC, so that no other use of the same secret and no
// later layout of the message can be taken for a link of this one.
const linkVersion = "holdall-link-1"

// The parameters that signing adds to a link.
const (
	paramExpires   = "expires"
	paramKeyID     = "kid"
	paramSignature = "signature"
)

// errLink is every refusal of a signed link: what was wrong with it is of use
// only to somebody who is trying out links.
var errLink = errors.New("httpapi: signed link is altered, expired or of an unknown key")

// SigningKey is a secret that signs links. The first key that a handler is
// given signs; every one of them verifies, so a key is replaced by putting the
// new one in front and dropping the old one when the last link that it signed
// has expired.
type SigningKey struct {
	// ID names the key in a link: 1 to 32 of A-Z a-z 0-9 - _, and no other
	// active key's. It is not secret.
	ID string
	// Secret is the HMAC key: at least 32 bytes from a cryptographic random
	// source, the same in every process that serves the same links.
	Secret []byte
}

// signer makes and checks signed links. It is safe for concurrent use. A nil
// signer verifies nothing.
type signer struct {
	current string
	secrets map[string][]byte
}

// newSigner returns a signer over keys, nil when there are none, and an error
// for a key that is too short, ill named or named like another. The secrets are
// copied.
func newSigner(keys []SigningKey) (*signer, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	s := &signer{current: keys[0].ID, secrets: make(map[string][]byte, len(keys))}
	for _, k := range keys {
		if !validKeyID(k.ID) {
			return nil, fmt.Errorf("httpapi: signing key id %q is not 1 to 32 of A-Z a-z 0-9 - _", k.ID)
		}
		if _, taken := s.secrets[k.ID]; taken {
			return nil, fmt.Errorf("httpapi: two signing keys have the id %q", k.ID)
		}
		if len(k.Secret) < minSecret {
			return nil, fmt.Errorf("httpapi: signing key %q has %d bytes of secret, fewer than %d", k.ID, len(k.Secret), minSecret)
		}
		s.secrets[k.ID] = slices.Clone(k.Secret)
	}
	return s, nil
}

func validKeyID(id string) bool {
	for _, c := range []byte(id) {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return id != "" && len(id) <= 32
}

// sign returns the whole query of a link that allows method on subject with
// params until expires, which is cut to whole seconds. Each of params has one
// value, and none has a name that signing adds; a link that breaks this never
// verifies.
func (s *signer) sign(method string, subject []string, params url.Values, expires time.Time) url.Values {
	query := make(url.Values, len(params)+3)
	for name, values := range params {
		query[name] = slices.Clone(values)
	}
	exp := strconv.FormatInt(expires.Unix(), 10)
	query.Set(paramExpires, exp)
	query.Set(paramKeyID, s.current)
	query.Set(paramSignature, s.mac(s.current, method, subject, params, exp))
	return query
}

// verify returns the params that query was signed with, or errLink when it does
// not allow method on subject at now, in whatever respect. HEAD is allowed where
// GET is. The query must hold everything that the client sent: parse it with
// [url.ParseQuery] and refuse its error, because [url.URL.Query] drops what it
// cannot parse.
func (s *signer) verify(method string, subject []string, query url.Values, now time.Time) (url.Values, error) {
	if s == nil {
		return nil, errLink
	}
	for _, values := range query {
		if len(values) != 1 {
			return nil, errLink
		}
	}
	kid, exp := query.Get(paramKeyID), query.Get(paramExpires)
	if _, known := s.secrets[kid]; !known {
		return nil, errLink
	}
	params := maps.Clone(query)
	delete(params, paramExpires)
	delete(params, paramKeyID)
	delete(params, paramSignature)
	// Compared as text: decoding would admit the same bytes in other spellings.
	want := s.mac(kid, method, subject, params, exp)
	if !hmac.Equal([]byte(query.Get(paramSignature)), []byte(want)) {
		return nil, errLink
	}
	sec, err := strconv.ParseInt(exp, 10, 64)
	if err != nil || !now.Before(time.Unix(sec, 0)) {
		return nil, errLink
	}
	return params, nil
}

// mac returns the signature, in base64url, of all that a link says. Every
// string has its length in front and every list its count, so no two links
// share a message. The key's id is part of it, so that a link is of one key
// even where two share a secret.
func (s *signer) mac(kid, method string, subject []string, params url.Values, exp string) string {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	h := hmac.New(sha256.New, s.secrets[kid])
	writeStrings(h, linkVersion, kid, method, exp)
	writeCount(h, len(subject))
	writeStrings(h, subject...)
	writeCount(h, len(params))
	for _, name := range slices.Sorted(maps.Keys(params)) {
		writeStrings(h, name)
		writeCount(h, len(params[name]))
		writeStrings(h, params[name]...)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func writeStrings(h hash.Hash, list ...string) {
	for _, s := range list {
		writeCount(h, len(s))
		h.Write([]byte(s))
	}
}

func writeCount(h hash.Hash, n int) {
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
}
