package holdall

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func nested(open, inner, shut string, n int) string {
	return strings.Repeat(open, n) + inner + strings.Repeat(shut, n)
}

func manyMembers(n int, last string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		fmt.Fprintf(&b, `"member%d":%d,`, i, i)
	}
	return b.String() + `"` + last + `":0}`
}

var goodJSON = []string{
	`null`, `true`, `false`, `0`, `-0`, `""`, `[]`, `{}`, " [ 1 , 2 ]\r\n\t", `{"a":{"b":[{}]}}`, `[[],[],{}]`,
	`"é 😀 \" \\ \/ \b\f\n\r\t \u00e9 \ud83d\ude00 \uFFFF"`, "\"\u007f\u2028\"", `{"a":1,"A":2,"":3,"a.b":4,"$x":5}`,
	`{"a":{"a":1},"b":{"a":1}}`, `[{"a":1},{"a":1}]`, `{"a":1,"b":{"c":1,"d":2},"c":3,"d":4}`,
	`1.5e+3`, `1E5`, `1.10`, `9007199254740993`, `1e308`, `1.7976931348623157e308`, `-1.7976931348623157e+308`, `5e-324`, `3e-324`,
	`0e1100`, `0.0e-1100`, `1000000e-300`, `0.` + strings.Repeat("0", 400) + `1e400`, `0.` + strings.Repeat("3", 9_000),
	strings.Repeat("9", 308), `1` + strings.Repeat("0", 308), nested("[", "1", "]", 64), nested(`{"a":`, "1", "}", 64),
	manyMembers(10, "x"), manyMembers(100, "x"), `{"a":1,"\u0062":2}`,
}

