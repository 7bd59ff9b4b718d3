package httpapi

import (
	"bytes"
	"encoding/base64"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	linkNow     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	linkExpiry  = linkNow.Add(time.Hour)
	linkSubject = []string{"acme", "default", "obj_01JNY4T8Q3V5W7X9Z0ABCDEFGH"}
	linkParams  = url.Values{"inline": {"1"}, "name": {"a b.pdf"}}
)

func testKey(id string, fill byte) SigningKey {
	return SigningKey{ID: id, Secret: bytes.Repeat([]byte{fill}, minSecret)}
}

func testSigner(t testing.TB, keys ...SigningKey) *signer {
	t.Helper()
	s, err := newSigner(keys)
	require.NoError(t, err)
	return s
}

func TestNewSignerRefusesBadKeys(t *testing.T) {
	good := testKey("a", 1)
	for name, keys := range map[string][]SigningKey{
		"no id":         {testKey("", 1)},
		"long id":       {testKey(strings.Repeat("k", 33), 1)},
		"id with space": {testKey("a b", 1)},
		"id with dot":   {testKey("a.b", 1)},
		"id not ASCII":  {testKey("é", 1)},
		"no secret":     {{ID: "a"}},
		"short secret":  {{ID: "a", Secret: make([]byte, minSecret-1)}},
		"second short":  {good, {ID: "b", Secret: []byte("x")}},
		"same id":       {good, testKey("a", 2)},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := newSigner(keys)
			require.Error(t, err)
			assert.Nil(t, s)
		})
	}
	s, err := newSigner([]SigningKey{testKey(strings.Repeat("Zz09-_", 5)+"ab", 1)})
	require.NoError(t, err)
	assert.NotNil(t, s)
}

func TestNoKeysMakeASignerThatVerifiesNothing(t *testing.T) {
	s, err := newSigner(nil)
	require.NoError(t, err)
	require.Nil(t, s)
	query := testSigner(t, testKey("a", 1)).sign("GET", linkSubject, linkParams, linkExpiry)
	_, err = s.verify("GET", linkSubject, query, linkNow)
	assert.ErrorIs(t, err, errLink)
}

func TestNewSignerCopiesSecrets(t *testing.T) {
	key := testKey("a", 1)
	s := testSigner(t, key)
	query := s.sign("GET", linkSubject, nil, linkExpiry)
	clear(key.Secret)
	_, err := s.verify("GET", linkSubject, query, linkNow)
	assert.NoError(t, err)
}

func TestSignedLinkRoundTrip(t *testing.T) {
	s := testSigner(t, testKey("a", 1))
	for name, params := range map[string]url.Values{
		"none":  {},
		"two":   linkParams,
		"empty": {"": {""}, "x": {""}},
		"bytes": {"p": {"\xff\x00&=%"}},
	} {
		t.Run(name, func(t *testing.T) {
			given := maps.Clone(params)
			query := s.sign("GET", linkSubject, params, linkExpiry)
			assert.Equal(t, given, params, "sign changed what it was given")
			assert.Equal(t, strconv.FormatInt(linkExpiry.Unix(), 10), query.Get("expires"))
			assert.Equal(t, "a", query.Get("kid"))
			sent, err := url.ParseQuery(query.Encode())
			require.NoError(t, err)
			got, err := s.verify("GET", linkSubject, sent, linkNow)
			require.NoError(t, err)
			assert.Equal(t, params, got)
			assert.Equal(t, query, sent, "verify changed what it was given")
		})
	}
}

func TestSignedLinkMethods(t *testing.T) {
	s := testSigner(t, testKey("a", 1))
	for _, c := range []struct {
		signed, used string
		ok           bool
	}{
		{"GET", "GET", true}, {"GET", "HEAD", true}, {"PUT", "PUT", true},
		{"GET", "PUT", false}, {"PUT", "GET", false}, {"PUT", "HEAD", false}, {"GET", "DELETE", false}, {"GET", "get", false},
	} {
		_, err := s.verify(c.used, linkSubject, s.sign(c.signed, linkSubject, linkParams, linkExpiry), linkNow)
		assert.Equal(t, c.ok, err == nil, "signed for %s, used for %s", c.signed, c.used)
	}
}

func TestSignedLinkExpires(t *testing.T) {
	s := testSigner(t, testKey("a", 1))
	query := s.sign("GET", linkSubject, nil, linkExpiry.Add(999*time.Millisecond))
	for after, ok := range map[time.Duration]bool{-time.Hour: true, -time.Nanosecond: true, 0: false, time.Nanosecond: false, time.Hour: false} {
		_, err := s.verify("GET", linkSubject, query, linkExpiry.Add(after))
		assert.Equal(t, ok, err == nil, "%v after the expiry", after)
	}
}

