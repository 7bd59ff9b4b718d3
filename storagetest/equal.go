package storagetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"time"

	"github.com/holdall-go/holdall"
)

// clone copies an entry so deeply that nothing is shared.
func clone(e holdall.Entry) holdall.Entry {
	e.Value = bytes.Clone(e.Value)
	if e.Content != nil {
		content := *e.Content
		content.Garbage = slices.Clone(content.Garbage)
		e.Content = &content
	}
	return e
}

// diff says in which field two entries differ, or "".
func diff(want, got holdall.Entry) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	for _, f := range []struct {
		name      string
		want, got any
	}{
		{"ID", want.ID, got.ID}, {"Tenant", want.Tenant, got.Tenant}, {"Kind", want.Kind, got.Kind},
		{"Container", want.Container, got.Container}, {"Tier", want.Tier, got.Tier}, {"Owner", want.Owner, got.Owner},
		{"Name", want.Name, got.Name}, {"State", want.State, got.State}, {"Version", want.Version, got.Version},
		{"CreatedBy", want.CreatedBy, got.CreatedBy}, {"UpdatedBy", want.UpdatedBy, got.UpdatedBy},
		{"DeletedBy", want.DeletedBy, got.DeletedBy}, {"TTL", want.TTL, got.TTL},
		{"CreatedAt", stamp(want.CreatedAt), stamp(got.CreatedAt)}, {"UpdatedAt", stamp(want.UpdatedAt), stamp(got.UpdatedAt)},
		{"DeletedAt", stamp(want.DeletedAt), stamp(got.DeletedAt)}, {"ExpiresAt", stamp(want.ExpiresAt), stamp(got.ExpiresAt)},
		{"DueAt", stamp(want.DueAt), stamp(got.DueAt)},
		{"Content", content(want.Content), content(got.Content)},
	} {
		if f.want != f.got {
			return fmt.Sprintf("%s is %s, want %s", f.name, shorten(fmt.Sprintf("%#v", f.got)), shorten(fmt.Sprintf("%#v", f.want)))
		}
	}
	if !sameJSON(want.Value, got.Value) {
		return fmt.Sprintf("Value is %s, want %s", shorten(string(got.Value)), shorten(string(want.Value)))
	}
	return ""
}

// stamp writes a time so that a zero one, and one with another zone or more
// digits than microseconds, differ.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "zero"
	}
	return t.Format(time.RFC3339Nano)
}

func content(c *holdall.Content) string {
	if c == nil {
		return "nil"
	}
	flat := *c
	flat.Garbage = nil
	s := fmt.Sprintf("%+v", flat)
	for _, g := range c.Garbage {
		s += fmt.Sprintf(" %q since %s pending %t doomed %t", g.Key, stamp(g.Since), g.Pending, g.Doomed)
	}
	return s
}

// sameJSON reports whether two texts are one JSON value, numbers compared by
// their decimal value.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, errX := decode(a)
	y, errY := decode(b)
	if errX != nil || errY != nil {
		return false
	}
	return sameValue(x, y)
}

func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one value")
	}
	return v, nil
}

func sameValue(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && maps.EqualFunc(x, y, sameValue)
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, sameValue)
	case json.Number:
		y, ok := b.(json.Number)
		return ok && (x == y || sameNumber(string(x), string(y)))
	}
	return a == b
}

func sameNumber(a, b string) bool {
	x, okX := new(big.Rat).SetString(a)
	y, okY := new(big.Rat).SetString(b)
	return okX && okY && x.Cmp(y) == 0
}
