package httpapi

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/holdall-go/holdall"
)

// timestamp is RFC 3339 in UTC with microseconds; the zero time is null.
type timestamp time.Time

// MarshalJSON implements json.Marshaler.
func (t timestamp) MarshalJSON() ([]byte, error) {
	if time.Time(t).IsZero() {
		return []byte("null"), nil
	}
	return time.Time(t).UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000000Z"`), nil
}

// optional is a string whose "" is null.
type optional string

// MarshalJSON implements json.Marshaler.
func (s optional) MarshalJSON() ([]byte, error) {
	if s == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(s))
}

// writeJSON answers with a JSON value.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, no-cache")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the client is gone, or not
	return nil
}

// writeTagged answers with a JSON value that has an entity tag. A read of what
// the client has already is 304.
func writeTagged(w http.ResponseWriter, r *http.Request, status int, tag string, v any) error {
	w.Header().Set("ETag", `"`+tag+`"`)
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		done, err := readConditions(r, tag)
		if err != nil {
			return err
		}
		if done {
			w.Header().Set("Cache-Control", "private, no-cache")
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	return writeJSON(w, status, v)
}

// acceptsJSON reports whether an Accept header (RFC 9110, section 12.5.1) lets
// application/json through. The most specific range that names it decides.
func acceptsJSON(values []string) bool {
	accept := strings.Join(values, ",")
	if strings.TrimSpace(accept) == "" {
		return true
	}
	best, q := -1, 0.0
	for item := range strings.SplitSeq(accept, ",") {
		media, params, err := mime.ParseMediaType(item)
		if err != nil {
			continue
		}
		rank := map[string]int{"*/*": 0, "application/*": 1, "application/json": 2}
		n, ok := rank[media]
		if !ok || n < best {
			continue
		}
		weight := 1.0
		if s, ok := params["q"]; ok {
			if weight, err = strconv.ParseFloat(s, 64); err != nil {
				weight = 1
			}
		}
		if n > best || weight > q {
			best, q = n, weight
		}
	}
	return best >= 0 && q > 0
}

// listJSON is one page of a list.
type listJSON[T any] struct {
	Data       []T       `json:"data"`
	Total      *int64    `json:"total"`
	Folders    *[]string `json:"folders,omitempty"` // only where folders were asked for
	NextCursor optional  `json:"next_cursor"`
}

func newList[T, J any](l holdall.Listing[T], o *holdall.ListOptions, item func(T) J) listJSON[J] {
	out := listJSON[J]{Data: make([]J, len(l.Items)), NextCursor: optional(l.NextCursor)}
	for i, v := range l.Items {
		out.Data[i] = item(v)
	}
	if !o.NoTotal {
		out.Total = &l.Total
	}
	if o.Delimiter != "" {
		folders := append([]string{}, l.Folders...)
		out.Folders = &folders
	}
	return out
}