func TestSigningKeysRotate(t *testing.T) {
	first, next := testKey("k1", 1), testKey("k2", 2)
	before, during, after := testSigner(t, first), testSigner(t, next, first), testSigner(t, next)
	old := before.sign("GET", linkSubject, linkParams, linkExpiry)
	fresh := during.sign("GET", linkSubject, linkParams, linkExpiry)
	require.Equal(t, "k2", fresh.Get("kid"))
	for _, c := range []struct {
		name  string
		s     *signer
		query url.Values
		ok    bool
	}{
		{"old link before", before, old, true}, {"old link during", during, old, true}, {"old link after", after, old, false},
		{"new link before", before, fresh, false}, {"new link during", during, fresh, true}, {"new link after", after, fresh, true},
		{"same id, other secret", testSigner(t, testKey("k1", 3)), old, false},
	} {
		_, err := c.s.verify("GET", linkSubject, c.query, linkNow)
		assert.Equal(t, c.ok, err == nil, c.name)
	}
	twins := testSigner(t, testKey("k1", 1), testKey("k2", 1))
	query := twins.sign("GET", linkSubject, nil, linkExpiry)
	query.Set("kid", "k2")
	_, err := twins.verify("GET", linkSubject, query, linkNow)
	assert.Error(t, err, "the key's id is not covered where two keys share a secret")
}

// TestAlteredLinks changes one thing at a time in a link that holds.
func TestAlteredLinks(t *testing.T) {
	s := testSigner(t, testKey("a", 1), testKey("b", 2))
	good := s.sign("GET", linkSubject, linkParams, linkExpiry)
	exp, sig := good.Get("expires"), good.Get("signature")
	for name, alter := range map[string]func(url.Values){
		"later":               func(q url.Values) { q.Set("expires", strconv.FormatInt(linkExpiry.Unix()+1, 10)) },
		"plus sign":           func(q url.Values) { q.Set("expires", "+"+exp) },
		"leading zero":        func(q url.Values) { q.Set("expires", "0"+exp) },
		"leading space":       func(q url.Values) { q.Set("expires", " "+exp) },
		"hexadecimal":         func(q url.Values) { q.Set("expires", "0x"+strconv.FormatInt(linkExpiry.Unix(), 16)) },
		"fraction":            func(q url.Values) { q.Set("expires", exp+".0") },
		"underscore":          func(q url.Values) { q.Set("expires", exp[:1]+"_"+exp[1:]) },
		"empty expires":       func(q url.Values) { q.Set("expires", "") },
		"no expires":          func(q url.Values) { q.Del("expires") },
		"overflow":            func(q url.Values) { q.Set("expires", "9223372036854775808") },
		"other kid":           func(q url.Values) { q.Set("kid", "b") },
		"unknown kid":         func(q url.Values) { q.Set("kid", "c") },
		"kid in capitals":     func(q url.Values) { q.Set("kid", "A") },
		"no kid":              func(q url.Values) { q.Del("kid") },
		"no signature":        func(q url.Values) { q.Del("signature") },
		"empty signature":     func(q url.Values) { q.Set("signature", "") },
		"padded signature":    func(q url.Values) { q.Set("signature", sig+"=") },
		"cut signature":       func(q url.Values) { q.Set("signature", sig[:len(sig)-1]) },
		"newline in it":       func(q url.Values) { q.Set("signature", sig[:4]+"\n"+sig[4:]) },
		"newline after it":    func(q url.Values) { q.Set("signature", sig+"\r\n") },
		"stray bits":          func(q url.Values) { q.Set("signature", strayBits(t, sig)) },
		"hex signature":       func(q url.Values) { q.Set("signature", strings.Repeat("0", 64)) },
		"signature twice":     func(q url.Values) { q.Add("signature", sig) },
		"expires twice":       func(q url.Values) { q.Add("expires", exp) },
		"kid twice":           func(q url.Values) { q.Add("kid", "a") },
		"option twice":        func(q url.Values) { q.Add("inline", "1") },
		"option changed":      func(q url.Values) { q.Set("inline", "0") },
		"option emptied":      func(q url.Values) { q.Set("inline", "") },
		"option without list": func(q url.Values) { q["inline"] = nil },
		"option dropped":      func(q url.Values) { q.Del("inline") },
		"option added":        func(q url.Values) { q.Set("tier", "user") },
		"empty option added":  func(q url.Values) { q.Set("", "") },
		"name in capitals":    func(q url.Values) { q.Del("inline"); q.Set("Inline", "1") },
		"options swapped":     func(q url.Values) { q.Set("inline", "a b.pdf"); q.Set("name", "1") },
	} {
		t.Run(name, func(t *testing.T) {
			query := cloneValues(good)
			alter(query)
			_, err := s.verify("GET", linkSubject, query, linkNow)
			assert.ErrorIs(t, err, errLink)
		})
	}
	_, err := s.verify("GET", linkSubject, good, linkNow)
	assert.NoError(t, err, "the unaltered link")
}

// strayBits respells sig so that a lax decoder yields the same bytes: 32 bytes
// leave two unused bits in the last of 43 characters.
func strayBits(t *testing.T, sig string) string {
	t.Helper()
	want, err := base64.RawURLEncoding.DecodeString(sig)
	require.NoError(t, err)
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		other := sig[:len(sig)-1] + string(c)
		if got, err := base64.RawURLEncoding.DecodeString(other); other != sig && err == nil && bytes.Equal(got, want) {
			return other
		}
	}
	t.Fatal("no other spelling")
	return ""
}

