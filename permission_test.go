package holdall_test

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
)

func newStore(t testing.TB, edit ...func(*holdall.Config)) *holdall.Store {
	t.Helper()
	b := memory.New()
	cfg := holdall.Config{Catalog: b, Blobs: b}
	for _, e := range edit {
		e(&cfg)
	}
	s, err := holdall.New(cfg)
	require.NoError(t, err)
	return s
}

func caller(keys ...string) holdall.Principal {
	return holdall.Principal{Tenant: "acme", User: "ann", Permissions: keys}
}

// fixture is what the operations of the permission table work on.
type fixture struct {
	store   *holdall.Store
	object  string // id of b/o
	trash   string // id of a soft-deleted object
	record  string // id of c/k
	deleted string // id of a soft-deleted record
}

func newFixture(t *testing.T) fixture {
	ctx := t.Context()
	f := fixture{store: newStore(t, withLinks)}
	root := f.store.As(caller("*"))
	_, err := root.Bucket("b").Create(ctx, nil)
	require.NoError(t, err)
	put := func(path string) string {
		o, err := root.Bucket("b").Object(path).Put(ctx, strings.NewReader("x"), nil)
		require.NoError(t, err)
		return o.ID
	}
	f.object, f.trash = put("o"), put("trash")
	_, err = root.ObjectID(f.trash).Delete(ctx, nil)
	require.NoError(t, err)
	r, err := root.Collection("c").Record("k").Put(ctx, 1, nil)
	require.NoError(t, err)
	f.record = r.ID
	r, err = root.Collection("c").Record("gone").Put(ctx, 1, nil)
	require.NoError(t, err)
	f.deleted = r.ID
	_, err = root.RecordID(f.deleted).Delete(ctx, nil)
	require.NoError(t, err)
	return f
}

func ignore[T any](_ T, err error) error { return err }

// operation is one row of the permission table.
type operation struct {
	method string
	needs  []string // all of these keys
	call   func(ctx context.Context, f fixture, w *holdall.Workspace) error
}

