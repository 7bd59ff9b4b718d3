package mongo_test

import (
	"context"
	"strings"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/backends/mongo"
)

// The host makes the client and keeps it; the bytes go to another backend.
func ExampleNew() {
	_ = keep(context.Background(), memory.New(), "mongodb://localhost:27017/?replicaSet=rs0")
}

func keep(ctx context.Context, blobs holdall.Blobs, uri string) error {
	client, err := driver.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return err
	}
	catalog, err := mongo.New(client.Database("app"), nil)
	if err != nil {
		return err
	}
	if err := catalog.EnsureIndexes(ctx); err != nil {
		return err
	}
	store, err := holdall.New(holdall.Config{Catalog: catalog, Blobs: blobs})
	if err != nil {
		return err
	}
	ann := store.As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"storage:write"}})
	_, err = ann.Bucket(holdall.DefaultBucket).Object("notes/hello.txt").Put(ctx, strings.NewReader("hello"), nil)
	return err
}
