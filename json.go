package holdall

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"unicode/utf8"
)

// MaxDepth is how deep the arrays and objects of a record's value may nest. A
// scalar has depth 0, [] and {} have depth 1.
const MaxDepth = 64

// CheckJSON returns nil when data is exactly one JSON value (RFC 8259), with
// white space around it allowed, that every backend stores and compares alike:
//
//   - valid UTF-8, without U+0000 (escaped or not) and without an escaped
//     surrogate that has no partner;
//   - no object with two members of the same name, names compared after
//     unescaping;
//   - arrays and objects nested at most maxDepth deep;
//   - every number zero or of a magnitude that a float64 can represent,
//     subnormals included (about 4.9e-324 to 1.8e308), and with a written
//     exponent within ±1100, enough to write any float64 exactly. How many
//     digits it has is not limited.
//
// Otherwise the error says what is wrong and at which byte. It matches no
// sentinel; callers wrap it in [ErrInvalid].
func CheckJSON(data []byte, maxDepth int) error {
	var frames [8]jsonFrame
	var names [32][]byte
	c := jsonChecker{data: data, maxDepth: maxDepth, frames: frames[:0], names: names[:0]}
	return c.document()
}

// Members yields the members of a JSON object in the order in which they are
// written: each name unescaped, each value a slice of object without the white
// space around it. The object must have passed [CheckJSON]. Of anything that
// is not an object it yields nothing.
func Members(object []byte) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		c := jsonOpen(object, '{')
		for {
			name, value, ok := c.member()
			if !ok || !yield(string(jsonUnescape(name)), json.RawMessage(value)) {
				return
			}
		}
	}
}

// jsonChecker is the state of one CheckJSON. It keeps its own stack, so that
// nesting cannot overflow the goroutine's.
type jsonChecker struct {
	data     []byte
	i        int
	maxDepth int
	frames   []jsonFrame // the open arrays and objects
	names    [][]byte    // the member names so far of the open objects
}

type jsonFrame struct {
	object bool
	names  int // where its names begin
}

func (c *jsonChecker) fail(format string, args ...any) error {
	return fmt.Errorf("invalid JSON at byte %d: %s", c.i, fmt.Sprintf(format, args...))
}

