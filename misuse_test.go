package holdall_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
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

func TestDeleteAppLeavesNothing(t *testing.T) {
	const many = 51_000 // more than a hundred pages of any round
	ctx, store := t.Context(), newStore(t)
	p := caller("*")
	p.App = "crm"
	app := store.As(p)
	for from := 0; from < many; from += holdall.MaxBatch {
		ops := make([]holdall.BatchOp, holdall.MaxBatch)
		for i := range ops {
			ops[i] = holdall.BatchOp{Collection: "c", Key: strconv.Itoa(from + i), Value: 1}
		}
		_, err := app.Batch(ctx, ops)
		require.NoError(t, err)
	}

	erased, err := store.As(caller("*")).DeleteApp(ctx, "crm")
	require.NoError(t, err)
	require.Equal(t, many, erased.Records)
	left, err := app.Collection("c").ListPage(ctx, nil)
	require.NoError(t, err)
	require.Zero(t, left.Total)
}
