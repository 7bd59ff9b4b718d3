package check_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/internal/check"
)

type fixture struct {
	t      *testing.T
	store  *holdall.Store
	db     *memory.Backend
	bucket *holdall.Bucket
	view   check.View
	ledger check.Ledger
	now    time.Time
}

func setup(t *testing.T) *fixture {
	f := &fixture{t: t, db: memory.New(), now: time.Now()}
	var err error
	f.store, err = holdall.New(holdall.Config{Catalog: f.db, Blobs: f.db, Now: func() time.Time { return f.now }})
	require.NoError(t, err)
	ws := f.store.As(holdall.Principal{Tenant: "t", User: "u", Permissions: []string{"*"}})
	f.bucket, f.view = ws.Bucket("default"), check.Bucket(ws, "default")
	for _, path := range []string{"a", "b/c"} {
		f.put(path, "bytes of "+path)
		f.ledger.Stored(path, check.Of([]byte("bytes of "+path)))
	}
	return f
}

func (f *fixture) put(path, text string) holdall.ObjectInfo {
	info, err := f.bucket.Object(path).Put(f.t.Context(), bytes.NewReader([]byte(text)), &holdall.PutOptions{Replace: true})
	require.NoError(f.t, err)
	return info
}

func (f *fixture) files() error {
	_, err := check.Files(f.t.Context(), f.view, &f.ledger)
	return err
}

func (f *fixture) storeIs() error { return check.Store(f.t.Context(), f.store, f.db, f.db, true) }

func TestAllIsWell(t *testing.T) {
	f := setup(t)
	f.ledger.Send("never arrived", check.Of([]byte("x")))
	f.ledger.Send("arrived unheard", check.Of([]byte("y")))
	f.put("arrived unheard", "y")
	r, err := check.Files(t.Context(), f.view, &f.ledger)
	require.NoError(t, err)
	require.Equal(t, check.Report{Visible: 3, Acknowledged: 2, Bytes: int64(len("bytes of a" + "bytes of b/c" + "y"))}, r)
	require.NoError(t, f.storeIs())
}

func TestEveryViolationIsSeen(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(f *fixture)
		files  string // in the error of Files, "" when it holds
		store  string // in the error of Store
	}{
		"an acknowledged file is gone": {func(f *fixture) {
			f.ledger.Stored("gone", check.Of([]byte("x")))
		}, "gone: it was acknowledged and is gone", ""},
		"an acknowledged file is an older one": {func(f *fixture) {
			f.ledger.Stored("a", check.Of([]byte("newer")))
		}, "a: 10 bytes", ""},
		"an unacknowledged file is half": {func(f *fixture) {
			f.ledger.Send("half", check.Of([]byte("whole")))
			f.put("half", "who")
		}, "half: 3 bytes", ""},
		"a stranger":                {func(f *fixture) { f.put("stranger", "?") }, "nobody sent it", ""},
		"a deletion that came back": {func(f *fixture) { f.ledger.Deleted("a") }, "came back", ""},
		"missing bytes": {func(f *fixture) {
			require.NoError(t, f.db.DeleteBlob(context.Background(), f.put("a", "bytes of a").BlobKey))
		}, "a: ", "missing: blob"},
		"other bytes": {func(f *fixture) {
			key := f.put("a", "bytes of a").BlobKey
			require.NoError(t, f.db.DeleteBlob(context.Background(), key))
			_, err := f.db.PutBlob(context.Background(), key, bytes.NewReader([]byte("bytes of A")), -1)
			require.NoError(t, err)
		}, "a: its bytes are", "checksum: blob"},
		"an orphan": {func(f *fixture) {
			_, err := f.db.PutBlob(context.Background(), "00/01ARZ3NDEKTSV4RRFFQ69G5FAV.01ARZ3NDEKTSV4RRFFQ69G5FAV", bytes.NewReader(nil), -1)
			require.NoError(t, err)
		}, "", "belongs to nothing"},
		"garbage": {func(f *fixture) { f.put("a", "bytes of a") }, "", "still holds the garbage"},
		"an unfinished upload": {func(f *fixture) {
			_, err := f.db.Put(context.Background(), holdall.Entry{ID: "obj_1", Kind: holdall.KindObject, Tenant: "t", Container: "default",
				Tier: holdall.Shared, Name: "p", State: holdall.StatePending}, holdall.IfAbsent)
			require.NoError(t, err)
		}, "", "still pending"},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			c.damage(f)
			expect(t, f.files(), c.files)
			if c.store != "" {
				expect(t, f.storeIs(), c.store)
			}
		})
	}
}

func expect(t *testing.T, err error, text string) {
	t.Helper()
	if text == "" {
		require.NoError(t, err)
		return
	}
	require.ErrorContains(t, err, text)
}

func TestLedgerForgivesWhatIsUnderWay(t *testing.T) {
	f := setup(t)
	f.ledger.Delete("a") // it may have happened, or not
	require.NoError(t, f.files())
	_, err := f.bucket.Object("a").Delete(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, f.files())
	f.ledger.Send("b/c", check.Of([]byte("new"))) // and so may this
	require.NoError(t, f.files())
	f.put("b/c", "new")
	require.NoError(t, f.files())
}
