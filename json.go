package holdall

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"hash/maphash"
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
//     exponent within ±1100, enough to write any float64 exactly, in at
//     most 10,000 characters: PostgreSQL keeps no more digits.
//
// Otherwise the error says what is wrong and at which byte. It matches no
// sentinel; callers wrap it in [ErrInvalid].
func CheckJSON(data []byte, maxDepth int) error {
	c := jsonChecker{data: data, maxDepth: maxDepth}
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

// jsonChecker is the state of one CheckJSON.
type jsonChecker struct {
	data     []byte
	i        int
	maxDepth int
	plain    []byte // the text of those member names that are written with escapes
}

// jsonFrame is an open array or object.
type jsonFrame struct {
	object bool
	names  int // where its names begin
}

// jsonName says where the text of a member name is.
type jsonName struct {
	start, end int
	escaped    bool   // in plain, not in data
	hash       uint64 // set when there are many
}

func (c *jsonChecker) nameText(n jsonName) []byte {
	if n.escaped {
		return c.plain[n.start:n.end]
	}
	return c.data[n.start:n.end]
}

func (c *jsonChecker) fail(format string, args ...any) error {
	return fmt.Errorf("invalid JSON at byte %d: %s", c.i, fmt.Sprintf(format, args...))
}

// document keeps its own stacks, so that nesting cannot overflow the
// goroutine's, and in local variables, so that small ones stay off the heap.
func (c *jsonChecker) document() error {
	var frameRoom [8]jsonFrame
	var nameRoom [32]jsonName
	frames, names := frameRoom[:0], nameRoom[:0]
	for {
		opened, err := c.value(len(frames))
		if err != nil {
			return err
		}
		if opened != 0 {
			frames = append(frames, jsonFrame{object: opened == '{', names: len(names)})
		}
		for closed := opened == 0; closed; {
			if len(frames) == 0 {
				return c.end()
			}
			top := frames[len(frames)-1]
			if closed, err = c.afterValue(top.object); err != nil {
				return err
			}
			if closed {
				if err := c.unique(names[top.names:]); err != nil {
					return err
				}
				frames, names = frames[:len(frames)-1], names[:top.names]
			}
		}
		if frames[len(frames)-1].object {
			name, err := c.name()
			if err != nil {
				return err
			}
			names = append(names, name)
		}
	}
}

func (c *jsonChecker) end() error {
	if c.peek(); c.i < len(c.data) {
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

// value reads a scalar or an empty array or object. Of any other array or
// object it reads only the first byte, and returns that.
func (c *jsonChecker) value(depth int) (opened byte, err error) {
	switch b := c.peek(); {
	case b == '"':
		_, err = c.text()
		return 0, err
	case b == '{' || b == '[':
		if depth >= c.maxDepth {
			return 0, c.fail("arrays and objects nest more than %d deep", c.maxDepth)
		}
		c.i++
		if c.peek() == b+2 { // } is two after {, ] two after [
			c.i++
			return 0, nil
		}
		return b, nil
	case b == '-' || '0' <= b && b <= '9':
		return 0, c.number()
	case b == 't':
		return 0, c.literal("true")
	case b == 'f':
		return 0, c.literal("false")
	case b == 'n':
		return 0, c.literal("null")
	case c.i == len(c.data):
		return 0, c.fail("it ends where a value is expected")
	}
	return 0, c.fail("a value is expected")
}

// afterValue reads what follows a value in an array or object: its end, or a comma.
func (c *jsonChecker) afterValue(object bool) (closed bool, err error) {
	b := c.peek()
	switch {
	case b == ',', object && b == '}', !object && b == ']':
		c.i++
		return b != ',', nil
	case object:
		return false, c.fail("',' or '}' is expected")
	}
	return false, c.fail("',' or ']' is expected")
}

// name reads a member's name and the colon.
func (c *jsonChecker) name() (jsonName, error) {
	if c.peek() != '"' {
		return jsonName{}, c.fail("a member name in double quotes is expected")
	}
	start := c.i + 1
	escaped, err := c.text()
	if err != nil {
		return jsonName{}, err
	}
	name := jsonName{start: start, end: c.i - 1}
	if escaped {
		at := len(c.plain)
		c.plain = append(c.plain, jsonUnescape(c.data[name.start:name.end])...)
		name = jsonName{start: at, end: len(c.plain), escaped: true}
	}
	if c.peek() != ':' {
		return jsonName{}, c.fail("':' is expected")
	}
	c.i++
	return name, nil
}

// unique fails when a name is there twice. It may reorder names. Few are
// compared in pairs; many are sorted by a seeded hash, so that the cost stays n log n.
func (c *jsonChecker) unique(names []jsonName) error {
	const few = 12
	if len(names) > few {
		seed := maphash.MakeSeed()
		for i, n := range names {
			names[i].hash = maphash.Bytes(seed, c.nameText(n))
		}
		slices.SortFunc(names, func(a, b jsonName) int {
			if a.hash != b.hash {
				return cmp.Compare(a.hash, b.hash)
			}
			return bytes.Compare(c.nameText(a), c.nameText(b))
		})
	}
	for i, a := range names {
		others := names[i+1:]
		if len(names) > few && len(others) > 1 {
			others = others[:1]
		}
		for _, b := range others {
			if a.end-a.start == b.end-b.start && bytes.Equal(c.nameText(a), c.nameText(b)) {
				return c.fail("the object that ends here has two members named %.100q", string(c.nameText(a)))
			}
		}
	}
	return nil
}

func (c *jsonChecker) literal(word string) error {
	if end := c.i + len(word); end > len(c.data) || string(c.data[c.i:end]) != word {
		return c.fail("a value is expected")
	}
	c.i += len(word)
	return nil
}

// text reads a string, quotes included.
func (c *jsonChecker) text() (escaped bool, err error) {
	for c.i++; ; {
		data, i := c.data, c.i
		for i < len(data) && data[i] >= 0x20 && data[i] < utf8.RuneSelf && data[i] != '"' && data[i] != '\\' {
			i++
		}
		c.i = i
		switch {
		case i == len(data):
			return false, c.fail("the string does not end")
		case data[i] == '"':
			c.i++
			return escaped, nil
		case data[i] == '\\':
			escaped = true
			if err := c.escape(); err != nil {
				return false, err
			}
		case data[i] < 0x20:
			return false, c.fail("a control character in a string must be escaped")
		default:
			_, n := utf8.DecodeRune(data[i:])
			if n == 1 {
				return false, c.fail("the string is not valid UTF-8")
			}
			c.i += n
		}
	}
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
	if len(number) > maxNumber {
		c.i = start
		return c.fail("a number has at most %d characters", maxNumber)
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
