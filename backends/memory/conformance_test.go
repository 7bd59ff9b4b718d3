package memory_test

import (
	"testing"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/storagetest"
)

func TestConformance(t *testing.T) {
	t.Run("catalog", func(t *testing.T) { storagetest.Catalog(t, func(t *testing.T) holdall.Catalog { return memory.New() }) })
	t.Run("blobs", func(t *testing.T) { storagetest.Blobs(t, func(t *testing.T) holdall.Blobs { return memory.New() }) })
}
