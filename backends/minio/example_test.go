package minio_test

import (
	"context"
	"strings"

	miniogo "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/backends/minio"
)

// The host makes the client and keeps it; the entries go to another backend.
func ExampleNew() {
	_ = keep(context.Background(), memory.New(), "key", "secret")
}

func keep(ctx context.Context, catalog holdall.Catalog, key, secret string) error {
	client, err := miniogo.New("files.example.com:9000", &miniogo.Options{ // github.com/minio/minio-go/v7
		Creds:  credentials.NewStaticV4(key, secret, ""),
		Secure: true, Region: "us-east-1", MaxRetries: 3,
	})
	if err != nil {
		return err
	}
	blobs, err := minio.New(client, "files", nil)
	if err != nil {
		return err
	}
	if err := blobs.Setup(ctx); err != nil { // is the bucket there, does it keep versions?
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
