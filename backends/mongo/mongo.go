// Package mongo keeps entries and records in MongoDB, 4.4 and newer, over the
// official driver's second version. The bytes go to another backend.
//
// All entries are documents of one collection. [Backend.EnsureIndexes] makes
// its indexes, without which nothing is unique; New and Open do not.
package mongo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/holdall-go/holdall"
)

// Options are options of [New] and [Open].
type Options struct {
	// Collection is the name of the collection; "" is "holdall". Stores in
	// several collections of one database have nothing to do with each other.
	Collection string
	// Timeout bounds an operation whose context has no deadline; 0 is thirty
	// seconds. Past it an operation fails with ErrUnavailable.
	Timeout time.Duration
	// Lists is where lists and counts are read; nil is the primary. On a
	// secondary they may lag behind what was written. All that decides
	// anything is read on the primary.
	Lists *readpref.ReadPref
}

// DefaultCollection is the collection, and for [Open] the database, unless
// Options and address say otherwise.
const DefaultCollection = "holdall"

const (
	defaultTimeout   = 30 * time.Second
	selectionTimeout = 5 * time.Second
	connectTimeout   = 5 * time.Second
)

// Backend is a [holdall.Catalog] in MongoDB. Where the server has
// transactions, a replica set or a sharded cluster, it is a
// [holdall.Transactor] too, found by [holdall.As] after Open, EnsureIndexes or
// Ping. It is safe for concurrent use.
//
// Reads and writes are of majority concern, on the primary. Errors match the
// sentinels of package holdall and, where the server sent one, the driver's
// mongo.ServerError. A write whose outcome is not known is looked for once,
// and matches ErrUnavailable unless it is found to be done.
type Backend struct {
	db      *mongo.Database
	entries *mongo.Collection
	lists   *mongo.Collection // entries, read where Options say
	owned   bool
	timeout time.Duration
	server  *atomic.Pointer[server] // nil until it was asked
	tx      *boundTx                // nil outside of a transaction
}

var (
	_ holdall.Catalog      = (*Backend)(nil)
	_ holdall.BatchPutter  = (*Backend)(nil)
	_ holdall.FolderLister = (*Backend)(nil)
	_ holdall.Pinger       = (*Backend)(nil)
	_ holdall.Transactor   = transactor{}
)

// New returns a Backend in the host's database; nil options are zero values.
// It does no I/O. The host disconnects the client. Whatever concerns the
// database has, the Backend's own collection reads and writes by majority.
func New(db *mongo.Database, opts *Options) (*Backend, error) {
	if db == nil {
		return nil, errors.New("mongo: New needs a database")
	}
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Collection == "" {
		o.Collection = DefaultCollection
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Lists == nil {
		o.Lists = readpref.Primary()
	}
	switch {
	case o.Timeout < 0:
		return nil, fmt.Errorf("mongo: Timeout is negative: %w", holdall.ErrInvalid)
	case strings.ContainsAny(o.Collection, "$\x00") || strings.HasPrefix(o.Collection, "system."):
		return nil, fmt.Errorf("mongo: collection %.80q: without $ and NUL, and not system.…: %w", o.Collection, holdall.ErrInvalid)
	}
	majority := func(p *readpref.ReadPref) *options.CollectionOptionsBuilder {
		return options.Collection().SetReadConcern(readconcern.Majority()).SetWriteConcern(writeconcern.Majority()).SetReadPreference(p)
	}
	return &Backend{
		db: db, entries: db.Collection(o.Collection, majority(readpref.Primary())), lists: db.Collection(o.Collection, majority(o.Lists)),
		timeout: o.Timeout, server: &atomic.Pointer[server]{},
	}, nil
}

// Open returns a Backend on a client of its own, which Close disconnects. uri
// is a connection string, mongodb:// or mongodb+srv:// (MongoDB manual,
// Connection Strings); its path names the database, "holdall" when it has
// none, and its timeoutMS and readPreference are taken for Timeout and Lists
// where the options leave them open. It connects once, to prove that the server is
// there, else ErrUnavailable; ErrInvalid for a bad uri. No error holds the uri.
func Open(ctx context.Context, uri string, opts *Options) (*Backend, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	c := options.Client().SetServerSelectionTimeout(selectionTimeout).SetConnectTimeout(connectTimeout).ApplyURI(uri)
	name, err := databaseOf(uri)
	if err == nil {
		err = c.Validate()
	}
	if err != nil {
		return nil, fmt.Errorf("mongo: %w: %w", holdall.ErrInvalid, unrevealing(uri, err))
	}
	if o.Timeout == 0 && c.Timeout != nil {
		o.Timeout = *c.Timeout
	}
	if o.Lists == nil {
		o.Lists = c.ReadPreference
	}
	client, err := mongo.Connect(c)
	if err != nil {
		return nil, fmt.Errorf("mongo: %w: %w", holdall.ErrInvalid, unrevealing(uri, err))
	}
	b, err := New(client.Database(name), &o)
	if err == nil {
		b.owned = true
		_, err = b.hello(ctx)
	}
	if err != nil {
		_ = client.Disconnect(context.WithoutCancel(ctx)) // nothing is under way
		return nil, err
	}
	return b, nil
}

// databaseOf returns the database that a connection string names.
func databaseOf(uri string) (string, error) {
	_, rest, _ := strings.Cut(uri, "://")
	rest, _, _ = strings.Cut(rest, "?")
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	_, path, _ := strings.Cut(rest, "/")
	if path == "" {
		return DefaultCollection, nil
	}
	return url.PathUnescape(path)
}

// unrevealing returns err unless it may quote a password of the uri.
func unrevealing(uri string, err error) error {
	if strings.Contains(uri, "@") || strings.Contains(strings.ToLower(uri), "password") {
		return errors.New("the connection string cannot be used; what the driver says about it may hold its password and is left out")
	}
	return err
}

// Close disconnects the client if Open made it.
func (b *Backend) Close() error {
	if !b.owned || b.tx != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), b.timeout)
	defer cancel()
	return b.db.Client().Disconnect(ctx)
}

// Ping implements [holdall.Pinger]. It fails where the indexes are missing too.
func (b *Backend) Ping(ctx context.Context) error {
	if _, err := b.hello(ctx); err != nil {
		return err
	}
	return b.checkIndexes(ctx)
}

// Unwrap leads [holdall.As] to what only some servers can do.
func (b *Backend) Unwrap() any {
	if s := b.server.Load(); s != nil && s.transactions && b.tx == nil {
		return transactor{b}
	}
	return nothingMore{b}
}

// nothingMore is a Backend on a server that can do no more.
type nothingMore struct{ b *Backend }
