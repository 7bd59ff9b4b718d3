package holdall

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	objectIDPrefix = "obj_"
	recordIDPrefix = "rec_"
	ulidLength     = 26
)

// IsObjectID reports whether s has the form of an object's id: "obj_" and a ULID
// in capitals. It says nothing about whether there is such an object.
func IsObjectID(s string) bool { return isID(objectIDPrefix, s) }

// IsRecordID reports whether s has the form of a record's id: "rec_" and a ULID
// in capitals. It says nothing about whether there is such a record.
func IsRecordID(s string) bool { return isID(recordIDPrefix, s) }

// isID reports whether s is prefix and a canonical ULID: 26 characters of
// Crockford's base32, the first at most 7, so that they fit in 128 bits.
func isID(prefix, s string) bool {
	id, ok := strings.CutPrefix(s, prefix)
	if !ok || len(id) != ulidLength || id[0] > '7' {
		return false
	}
	return onlyOf(id, func(b byte) bool {
		return '0' <= b && b <= '9' || 'A' <= b && b <= 'Z' && b != 'I' && b != 'L' && b != 'O' && b != 'U'
	})
}

func onlyOf(s string, allowed func(byte) bool) bool {
	for i := range len(s) {
		if !allowed(s[i]) {
			return false
		}
	}
	return true
}

func isNameByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '-' || b == '_'
}

func validBucketName(s string) error {
	switch {
	case s == "":
		return errors.New("a bucket name must not be empty")
	case len(s) > 63:
		return fmt.Errorf("a bucket name has at most 63 characters, not %d", len(s))
	case !onlyOf(s, isNameByte):
		return fmt.Errorf("bucket name %q: only A-Z, a-z, 0-9, - and _ are allowed", s)
	case strings.EqualFold(s, "records"):
		return fmt.Errorf("bucket name %q is reserved, because storage:records:… are permissions on records", s)
	case len(s) == len(objectIDPrefix)+ulidLength && strings.EqualFold(s[:len(objectIDPrefix)], objectIDPrefix):
		return fmt.Errorf("bucket name %q reads as an object id; those begin with %s and have %d characters more",
			s, objectIDPrefix, ulidLength)
	}
	return nil
}

// validPath checks the path of an object.
func validPath(s string) error {
	switch {
	case s == "":
		return errors.New("a path must not be empty")
	case len(s) > 1024:
		return fmt.Errorf("a path has at most 1024 bytes, not %d", len(s))
	}
	if err := validText("path", s); err != nil {
		return err
	}
	if strings.Contains(s, `\`) {
		return fmt.Errorf(`path %q: a backslash is not allowed; segments are separated by "/"`, s)
	}
	for segment := range strings.SplitSeq(s, "/") {
		switch segment {
		case "":
			return fmt.Errorf(`path %q: it must not begin or end with "/" or hold "//"`, s)
		case ".", "..":
			return fmt.Errorf("path %q: a segment must not be %q", s, segment)
		}
	}
	return nil
}

func validCollection(s string) error {
	switch {
	case s == "":
		return errors.New("a collection name must not be empty")
	case len(s) > 128:
		return fmt.Errorf("a collection name has at most 128 characters, not %d", len(s))
	case !onlyOf(s, func(b byte) bool { return isNameByte(b) || b == '.' }):
		return fmt.Errorf("collection name %q: only A-Z, a-z, 0-9, -, _ and . are allowed", s)
	}
	return nil
}

// validKey checks the key of a record.
func validKey(s string) error {
	switch {
	case s == "":
		return errors.New("a key must not be empty")
	case len(s) > 512:
		return fmt.Errorf("a key has at most 512 bytes, not %d", len(s))
	}
	return validText("key", s)
}

// validIdentity checks the id of a tenant, a user or an app.
func validIdentity(s string) error {
	switch n := utf8.RuneCountInString(s); {
	case n == 0:
		return errors.New("an id must not be empty")
	case n > 128:
		return fmt.Errorf("an id has at most 128 characters, not %d", n)
	}
	return validText("id", s)
}

func validText(what, s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("%s %q is not valid UTF-8", what, s)
	}
	if strings.ContainsFunc(s, isControl) {
		return fmt.Errorf("%s %q: control characters are not allowed", what, s)
	}
	return nil
}

// isControl holds for C0, DEL, C1 and the two separators that end a line.
func isControl(r rune) bool {
	return r < 0x20 || 0x7F <= r && r <= 0x9F || r == '\u2028' || r == '\u2029'
}

const (
	maxMetadataPairs = 64
	maxMetadataBytes = 16 << 10
	maxMetadataKey   = 128
)

// validMetadata checks the metadata of an object: at most 64 pairs and 16 KiB of
// names and values together; names of 1 to 128 bytes without control characters,
// values without U+0000, all of it valid UTF-8.
func validMetadata(m map[string]string) error {
	if len(m) > maxMetadataPairs {
		return fmt.Errorf("metadata has at most %d members, not %d", maxMetadataPairs, len(m))
	}
	total := 0
	for name, value := range m {
		switch {
		case name == "":
			return errors.New("a metadata name must not be empty")
		case len(name) > maxMetadataKey:
			return fmt.Errorf("a metadata name has at most %d bytes, not %d", maxMetadataKey, len(name))
		case !utf8.ValidString(value):
			return fmt.Errorf("the metadata value of %q is not valid UTF-8", name)
		case strings.ContainsRune(value, 0):
			return fmt.Errorf("the metadata value of %q holds U+0000", name)
		}
		if err := validText("metadata name", name); err != nil {
			return err
		}
		total += len(name) + len(value)
	}
	if total > maxMetadataBytes {
		return fmt.Errorf("metadata has at most %d bytes, not %d", maxMetadataBytes, total)
	}
	return nil
}

// validChecksum returns a SHA-256 in hexadecimal digits in lower case, and false
// when s is not one.
func validChecksum(s string) (string, bool) {
	if len(s) != 64 || !onlyOf(s, func(b byte) bool { return '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'f' }) {
		return "", false
	}
	return strings.ToLower(s), true
}

// pathBase returns the last segment of a path.
func pathBase(p string) string { return p[strings.LastIndexByte(p, '/')+1:] }

// prefixRange returns the bounds between which, byte by byte, all names with a
// literal prefix lie and no others: lo <= name < hi, where an empty hi is no
// bound. The prefix and the names are valid UTF-8, and so are the bounds.
func prefixRange(prefix string) (lo, hi string) {
	for rest := prefix; rest != ""; {
		r, n := utf8.DecodeLastRuneInString(rest)
		rest = rest[:len(rest)-n]
		switch r {
		case utf8.MaxRune:
			continue // nothing is greater here: carry
		case 0xD7FF:
			r = 0xE000 // between them are the surrogates, which UTF-8 does not have
		default:
			r++
		}
		return prefix, rest + string(r)
	}
	return prefix, ""
}
