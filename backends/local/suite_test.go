package local

import (
	"os"
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

// takesMinutes skips a test that waits for the disk for long, unless all tests
// are asked for, as make test does.
func takesMinutes(t *testing.T) {
	t.Helper()
	if os.Getenv("HOLDALL_TEST_SERVERS") == "" && os.Getenv("CI") == "" {
		t.Skip("takes minutes: set HOLDALL_TEST_SERVERS=1")
	}
}

// Each case has a folder of its own, so that they can wait for the disk side
// by side.
func openAside(t *testing.T) *Backend {
	t.Helper()
	t.Parallel()
	return openTemp(t)
}

func TestCatalog(t *testing.T) {
	storagetest.Catalog(t, func(t *testing.T) holdall.Catalog { return openAside(t) })
}

func TestBlobs(t *testing.T) {
	storagetest.Blobs(t, func(t *testing.T) holdall.Blobs { return openAside(t) })
}

func TestStore(t *testing.T) {
	takesMinutes(t)
	storagetest.Store(t, func(t *testing.T) holdall.Backends {
		b := openAside(t)
		return holdall.Backends{Catalog: b, Blobs: b}
	})
}