var operations = []operation{
	{"Workspace.Buckets", []string{"storage:b:read"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error { return ignore(w.Buckets(ctx)) }},
	{"Workspace.ObjectsPage", []string{"storage:b:read"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.ObjectsPage(ctx, nil))
	}},
	{"Workspace.ObjectsPage", []string{"storage:b:read", "storage:b:delete"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.ObjectsPage(ctx, &holdall.ListOptions{Deleted: true}))
	}},
	{"Workspace.Objects", []string{"storage:b:read"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		for _, err := range w.Objects(ctx, nil) {
			return err
		}
		return nil
	}},
	{"Workspace.RecordsPage", []string{"storage:records:c:read"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.RecordsPage(ctx, nil))
	}},
	{"Workspace.Records", []string{"storage:records:c:read"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		for _, err := range w.Records(ctx, nil) {
			return err
		}
		return nil
	}},
	{"Workspace.Batch", []string{"storage:records:c:write"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		r, err := w.Batch(ctx, []holdall.BatchOp{{Collection: "c", Key: "n", Value: 1}})
		if err == nil {
			err = r[0].Err
		}
		return err
	}},
	{"Workspace.BatchAtomic", []string{"storage:records:c:write", "storage:records:c:delete"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.BatchAtomic(ctx, []holdall.BatchOp{{Collection: "c", Key: "n", Value: 1}, {Delete: true, Collection: "c", Key: "k"}}))
	}},
	{"Workspace.DeleteApp", []string{"storage:admin"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.DeleteApp(ctx, "app"))
	}},
	{"Bucket.Create", []string{"storage:new:admin"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Bucket("new").Create(ctx, nil))
	}},
	{"Bucket.Stat", []string{"storage:b:read"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Bucket("b").Stat(ctx))
	}},
	{"Bucket.Update", []string{"storage:b:admin"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Bucket("b").Update(ctx, holdall.BucketUpdate{}))
	}},
	{"Bucket.Empty", []string{"storage:b:admin"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Bucket("b").Empty(ctx))
	}},
	{"Bucket.Delete", []string{"storage:b:admin"}, func(ctx context.Context, f fixture, w *holdall.Workspace) error {
		if _, err := f.store.As(caller("*")).Bucket("b").Empty(ctx); err != nil {
			return err
		}
		return w.Bucket("b").Delete(ctx)
	}},
	{"Bucket.List", []string{"storage:b:read"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		for _, err := range w.Bucket("b").List(ctx, nil) {
			return err
		}
		return nil
	}},
	{"Bucket.ListPage", []string{"storage:b:read"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Bucket("b").ListPage(ctx, nil))
	}},
	{"Bucket.ListPage", []string{"storage:b:read", "storage:b:delete"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Bucket("b").ListPage(ctx, &holdall.ListOptions{Deleted: true}))
	}},
	{"Bucket.DeleteObjects", []string{"storage:b:delete"}, func(ctx context.Context, f fixture, w *holdall.Workspace) error {
		return ignore(w.Bucket("b").DeleteObjects(ctx, []string{f.object}))
	}},
	{"Object.Put", []string{"storage:b:write"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Bucket("b").Object("n").Put(ctx, strings.NewReader("y"), nil))
	}},
	{"Object.Put", []string{"storage:b:write", "storage:b:delete"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Bucket("b").Object("o").Put(ctx, strings.NewReader("y"), &holdall.PutOptions{Replace: true}))
	}},
	{"Object.Put", []string{"storage:b:write"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		late := func() (*holdall.Object, *holdall.PutOptions, error) { return w.Bucket("b").Object("n"), nil, nil }
		return ignore(w.Bucket("").Object("").Put(ctx, strings.NewReader("y"), &holdall.PutOptions{Late: late}))
	}},
	{"Object.CheckPut", []string{"storage:b:write", "storage:b:delete"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return w.Bucket("b").Object("o").CheckPut(ctx, &holdall.PutOptions{Replace: true})
	}},
	{"Object.PresignGet", []string{"storage:b:read"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Bucket("b").Object("o").PresignGet(ctx, time.Minute, nil))
	}},
	{"Object.PresignPut", []string{"storage:b:write"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Bucket("b").Object("n").PresignPut(ctx, time.Minute, nil))
	}},
	{"Object.CompletePut", []string{"storage:b:write"}, func(ctx context.Context, f fixture, w *holdall.Workspace) error {
		return ignore(w.Bucket("b").ObjectID(f.object).CompletePut(ctx))
	}},
	{"Object.Open", []string{"storage:b:read"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Bucket("b").Object("o").Open(ctx))
	}},
	{"Object.Stat", []string{"storage:b:read"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Bucket("b").Object("o").Stat(ctx))
	}},
	{"Object.Update", []string{"storage:b:write", "storage:default:write"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		to := holdall.DefaultBucket
		return ignore(w.Bucket("b").Object("o").Update(ctx, holdall.ObjectUpdate{Bucket: &to}))
	}},
	{"Object.Copy", []string{"storage:b:read", "storage:default:write"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Bucket("b").Object("o").Copy(ctx, w.Bucket("default").Object("copy")))
	}},
	{"Object.Delete", []string{"storage:b:delete"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Bucket("b").Object("o").Delete(ctx, nil))
	}},
	{"Object.Delete", []string{"storage:b:delete", "storage:b:admin"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Bucket("b").Object("o").Delete(ctx, &holdall.DeleteOptions{Purge: true}))
	}},
	{"Object.Restore", []string{"storage:b:write"}, func(ctx context.Context, f fixture, w *holdall.Workspace) error {
		return ignore(w.Bucket("b").ObjectID(f.trash).Restore(ctx))
	}},
	{"Collection.List", []string{"storage:records:c:read"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		for _, err := range w.Collection("c").List(ctx, nil) {
			return err
		}
		return nil
	}},
	{"Collection.ListPage", []string{"storage:records:c:read"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Collection("c").ListPage(ctx, nil))
	}},
	{"Record.Get", []string{"storage:records:c:read"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Collection("c").Record("k").Get(ctx))
	}},
	{"Record.Put", []string{"storage:records:c:write"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Collection("c").Record("n").Put(ctx, 1, nil))
	}},
	{"Record.Patch", []string{"storage:records:c:write"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Collection("c").Record("k").Patch(ctx, json.RawMessage(`{}`), nil))
	}},
	{"Record.Delete", []string{"storage:records:c:delete"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Collection("c").Record("k").Delete(ctx, nil))
	}},
	{"Record.Delete", []string{"storage:records:c:delete", "storage:records:c:admin"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Collection("c").Record("k").Delete(ctx, &holdall.DeleteOptions{Purge: true}))
	}},
	{"Record.Restore", []string{"storage:records:c:write"}, func(ctx context.Context, _ fixture, w *holdall.Workspace) error {
		return ignore(w.Collection("c").Record("gone").Restore(ctx))
	}},
}