func (c *jsonChecker) document() error {
	for {
		inside, err := c.value()
		if err != nil {
			return err
		}
		if inside {
			continue
		}
		more, err := c.afterValue()
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	if c.peek() != 0 || c.i < len(c.data) {
		return c.fail("more follows after the value; exactly one value is expected")
	}
	return nil
}

// peek skips white space and returns the byte there, 0 at the end.
func (c *jsonChecker) peek() byte {
	c.i = jsonSpace(c.data, c.i)
	if c.i == len(c.data) {
		return 0
	}
	return c.data[c.i]
}

// value reads a scalar or an empty array or object; of any other array or
// object it reads as far as the first value inside, and reports inside.
func (c *jsonChecker) value() (inside bool, err error) {
	switch b := c.peek(); {
	case b == '"':
		_, _, err = c.text()
		return false, err
	case b == '{' || b == '[':
		return c.open(b == '{')
	case b == '-' || '0' <= b && b <= '9':
		return false, c.number()
	case b == 't':
		return false, c.literal("true")
	case b == 'f':
		return false, c.literal("false")
	case b == 'n':
		return false, c.literal("null")
	case c.i == len(c.data):
		return false, c.fail("it ends where a value is expected")
	}
	return false, c.fail("a value is expected")
}

func (c *jsonChecker) open(object bool) (inside bool, err error) {
	if len(c.frames) >= c.maxDepth {
		return false, c.fail("arrays and objects nest more than %d deep", c.maxDepth)
	}
	c.i++
	switch b := c.peek(); {
	case object && b == '}', !object && b == ']':
		c.i++
		return false, nil
	}
	c.frames = append(c.frames, jsonFrame{object: object, names: len(c.names)})
	if object {
		return true, c.name()
	}
	return true, nil
}

// afterValue closes what ends here, and reports whether another value follows.
func (c *jsonChecker) afterValue() (more bool, err error) {
	for len(c.frames) > 0 {
		top := c.frames[len(c.frames)-1]
		b := c.peek()
		switch {
		case b == ',':
			c.i++
			if top.object {
				return true, c.name()
			}
			return true, nil
		case top.object && b == '}':
			if twice, found := jsonDuplicate(c.names[top.names:]); found {
				return false, c.fail("the object that ends here has two members named %.100q", twice)
			}
			c.names = c.names[:top.names]
		case !top.object && b == ']':
		case top.object:
			return false, c.fail("',' or '}' is expected")
		default:
			return false, c.fail("',' or ']' is expected")
		}
		c.i++
		c.frames = c.frames[:len(c.frames)-1]
	}
	return false, nil
}

// name reads a member's name and the colon.
func (c *jsonChecker) name() error {
	if c.peek() != '"' {
		return c.fail("a member name in double quotes is expected")
	}
	raw, escaped, err := c.text()
	if err != nil {
		return err
	}
	if escaped {
		raw = jsonUnescape(raw)
	}
	c.names = append(c.names, raw)
	if c.peek() != ':' {
		return c.fail("':' is expected")
	}
	c.i++
	return nil
}

// jsonDuplicate finds a name that is there twice. It may reorder names. Few
// are compared in pairs; many are sorted, so that the cost stays n log n.
func jsonDuplicate(names [][]byte) (string, bool) {
	const few = 12
	if len(names) > few {
		slices.SortFunc(names, bytes.Compare)
	}
	for i, a := range names {
		rest := names[i+1:]
		if len(names) > few && len(rest) > 1 {
			rest = rest[:1]
		}
		for _, b := range rest {
			if bytes.Equal(a, b) {
				return string(a), true
			}
		}
	}
	return "", false
}

func (c *jsonChecker) literal(word string) error {
	if end := c.i + len(word); end > len(c.data) || string(c.data[c.i:end]) != word {
		return c.fail("a value is expected")
	}
	c.i += len(word)
	return nil
}

// text reads a string and returns what is between its quotes.
func (c *jsonChecker) text() (raw []byte, escaped bool, err error) {
	c.i++
	start := c.i
	for c.i < len(c.data) {
		switch b := c.data[c.i]; {
		case b == '"':
			c.i++
			return c.data[start : c.i-1], escaped, nil
		case b == '\\':
			escaped = true
			if err := c.escape(); err != nil {
				return nil, false, err
			}
		case b < 0x20:
			return nil, false, c.fail("a control character in a string must be escaped")
		case b < utf8.RuneSelf:
			c.i++
		default:
			_, n := utf8.DecodeRune(c.data[c.i:])
			if n == 1 {
				return nil, false, c.fail("the string is not valid UTF-8")
			}
			c.i += n
		}
	}
	return nil, false, c.fail("the string does not end")
}

func (c *jsonChecker) escape() error {
	rest := c.data[c.i:]
	if len(rest) < 2 {
		return c.fail("the string does not end")
	}
	switch rest[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		c.i += 2
		return nil
	case 'u':
	default:
		return c.fail("no such escape")
	}
	r, ok := jsonHex4(rest)
	switch {
	case !ok:
		return c.fail(`\u takes four hexadecimal digits`)
	case r == 0:
		return c.fail("U+0000 is not allowed")
	case r < 0xD800 || r > 0xDFFF:
		c.i += 6
		return nil
	}
	low, ok := jsonHex4(rest[6:])
	if r > 0xDBFF || !ok || low < 0xDC00 || low > 0xDFFF {
		return c.fail("a surrogate without its partner")
	}
	c.i += 12
	return nil
}

func (c *jsonChecker) number() error {
	start := c.i
	if c.data[c.i] == '-' {
		c.i++
	}
	if c.i < len(c.data) && c.data[c.i] == '0' {
		c.i++
	} else if !c.digits() {
		return c.fail("a digit is expected")
	}
	if c.i < len(c.data) && c.data[c.i] == '.' {
		c.i++
		if !c.digits() {
			return c.fail("a digit is expected after the decimal point")
		}
	}
	exponent := c.i < len(c.data) && c.data[c.i]|0x20 == 'e'
	if exponent {
		c.i++
		if c.i < len(c.data) && (c.data[c.i] == '+' || c.data[c.i] == '-') {
			c.i++
		}
		if !c.digits() {
			return c.fail("a digit is expected in the exponent")
		}
	}
	number := c.data[start:c.i]
	if !exponent && len(number) <= 300 { // too short to leave float64's range
		return nil
	}
	if !numberInRange(number) {
		c.i = start
		return c.fail("the number is outside the range of a float64")
	}
	return nil
}

func (c *jsonChecker) digits() bool {
	start := c.i
	for c.i < len(c.data) && '0' <= c.data[c.i] && c.data[c.i] <= '9' {
		c.i++
	}
	return c.i > start
}
