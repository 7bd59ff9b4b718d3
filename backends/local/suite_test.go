package local

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/storagetest"
)

func openTemp(t testing.TB) *Backend {
	t.Helper()
	b, err := Open(t.TempDir(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func TestCatalog(t *testing.T) {
	b := openTemp(t)
	storagetest.Catalog(t, func(*testing.T) holdall.Catalog { return b })
}

func TestBlobs(t *testing.T) {
	b := openTemp(t)
	storagetest.Blobs(t, func(*testing.T) holdall.Blobs { return b })
}

func TestStore(t *testing.T) {
	b := openTemp(t)
	storagetest.Store(t, func(*testing.T) holdall.Backends { return holdall.Backends{Catalog: b, Blobs: b} })
}
