package local

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
)

// A file that was cut or removed behind the store's back is found without
// reading all bytes.
func TestVerifySeesTheFilesAndNotOnlyTheirRows(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(dir, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	store, err := holdall.New(holdall.Config{Catalog: b, Blobs: b})
	require.NoError(t, err)
	ws := store.As(holdall.Principal{Tenant: "t", User: "u", Permissions: []string{"*"}})
	file := map[string]string{}
	for _, name := range []string{"whole", "cut", "gone"} {
		o, err := ws.Bucket("default").Object(name).Put(t.Context(), bytes.NewReader(make([]byte, 3*maxSmall)), nil)
		require.NoError(t, err)
		file[name] = filepath.Join(dir, blobDir, filepath.FromSlash(o.BlobKey))
	}
	require.NoError(t, os.Truncate(file["cut"], 100))
	require.NoError(t, os.Remove(file["gone"]))
	found := map[string]holdall.Problem{}
	for f, err := range store.Verify(t.Context(), nil) {
		require.NoError(t, err)
		found[f.Object.Path] = f.Problem
	}
	require.Equal(t, map[string]holdall.Problem{"cut": holdall.ProblemSize, "gone": holdall.ProblemMissing}, found)
}
