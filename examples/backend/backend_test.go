package backend_test

import (
	"testing"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/examples/backend"
	"github.com/holdall-go/holdall/storagetest"
)

func TestCatalog(t *testing.T) {
	storagetest.Catalog(t, func(t *testing.T) holdall.Catalog { return backend.New() })
}

func TestBlobs(t *testing.T) {
	storagetest.Blobs(t, func(t *testing.T) holdall.Blobs { return backend.New() })
}
