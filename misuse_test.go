package holdall_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
)

func TestUpdateChecksMetadataOfWhatMoves(t *testing.T) {
	ctx, ann := t.Context(), newStore(t).As(caller("*"))
	_, err := ann.Bucket("b").Create(ctx, nil)
	require.NoError(t, err)
	_, err = ann.Bucket("default").Object("a").Put(ctx, strings.NewReader("a"), nil)
	require.NoError(t, err)

	_, err = ann.Bucket("default").Object("a").Update(ctx, holdall.ObjectUpdate{
		Bucket: new("b"), Metadata: map[string]string{"": "a name must not be empty"},
	})
	require.ErrorIs(t, err, holdall.ErrInvalid)
}

// stingy is a catalog whose pages hold one entry.
type stingy struct{ holdall.Catalog }

func (c stingy) Query(ctx context.Context, q holdall.Query) (holdall.Page, error) {
	q.Limit = 1
	return c.Catalog.Query(ctx, q)
}

func TestDeleteAppLeavesNothing(t *testing.T) {
	const many = 250 // pages: more than there are turns for one that is stuck
	ctx := t.Context()
	store := newStore(t, func(cfg *holdall.Config) { cfg.Catalog = stingy{cfg.Catalog} })
	p := caller("*")
	p.App = "crm"
	app := store.As(p)
	for i := range many {
		_, err := app.Collection("c").Record(strconv.Itoa(i)).Put(ctx, i, nil)
		require.NoError(t, err)
	}

	erased, err := store.As(caller("*")).DeleteApp(ctx, "crm")
	require.NoError(t, err)
	require.Equal(t, many, erased.Records)
	left, err := app.Collection("c").ListPage(ctx, nil)
	require.NoError(t, err)
	require.Zero(t, left.Total)
}

func TestErrorsSayWhatIsWrong(t *testing.T) {
	ctx, ann := t.Context(), newStore(t).As(caller("*"))
	for _, path := range []string{"a", "b"} {
		_, err := ann.Bucket("default").Object(path).Put(ctx, strings.NewReader(path), nil)
		require.NoError(t, err)
	}
	_, err := ann.Bucket("full").Create(ctx, nil)
	require.NoError(t, err)
	_, err = ann.Bucket("full").Object("a").Put(ctx, strings.NewReader("a"), nil)
	require.NoError(t, err)

	for name, c := range map[string]struct {
		err    error
		detail string
	}{
		"upload to no bucket": {ignore(ann.Bucket("no").Object("a").Put(ctx, strings.NewReader("a"), nil)), "no such bucket"},
		"list no bucket":      {ignore(ann.Bucket("no").ListPage(ctx, nil)), "no such bucket"},
		"delete no bucket":    {ann.Bucket("no").Delete(ctx), "no such bucket"},
		"delete a full one":   {ann.Bucket("full").Delete(ctx), "empty it first"},
		"make it twice":       {ignore(ann.Bucket("full").Create(ctx, nil)), "is there already"},
		"move onto another":   {ignore(ann.Bucket("default").Object("a").Update(ctx, holdall.ObjectUpdate{Path: new("b")})), "an object is at this path"},
	} {
		t.Run(name, func(t *testing.T) {
			var e *holdall.Error
			require.ErrorAs(t, c.err, &e)
			require.Contains(t, e.Detail, c.detail)
		})
	}
}

func TestErrorDoesNotRepeatItsCause(t *testing.T) {
	err := &holdall.Error{Op: "object.stat", Code: holdall.CodeUnavailable, Err: fmt.Errorf("%w: it is shut", holdall.ErrUnavailable)}
	require.EqualError(t, err, "holdall: object.stat: unavailable: it is shut")
}

func TestCopyStaysInItsTenant(t *testing.T) {
	ctx, store := t.Context(), newStore(t)
	ann, eve := store.As(caller("*")), store.As(holdall.Principal{Tenant: "other", User: "eve", Permissions: []string{"*"}})
	src := ann.Bucket("default").Object("a")
	_, err := src.Put(ctx, strings.NewReader("a"), nil)
	require.NoError(t, err)

	_, err = src.Copy(ctx, eve.Bucket("default").Object("b"))
	require.ErrorIs(t, err, holdall.ErrInvalid)
	_, err = ann.Bucket("default").Object("b").Stat(ctx)
	require.ErrorIs(t, err, holdall.ErrNotFound)
}

func TestExplainKnowsItsActions(t *testing.T) {
	_, err := newStore(t).As(caller("*")).Explain(t.Context(), "list", holdall.StoreResource())
	require.ErrorIs(t, err, holdall.ErrInvalid)
}

// hollow is a wrapper that has nothing to show behind it.
type hollow struct {
	holdall.Catalog
	holdall.Blobs
}

func (*hollow) Unwrap() any { return nil }

func TestWrapperOfNothing(t *testing.T) {
	b := memory.New()
	h := &hollow{b, b}
	s, err := holdall.New(holdall.Config{Catalog: h, Blobs: h})
	require.NoError(t, err)
	_, err = s.Sweep(t.Context())
	require.NoError(t, err)
}