var badJSON = []string{
	``, ` `, `nul`, `nullx`, `True`, `tru`, `NaN`, `Infinity`, `'a'`, `1 2`, `null,`, `{} {}`, `]`, `}`, `,`, `:`, `[`, `{`, `[1`, `[1,`,
	`[1,]`, `[,1]`, `[1 2]`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`, `{a:1}`, `{1:2}`, `{"a" 1}`, `{"a":1 "b":2}`, `[1}`, `{"a":1]`,
	`{]`, `[}`, "null\x00", "\x00", "\ufeff{}", "\u00a0null", "\v1", `// a`, `/**/1`,
	`01`, `-`, `+1`, `.5`, `1.`, `1.e5`, `1e`, `1e+`, `--1`, `0x1`, `1_0`, `-01`, `1.2.3`,
	`1e309`, `1e400`, `-1e400`, `1.7976931348623159e308`, `1e-400`, `2e-324`, `1e-999999999`, `1e999999999999999999999`, `0e-1000000`, `0e1101`,
	`0.` + strings.Repeat("0", 400) + `1`, `0.` + strings.Repeat("1", 10_000), `1` + strings.Repeat("0", 309), strings.Repeat("9", 400), `1e-99999999999999999999999`,
	`"`, `"a`, `"\`, `"\"`, `"\x"`, `"\u"`, `"\u12"`, `"\u12g4"`, "\"\n\"", "\"\x1f\"", "\"\x00\"", `"\u0000"`, `"a\u0000b"`, `{"\u0000":1}`, `{"a\u0000":1}`,
	"\"\xff\"", "\"\xc3\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "{\"\xff\":1}",
	`"\ud800"`, `"\udc00"`, `"\ud800\ud800"`, `"\ud800x"`, `"\ud800\u0041"`, `"\ude00\ud83d"`, `"\ud83d\n"`, `"\ud83d\`, `"\ud83d\u`,
	`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":1,"b":{"c":1},"a":2}`, `[{"x":{"a":1,"b":2,"a":3}}]`, `{"é":1,"\u00e9":1}`, `{"":1,"":2}`,
	`{"😀":1,"\ud83d\ude00":1}`, manyMembers(100, "member0"), manyMembers(12, "member7"), manyMembers(11, "member10"), manyMembers(13, "member0"),
	nested("[", "", "]", 65), nested("[", "1", "]", 65), nested(`{"a":`, "1", "}", 65), nested("[", "", "", 1_000_000),
}

func TestCheckJSON(t *testing.T) {
	for _, s := range goodJSON {
		if err := CheckJSON([]byte(s), MaxDepth); err != nil {
			t.Errorf("%.80q is valid, but: %v", s, err)
		}
	}
	for _, s := range badJSON {
		if err := CheckJSON([]byte(s), MaxDepth); err == nil {
			t.Errorf("%.80q is not valid, but passes", s)
		}
	}
}

func TestCheckJSONDepth(t *testing.T) {
	for s, depth := range map[string]int{`1`: 0, `[]`: 1, `{}`: 1, `[1,[2],{"a":[]}]`: 3, nested("[", "", "]", 500): 500} {
		if err := CheckJSON([]byte(s), depth); err != nil {
			t.Errorf("%.20q at depth %d: %v", s, depth, err)
		}
		if depth > 0 && CheckJSON([]byte(s), depth-1) == nil {
			t.Errorf("%.20q passes at depth %d", s, depth-1)
		}
	}
}

func TestCheckJSONError(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":1,"a":2}`: `invalid JSON at byte 13: the object that ends here has two members named "a"`,
		`[1,`:           `invalid JSON at byte 3: it ends where a value is expected`,
		`[1e400]`:       `invalid JSON at byte 1: the number is outside the range of a float64`,
	} {
		if err := CheckJSON([]byte(in), MaxDepth); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

func TestCheckJSONDoesNotAllocate(t *testing.T) {
	data := []byte(`{"id":17,"name":"plain","tags":["a","b",{"c":1.5e3}],"to":{"city":"Oslo","zip":null}}`)
	if n := testing.AllocsPerRun(100, func() { _ = CheckJSON(data, MaxDepth) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// referenceCheck is CheckJSON by way of encoding/json, maps and regular expressions.
func referenceCheck(data []byte, maxDepth int) error {
	if !json.Valid(data) || !utf8.Valid(data) {
		return errors.New("not JSON in UTF-8")
	}
	if badEscape(data) {
		return errors.New("U+0000 or half a surrogate pair")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := referenceValue(d, maxDepth); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more follows")
	}
	return nil
}

var escapes = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u....|\\.`)
var wrongEscape = regexp.MustCompile(`^\\u([dD][89a-fA-F]..|0000)$`)

func badEscape(data []byte) bool {
	return slices.ContainsFunc(escapes.FindAll(data, -1), wrongEscape.Match)
}

func referenceValue(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch token := token.(type) {
	case json.Number:
		return referenceNumber(string(token))
	case json.Delim:
		if depth == 0 {
			return errors.New("too deep")
		}
		names := map[string]bool{}
		for d.More() {
			if token == '{' {
				name, err := d.Token()
				if err != nil {
					return err
				}
				if names[name.(string)] {
					return errors.New("duplicate")
				}
				names[name.(string)] = true
			}
			if err := referenceValue(d, depth-1); err != nil {
				return err
			}
		}
		_, err := d.Token()
		return err
	}
	return nil
}

func referenceNumber(n string) error {
	if len(n) > 10_000 {
		return errors.New("digits")
	}
	mantissa, exponent, found := strings.Cut(strings.ToLower(n), "e")
	if found {
		if e, err := strconv.Atoi(exponent); err != nil || e < -1100 || e > 1100 {
			return errors.New("exponent")
		}
	}
	f, err := strconv.ParseFloat(n, 64)
	if err != nil || math.IsInf(f, 0) || f == 0 && strings.Trim(mantissa, "-0.") != "" {
		return errors.New("range")
	}
	return nil
}

func TestCheckJSONReference(t *testing.T) {
	for _, s := range slices.Concat(goodJSON, badJSON) {
		checkAgainstReference(t, []byte(s))
	}
}

func checkAgainstReference(t *testing.T, data []byte) {
	t.Helper()
	before := bytes.Clone(data)
	got, want := CheckJSON(data, 10), referenceCheck(data, 10)
	if (got == nil) != (want == nil) {
		t.Fatalf("%.200q: %v, reference: %v", data, got, want)
	}
	if !bytes.Equal(before, data) {
		t.Fatal("CheckJSON has changed its input")
	}
}

func FuzzCheckJSON(f *testing.F) {
	for _, s := range slices.Concat(goodJSON, badJSON) {
		if len(s) < 2000 {
			f.Add([]byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checkAgainstReference(t, data)
		if CheckJSON(data, MaxDepth) == nil {
			checkMembers(t, data)
		}
		for range Members(data) { // whatever it is, it ends
		}
	})
}

// checkMembers compares Members with what encoding/json makes of an object.
func checkMembers(t *testing.T, data []byte) {
	t.Helper()
	got, want := map[string]any{}, map[string]any{}
	if jsonKind(data) == '{' {
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range Members(data) {
		var v any
		if err := json.Unmarshal(value, &v); err != nil {
			t.Fatalf("member %q of %q is %q: %v", name, data, value, err)
		}
		if !bytes.Equal(value, bytes.TrimSpace(value)) {
			t.Fatalf("member %q is not trimmed: %q", name, value)
		}
		got[name] = v
	}
	if g, w := fmt.Sprintf("%#v", got), fmt.Sprintf("%#v", want); g != w {
		t.Fatalf("members of %q: %s, want %s", data, g, w)
	}
}

func TestMembers(t *testing.T) {
	var got []string
	for name, value := range Members([]byte(" {\n\"b\" : [1, {\"}\":\"]\"}] ,\"a\\u0041\":\"x\\\"y\", \"c\":-1.5e3 } ")) {
		got = append(got, name+"="+string(value))
	}
	if want := []string{`b=[1, {"}":"]"}]`, `aA="x\"y"`, `c=-1.5e3`}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for range Members([]byte(`{"a":1,"b":2}`)) {
		break
	}
	for _, s := range []string{``, `[]`, `[1]`, `"a"`, `null`, `{}`, `1`} {
		if m := maps.Collect(Members([]byte(s))); len(m) != 0 {
			t.Errorf("members of %q: %q", s, m)
		}
	}
	for _, s := range goodJSON {
		checkMembers(t, []byte(s))
	}
	for _, s := range badJSON {
		for range Members([]byte(s)) { // ends, without a panic
		}
	}
}

// A name's text must come through jsonQuote and back as it was.
func FuzzJSONQuote(f *testing.F) {
	f.Add("a\"\\\n\x1f\x7fé😀")
	f.Fuzz(func(t *testing.T, s string) {
		quoted := jsonQuote(nil, []byte(s))
		if got := string(jsonText(quoted)); got != s {
			t.Fatalf("%q comes back as %q", s, got)
		}
		valid := utf8.ValidString(s) && !strings.ContainsRune(s, 0)
		if err := CheckJSON(quoted, 0); (err == nil) != valid {
			t.Fatalf("%q: %v", quoted, err)
		}
	})
}

func BenchmarkCheckJSON(b *testing.B) {
	wide := manyMembers(50_000, "last")
	for name, s := range map[string]string{"small": sampleRecord, "wide": wide} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			b.ReportAllocs()
			data := []byte(s)
			for b.Loop() {
				if err := CheckJSON(data, MaxDepth); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
