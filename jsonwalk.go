package holdall

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// What is in this file reads JSON that has passed CheckJSON, and trusts it. On
// anything else it returns nonsense, but it ends and does not panic.

// jsonWalker steps through the members of an object or the elements of an array
// without copying or allocating.
type jsonWalker struct {
	data []byte
	i    int
}

// jsonOpen returns a walker into the value when it begins with open ('{' or
// '['), and else one that finds nothing.
func jsonOpen(value []byte, open byte) jsonWalker {
	i := jsonSpace(value, 0)
	if i == len(value) || value[i] != open {
		return jsonWalker{}
	}
	return jsonWalker{data: value, i: i + 1}
}

// member returns the next member: its name as written, without the quotes, and
// its value without white space around it.
func (w *jsonWalker) member() (name, value []byte, ok bool) {
	if !w.begin('"') {
		return nil, nil, false
	}
	end := jsonSkip(w.data, w.i)
	name = jsonInner(w.data[w.i:end])
	w.i = jsonSpace(w.data, end)
	if w.i == len(w.data) || w.data[w.i] != ':' {
		return nil, nil, false
	}
	w.i = jsonSpace(w.data, w.i+1)
	value, ok = w.value()
	return name, value, ok
}

// element returns the next element.
func (w *jsonWalker) element() (value []byte, ok bool) {
	if !w.begin(0) {
		return nil, false
	}
	return w.value()
}

// begin moves to the next member or element, and reports whether there is one
// that begins with the byte first (0: with any).
func (w *jsonWalker) begin(first byte) bool {
	w.i = jsonSpace(w.data, w.i)
	if w.i < len(w.data) && w.data[w.i] == ',' {
		w.i = jsonSpace(w.data, w.i+1)
	}
	return w.i < len(w.data) && (first == 0 || w.data[w.i] == first)
}

func (w *jsonWalker) value() ([]byte, bool) {
	start := w.i
	w.i = jsonSkip(w.data, start)
	return w.data[start:w.i:w.i], w.i > start
}

// jsonSkip returns where the value that begins at i ends; i when none does.
func jsonSkip(data []byte, i int) int {
	if i == len(data) {
		return i
	}
	switch data[i] {
	case '"':
		return jsonSkipString(data, i)
	case '{', '[':
		return jsonSkipNested(data, i)
	}
	for i < len(data) {
		switch data[i] {
		case ',', ']', '}', ':', ' ', '\t', '\n', '\r':
			return i
		}
		i++
	}
	return i
}

func jsonSkipString(data []byte, i int) int {
	for i++; i < len(data); i++ {
		switch data[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return len(data)
}

func jsonSkipNested(data []byte, i int) int {
	for depth := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = jsonSkipString(data, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(data)
}

func jsonSpace(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\t' || data[i] == '\r') {
		i++
	}
	return i
}

// jsonKind names the type of a value by one byte: { [ " 0 t n, or 0 for none.
func jsonKind(value []byte) byte {
	i := jsonSpace(value, 0)
	if i == len(value) {
		return 0
	}
	switch b := value[i]; b {
	case '{', '[', '"', 't', 'n':
		return b
	case 'f':
		return 't'
	}
	return '0'
}

// jsonInner returns what is between the quotes of a string.
func jsonInner(text []byte) []byte {
	if len(text) < 2 {
		return nil
	}
	return text[1 : len(text)-1]
}

// jsonText returns the characters of a JSON string, quotes removed.
func jsonText(text []byte) []byte { return jsonUnescape(jsonInner(text)) }

// jsonUnescape resolves the escapes of what is between quotes. Without any, it
// returns raw itself.
func jsonUnescape(raw []byte) []byte {
	at := bytes.IndexByte(raw, '\\')
	if at < 0 {
		return raw
	}
	out := append(make([]byte, 0, len(raw)), raw[:at]...)
	for i := at; i < len(raw); {
		if raw[i] != '\\' || i+1 == len(raw) {
			out = append(out, raw[i])
			i++
			continue
		}
		switch b := raw[i+1]; b {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, n := jsonUnicode(raw[i:])
			out = utf8.AppendRune(out, r)
			i += n
			continue
		default:
			out = append(out, b)
		}
		i += 2
	}
	return out
}

// jsonUnicode decodes \uXXXX, or a pair of them, at the start of raw.
func jsonUnicode(raw []byte) (r rune, n int) {
	r, ok := jsonHex4(raw)
	if !ok {
		return utf8.RuneError, 2
	}
	if utf16.IsSurrogate(r) {
		if low, ok := jsonHex4(raw[6:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 12
			}
		}
		return utf8.RuneError, 6
	}
	return r, 6
}

// jsonHex4 reads the \uXXXX with which raw begins.
func jsonHex4(raw []byte) (r rune, ok bool) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	for _, b := range raw[2:6] {
		switch {
		case '0' <= b && b <= '9':
			b -= '0'
		case 'a' <= b|0x20 && b|0x20 <= 'f':
			b = b | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(b)
	}
	return r, true
}

// jsonQuote appends s as a JSON string with no escape that is not needed.
func jsonQuote(dst []byte, s []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, b := range s {
		switch {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, '"')
}
