package storagetest

import "github.com/holdall-go/holdall"

// bareCatalog and bareBlobs hide every capability of what they wrap: a Store
// over them must do everything by the required methods alone.
type bareCatalog struct{ holdall.Catalog }

type bareBlobs struct{ holdall.Blobs }

// wrappedCatalog and wrappedBlobs are decorators as anyone may write them:
// they have the required methods alone, and Unwrap, so they hide nothing.
type wrappedCatalog struct{ holdall.Catalog }

func (w wrappedCatalog) Unwrap() any { return w.Catalog }

type wrappedBlobs struct{ holdall.Blobs }

func (w wrappedBlobs) Unwrap() any { return w.Blobs }

// wrappings are the ways in which Store runs its cases.
var wrappings = []struct {
	name string
	wrap func(b holdall.Backends) holdall.Backends
}{
	{"plain", func(b holdall.Backends) holdall.Backends { return b }},
	{"wrapped", func(b holdall.Backends) holdall.Backends {
		b.Catalog, b.Blobs = wrappedCatalog{wrappedCatalog{b.Catalog}}, wrappedBlobs{b.Blobs}
		return b
	}},
	{"bare", func(b holdall.Backends) holdall.Backends {
		b.Catalog, b.Blobs = bareCatalog{b.Catalog}, bareBlobs{b.Blobs}
		return b
	}},
}
