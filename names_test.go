package holdall

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

const sampleULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

// checkAll runs a validator over names that must pass and names that must not.
func checkAll(t *testing.T, valid func(string) error, good, bad []string) {
	t.Helper()
	for _, s := range good {
		if err := valid(s); err != nil {
			t.Errorf("%.80q is valid, but: %v", s, err)
		}
	}
	for _, s := range bad {
		if err := valid(s); err == nil {
			t.Errorf("%.80q is not valid, but passes", s)
		}
	}
}

func TestValidBucketName(t *testing.T) {
	checkAll(t, validBucketName,
		[]string{"a", "A", "0", "-", "_", "default", "Invoices-2024_x", strings.Repeat("a", 63), "records2", "record",
			"obj_", "obj_" + sampleULID[1:], "obj_" + sampleULID + "0", "rec_" + sampleULID},
		[]string{"", strings.Repeat("a", 64), "a.b", "a/b", "a b", "é", "a\x00", "a\n", "a%", "a:b", "*", "\xff",
			"records", "RECORDS", "Records", "rEcOrDs",
			"obj_" + sampleULID, "OBJ_" + sampleULID, "obj_" + strings.ToLower(sampleULID), "obj_" + strings.Repeat("u", 26)})
}

func TestValidPath(t *testing.T) {
	checkAll(t, validPath,
		[]string{"a", "a/b", "a/b.txt", "...", ".a", "a.", "a/.../b", " ", "a b", "é/日本", "%2e%2e/a", "*", "C:", "a:b", "~",
			strings.Repeat("a", 1024), "\u00a0", "\u200e", "\ufeff", "\ufffd", "😀"},
		[]string{"", "/", "/a", "a/", "a//b", ".", "..", "./a", "../a", "a/.", "a/..", "a/./b", "a/../b", `a\b`, `\`,
			"\x00", "a\x00", "a\tb", "a\nb", "\x1f", "\x7f", "\u0080", "\u009f", "\u2028", "a\u2029", "\xff", "a\xc3", "\xed\xa0\x80",
			strings.Repeat("a", 1025), strings.Repeat("é", 513)})
}

func TestValidCollectionKeyIdentity(t *testing.T) {
	checkAll(t, validCollection,
		[]string{"a", "a.b", "-", "_", ".", strings.Repeat("a", 128)},
		[]string{"", "a/b", "a b", "é", "a\x00", strings.Repeat("a", 129)})
	checkAll(t, validKey,
		[]string{"a", "a/b", "/", "..", `a\b`, " ", "é", strings.Repeat("k", 512)},
		[]string{"", "\x00", "a\n", "\u0085", "\u2028", "\xff", strings.Repeat("k", 513), strings.Repeat("é", 257)})
	checkAll(t, validIdentity,
		[]string{"a", "user@example.com", "a/b", "é", strings.Repeat("é", 128)},
		[]string{"", "a\x00", "\x7f", "\u2029", "\xff", strings.Repeat("a", 129), strings.Repeat("é", 129)})
}

func TestIsID(t *testing.T) {
	if !IsObjectID("obj_"+sampleULID) || !IsRecordID("rec_7ZZZZZZZZZZZZZZZZZZZZZZZZZ") {
		t.Error("a canonical id is not taken for one")
	}
	for _, s := range []string{"", "obj_", sampleULID, "rec_" + sampleULID, "OBJ_" + sampleULID, "obj_" + strings.ToLower(sampleULID),
		"obj_8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "obj_" + sampleULID + "A", "obj_" + sampleULID[1:], "obj_0" + strings.Repeat("I", 25),
		"obj_0" + strings.Repeat("L", 25), "obj_0" + strings.Repeat("O", 25), "obj_0" + strings.Repeat("U", 25), " obj_" + sampleULID} {
		if IsObjectID(s) {
			t.Errorf("%q is taken for an object id", s)
		}
	}
}

func TestPathBase(t *testing.T) {
	for path, want := range map[string]string{"a": "a", "a/b": "b", "a/b/c.txt": "c.txt"} {
		if got := pathBase(path); got != want {
			t.Errorf("pathBase(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestValidMetadata(t *testing.T) {
	pairs := func(n int) map[string]string {
		m := map[string]string{}
		for i := range n {
			m[strings.Repeat("k", i+1)] = "v"
		}
		return m
	}
	for _, m := range []map[string]string{nil, {}, {"a": ""}, {"k": "line\nline\t"}, pairs(64), {"k": strings.Repeat("v", 16<<10-1)},
		{strings.Repeat("k", 128): "v"}} {
		if err := validMetadata(m); err != nil {
			t.Error(err)
		}
	}
	for _, m := range []map[string]string{{"": "v"}, {"a\n": "v"}, {"\xff": "v"}, {"k": "\x00"}, {"k": "\xff"}, pairs(65),
		{strings.Repeat("k", 129): "v"}, {"k": strings.Repeat("v", 16<<10)}} {
		if validMetadata(m) == nil {
			t.Errorf("%.80q passes", m)
		}
	}
}

func TestValidChecksum(t *testing.T) {
	lower := strings.Repeat("0123456789abcdef", 4)
	for _, s := range []string{lower, strings.ToUpper(lower)} {
		if got, ok := validChecksum(s); !ok || got != lower {
			t.Errorf("validChecksum(%q) = %q, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", lower[1:], lower + "0", "g" + lower[1:], " " + lower[1:], "@" + lower[1:]} {
		if got, ok := validChecksum(s); ok || got != "" {
			t.Errorf("validChecksum(%q) = %q, %v", s, got, ok)
		}
	}
}

// checkPrefixRange is the property: a valid name is in the range exactly when it
// begins with the prefix.
func checkPrefixRange(t *testing.T, prefix, name string) {
	t.Helper()
	lo, hi := prefixRange(prefix)
	if !utf8.ValidString(lo) || !utf8.ValidString(hi) {
		t.Fatalf("prefixRange(%q) = %q, %q: not valid UTF-8", prefix, lo, hi)
	}
	in := lo <= name && (hi == "" || name < hi)
	if in != strings.HasPrefix(name, prefix) {
		t.Fatalf("prefix %q gives %q to %q; %q is in it: %v", prefix, lo, hi, name, in)
	}
}

// edgeRunes are those around which the next character or its bytes are special.
var edgeRunes = []rune{0, 1, '/', '0', 'a', 'b', 0x7e, 0x7f, 0x80, 0x81, 0x7ff, 0x800, 0xfff, 0x1000, 0xd7fe, 0xd7ff, 0xe000,
	0xfffd, 0xffff, 0x10000, 0x3ffff, 0x40000, 0x10fffe, 0x10ffff}

func TestPrefixRange(t *testing.T) {
	names := []string{""}
	for _, a := range edgeRunes {
		names = append(names, string(a))
		for _, b := range edgeRunes {
			names = append(names, string(a)+string(b))
		}
	}
	for _, prefix := range names {
		for _, name := range names {
			checkPrefixRange(t, prefix, name)
		}
	}
	// Every character as a prefix, against its neighbours and what is under it.
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		lo, hi := prefixRange(string(r))
		if last := string(r) + "\U0010ffff\U0010ffff"; lo != string(r) || hi != "" && hi <= last {
			t.Fatalf("prefixRange(%U) = %q, %q", r, lo, hi)
		}
		next := r + 1
		if next == 0xd800 {
			next = 0xe000
		}
		if hi != "" && hi != string(next) || hi == "" && r != utf8.MaxRune {
			t.Fatalf("prefixRange(%U) ends at %q", r, hi)
		}
	}
}

func TestPrefixRangeRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	text := func() string {
		var b strings.Builder
		for range rnd.IntN(5) {
			b.WriteRune(edgeRunes[rnd.IntN(len(edgeRunes))])
		}
		return b.String()
	}
	for range 30_000 {
		checkPrefixRange(t, text(), text())
	}
}

func FuzzPrefixRange(f *testing.F) {
	f.Add("a", "ab")
	f.Add("\u007f", "\u0080")
	f.Add("\ud7ff", "\ue000")
	f.Add("a\U0010ffff", "b")
	f.Add("\U0010ffff\U0010ffff", "\U0010ffff")
	f.Fuzz(func(t *testing.T, prefix, name string) {
		prefixRange(prefix) // whatever it is, it ends
		if utf8.ValidString(prefix) && utf8.ValidString(name) {
			checkPrefixRange(t, prefix, name)
			checkPrefixRange(t, prefix, prefix+name)
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"a", "a/b.txt", "../a", "a//b", "a/./b", `a\b`, "a\x00", "\u2028", "é/ü", "\xff", strings.Repeat("a/", 512)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := s != "" && len(s) <= 1024 && utf8.ValidString(s)
		for _, segment := range strings.Split(s, "/") {
			want = want && segment != "" && segment != "." && segment != ".."
		}
		for _, r := range s {
			want = want && r != '\\' && r > 0x1f && (r < 0x7f || r > 0x9f) && r != 0x2028 && r != 0x2029
		}
		if got := validPath(s); (got == nil) != want {
			t.Fatalf("validPath(%q) = %v, but valid is %v", s, got, want)
		}
	})
}

func FuzzBucketName(f *testing.F) {
	for _, s := range []string{"a", "records", "RECORDs", "obj_" + sampleULID, "Obj_" + sampleULID, "a.b", "é", strings.Repeat("a", 64)} {
		f.Add(s)
	}
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	f.Fuzz(func(t *testing.T, s string) {
		lower := strings.ToLower(s)
		want := len(s) >= 1 && len(s) <= 63 && strings.Trim(s, allowed) == "" && lower != "records" &&
			(len(s) != 30 || !strings.HasPrefix(lower, "obj_"))
		for i := range len(s) {
			want = want && strings.IndexByte(allowed, s[i]) >= 0
		}
		got := validBucketName(s)
		if (got == nil) != want {
			t.Fatalf("validBucketName(%q) = %v, but valid is %v", s, got, want)
		}
		if got == nil && (IsObjectID(s) || isID(objectIDPrefix, strings.ToUpper(s))) {
			t.Fatalf("bucket %q reads as an object id", s)
		}
	})
}