// free are the methods that do no I/O and need no permission.
var free = map[string]bool{
	"Workspace.Bucket": true, "Workspace.ObjectID": true, "Workspace.Collection": true, "Workspace.RecordID": true,
	"Workspace.Principal": true, "Workspace.Explain": true,
	"Bucket.Name": true, "Bucket.Tier": true, "Bucket.Object": true, "Bucket.ObjectID": true,
	"Collection.Name": true, "Collection.Tier": true, "Collection.Record": true,
}

func TestEveryOperationIsInThePermissionTable(t *testing.T) {
	listed := map[string]bool{}
	for _, op := range operations {
		listed[op.method] = true
	}
	for _, handle := range []any{&holdall.Workspace{}, &holdall.Bucket{}, &holdall.Object{}, &holdall.Collection{}, &holdall.Record{}} {
		typ := reflect.TypeOf(handle)
		for i := range typ.NumMethod() {
			name := typ.Elem().Name() + "." + typ.Method(i).Name
			if !listed[name] && !free[name] {
				t.Errorf("%s has no row in the permission table", name)
			}
		}
	}
}

func TestOperationsNeedTheirPermissions(t *testing.T) {
	for _, op := range operations {
		name := op.method + "/" + strings.Join(op.needs, "+")
		t.Run(name+"/enough", func(t *testing.T) {
			f := newFixture(t)
			require.NoError(t, op.call(t.Context(), f, f.store.As(caller(op.needs...))))
		})
		for missing := range op.needs {
			t.Run(name+"/without "+op.needs[missing], func(t *testing.T) {
				f := newFixture(t)
				var rest []string
				for i, k := range op.needs {
					if i != missing {
						rest = append(rest, k)
					}
				}
				err := op.call(t.Context(), f, f.store.As(caller(rest...)))
				require.ErrorIs(t, err, holdall.ErrForbidden)
				require.Equal(t, holdall.CodePermissionDenied, holdall.CodeOf(err))
			})
		}
		t.Run(name+"/nobody", func(t *testing.T) {
			f := newFixture(t)
			for _, p := range []holdall.Principal{
				{User: "ann", Permissions: []string{"*"}},
				{Tenant: "acme", Permissions: []string{"*"}},
				{Tenant: "acme", User: strings.Repeat("x", 129), Permissions: []string{"*"}},
				{Tenant: "acme\x00", User: "ann", Permissions: []string{"*"}},
			} {
				require.ErrorIs(t, op.call(t.Context(), f, f.store.As(p)), holdall.ErrUnauthenticated)
			}
		})
	}
}

// A denial is the same for what exists and what does not.
func TestDenialComesBeforeLookUp(t *testing.T) {
	f := newFixture(t)
	w := f.store.As(caller("storage:other:read"))
	_, there := w.Bucket("b").Object("o").Stat(t.Context())
	_, absent := w.Bucket("b").Object("o2").Stat(t.Context())
	_, noBucket := w.Bucket("b2").Object("o").Stat(t.Context())
	for _, err := range []error{there, absent, noBucket} {
		require.ErrorIs(t, err, holdall.ErrForbidden)
	}
	// By id the bucket is not known before the look-up, so it is "not found".
	_, byID := w.ObjectID(f.object).Stat(t.Context())
	_, random := w.ObjectID("obj_01ARZ3NDEKTSV4RRFFQ69G5FAV").Stat(t.Context())
	require.ErrorIs(t, byID, holdall.ErrNotFound)
	require.Equal(t, random.(*holdall.Error).Detail, byID.(*holdall.Error).Detail)
	_, nothing := f.store.As(caller()).ObjectID(f.object).Stat(t.Context())
	require.ErrorIs(t, nothing, holdall.ErrForbidden)
}

