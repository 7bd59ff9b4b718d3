package mongo

import (
	"encoding/json"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/holdall-go/holdall"
)

// The mirror of a value is what filters look at; the value itself is kept as
// text. An object is a document whose names are escaped, a scalar one string
// that sorts as the scalar does, and an array a document with one member,
// elements, which holds its distinct scalars. Paths lead through objects only
// and operands are scalars, so nothing else of an array is ever asked for.

// elements is no escaped name: those have two hex digits after a '%'.
const elements = "%["

// mirror returns the mirror of a value, nil for one that is not an object.
func mirror(value json.RawMessage) bson.D {
	if kindOf(value) != '{' {
		return nil
	}
	d := bson.D{}
	for name, member := range holdall.Members(value) {
		d = append(d, bson.E{Key: escape(name), Value: mirrorOf(member)})
	}
	return d
}

func mirrorOf(value json.RawMessage) any {
	switch kindOf(value) {
	case '{':
		return mirror(value)
	case '[':
		return bson.D{{Key: elements, Value: scalarsOf(value)}}
	}
	return scalar(value)
}

// scalarsOf returns the distinct scalars of an array.
func scalarsOf(array json.RawMessage) []string {
	var list []json.RawMessage
	_ = json.Unmarshal(array, &list) // it has passed CheckJSON
	distinct := make([]string, 0, len(list))
	seen := make(map[string]bool, len(list))
	for _, v := range list {
		if k := kindOf(v); k == '{' || k == '[' {
			continue
		}
		if s := scalar(v); !seen[s] {
			seen[s] = true
			distinct = append(distinct, s)
		}
	}
	return distinct
}

// The first characters of a scalar's string: null, booleans, numbers, texts.
const (
	nullKey   = "0"
	falseKey  = "1f"
	trueKey   = "1t"
	numberKey = "2"
	textKey   = "3"
	afterText = "4"
)

// scalar returns the string for a JSON scalar. Equal scalars have equal
// strings, and those of numbers and of texts sort as these do.
func scalar(value json.RawMessage) string {
	switch kindOf(value) {
	case 'n':
		return nullKey
	case 't':
		return trueKey
	case 'f':
		return falseKey
	case '"':
		return textKey + texts.Replace(text(value))
	}
	return numberKey + holdall.NumberKey(value)
}

// texts keeps the order of texts and leaves no NUL, which not every server
// stores.
var texts = strings.NewReplacer("\x00", "\x01\x01", "\x01", "\x01\x02")

// escape makes a member's name the name of a field: never empty, without '.'
// and NUL, and without a '$' in front. Different names stay different.
func escape(name string) string {
	if name == "" {
		return "%"
	}
	name = names.Replace(name)
	if name[0] == '$' {
		name = "%24" + name[1:]
	}
	return name
}

var names = strings.NewReplacer("%", "%25", ".", "%2E", "\x00", "%00")

// text returns the characters of a JSON string.
func text(value json.RawMessage) string {
	var t string
	_ = json.Unmarshal(value, &t) // it has passed CheckJSON
	return t
}

// kindOf returns the first character of a JSON value, 0 of none.
func kindOf(value json.RawMessage) byte {
	for _, b := range value {
		switch b {
		case ' ', '\t', '\n', '\r':
		default:
			return b
		}
	}
	return 0
}
