package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/local"
	"github.com/holdall-go/holdall/backends/memory"
)

// backend is a scheme that --catalog, --blobs and --records know. open gets
// the whole address and returns a holdall.Catalog, a holdall.Blobs, or both.
type backend struct {
	example string
	open    func(ctx context.Context, address string, how opening) (any, error)
}

// opening says how to open a backend.
type opening struct {
	create  bool // a local folder that is not there
	migrate bool // the tables or indexes of a database
}

// backends is the table of all schemes; a new backend is one line here.
func backends() map[string]backend {
	return map[string]backend{
		"memory":      {"memory:", openMemory},
		"local":       {"local:DIR", openLocal},
		"minio":       {"minio://KEY:SECRET@HOST:PORT/BUCKET (bytes only)", openMinIO},
		"mongodb":     {"mongodb://USER:PASSWORD@HOST/DATABASE (rows only)", openMongo},
		"mongodb+srv": {"mongodb+srv://…", openMongo},
		"postgres":    {"postgres://USER:PASSWORD@HOST/DATABASE", openPostgres},
		"postgresql":  {"postgresql://…", openPostgres},
	}
}

func openMemory(_ context.Context, address string, _ opening) (any, error) {
	if address != "memory:" {
		return nil, usagef("a store in memory is memory: and no more, not %q", address)
	}
	return memory.New(), nil
}

func openLocal(_ context.Context, address string, how opening) (any, error) {
	dir := strings.TrimPrefix(address, "local:")
	if dir == "" {
		return nil, usagef("a local store needs its folder: local:DIR")
	}
	if _, err := os.Stat(dir); err != nil && !how.create {
		return nil, err
	}
	return local.Open(filepath.Clean(dir), nil)
}

// opened are the backends of one store. Equal addresses share one backend.
type opened struct {
	how opening
	all map[string]any
}

func (o *opened) open(ctx context.Context, address string) (any, error) {
	if b, ok := o.all[address]; ok {
		return b, nil
	}
	scheme, _, _ := strings.Cut(address, ":")
	b, ok := backends()[scheme]
	if !ok || !strings.Contains(address, ":") {
		return nil, usagef("%q is not the address of a backend: %s", withoutPassword(address), schemes())
	}
	v, err := b.open(ctx, address, o.how)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", scheme, err)
	}
	o.all[address] = v
	return v, nil
}

func schemes() string {
	var examples []string
	for _, name := range slices.Sorted(maps.Keys(backends())) {
		examples = append(examples, backends()[name].example)
	}
	return strings.Join(examples, ", ")
}

func (o *opened) close() {
	for _, b := range o.all {
		if c, ok := b.(io.Closer); ok {
			_ = c.Close() // nothing was written: opening another one failed
		}
	}
}

// resolve opens the address as a T, which role names to people.
func resolve[T any](ctx context.Context, o *opened, role, address string) (T, error) {
	var none T
	v, err := o.open(ctx, address)
	if err != nil {
		return none, err
	}
	t, ok := holdall.As[T](v)
	if !ok {
		scheme, _, _ := strings.Cut(address, ":")
		return none, usagef("--%s: the backend %s cannot keep that", role, scheme)
	}
	return t, nil
}
