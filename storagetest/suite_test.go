package storagetest

import (
	"os"
	"strings"
	"testing"

	"github.com/holdall-go/holdall"
)

func TestCatalog(t *testing.T) {
	Catalog(t, func(t *testing.T) holdall.Catalog { return fullModel{newModel()} })
}

func TestBlobs(t *testing.T) {
	Blobs(t, func(t *testing.T) holdall.Blobs { return newBlobModel() })
}

// TestShared runs cases one after another on one catalog and one store of
// blobs, as they share a server: those first that look beyond their tenant.
func TestShared(t *testing.T) {
	catalog, blobs := fullModel{newModel()}, newBlobModel()
	for range 2 {
		for _, tc := range catalogCases() {
			if group, _, _ := strings.Cut(tc.name, "/"); group == "scan" || group == "place" || group == "bucket" {
				t.Run(tc.name, func(t *testing.T) { tc.on(t, catalog) })
			}
		}
		for _, tc := range blobCases() {
			if group, _, _ := strings.Cut(tc.name, "/"); group == "list" || group == "copy" {
				t.Run(tc.name, func(t *testing.T) { tc.on(t, blobs) })
			}
		}
	}
}

func TestStore(t *testing.T) {
	t.Run("one commit", func(t *testing.T) {
		Store(t, func(*testing.T) holdall.Backends {
			b := &atomicModel{newOneModel()}
			return holdall.Backends{Catalog: b, Blobs: b}
		})
	})
	t.Run("two backends", func(t *testing.T) {
		Store(t, func(*testing.T) holdall.Backends {
			return holdall.Backends{Catalog: fullModel{newModel()}, Blobs: newBlobModel(), Records: fullModel{newModel()}}
		})
	})
}

// takesMinutes skips a test unless all tests are asked for, as make test does.
func takesMinutes(t *testing.T) {
	t.Helper()
	if os.Getenv("HOLDALL_TEST_SERVERS") == "" && os.Getenv("CI") == "" {
		t.Skip("takes minutes: set HOLDALL_TEST_SERVERS=1")
	}
}
