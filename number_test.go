package holdall

import (
	"cmp"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

// checkNumbers compares two numbers, and their keys, with math/big.
func checkNumbers(t *testing.T, a, b string) {
	t.Helper()
	x, ok1 := new(big.Rat).SetString(a)
	y, ok2 := new(big.Rat).SetString(b)
	if !ok1 || !ok2 {
		t.Fatalf("math/big does not read %q or %q", a, b)
	}
	want := x.Cmp(y)
	if got := compareNumbers([]byte(a), []byte(b)); got != want {
		t.Fatalf("compareNumbers(%q, %q) = %d, want %d", a, b, got, want)
	}
	p, q := NumberKey([]byte(a)), NumberKey([]byte(b))
	if got := cmp.Compare(p, q); got != want {
		t.Fatalf("keys of %q and %q: %q and %q compare as %d, want %d", a, b, p, q, got, want)
	}
}

var someNumbers = []string{"0", "-0", "0.0", "-0.00e5", "0e-7", "1", "1.0", "10e-1", "0.1e1", "100e-2", "-1", "-1.0", "2", "9", "10", "11", "-9", "-10", "-11", "1.2", "1.23",
	"-1.2", "-1.23", "0.1", "0.10", "0.01", "1e-1", "1e5", "100000", "1E+5", "9007199254740992", "9007199254740993", "-9007199254740993", "9007199254740993.0",
	"9007199254740992.5", "1e308", "1.7976931348623157e308", "-1e308", "5e-324", "-5e-324", "1e-323", "123456789.987654321", "123456789.98765432", "0.000123", "12.3e-5", "99.999", "100.0001"}

func TestCompareNumbers(t *testing.T) {
	for _, a := range someNumbers {
		for _, b := range someNumbers {
			checkNumbers(t, a, b)
		}
	}
	long := "0." + strings.Repeat("3", 100_000)
	if compareNumbers([]byte(long), []byte(long+"1")) != -1 || compareNumbers([]byte("-"+long), []byte("-"+long+"1")) != 1 {
		t.Error("the last of many digits is not seen")
	}
}

func TestCompareNumbersRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 2))
	for range 20_000 {
		a := randomNumber(rnd)
		b := randomNumber(rnd)
		if rnd.IntN(4) == 0 {
			b = a + "0"
			if !strings.ContainsAny(a, ".eE") {
				b = a + ".0"
			}
		}
		if CheckJSON([]byte(b), 0) == nil {
			checkNumbers(t, a, b)
		}
	}
}

// randomNumber makes a number of few different digits, so that two of them are
// often equal or nearly so.
func randomNumber(rnd *rand.Rand) string {
	for {
		var b strings.Builder
		digits := func(n int) {
			for range n {
				b.WriteByte("00019"[rnd.IntN(5)])
			}
		}
		if rnd.IntN(2) == 0 {
			b.WriteByte('-')
		}
		if rnd.IntN(2) == 0 {
			b.WriteByte('0')
		} else {
			b.WriteByte('1')
			digits(rnd.IntN(4))
		}
		if rnd.IntN(2) == 0 {
			b.WriteByte('.')
			digits(1 + rnd.IntN(4))
		}
		if rnd.IntN(3) == 0 {
			b.WriteString([]string{"e1", "E-1", "e+2", "e-3", "e0", "e300", "e-320"}[rnd.IntN(7)])
		}
		if CheckJSON([]byte(b.String()), 0) == nil {
			return b.String()
		}
	}
}

func TestNumberKeyForm(t *testing.T) {
	for in, want := range map[string]string{"0": "1", "-0e5": "1", "1": "25001", "1200": "250312", "0.05": "24985", "-1.2": "049987~"} {
		if got := NumberKey([]byte(in)); got != want {
			t.Errorf("NumberKey(%s) = %q, want %q", in, got, want)
		}
	}
}

func FuzzCompareNumbers(f *testing.F) {
	for i, a := range someNumbers {
		f.Add(a, someNumbers[(i*7+3)%len(someNumbers)])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		compareNumbers([]byte(a), []byte(b)) // nonsense does not panic
		NumberKey([]byte(a))
		for _, n := range []string{a, b} {
			if jsonKind([]byte(n)) != '0' || strings.TrimSpace(n) != n || CheckJSON([]byte(n), 0) != nil {
				return
			}
		}
		checkNumbers(t, a, b)
		checkNumbers(t, a, a)
	})
}

func BenchmarkCompareNumbers(b *testing.B) {
	x, y := []byte("1234.5"), []byte("1234.75")
	for b.Loop() {
		compareNumbers(x, y)
	}
}