func TestPermissionKeys(t *testing.T) {
	bucket, collection := holdall.BucketResource("invoices"), holdall.CollectionResource("settings")
	cases := []struct {
		key     string
		action  holdall.Action
		r       holdall.Resource
		allowed bool
	}{
		{"*", holdall.Admin, bucket, true},
		{"storage:*", holdall.Delete, bucket, true},
		{"storage:*", holdall.Delete, collection, true},
		{"storage:read", holdall.Read, bucket, true},
		{"storage:read", holdall.Read, collection, true},
		{"storage:read", holdall.Write, bucket, false},
		{"storage:admin", holdall.Read, bucket, false},
		{"storage:invoices:read", holdall.Read, bucket, true},
		{"storage:invoices:*", holdall.Admin, bucket, true},
		{"storage:invoices:read", holdall.Read, holdall.StoreResource(), false},
		{"storage:Invoices:read", holdall.Read, bucket, false},
		{"STORAGE:invoices:read", holdall.Read, bucket, false},
		{"storage:invoice:read", holdall.Read, bucket, false},
		{"storage:invoices", holdall.Read, bucket, false},
		{"storage:invoices:", holdall.Read, bucket, false},
		{"storage:inv*:read", holdall.Read, bucket, false},
		{"storage:*:read", holdall.Read, bucket, false},
		{"storage:**", holdall.Read, bucket, false},
		{"storage:invoices:read:*", holdall.Read, bucket, false},
		{" storage:read", holdall.Read, bucket, false},
		{"storage:read ", holdall.Read, bucket, false},
		{"storage", holdall.Read, bucket, false},
		{"", holdall.Read, bucket, false},
		{"storage:records:read", holdall.Read, collection, true},
		{"storage:records:*", holdall.Admin, collection, true},
		{"storage:records:settings:read", holdall.Read, collection, true},
		{"storage:records:settings:*", holdall.Delete, collection, true},
		{"storage:records:settings:read", holdall.Read, holdall.CollectionResource("setting"), false},
		{"storage:records:read", holdall.Read, bucket, false},
		{"storage:records:*", holdall.Read, bucket, false},
		{"storage:settings:read", holdall.Read, collection, false},
	}
	for _, c := range cases {
		w := newStore(t).As(caller(c.key))
		got, err := w.Explain(t.Context(), c.action, c.r)
		require.NoError(t, err)
		require.Equal(t, c.allowed, got.Allowed, "%q for %s on %v", c.key, c.action, c.r)
		if c.allowed {
			require.Equal(t, c.key, got.Key)
			continue
		}
		require.NotEmpty(t, got.Needed)
		again, err := newStore(t).As(caller(got.Needed[0])).Explain(t.Context(), c.action, c.r)
		require.NoError(t, err)
		require.True(t, again.Allowed, "what Explain names as needed is enough")
	}
}

func TestRoles(t *testing.T) {
	s := newStore(t, func(c *holdall.Config) { c.Roles = holdall.Roles{"editor": {"storage:write", "storage:read"}} })
	w := s.As(holdall.Principal{Tenant: "acme", User: "ann", Roles: []string{"editor", "unknown"}})
	_, err := w.Bucket("default").Object("a").Put(t.Context(), bytes.NewReader(nil), nil)
	require.NoError(t, err)
	_, err = w.Bucket("default").Object("a").Delete(t.Context(), nil)
	require.ErrorIs(t, err, holdall.ErrForbidden)

	b := memory.New()
	_, err = holdall.New(holdall.Config{Catalog: b, Blobs: b, Roles: holdall.Roles{"x": {"storage:reed"}}})
	require.ErrorContains(t, err, `"storage:reed" is not a permission key`)
}
