package holdall

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestFold(t *testing.T) {
	for in, want := range map[string]string{"": "", "abc/Def.TXT": "abc/def.txt", "\u212a": "k", "ſ": "s", "ß": "ß", "\xffA": "\xffa",
		"\ufffdA": "\ufffda"} {
		if got := Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
	if !strings.Contains(Fold("Rechnung ÄRZTE Σίσυφος"), Fold("ärzte σΊσυφοΣ")) {
		t.Error("a substring that differs in letter case only is not found")
	}
	if n := testing.AllocsPerRun(10, func() { Fold("reports/2024/q1.pdf") }); n != 0 {
		t.Errorf("folding what is folded allocates %v times", n)
	}
}

// Every character against all of its orbit and against its upper, lower and title forms.
func TestFoldEveryRune(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		folded := Fold(string(r))
		if Fold(folded) != folded {
			t.Fatalf("%U folds to %q, which folds further", r, folded)
		}
		for _, s := range []rune{unicode.SimpleFold(r), unicode.ToUpper(r), unicode.ToLower(r), unicode.ToTitle(r)} {
			if strings.EqualFold(string(r), string(s)) != (folded == Fold(string(s))) {
				t.Fatalf("%U and %U: Fold and EqualFold do not agree", r, s)
			}
		}
	}
}

func FuzzFold(f *testing.F) {
	f.Add("straße", "STRASSE")
	f.Add("\u212aelvin", "kelvin")
	f.Add("a\xff", "A\xff")
	f.Fuzz(func(t *testing.T, a, b string) {
		if utf8.ValidString(a) && utf8.ValidString(b) {
			if strings.EqualFold(a, b) != (Fold(a) == Fold(b)) {
				t.Fatalf("Fold(%q) = %q, Fold(%q) = %q, EqualFold %v", a, Fold(a), b, Fold(b), strings.EqualFold(a, b))
			}
			if !strings.Contains(Fold(b+a+b), Fold(a)) {
				t.Fatalf("Fold(%q) is not in Fold(%q)", a, b+a+b)
			}
		}
		if Fold(Fold(a)) != Fold(a) {
			t.Fatalf("Fold(%q) = %q", a, Fold(a))
		}
	})
}
