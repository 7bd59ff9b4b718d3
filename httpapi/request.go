package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/holdall-go/holdall"
)

// query reads parameters; the first that is wrong stays as err. Parameters
// that nobody asks for are ignored.
type query struct {
	values url.Values
	err    error
}

func newQuery(r *http.Request) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		err = badRequest("the query is not made of name=value pairs joined by &, with %%XX for other characters")
	}
	return &query{values: values, err: err}
}

func (q *query) fail(format string, args ...any) {
	if q.err == nil {
		q.err = badRequest(format, args...)
	}
}

// text returns a parameter; "" is as good as absent.
func (q *query) text(name string) string {
	switch list := q.values[name]; {
	case len(list) == 0:
		return ""
	case len(list) > 1:
		q.fail("the parameter %s is given once, not %d times", name, len(list))
		return ""
	case !utf8.ValidString(list[0]):
		if q.err == nil {
			q.err = notUTF8("parameter", name)
		}
		return ""
	default:
		return list[0]
	}
}

// notUTF8 refuses text that has to be UTF-8, which a path has a code for.
func notUTF8(what, name string) *failure {
	f := badRequest("the %s %s is valid UTF-8 once it is decoded", what, name)
	if name == "path" {
		f.code = holdall.CodeInvalidPath
	}
	return f
}

// given reports whether a parameter that has no empty form is there.
func (q *query) given(name string) bool { return len(q.values[name]) > 0 && q.err == nil }

func (q *query) bool(name string, absent bool) bool {
	if !q.given(name) {
		return absent
	}
	switch s := q.text(name); s {
	case "true", "1":
		return true
	case "false", "0":
		return false
	default:
		q.fail("%s is true or false, not %q", name, clip(s))
		return absent
	}
}

func (q *query) int(name string, absent, least, most int) int {
	if !q.given(name) {
		return absent
	}
	s := q.text(name)
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most || strings.HasPrefix(s, "+") {
		q.fail("%s is a whole number from %d to %d, not %q", name, least, most, clip(s))
		return absent
	}
	return n
}

func (q *query) time(name string) time.Time {
	if !q.given(name) {
		return time.Time{}
	}
	s := q.text(name)
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		q.fail("%s is a time such as 2026-03-01T12:00:00Z (RFC 3339; a + in it is sent as %%2B), not %q", name, clip(s))
	}
	return t
}

// clip shortens what a client sent, for a detail that quotes it.
func clip(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// maxFilter bounds where in a query, in bytes.
const maxFilter = 64 << 10

// listOptions reads the parameters of a list.
func (q *query) listOptions() *holdall.ListOptions {
	o := &holdall.ListOptions{
		Prefix: q.text("prefix"), Delimiter: q.text("delimiter"), Search: q.text("q"), Tier: holdall.Tier(q.text("tier")),
		ContentType: q.text("content_type"), CreatedAfter: q.time("created_after"), CreatedBefore: q.time("created_before"),
		Sort: q.text("sort"), Limit: q.int("limit", 0, 1, 1000), Offset: q.int("offset", 0, 0, math.MaxInt32),
		Cursor: q.text("cursor"), NoTotal: !q.bool("total", true), Deleted: q.bool("deleted", false),
	}
	where := q.text("where")
	if where == "" || q.err != nil {
		return o
	}
	var err error
	if len(where) > maxFilter {
		err = fmt.Errorf("where has at most %d bytes, not %d", maxFilter, len(where))
	} else {
		o.Where, err = holdall.ParseFilter([]byte(where))
	}
	if err != nil {
		detail := err.Error()
		var e *holdall.Error
		if errors.As(err, &e) {
			detail = e.Detail
		}
		q.err = &failure{code: holdall.CodeInvalidFilter, detail: "where: " + detail}
	}
	return o
}

// maxObject bounds the JSON bodies that do not carry a record, in bytes.
const maxObject = 1 << 20

const mergePatch = "application/merge-patch+json"

// readJSON reads a body of one JSON value, at most limit bytes, held to the
// grammar before anything else sees it.
func readJSON(w http.ResponseWriter, r *http.Request, limit int64, takes func(mediaType string) bool) (json.RawMessage, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !takes(media) {
		return nil, &failure{code: codeUnsupportedMediaType, detail: "the body is JSON, with a Content-Type that says so"}
	}
	if err := uncoded(r); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		if f := failureOf(err); f.code == holdall.CodeTooLarge {
			return nil, f
		}
		return nil, &failure{code: holdall.CodeInvalidRequest, detail: "the body broke off", cause: err}
	}
	// A record's value may nest to the limit inside the body that carries it.
	if err := holdall.CheckJSON(data, holdall.MaxDepth+4); err != nil {
		return nil, &failure{code: holdall.CodeInvalidJSON, detail: err.Error()}
	}
	return data, nil
}

