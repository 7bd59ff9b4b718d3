package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/holdall-go/holdall/backends/postgres"
)

func openPostgres(ctx context.Context, address string, how opening) (any, error) {
	b, err := postgres.Open(ctx, address, nil)
	if err != nil {
		return nil, err
	}
	if how.migrate {
		if err := postgres.Migrate(ctx, b.Pool(), nil); err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
	return b, nil
}

// withoutPassword returns an address that is fit for a log.
func withoutPassword(address string) string {
	scheme, rest, _ := strings.Cut(address, ":")
	if !strings.HasPrefix(rest, "//") {
		return address
	}
	u, err := url.Parse(address)
	if err != nil || u.User == nil && strings.Contains(rest, "@") {
		return scheme + "://…" // who knows where a secret is in it
	}
	u.RawQuery = "" // a password may stand there too
	return u.Redacted()
}

func setupMigrate(a *app, fs *flag.FlagSet) func(context.Context, []string) error {
	var catalog string
	var script bool
	fs.StringVar(&catalog, "catalog", "", "`address` of the store: postgres://… or mongodb://…")
	fs.BoolVar(&script, "print", false, "print the SQL for PostgreSQL instead of running it")
	return func(ctx context.Context, args []string) error {
		scheme, _, _ := strings.Cut(catalog, ":")
		switch {
		case len(args) > 0:
			return usagef("it takes no arguments")
		case script:
			sql, err := postgres.MigrationSQL(nil)
			fmt.Fprint(a.stdout, sql)
			return err
		case !slices.Contains([]string{"postgres", "postgresql", "mongodb", "mongodb+srv"}, scheme):
			return usagef("--catalog names the database: postgres://USER:PASSWORD@HOST/DATABASE or mongodb://…")
		}
		b, err := backends()[scheme].open(ctx, catalog, opening{migrate: true})
		if err != nil {
			return err
		}
		return b.(io.Closer).Close()
	}
}
