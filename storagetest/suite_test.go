package storagetest

import (
	"testing"

	"github.com/holdall-go/holdall"
)

func TestCatalog(t *testing.T) {
	Catalog(t, func(t *testing.T) holdall.Catalog { return fullModel{newModel()} })
}

func TestBlobs(t *testing.T) {
	Blobs(t, func(t *testing.T) holdall.Blobs { return newBlobModel() })
}

// TestShared runs the cases one after another on one catalog and one store of
// blobs, as they may share a server.
func TestShared(t *testing.T) {
	catalog, blobs := fullModel{newModel()}, newBlobModel()
	t.Run("catalog", func(t *testing.T) { Catalog(t, func(*testing.T) holdall.Catalog { return catalog }) })
	t.Run("blobs", func(t *testing.T) { Blobs(t, func(*testing.T) holdall.Blobs { return blobs }) })
}
