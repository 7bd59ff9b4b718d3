// Package holdall keeps files and JSON records for multi-tenant programs, over
// backends that the host program already runs or over embedded ones.
//
// A [Store] is made of a [Catalog] (rows) and [Blobs] (bytes). The view of one
// caller is a [Workspace]: everything a user can do hangs off it, and every
// operation begins with the caller's permissions.
//
//	backend := memory.New()
//	store, err := holdall.New(holdall.Config{Catalog: backend, Blobs: backend})
//	ws := store.As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"storage:*"}})
//	info, err := ws.Bucket("default").Object("2026/offer.pdf").Put(ctx, file, nil)
//
// # Nouns
//
// A tenant is a hard partition. A bucket holds objects, each at a path in one
// of three isolation tiers; a collection holds records, each a JSON value under
// a key. Handles such as [Bucket], [Object], [Collection] and [Record] do no I/O.
//
// # Errors
//
// Every error matches one of the sentinels, such as [ErrNotFound], and is an
// [*Error] with a [Code] from a closed list. What a caller may not see is
// ErrNotFound, the same as what does not exist.
//
// # Transactions
//
// [Store.InTx] makes several changes one where the backend can, and
// [Store.With] binds a store to a transaction that the host has begun itself.
package holdall
