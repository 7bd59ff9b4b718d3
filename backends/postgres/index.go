package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/holdall-go/holdall"
)

// Index declares a JSON path whose filters are to be served by an index.
type Index struct {
	// Path is member names joined by dots, as in a filter: "customer.city".
	Path string
	// Array asks for an index of the elements of an array there, for contains;
	// without it the index serves eq and in, within a tenant and a container.
	Array bool
}

func (i Index) check() error {
	for _, name := range strings.Split(i.Path, ".") {
		if name == "" {
			return fmt.Errorf("postgres: index path %.80q: member names joined by single dots are expected: %w", i.Path, holdall.ErrInvalid)
		}
	}
	if !utf8.ValidString(i.Path) || strings.ContainsRune(i.Path, 0) {
		return fmt.Errorf("postgres: index path %.80q is not a text that the server takes: %w", i.Path, holdall.ErrInvalid)
	}
	return nil
}

// expression is the value at the path, for a table or alias.
func (i Index) expression(column string) string {
	for _, name := range strings.Split(i.Path, ".") {
		column = "(" + column + " -> " + literal(name) + ")"
	}
	return column
}

// name is made of the path and of a hash of it: identifiers have 63 bytes.
func (i Index) name() string {
	kind := "eq"
	if i.Array {
		kind = "in"
	}
	sum := sha256.Sum256([]byte(i.Path))
	readable := strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (r == '_' || '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z') {
			return r
		}
		return '_'
	}, i.Path)
	return "entries_" + kind + "_" + readable[:min(len(readable), 30)] + "_" + hex.EncodeToString(sum[:4])
}

// statement makes the index where it is not there. The equality index holds
// hashes, since a b-tree refuses values of more than a third of a page.
func (i Index) statement(table string) string {
	on := "(tenant, kind, container, (jsonb_hash_extended(" + i.expression("value") + ", 0)))"
	if i.Array {
		on = "USING gin (" + i.expression("value") + " jsonb_path_ops)"
	}
	return "CREATE INDEX IF NOT EXISTS " + quoted(i.name()) + " ON " + table + " " + on + " WHERE state = 'live'"
}

// indexUse says what a declared path can be asked by.
type indexUse struct{ equal, array bool }

func indexUses(list []Index) map[string]indexUse {
	uses := map[string]indexUse{}
	for _, i := range list {
		u := uses[i.Path]
		u.equal, u.array = u.equal || !i.Array, u.array || i.Array
		uses[i.Path] = u
	}
	return uses
}

// declared returns the index that the host has declared for a path.
func (s *statements) declared(path []string) (Index, bool) {
	for _, name := range path {
		if strings.Contains(name, ".") {
			return Index{}, false
		}
	}
	i := Index{Path: strings.Join(path, ".")}
	_, ok := s.indexes[i.Path]
	return i, ok
}

// literal writes a text that the host declared as a constant of SQL. It is
// right whatever standard_conforming_strings says.
func literal(s string) string {
	return " E'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// validIdentifier reports whether a schema can have that name.
func validIdentifier(s string) bool {
	return s != "" && len(s) <= 63 && utf8.ValidString(s) && !strings.HasPrefix(s, "pg_") &&
		!strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7F })
}
