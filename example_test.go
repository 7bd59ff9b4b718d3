package holdall_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"strings"
	"time"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
)

// exampleStore is a store in memory, as the examples below use it.
func exampleStore() *holdall.Store { return exampleStoreAt(nil) }

// exampleStoreAt is exampleStore with a clock that the example sets.
func exampleStoreAt(now func() time.Time) *holdall.Store {
	backend := memory.New()
	store, err := holdall.New(holdall.Config{Catalog: backend, Blobs: backend, Now: now})
	check(err)
	return store
}

// check ends an example that went wrong.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func Example() {
	ctx := context.Background()
	backend := memory.New()
	store, err := holdall.New(holdall.Config{Catalog: backend, Blobs: backend})
	check(err)
	defer store.Close()

	ann := store.As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"storage:*"}})
	file := ann.Bucket(holdall.DefaultBucket).Object("2026/offer.txt")
	info, err := file.Put(ctx, strings.NewReader("ten crates of oranges"), nil)
	check(err)
	fmt.Println(info.Path, info.Size, info.ContentType, info.CreatedBy)

	r, err := file.Open(ctx)
	check(err)
	defer r.Close()
	text, err := io.ReadAll(r)
	check(err)
	fmt.Printf("%s\n", text)
	// Output:
	// 2026/offer.txt 21 text/plain; charset=utf-8 ann
	// ten crates of oranges
}

// Whoever is in another tenant cannot tell what is hidden from what is not
// there; whoever lacks a permission learns nothing either.
func Example_errors() {
	ctx := context.Background()
	store := exampleStore()
	ann := store.As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"storage:*"}})
	_, err := ann.Bucket("default").Object("a.txt").Put(ctx, strings.NewReader("a"), nil)
	check(err)

	eve := store.As(holdall.Principal{Tenant: "other", User: "eve", Permissions: []string{"*"}})
	_, err = eve.Bucket("default").Object("a.txt").Open(ctx)
	fmt.Println(errors.Is(err, holdall.ErrNotFound), errors.Is(err, fs.ErrNotExist), holdall.CodeOf(err))

	bob := store.As(holdall.Principal{Tenant: "acme", User: "bob"})
	_, err = bob.Bucket("default").Object("a.txt").Open(ctx)
	fmt.Println(err)

	_, err = ann.Bucket("default").Object("a.txt").Put(ctx, strings.NewReader("b"), nil)
	var e *holdall.Error
	if errors.As(err, &e) {
		fmt.Println(e.Op, e.Code, "-", e.Detail)
	}
	// Output:
	// true true object_not_found
	// holdall: object.open bucket "default": this needs the permission storage:default:read
	// object.put object_exists - an object is at this path; replace it, or choose another
}

func ExampleBucket_Create() {
	ctx := context.Background()
	ann := exampleStore().As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"storage:*"}})

	photos := ann.Bucket("photos")
	_, err := photos.Create(ctx, &holdall.BucketRules{MaxObjectSize: 5 << 20, AllowedTypes: []string{"image/*"}})
	check(err)

	_, err = photos.Object("cv.txt").Put(ctx, strings.NewReader("Dear Sir or Madam"), nil)
	fmt.Println(err)
	// Output:
	// holdall: object.put object "cv.txt": bucket photos takes image/*, not text/plain; charset=utf-8
}

func ExampleBucket_Tier() {
	ctx := context.Background()
	store := exampleStore()
	may := []string{"storage:read", "storage:write"}
	ann := store.As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: may})
	bob := store.As(holdall.Principal{Tenant: "acme", User: "bob", Permissions: may})

	mine := ann.Bucket("default").Tier(holdall.User).Object("todo.txt")
	_, err := mine.Put(ctx, strings.NewReader("call Bob"), nil)
	check(err)
	ours := ann.Bucket("default").Tier(holdall.Shared).Object("todo.txt")
	_, err = ours.Put(ctx, strings.NewReader("water the plants"), nil)
	check(err)

	for name, ws := range map[string]*holdall.Workspace{"ann": ann, "bob": bob} {
		page, err := ws.Bucket("default").ListPage(ctx, nil)
		check(err)
		fmt.Println(name, "sees", page.Total)
	}
	// Unordered output:
	// ann sees 2
	// bob sees 1
}

