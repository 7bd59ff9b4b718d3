package holdall

import (
	"context"
	"io"
	"time"
)

// The interfaces of this file are optional. A backend implements those that
// it can serve better than the root package can by itself. They are found with
// [As], so a wrapper with Unwrap hides none, and does not see the calls of those
// that it does not implement itself.

// AtomicPutter is for a backend that is both the Catalog and the Blobs of a
// store and commits an entry and its bytes together. Without it, or for a
// body over its limit, an upload takes a pending entry first.
type AtomicPutter interface {
	// AtomicLimit is the largest body in bytes that PutWithBlob takes;
	// negative is any.
	AtomicLimit() int64

	// PutWithBlob stores the bytes of r under key, calls seal once they are
	// all in, and puts the entry that seal returns, both or neither. The rules
	// of PutBlob hold for r and size, those of Catalog.Put for the entry. While
	// that Put answers ErrConflict, seal is called again, at most ten times in
	// all: it looks at what changed and decides anew. An error of seal is
	// returned as it is, and nothing is stored. seal may use the backend.
	PutWithBlob(ctx context.Context, key string, r io.Reader, size int64, seal func() (Entry, Condition, error)) (Entry, error)
}

// BatchPutter puts many entries in fewer round trips than one by one.
type BatchPutter interface {
	// PutBatch does what Put does for each of ops, in order, and returns one
	// result for each. An error of its own means that the outcome of all is unknown.
	PutBatch(ctx context.Context, ops []PutOp) ([]PutResult, error)
}

// PutOp is one Put of a batch.
type PutOp struct {
	Entry     Entry
	Condition Condition
}

// PutResult is what one Put of a batch returned.
type PutResult struct {
	Entry Entry
	Err   error
}

// BatchRemover removes many entries in fewer round trips than one by one.
type BatchRemover interface {
	// RemoveBatch does what Remove does for the id and version of each of es
	// and returns how many it has erased. What is gone, has changed or is in
	// use by somebody else is left alone, without an error: it waits for
	// nobody, so any number of calls may be at the same entries. An error
	// means that the outcome of all is unknown.
	RemoveBatch(ctx context.Context, es []Entry) (int, error)
}

// Transactor runs several operations as one. There is no fallback: without it
// [Store.InTx] and atomic batches match errors.ErrUnsupported.
type Transactor interface {
	// InTx calls fn with a catalog whose writes happen all, when fn returns
	// nil, or not at all. What fn reads there, it reads within the transaction.
	// fn may be called again after a conflict, so it must not keep state of an
	// earlier call. An operation that fails inside leaves the transaction
	// usable. fn must not use the backend but through the catalog it gets.
	InTx(ctx context.Context, fn func(ctx context.Context, tx Catalog) error) error
}

// FolderLister lists one level of a tree of names in one call. The root
// package does it with several Queries otherwise.
type FolderLister interface {
	// ListFolder returns, for a q sorted by name, one page of what lies
	// directly under q.Prefix: entries whose name has no '/' after it and, as
	// Page.Folders, each distinct name up to and with the first '/' after it
	// that at least one matching entry begins with. Both count against Limit
	// and stand in one order, in which a folder stands at its own text. With
	// foldersOnly the entries are left out. A q.After whose Name ends in '/'
	// is a folder: the page begins behind everything in it. Direct and Offset
	// are not set.
	ListFolder(ctx context.Context, q Query, foldersOnly bool) (Page, error)
}

// BlobCopier copies bytes inside the store.
type BlobCopier interface {
	// CopyBlob makes dst a copy of src, all or nothing, durable on return.
	// ErrNotFound when src is absent.
	CopyBlob(ctx context.Context, dst, src string) error
}

// BlobLister lists what is stored, for Verify. Without it Verify cannot tell
// which blobs nobody holds.
type BlobLister interface {
	// ListBlobs returns at most limit blobs behind the key after, in byte
	// order of their keys, broken uploads that take space included.
	ListBlobs(ctx context.Context, after string, limit int) ([]BlobInfo, error)
}

// BlobInfo is one stored blob.
type BlobInfo struct {
	Key     string
	Size    int64     // bytes
	ModTime time.Time // when it was stored, by the store's clock
}

// Pinger tells whether a backend answers.
type Pinger interface {
	// Ping makes one cheap round trip. Its error matches ErrUnavailable.
	Ping(ctx context.Context) error
}

// Presigner makes links that lead clients straight to the blob store, past
// this process. There is no fallback: without it [Object.PresignGet] and
// [Object.PresignPut] match errors.ErrUnsupported. Making a link is no I/O.
type Presigner interface {
	// PresignGet returns a URL from which the blob can be downloaded.
	PresignGet(ctx context.Context, key string, d PresignedDownload) (string, error)

	// PresignPut returns a request that stores one blob under key, all or
	// nothing, and that the store refuses when the bytes are not as u says.
	PresignPut(ctx context.Context, key string, u PresignedUpload) (PresignedRequest, error)

	// StatBlob returns the size of a stored blob and its SHA-256 in lower-case
	// hex, or "" where the store does not know it. ErrNotFound when the key is
	// absent.
	StatBlob(ctx context.Context, key string) (size int64, checksum string, err error)
}

// PresignedDownload says what a download link is good for.
type PresignedDownload struct {
	Lifetime    time.Duration // whole seconds, at most seven days
	Type        string        // the answer's Content-Type
	Disposition string        // the answer's Content-Disposition; "" is none
}

// PresignedUpload says what an upload link is good for.
type PresignedUpload struct {
	Lifetime time.Duration // whole seconds, at most seven days
	Type     string        // the request's Content-Type
	// Size and Checksum are the number of bytes and their SHA-256 in hex: the
	// link is a PUT that works once. Without a Checksum it is an HTML form, a
	// POST of up to Size bytes, that works until it expires.
	Size     int64
	Checksum string
}

// PresignedRequest is a request that a client sends to the blob store.
type PresignedRequest struct {
	Method string            // PUT, or POST for a form
	URL    string            // complete
	Header map[string]string // of a PUT: to be sent as they are
	Fields map[string]string // of a POST: the form's fields, which go before the file's
}
