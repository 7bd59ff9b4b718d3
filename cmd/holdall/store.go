package main

import (
	"cmp"
	"context"
	"flag"
	"time"

	"github.com/holdall-go/holdall"
)

const defaultCatalog = "local:./holdall-data"

// storeFlags say which store to work on.
type storeFlags struct {
	catalog, blobs, records string
	maxObjectSize           size
	retention, grace        time.Duration
	migrate                 bool // only serve asks
}

func (s *storeFlags) define(fs *flag.FlagSet) {
	fs.StringVar(&s.catalog, "catalog", defaultCatalog, "`address` of the backend that keeps buckets and file metadata: "+schemes())
	fs.StringVar(&s.blobs, "blobs", "", "`address` of the backend that keeps bytes; where the catalog is, unless named.\nFor minio:// the key may come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	fs.StringVar(&s.records, "records", "", "`address` of the backend that keeps records; where the catalog is, unless named")
	s.maxObjectSize = holdall.DefaultMaxObjectSize
	fs.Var(&s.maxObjectSize, "max-object-size", "`size` of the largest file, such as 64MiB or 5GB")
	fs.DurationVar(&s.retention, "retention", holdall.DefaultRetention, "how long what was deleted can be restored")
	fs.DurationVar(&s.grace, "grace", holdall.DefaultGrace, "how long unfinished uploads and replaced bytes are left alone;\nan upload or download must not take longer")
}

// open opens the backends; without create there must be a store already. The
// caller closes it.
func (s *storeFlags) open(ctx context.Context, create bool, roles holdall.Roles) (*holdall.Store, error) {
	if s.retention <= 0 || s.grace <= 0 {
		return nil, usagef("--retention and --grace are more than 0")
	}
	o := &opened{how: opening{create: create, migrate: s.migrate}, all: map[string]any{}}
	cfg, err := s.config(ctx, o)
	cfg.Roles = roles
	if err == nil {
		var store *holdall.Store
		if store, err = holdall.New(cfg); err == nil {
			return store, nil
		}
	}
	o.close()
	return nil, err
}

func (s *storeFlags) config(ctx context.Context, o *opened) (holdall.Config, error) {
	cfg := holdall.Config{MaxObjectSize: int64(s.maxObjectSize), Retention: s.retention, Grace: s.grace}
	var err error
	if cfg.Catalog, err = resolve[holdall.Catalog](ctx, o, "catalog", s.catalog); err != nil {
		return cfg, err
	}
	if cfg.Blobs, err = resolve[holdall.Blobs](ctx, o, "blobs", cmp.Or(s.blobs, s.catalog)); err != nil {
		return cfg, err
	}
	cfg.Records, err = resolve[holdall.Catalog](ctx, o, "records", cmp.Or(s.records, s.catalog))
	return cfg, err
}