// TestLinksThatReadAlike gives links whose parts are equal when joined: each
// must have a signature of its own.
func TestLinksThatReadAlike(t *testing.T) {
	s := testSigner(t, testKey("a", 1))
	seen := map[string]int{}
	links := []struct {
		method  string
		subject []string
		params  url.Values
	}{
		{"GET", []string{"ab", "c"}, nil},
		{"GET", []string{"a", "bc"}, nil},
		{"GET", []string{"abc"}, nil},
		{"GET", []string{"abc", ""}, nil},
		{"GET", []string{"", "abc"}, nil},
		{"GETa", []string{"bc"}, nil},
		{"GET", nil, nil},
		{"GET", []string{""}, nil},
		{"GET", nil, url.Values{"ab": {"c"}}},
		{"GET", nil, url.Values{"a": {"bc"}}},
		{"GET", nil, url.Values{"a": {"b"}, "c": {""}}},
		{"GET", nil, url.Values{"a": {""}, "bc": {""}}},
		{"GET", []string{"a", "b"}, url.Values{"c": {"d"}}},
		{"GET", []string{"a", "b", "c", "d"}, nil},
		{"GET", []string{"a"}, url.Values{"b": {"c"}}},
		{"GET", []string{"a\x00b"}, nil},
		{"GET", []string{"a", "\x00b"}, nil},
		{"GET", []string{"a&b=c"}, nil},
		{"GET", []string{"a\x00\x00\x00\x00\x00\x00\x00\x01b"}, nil},
		{"GET", []string{"a", "b"}, nil},
	}
	for i, l := range links {
		sig := s.sign(l.method, l.subject, l.params, linkExpiry).Get("signature")
		if j, dup := seen[sig]; dup {
			t.Errorf("links %d and %d have one signature: %+v and %+v", j, i, links[j], l)
		}
		seen[sig] = i
	}
}

// TestLinksOfRandomPartsNeverMeet splits random short strings into subject,
// names and values in two ways and holds that equal signatures mean equal parts.
func TestLinksOfRandomPartsNeverMeet(t *testing.T) {
	s := testSigner(t, testKey("a", 1))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	word := func() string { return strings.Repeat("a", rnd.IntN(3)) + strings.Repeat("b", rnd.IntN(2)) }
	type link struct {
		subject []string
		params  string
	}
	seen := map[string]link{}
	for range 20_000 {
		subject := make([]string, rnd.IntN(4))
		for i := range subject {
			subject[i] = word()
		}
		params := url.Values{}
		for range rnd.IntN(4) {
			params.Set(word(), word())
		}
		sig := s.sign("GET", subject, params, linkExpiry).Get("signature")
		this := link{subject, params.Encode()}
		if was, ok := seen[sig]; ok && (!slices.Equal(was.subject, subject) || was.params != this.params) {
			t.Fatalf("%+v and %+v have one signature", was, this)
		}
		seen[sig] = this
	}
}

// FuzzLink signs a link, changes the query's text in one place, and holds that
// whatever still verifies says the very same as what was signed.
func FuzzLink(f *testing.F) {
	s := testSigner(f, testKey("a", 1), testKey("b", 2))
	f.Add("acme", "default", "inline", "1", uint16(0), byte(1))
	f.Add("acme", "obj_1", "", "", uint16(9), byte('&'))
	f.Add("", "", "expires2", "0", uint16(20), byte('='))
	f.Add("t", "o", "x", "\xff%;", uint16(33), byte('+'))
	f.Add("t", "o", "x", "y", uint16(40), byte('A'))
	f.Fuzz(func(t *testing.T, tenant, object, name, value string, at uint16, flip byte) {
		if name == paramExpires || name == paramKeyID || name == paramSignature {
			t.Skip("a name that signing adds")
		}
		subject := []string{tenant, object}
		query := s.sign("GET", subject, url.Values{name: {value}}, linkExpiry)
		raw := []byte(query.Encode())
		if _, err := s.verify("GET", subject, query, linkNow); err != nil {
			t.Fatalf("refuses what it signed: %q", raw)
		}
		if flip == 0 {
			raw = slices.Delete(raw, int(at)%len(raw), int(at)%len(raw)+1)
		} else {
			raw[int(at)%len(raw)] ^= flip
		}
		altered, err := url.ParseQuery(string(raw))
		if err != nil {
			return
		}
		_, err = s.verify("GET", subject, altered, linkNow)
		if same := altered.Encode() == query.Encode(); same != (err == nil) {
			t.Fatalf("query %q altered to %q: same meaning %v, verified %v", query.Encode(), raw, same, err == nil)
		}
		for _, other := range [][]string{{tenant}, {tenant + object}, {tenant + "x", object}, {tenant, object, ""}, {tenant, object, name, value}} {
			if _, err := s.verify("GET", other, query, linkNow); err == nil {
				t.Fatalf("a link to %q opens %q", subject, other)
			}
		}
	})
}

func cloneValues(v url.Values) url.Values {
	out := make(url.Values, len(v))
	for name, values := range v {
		out[name] = slices.Clone(values)
	}
	return out
}
