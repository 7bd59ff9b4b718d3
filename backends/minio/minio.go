// Package minio keeps the bytes of objects in a bucket of MinIO or of any other
// S3 store. It is a [holdall.Blobs]; the entries go to another backend.
//
//	client, err := minio.NewClient("localhost:9000", ...) // github.com/minio/minio-go/v7
//	blobs, err := holdallminio.New(client, "files", nil)
//	store, err := holdall.New(holdall.Config{Catalog: catalog, Blobs: blobs})
//
// A body that ends within one buffer is one request; a longer one is sent in
// parts, from two buffers in turn. The server is given a digest
// of everything it is sent and refuses what does not match, so the store
// never holds other bytes than those that came. What the buffers of all
// uploads take together is bounded by [Options.Buffers].
package minio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	miniogo "github.com/minio/minio-go/v7"

	"github.com/holdall-go/holdall"
)

// Defaults of [Options].
const (
	DefaultBuffers      = 11
	DefaultTimeout      = 30 * time.Second
	DefaultStallTimeout = 30 * time.Second
)

// The bounds that S3 sets to an upload in parts; a part has 5 MiB at least.
const (
	maxParts = 10_000
	maxSize  = 5 << 40
)

// usualPart is the size in bytes of a buffer and a part. Two on their way at
// once and one rest are a body of 16 MiB, which 5 MiB would make two rounds of.
const usualPart = 7 << 20

// Options are options of [New].
type Options struct {
	// Prefix goes in front of every key, with a '/' between: several stores
	// can share a bucket. Segments of A-Z a-z 0-9 - _ . with '/' between them.
	Prefix string
	// CreateBucket lets [Backend.Setup] create the bucket when it is absent.
	CreateBucket bool
	// MaxSize is the largest blob, in bytes, up to 5 TiB; 0 is 10,000 times
	// 7 MiB, about 68 GiB. As S3 takes at most 10,000 parts, a larger one makes
	// all buffers larger: they hold a part each.
	MaxSize int64
	// Buffers is how many buffers of one part all uploads have together; 0 is
	// DefaultBuffers. Bodies of up to 64 KiB need none. A larger upload takes
	// one, waiting up to Timeout for it, and a second one if it is free, until it
	// ends: where clients are slow, have one or two for each that is expected.
	Buffers int
	// Timeout is how long the store may take to answer, retries included; 0 is
	// DefaultTimeout. A copy inside the store has one more second for each 8 MiB,
	// the end of an upload in parts for each 64 MiB. A request that carries bytes
	// is sent again when it is not answered so long after its last byte, and has
	// one more second for each 64 KiB in all.
	Timeout time.Duration
	// StallTimeout is how long the store may take no byte of an upload or send
	// none of a download that is waited for; 0 is DefaultStallTimeout.
	StallTimeout time.Duration
	// Public signs the links of [Backend.PresignGet] and its kin, where clients
	// reach the store under another address than this process does. It must
	// have its Region set. nil is the backend's own client.
	Public *miniogo.Client
}

// Backend is a [holdall.Blobs] over one bucket. It is safe for concurrent use
// and starts no goroutine that outlives a call.
type Backend struct {
	core     miniogo.Core
	public   *miniogo.Client
	bucket   string
	prefix   string // "" or ending in '/'
	create   bool
	partSize int
	timeout  time.Duration
	stall    time.Duration
	cleanup  time.Duration // how long a failed upload may take to abort
	buffers  *buffers

	versions  sync.Mutex
	versioned *bool // nil: not asked yet

	transport *http.Transport // of a client that Open made, else nil
}

var (
	_ holdall.Blobs      = (*Backend)(nil)
	_ holdall.BlobCopier = (*Backend)(nil)
	_ holdall.BlobLister = (*Backend)(nil)
	_ holdall.Pinger     = (*Backend)(nil)
)

var prefixes = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$`)

// New returns a Backend over a bucket. It does no I/O; [Backend.Setup] looks
// whether the bucket is there. The host keeps the client, which should have
// Region set, so that nothing has to be asked for it, and MaxRetries of about
// 3: the default of 10 keeps callers of a dead store waiting for seconds.
func New(client *miniogo.Client, bucket string, opts *Options) (*Backend, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	switch {
	case client == nil || bucket == "":
		return nil, errors.New("minio: a client and a bucket are required")
	case o.Prefix != "" && (len(o.Prefix) > 512 || !prefixes.MatchString(o.Prefix)):
		return nil, fmt.Errorf("minio: prefix %q: want segments of A-Z a-z 0-9 - _ . with '/' between them", o.Prefix)
	case o.MaxSize < 0 || o.MaxSize > maxSize || o.Buffers < 0 || o.Timeout < 0 || o.StallTimeout < 0:
		return nil, errors.New("minio: a limit in Options is negative or beyond what S3 takes")
	}
	if o.Prefix != "" {
		o.Prefix += "/"
	}
	if o.Public == nil {
		o.Public = client
	}
	b := &Backend{
		core: miniogo.Core{Client: client}, public: o.Public, bucket: bucket, prefix: o.Prefix, create: o.CreateBucket,
		partSize: int(max(usualPart, (o.MaxSize+maxParts-1)/maxParts)),
		timeout:  orDefault(o.Timeout, DefaultTimeout), stall: orDefault(o.StallTimeout, DefaultStallTimeout),
		cleanup: 10 * time.Second,
	}
	b.buffers = newBuffers(orDefault(o.Buffers, DefaultBuffers), b.partSize)
	return b, nil
}

func orDefault[T int | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// Setup looks whether the bucket is there and usable, creates it where
// Options.CreateBucket asks for it, and finds out whether it keeps versions.
// Its error matches [holdall.ErrUnavailable] when the store does not answer,
// and [holdall.ErrNotFound] when there is no such bucket.
func (b *Backend) Setup(ctx context.Context) error {
	return b.do(ctx, func(ctx context.Context) error {
		found, err := b.core.BucketExists(ctx, b.bucket)
		if err != nil {
			return err
		}
		if !found {
			if !b.create {
				return fmt.Errorf("%w: bucket %q; create it, or let Setup do it", holdall.ErrNotFound, b.bucket)
			}
			if err := b.makeBucket(ctx); err != nil {
				return err
			}
		}
		_, err = b.isVersioned(ctx)
		return err
	})
}

// makeBucket creates the bucket. That somebody else did it first is fine.
func (b *Backend) makeBucket(ctx context.Context) error {
	err := b.core.MakeBucket(ctx, b.bucket, miniogo.MakeBucketOptions{})
	if code := response(err).Code; code == miniogo.BucketAlreadyOwnedByYou {
		return nil
	}
	return err
}

// Ping implements [holdall.Pinger]: it asks for the bucket.
func (b *Backend) Ping(ctx context.Context) error {
	err := b.do(ctx, func(ctx context.Context) error {
		found, err := b.core.BucketExists(ctx, b.bucket)
		if err == nil && !found {
			err = fmt.Errorf("there is no bucket %q", b.bucket)
		}
		return err
	})
	if err != nil && !errors.Is(err, holdall.ErrUnavailable) {
		err = fmt.Errorf("%w: %w", holdall.ErrUnavailable, err)
	}
	return err
}

// Close closes the idle connections of a backend that [Open] made. A client
// that the host gave is left alone.
func (b *Backend) Close() error {
	if b.transport != nil {
		b.transport.CloseIdleConnections()
	}
	return nil
}

func (b *Backend) name(key string) string { return b.prefix + key }

func (b *Backend) key(name string) (string, bool) { return strings.CutPrefix(name, b.prefix) }