func ExampleBucket_List() {
	ctx := context.Background()
	ann := exampleStore().As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"storage:*"}})
	docs := ann.Bucket("default")
	for _, path := range []string{"readme.md", "2025/a.pdf", "2026/a.pdf", "2026/b.pdf"} {
		_, err := docs.Object(path).Put(ctx, strings.NewReader(path), nil)
		check(err)
	}

	for o, err := range docs.List(ctx, &holdall.ListOptions{Prefix: "2026/"}) {
		check(err)
		fmt.Println(o.Path)
	}
	top, err := docs.ListPage(ctx, &holdall.ListOptions{Delimiter: "/"})
	check(err)
	fmt.Println(top.Folders, top.Items[0].Path)
	// Output:
	// 2026/a.pdf
	// 2026/b.pdf
	// [2025/ 2026/] readme.md
}

// Replacing keeps the id; IfMatch makes sure that nobody else's bytes are lost.
func ExampleObject_Put_replace() {
	ctx := context.Background()
	ann := exampleStore().As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"storage:*"}})
	page := ann.Bucket("default").Object("index.html")

	first, err := page.Put(ctx, strings.NewReader("<p>one"), nil)
	check(err)
	second, err := page.Put(ctx, strings.NewReader("<p>two"), &holdall.PutOptions{IfMatch: []string{first.ETag()}})
	check(err)
	fmt.Println(second.ID == first.ID, second.Version)

	_, err = page.Put(ctx, strings.NewReader("<p>three"), &holdall.PutOptions{IfMatch: []string{first.ETag()}})
	fmt.Println(errors.Is(err, holdall.ErrPrecondition))
	// Output:
	// true 2
	// true
}

// A move changes the row; the bytes stay where they are.
func ExampleObject_Update() {
	ctx := context.Background()
	ann := exampleStore().As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"storage:*"}})
	draft := ann.Bucket("default").Object("draft.md")
	_, err := draft.Put(ctx, strings.NewReader("# Plan"), nil)
	check(err)

	moved, err := draft.Update(ctx, holdall.ObjectUpdate{Path: new("final/plan.md"), Metadata: map[string]string{"state": "signed"}})
	check(err)
	fmt.Println(moved.Path, moved.Metadata["state"], moved.VersionTag())
	// Output:
	// final/plan.md signed v2
}

func ExampleObject_Restore() {
	ctx := context.Background()
	ann := exampleStore().As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"storage:*"}})
	file := ann.Bucket("default").Object("a.txt")
	_, err := file.Put(ctx, strings.NewReader("a"), nil)
	check(err)

	_, err = file.Delete(ctx, nil)
	check(err)
	_, err = file.Stat(ctx)
	fmt.Println("after Delete:", holdall.CodeOf(err))
	_, err = file.Restore(ctx)
	check(err)
	info, err := file.Stat(ctx)
	check(err)
	fmt.Println("after Restore:", info.Path)
	// Output:
	// after Delete: object_not_found
	// after Restore: a.txt
}

func ExampleWorkspace_Explain() {
	ctx := context.Background()
	bob := exampleStore().As(holdall.Principal{Tenant: "acme", User: "bob", Permissions: []string{"storage:invoices:*"}})

	for _, bucket := range []string{"invoices", "payroll"} {
		why, err := bob.Explain(ctx, holdall.Read, holdall.BucketResource(bucket))
		check(err)
		fmt.Println(why.Allowed, "-", why.Reason)
	}
	// Output:
	// true - read is granted by "storage:invoices:*"
	// false - read needs one of storage:payroll:read, storage:payroll:*, storage:read, storage:*, *
}

func ExampleStore_Verify() {
	ctx := context.Background()
	store := exampleStore()
	ann := store.As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"storage:*"}})
	_, err := ann.Bucket("default").Object("a.txt").Put(ctx, strings.NewReader("a"), nil)
	check(err)

	problems := 0
	for finding, err := range store.Verify(ctx, &holdall.VerifyOptions{Read: true}) {
		check(err)
		fmt.Println(finding.Problem, finding.BlobKey)
		problems++
	}
	fmt.Println(problems, "problems")
	// Output:
	// 0 problems
}
