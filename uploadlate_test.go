package holdall_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
)

// twoStores is a catalog and a blob store that are not one backend, so that
// an upload takes the three steps.
func twoStores(t *testing.T) (*holdall.Store, *memory.Backend) {
	blobs := memory.New()
	return newStore(t, func(c *holdall.Config) { c.Blobs = blobs }), blobs
}

func blobCount(t *testing.T, b *memory.Backend) int {
	t.Helper()
	list, err := b.ListBlobs(t.Context(), "", 1000)
	require.NoError(t, err)
	return len(list)
}

func TestLateNaming(t *testing.T) {
	for _, size := range []int{0, 1, 511, 512, 513, 64 << 10, 64<<10 + 1, 300_000} {
		for _, replace := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d bytes, replace %t", size, replace), func(t *testing.T) {
				apart, blobs := twoStores(t)
				for _, s := range []*holdall.Store{newStore(t), apart} {
					testLateNaming(t, s, size, replace)
				}
				_, err := apart.Sweep(t.Context())
				require.NoError(t, err)
				for f, err := range apart.Verify(t.Context(), &holdall.VerifyOptions{Read: true}) {
					require.NoError(t, err)
					t.Errorf("%+v", f)
				}
				want := 1
				if replace {
					want = 2 // the replaced bytes, within the grace period
				}
				require.Equal(t, want, blobCount(t, blobs))
			})
		}
	}
}

func testLateNaming(t *testing.T, s *holdall.Store, size int, replace bool) {
	ctx := t.Context()
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	w := s.As(caller("*"))
	target := w.Bucket("default").Tier(holdall.User).Object("a/late.pdf")
	var old holdall.ObjectInfo
	if replace {
		var err error
		old, err = target.Put(ctx, bytes.NewReader([]byte("old")), nil)
		require.NoError(t, err)
	}
	ended := false
	late := func() (*holdall.Object, *holdall.PutOptions, error) {
		require.True(t, ended, "asked before the end of the body")
		return target, &holdall.PutOptions{ContentType: "application/pdf", Metadata: map[string]string{"k": "v"}, Replace: replace}, nil
	}
	body := io.MultiReader(bytes.NewReader(data), readerFunc(func([]byte) (int, error) { ended = true; return 0, io.EOF }))
	o, err := w.Bucket("").Object("").Put(ctx, body, &holdall.PutOptions{Late: late, Replace: replace})
	require.NoError(t, err)
	require.Equal(t, "a/late.pdf", o.Path)
	require.Equal(t, holdall.User, o.Tier)
	require.Equal(t, "application/pdf", o.ContentType)
	require.Equal(t, map[string]string{"k": "v"}, o.Metadata)
	if replace {
		require.Equal(t, old.ID, o.ID)
		require.EqualValues(t, 2, o.Version)
	}
	r, err := target.Open(ctx)
	require.NoError(t, err)
	defer r.Close()
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, got))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// What a late naming gets wrong is refused like in a plain upload, and nothing
// of it stays.
func TestLateNamingRefused(t *testing.T) {
	broken := errors.New("broken")
	apart, blobs := twoStores(t)
	for _, s := range []*holdall.Store{newStore(t), apart} {
		w := s.As(caller("*"))
		_, err := w.Bucket("small").Create(t.Context(), &holdall.BucketRules{MaxObjectSize: 5, AllowedTypes: []string{"image/png"}})
		require.NoError(t, err)
		_, err = w.Bucket("texts").Create(t.Context(), &holdall.BucketRules{AllowedTypes: []string{"image/png"}})
		require.NoError(t, err)
		_, err = w.Bucket("default").Object("taken").Put(t.Context(), bytes.NewReader(nil), nil)
		require.NoError(t, err)
		b := w.Bucket("default")
		for _, size := range []int{10, 100_000} {
			for name, c := range map[string]struct {
				o    *holdall.Object
				opts *holdall.PutOptions
				err  error
				want error
			}{
				"error":     {err: broken, want: broken},
				"taken":     {o: b.Object("taken"), want: holdall.ErrExists},
				"path":      {o: b.Object("../x"), want: holdall.ErrInvalid},
				"bucket":    {o: w.Bucket("none").Object("x"), want: holdall.ErrNotFound},
				"size":      {o: w.Bucket("small").Object("x"), opts: &holdall.PutOptions{ContentType: "image/png"}, want: holdall.ErrTooLarge},
				"type":      {o: w.Bucket("texts").Object("x"), want: holdall.ErrTypeNotAllowed},
				"checksum":  {o: b.Object("x"), opts: &holdall.PutOptions{Checksum: fmt.Sprintf("%064d", 0)}, want: holdall.ErrInvalid},
				"tier":      {o: b.Tier(holdall.Private).Object("x"), want: holdall.ErrInvalid},
				"condition": {o: b.Object("x"), opts: &holdall.PutOptions{IfMatch: []string{"v1"}}, want: holdall.ErrPrecondition},
				"forbidden": {o: s.As(caller("storage:read")).Bucket("default").Object("x"), want: holdall.ErrForbidden},
				"tenant": {o: s.As(holdall.Principal{Tenant: "other", User: "ann", Permissions: []string{"*"}}).Bucket("default").Object("x"),
					want: holdall.ErrInvalid},
			} {
				late := func() (*holdall.Object, *holdall.PutOptions, error) { return c.o, c.opts, c.err }
				_, err := w.Bucket("").Object("").Put(t.Context(), bytes.NewReader(make([]byte, size)), &holdall.PutOptions{Late: late})
				require.ErrorIs(t, err, c.want, name)
			}
		}
		l, err := w.ObjectsPage(t.Context(), nil)
		require.NoError(t, err)
		require.Len(t, l.Items, 1)
	}
	require.Equal(t, 1, blobCount(t, blobs))
}

