package holdall_test

import (
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
