package memory

import (
	"testing"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/storagetest"
)

func TestCatalog(t *testing.T) {
	storagetest.Catalog(t, func(*testing.T) holdall.Catalog { return New() })
}

func TestBlobs(t *testing.T) {
	storagetest.Blobs(t, func(*testing.T) holdall.Blobs { return New() })
}

func TestStore(t *testing.T) {
	storagetest.Store(t, func(*testing.T) holdall.Backends {
		b := New()
		return holdall.Backends{Catalog: b, Blobs: b}
	})
}
