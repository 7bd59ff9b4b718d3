package holdall

import (
	"bytes"
	"cmp"
	"math"
	"strconv"
)

// NumberKey returns a key for a JSON number that has passed [CheckJSON]: equal
// numbers, however they are written, have equal keys, and the keys sort by
// bytes as the numbers do by value. It is ASCII without control characters, for
// backends that compare strings but not exact decimals.
//
// It is a sign (0 negative, 1 zero, 2 positive), the decimal exponent plus 500
// in three digits, and the significant digits; for a negative number each of
// these digits is taken from 9 and '~' follows, so that longer sorts first.
func NumberKey(number []byte) string {
	d := parseDecimal(number)
	if d.zero() {
		return "1"
	}
	exp := min(max(d.exp+500, 0), 999)
	key := make([]byte, 0, 5+len(d.whole)+len(d.frac))
	key = append(key, '2', byte('0'+exp/100), byte('0'+exp/10%10), byte('0'+exp%10))
	key = append(append(key, d.whole...), d.frac...)
	if d.neg {
		key[0] = '0'
		for i := 1; i < len(key); i++ {
			key[i] = '0' + '9' - key[i]
		}
		key = append(key, '~')
	}
	return string(key)
}

// compareNumbers compares two JSON numbers that have passed CheckJSON by their
// exact decimal value, and returns -1, 0 or +1.
func compareNumbers(a, b []byte) int {
	x, y := parseDecimal(a), parseDecimal(b)
	if s := cmp.Compare(x.sign(), y.sign()); s != 0 || x.zero() {
		return s
	}
	c := cmp.Compare(x.exp, y.exp)
	if c == 0 {
		c = x.compareDigits(&y)
	}
	if x.neg {
		return -c
	}
	return c
}

// jsonDecimal is the number ±d.ddd × 10^exp, where the d are the digits of whole
// followed by those of frac, the first and the last of them not 0. Zero has none.
type jsonDecimal struct {
	neg         bool
	whole, frac []byte // parts of the number's own text
	exp         int
	written     int // the exponent that is written after the e
}

func (d *jsonDecimal) zero() bool { return len(d.whole)+len(d.frac) == 0 }

func (d *jsonDecimal) sign() int {
	switch {
	case d.zero():
		return 0
	case d.neg:
		return -1
	}
	return 1
}

func (d *jsonDecimal) compareDigits(e *jsonDecimal) int {
	a, b := d.whole, e.whole
	aNext, bNext := d.frac, e.frac
	for {
		if len(a) == 0 {
			a, aNext = aNext, nil
		}
		if len(b) == 0 {
			b, bNext = bNext, nil
		}
		n := min(len(a), len(b))
		if n == 0 {
			return cmp.Compare(len(a), len(b)) // no digits left, or more of them
		}
		if c := bytes.Compare(a[:n], b[:n]); c != 0 {
			return c
		}
		a, b = a[n:], b[n:]
	}
}

func parseDecimal(number []byte) jsonDecimal {
	var d jsonDecimal
	if len(number) > 0 && number[0] == '-' {
		d.neg, number = true, number[1:]
	}
	i := 0
	for i < len(number) && '0' <= number[i] && number[i] <= '9' {
		i++
	}
	d.whole, number = number[:i], number[i:]
	if len(number) > 0 && number[0] == '.' {
		i = 1
		for i < len(number) && '0' <= number[i] && number[i] <= '9' {
			i++
		}
		d.frac, number = number[1:i], number[i:]
	}
	if len(number) > 0 {
		d.written = parseExponent(number[1:])
	}
	d.normalize()
	return d
}

// normalize sets exp, and takes away zeros that are not significant.
func (d *jsonDecimal) normalize() {
	d.whole = bytes.TrimLeft(d.whole, "0")
	d.exp = d.written + len(d.whole) - 1
	if len(d.whole) == 0 {
		significant := bytes.TrimLeft(d.frac, "0")
		d.exp -= len(d.frac) - len(significant)
		d.frac = significant
	}
	d.frac = bytes.TrimRight(d.frac, "0")
	if len(d.frac) == 0 {
		d.whole = bytes.TrimRight(d.whole, "0")
	}
}

// parseExponent reads what follows the e, and stops counting where every number
// is out of range anyway.
func parseExponent(text []byte) int {
	neg := len(text) > 0 && text[0] == '-'
	if neg || len(text) > 0 && text[0] == '+' {
		text = text[1:]
	}
	n := 0
	for _, b := range text {
		n = min(n*10+int(b-'0'), math.MaxInt32/16)
	}
	if neg {
		return -n
	}
	return n
}

// maxWrittenExponent is enough to write any float64 exactly: the least has
// 1074 digits after the point. Without it 0e-1000000 would be a small number
// that some stores expand.
const maxWrittenExponent = 1100

// maxNumber bounds the text of a number in bytes. PostgreSQL's numeric, the
// narrowest place that keeps every digit, has 16383 after the point
// (PostgreSQL documentation, 8.1.2); the exponent can add 1100.
const maxNumber = 10_000

// numberInRange reports whether CheckJSON allows a number.
func numberInRange(number []byte) bool {
	d := parseDecimal(number)
	switch {
	case d.written < -maxWrittenExponent || d.written > maxWrittenExponent:
		return false
	case d.zero() || -324 < d.exp && d.exp < 308:
		return true
	case d.exp < -324 || d.exp > 308:
		return false
	}
	f, err := strconv.ParseFloat(string(number), 64)
	return err == nil && f != 0
}
