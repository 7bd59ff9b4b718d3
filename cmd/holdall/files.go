package main

import (
	"context"
	"flag"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/holdall-go/holdall"
)

// files is a store as put, get and ls see it: one that this process opens, or
// one behind a server.
type files interface {
	put(ctx context.Context, at place, r io.Reader, opts putOptions) (sum string, err error)
	get(ctx context.Context, at place) (*download, error)
	buckets(ctx context.Context) ([]string, error)
	list(ctx context.Context, at place, recursive bool) iter.Seq2[item, error]
	close() error
}

// place is a bucket and a path, or a prefix of paths, in it.
type place struct {
	bucket, path string
	tier         string
}

type putOptions struct {
	size    int64 // bytes; negative is not known
	replace bool
}

// download is a file on its way here. The receiver closes it.
type download struct {
	io.ReadCloser
	size int64
	sum  string // SHA-256, hex
}

// item is one line of a list: a file, or a folder when its name ends in "/".
type item struct {
	name    string
	size    int64
	sum     string
	created time.Time
}

func (i item) folder() bool { return strings.HasSuffix(i.name, "/") }

// filesFlags say which files put, get and ls work on.
type filesFlags struct {
	store               storeFlags
	url                 string
	tier                string
	tenant, user, appID string
}

func (f *filesFlags) define(fs *flag.FlagSet) {
	f.store.define(fs)
	fs.StringVar(&f.url, "url", "", "`URL` of a server to work on, with the token in HOLDALL_TOKEN, instead of a store of one's own")
	fs.StringVar(&f.tier, "tier", "", "`tier`: private, user or shared")
	fs.StringVar(&f.tenant, "tenant", dev, "`name` of the tenant, in a store of one's own")
	fs.StringVar(&f.user, "user", dev, "`name` of the user, in a store of one's own")
	fs.StringVar(&f.appID, "app", "", "`name` of the app, in a store of one's own")
}

func (f *filesFlags) open(ctx context.Context, a *app, create bool) (files, error) {
	if f.url != "" {
		token := a.env("HOLDALL_TOKEN")
		if token == "" {
			return nil, usagef("HOLDALL_TOKEN must be set to a token for %s", f.url)
		}
		return newRemote(f.url, token)
	}
	store, err := f.store.open(ctx, create, nil)
	if err != nil {
		return nil, err
	}
	p := holdall.Principal{Tenant: f.tenant, User: f.user, App: f.appID, Permissions: []string{"*"}}
	return &direct{store: store, ws: store.As(p)}, nil
}

// place reads an argument of the form BUCKET/PATH.
func (f *filesFlags) place(arg string) (place, error) {
	bucket, path, _ := strings.Cut(arg, "/")
	if bucket == "" {
		return place{}, usagef("%q is not of the form BUCKET/PATH", arg)
	}
	return place{bucket: bucket, path: path, tier: f.tier}, nil
}