// uncoded refuses a Content-Encoding: what is stored are the bytes as sent.
func uncoded(r *http.Request) error {
	for _, v := range r.Header.Values("Content-Encoding") {
		if !strings.EqualFold(strings.TrimSpace(v), "identity") {
			return &failure{code: codeUnsupportedMediaType, detail: "the body is sent without Content-Encoding"}
		}
	}
	return nil
}

func isJSON(media string) bool {
	return media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}

// object is a JSON object of a body; the first member that is wrong stays as
// err. Members that nobody asks for are ignored.
type object struct {
	members map[string]json.RawMessage
	err     error
}

// readObject reads a body of one JSON object.
func readObject(w http.ResponseWriter, r *http.Request, limit int64) (*object, error) {
	data, err := readJSON(w, r, limit, func(media string) bool {
		return isJSON(media) && (media != mergePatch || r.Method == http.MethodPatch)
	})
	if err != nil {
		return nil, err
	}
	o, ok := newObject(data)
	if !ok {
		return nil, badRequest("the body is a JSON object")
	}
	return o, nil
}

// newObject takes an object apart that has passed CheckJSON.
func newObject(data json.RawMessage) (o *object, ok bool) {
	if kindOf(data) != '{' {
		return nil, false
	}
	return &object{members: maps.Collect(holdall.Members(data))}, true
}

// kindOf tells the kind of a checked JSON value by its first byte: { [ " t f n
// or, for a number, 0.
func kindOf(data json.RawMessage) byte {
	for _, b := range data {
		switch b {
		case ' ', '\t', '\n', '\r':
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			return '0'
		default:
			return b
		}
	}
	return 0
}

func (o *object) fail(name, format string, args ...any) {
	if o.err == nil {
		o.err = badRequest("%s: %s", name, fmt.Sprintf(format, args...))
	}
}

// has reports whether the member is there, null or not.
func (o *object) has(name string) bool { _, ok := o.members[name]; return ok }

// get returns a member of that kind; ok is false when it is absent or null.
func (o *object) get(name string, kind byte, what string) (value json.RawMessage, ok bool) {
	value, ok = o.members[name]
	if !ok || kindOf(value) == 'n' {
		return nil, false
	}
	if kindOf(value) != kind {
		o.fail(name, "%s is expected", what)
		return nil, false
	}
	return value, true
}

// text returns a string; "" stands for absent and null.
func (o *object) text(name string) string {
	s := ""
	if value, ok := o.get(name, '"', "a string"); ok {
		_ = json.Unmarshal(value, &s) // checked
	}
	return s
}

// textPtr returns a string that may be set to nothing else: null is refused.
func (o *object) textPtr(name string) *string {
	if !o.has(name) {
		return nil
	}
	if kindOf(o.members[name]) != '"' {
		o.fail(name, "a string is expected")
		return nil
	}
	s := o.text(name)
	return &s
}

// bool returns true or false; nil stands for absent and null.
func (o *object) bool(name string) *bool {
	value, ok := o.members[name]
	if !ok || kindOf(value) == 'n' {
		return nil
	}
	b := kindOf(value) == 't'
	if !b && kindOf(value) != 'f' {
		o.fail(name, "true or false is expected")
	}
	return &b
}

// int returns a whole number from least to most; 0 stands for absent and null.
func (o *object) int(name string, least, most int64) int64 {
	value, ok := o.get(name, '0', fmt.Sprintf("a whole number from %d to %d", least, most))
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil || n < least || n > most {
		o.fail(name, "a whole number from %d to %d is expected, not %s", least, most, clip(string(value)))
		return 0
	}
	return n
}

// texts returns an array of strings; nil stands for absent and null.
func (o *object) texts(name string) []string {
	value, ok := o.get(name, '[', "an array of strings")
	if !ok {
		return nil
	}
	list := []string{}
	if json.Unmarshal(value, &list) != nil || slices.ContainsFunc(elements(value), func(v json.RawMessage) bool { return kindOf(v) != '"' }) {
		o.fail(name, "an array of strings is expected")
	}
	return list
}

// elements takes a checked JSON array apart.
func elements(array json.RawMessage) []json.RawMessage {
	var list []json.RawMessage
	_ = json.Unmarshal(array, &list) // checked
	return list
}

// metadata returns an object of strings; nil stands for absent.
func (o *object) metadata(name string) map[string]string {
	if !o.has(name) {
		return nil
	}
	labels := map[string]string{}
	value, ok := o.get(name, '{', "an object of strings")
	if !ok {
		return labels // null takes all labels away
	}
	for label, v := range holdall.Members(value) {
		if kindOf(v) != '"' {
			o.fail(name, "the value of %q is not a string", clip(label))
			return nil
		}
		var s string
		_ = json.Unmarshal(v, &s) // checked
		labels[label] = s
	}
	return labels
}