// What is known before the body is refused before the body.
func TestLateNamingForesees(t *testing.T) {
	s := newStore(t)
	root := s.As(caller("*"))
	_, err := root.Bucket("images").Create(t.Context(), &holdall.BucketRules{AllowedTypes: []string{"image/*"}})
	require.NoError(t, err)
	_, err = root.Bucket("default").Object("taken").Put(t.Context(), bytes.NewReader(nil), nil)
	require.NoError(t, err)
	late := func() (*holdall.Object, *holdall.PutOptions, error) {
		t.Error("asked for a name")
		return nil, nil, errors.New("asked")
	}
	put := func(o *holdall.Object, opts holdall.PutOptions, reads bool) error {
		opts.Late = late
		unread := readerFunc(func(p []byte) (int, error) {
			require.True(t, reads, "the body was read")
			return copy(p, "text"), nil
		})
		_, err := o.Put(context.Background(), unread, &opts)
		return err
	}
	require.ErrorIs(t, put(s.As(caller("storage:read")).Bucket("").Object(""), holdall.PutOptions{}, false), holdall.ErrForbidden)
	require.ErrorIs(t, put(s.As(caller("storage:write")).Bucket("").Object(""), holdall.PutOptions{Replace: true}, false), holdall.ErrForbidden)
	require.ErrorIs(t, put(s.As(holdall.Principal{}).Bucket("").Object(""), holdall.PutOptions{}, false), holdall.ErrUnauthenticated)
	require.ErrorIs(t, put(root.Bucket("none").Object(""), holdall.PutOptions{}, false), holdall.ErrNotFound)
	require.ErrorIs(t, put(root.Bucket("").Object("a//b"), holdall.PutOptions{}, false), holdall.ErrInvalid)
	require.ErrorIs(t, put(root.Bucket("").Tier("x").Object(""), holdall.PutOptions{}, false), holdall.ErrInvalid)
	require.ErrorIs(t, put(root.Bucket("").Object(""), holdall.PutOptions{SourceType: "x"}, false), holdall.ErrInvalid)
	require.ErrorIs(t, put(root.Bucket("default").Tier(holdall.Shared).Object("taken"), holdall.PutOptions{}, false), holdall.ErrExists)
	require.ErrorIs(t, put(root.Bucket("images").Object(""), holdall.PutOptions{ContentType: "text/html"}, true), holdall.ErrTypeNotAllowed)
}
