package memory

import (
	"testing"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/storagetest"
)

func TestCatalog(t *testing.T) {
	storagetest.Catalog(t, func(t *testing.T) holdall.Catalog { t.Parallel(); return New() })
}

func TestBlobs(t *testing.T) {
	storagetest.Blobs(t, func(t *testing.T) holdall.Blobs { t.Parallel(); return New() })
}

func TestStore(t *testing.T) {
	storagetest.Store(t, func(t *testing.T) holdall.Backends {
		t.Parallel()
		b := New()
		return holdall.Backends{Catalog: b, Blobs: b}
	})
}
