package holdall

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// cursor is where a list goes on. Its text is opaque to clients: it is bound
// to the list and the caller that it came from, but it grants nothing: a
// forged one only moves within what the caller may see anyway.
type cursor struct {
	List string    `json:"l"` // fingerprint of the query
	At   *position `json:"p,omitempty"`
	// Items says that a list of folders first and items then has come to the items.
	Items bool `json:"i,omitempty"`
}

// position is Position in the form that a cursor keeps.
type position struct {
	Number    int64  `json:"n,omitempty"`
	Name      string `json:"m,omitempty"`
	Container string `json:"c,omitempty"`
	Tier      Tier   `json:"t,omitempty"`
	ID        string `json:"d,omitempty"`
}

var cursorEncoding = base64.RawURLEncoding.Strict()

func (c cursor) String() string {
	b, _ := json.Marshal(c) // strings and numbers: cannot fail
	return cursorEncoding.EncodeToString(b)
}

// parseCursor reads the text of a cursor of the query q.
func parseCursor(text string, q Query) (cursor, error) {
	var c cursor
	b, err := cursorEncoding.DecodeString(text)
	if err == nil {
		err = CheckJSON(b, 2)
	}
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil || c.String() != text {
		return cursor{}, fmt.Errorf("the cursor is damaged; take next_cursor as it is")
	}
	if c.List != fingerprint(q) {
		return cursor{}, fmt.Errorf("the cursor belongs to another list; a cursor goes with the parameters it came from")
	}
	return c, nil
}

// fingerprint tells lists apart: everything of the query but the size of a
// page and where it begins.
func fingerprint(q Query) string {
	var b strings.Builder
	where := ""
	if q.Where != nil {
		where = q.Where.String()
	}
	fmt.Fprintf(&b, "%q %q %q %q %q %q %t %q %q %d %d %q %q %t", q.Tenant, q.Kind, q.State, q.Containers, q.Scopes,
		q.Prefix, q.Direct, q.Contains, q.Type, q.CreatedAfter.UnixMicro(), q.CreatedBefore.UnixMicro(), where, q.Sort.Field, q.Sort.Desc)
	sum := sha256.Sum256([]byte(b.String()))
	return cursorEncoding.EncodeToString(sum[:12])
}
