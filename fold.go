package holdall

import (
	"unicode"
	"unicode/utf8"
)

// Fold returns s with each character replaced by one that stands for all that
// differ from it in letter case only (Unicode simple case folding). For valid
// UTF-8, strings.EqualFold(a, b) if and only if Fold(a) == Fold(b); and since it
// goes character by character, s contains sub without regard to letter case if
// and only if strings.Contains(Fold(s), Fold(sub)). Every search by q is this
// one, on every backend. Bytes that are not UTF-8 stay. It does not allocate
// when nothing changes.
func Fold(s string) string {
	for i, r := range s {
		if foldRune(r) != r {
			return foldFrom(s, i)
		}
	}
	return s
}

// foldFrom folds s from byte i on.
func foldFrom(s string, i int) string {
	out := append(make([]byte, 0, len(s)), s[:i]...)
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError {
			out = append(out, s[i:i+n]...)
		} else {
			out = utf8.AppendRune(out, foldRune(r))
		}
		i += n
	}
	return string(out)
}

// foldRune returns the least character of r's orbit under unicode.SimpleFold, in
// lower case where that is a letter of ASCII, so that most names stay as they are.
func foldRune(r rune) rune {
	if r >= utf8.RuneSelf {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		r = least
	}
	if 'A' <= r && r <= 'Z' {
		r += 'a' - 'A'
	}
	return r
}
