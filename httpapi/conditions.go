package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/holdall-go/holdall"
)

// etag is an entity tag (RFC 9110, section 8.8.3) without its quotes.
type etag struct {
	tag  string
	weak bool
}

// parseETags reads a list of entity tags, or "*" as any. Absent is no tags and
// no any; ok is false for what is neither.
func parseETags(values []string) (tags []etag, anyTag, ok bool) {
	text := strings.TrimSpace(strings.Join(values, ","))
	if text == "*" {
		return nil, true, true
	}
	for text != "" {
		if text[0] == ',' || text[0] == ' ' || text[0] == '\t' {
			text = text[1:]
			continue
		}
		var t etag
		text, t.weak = strings.CutPrefix(text, "W/")
		rest, quoted := strings.CutPrefix(text, `"`)
		end := strings.IndexByte(rest, '"')
		if !quoted || end < 0 || strings.ContainsFunc(rest[:end], func(c rune) bool { return c <= ' ' || c == 0x7F }) {
			return nil, false, false
		}
		t.tag, text = rest[:end], strings.TrimLeft(rest[end+1:], " \t")
		if text != "" && text[0] != ',' {
			return nil, false, false
		}
		tags = append(tags, t)
	}
	return tags, false, true
}

// ifMatch returns If-Match as the library takes it: nil when it is absent,
// "*", or tags, of which weak ones never match (RFC 9110, section 13.1.1).
func ifMatch(values []string) ([]string, error) {
	if len(values) == 0 {
		return nil, nil
	}
	tags, anyTag, ok := parseETags(values)
	if !ok || !anyTag && len(tags) == 0 {
		return nil, badRequest(`If-Match is * or a list of ETags in double quotes, such as "v3"`)
	}
	if anyTag {
		return []string{"*"}, nil
	}
	list := []string{}
	for _, t := range tags {
		if !t.weak {
			list = append(list, t.tag)
		}
	}
	return list, nil
}

// ifNoneMatch reads If-None-Match of a write: absent, or "*" to only create.
func ifNoneMatch(values []string) (create bool, err error) {
	if len(values) == 0 {
		return false, nil
	}
	if _, anyTag, ok := parseETags(values); !ok || !anyTag {
		return false, badRequest("If-None-Match of a write is *, which only creates")
	}
	return true, nil
}

// writeConditions reads the conditions of a write.
func writeConditions(r *http.Request) (match []string, create bool, err error) {
	if match, err = ifMatch(r.Header.Values("If-Match")); err != nil {
		return nil, false, err
	}
	if create, err = ifNoneMatch(r.Header.Values("If-None-Match")); err != nil {
		return nil, false, err
	}
	if create && match != nil {
		return nil, false, badRequest("If-Match and If-None-Match exclude each other here")
	}
	return match, create, nil
}

// readConditions decides about a read of something with that tag, by If-Match
// and If-None-Match: go on, 304 (done), or an error.
func readConditions(r *http.Request, tag string) (done bool, err error) {
	match, err := ifMatch(r.Header.Values("If-Match"))
	if err != nil {
		return false, err
	}
	if match != nil && !slices.Contains(match, "*") && !slices.Contains(match, tag) {
		return false, errPrecondition
	}
	return noneMatchFails(r, tag), nil
}

var errPrecondition = &failure{code: holdall.CodePrecondition, detail: "it has changed: no ETag of If-Match is its own any more"}

// noneMatchFails reports whether If-None-Match names the tag. Tags are
// compared weakly (RFC 9110, section 13.1.2); a malformed list names nothing.
func noneMatchFails(r *http.Request, tag string) bool {
	tags, anyTag, _ := parseETags(r.Header.Values("If-None-Match"))
	return anyTag || slices.ContainsFunc(tags, func(t etag) bool { return t.tag == tag })
}
