package holdall_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/holdall-go/holdall"
)

func ExampleRecord_Put() {
	ctx := context.Background()
	ann := exampleStore().As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"storage:records:*"}})
	theme := ann.Collection("settings").Record("ui/theme")

	rec, err := theme.Put(ctx, map[string]any{"dark": true, "zoom": 1.25}, nil)
	check(err)
	fmt.Println(rec.VersionTag(), string(rec.Value))

	// Only over what was read: of two writers one finds out.
	_, err = theme.Put(ctx, json.RawMessage(`{"dark":false}`), &holdall.RecordOptions{IfMatch: []string{rec.VersionTag()}})
	check(err)
	_, err = theme.Put(ctx, json.RawMessage(`{"zoom":2}`), &holdall.RecordOptions{IfMatch: []string{rec.VersionTag()}})
	fmt.Println(errors.Is(err, holdall.ErrPrecondition))
	// Output:
	// v1 {"dark":true,"zoom":1.25}
	// true
}

func ExampleRecord_Put_ttl() {
	ctx := context.Background()
	clock := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	store := exampleStoreAt(func() time.Time { return clock })
	ann := store.As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"storage:records:*"}})
	code := ann.Collection("logins").Record("ann")

	_, err := code.Put(ctx, 4711, &holdall.RecordOptions{TTL: time.Minute})
	check(err)
	clock = clock.Add(time.Minute)
	_, err = code.Get(ctx)
	fmt.Println(holdall.CodeOf(err))
	// Output:
	// record_not_found
}

func ExampleRecord_Patch() {
	ctx := context.Background()
	ann := exampleStore().As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"storage:records:*"}})
	order := ann.Collection("orders").Record("1001")
	_, err := order.Put(ctx, json.RawMessage(`{"state":"open","note":"call first"}`), nil)
	check(err)

	rec, err := order.Patch(ctx, json.RawMessage(`{"state":"paid","note":null}`), nil)
	check(err)
	var v struct{ State string }
	check(rec.Decode(&v))
	fmt.Println(v.State, string(rec.Value), rec.Version)
	// Output:
	// paid {"state":"paid"} 2
}

func ExampleCollection_List() {
	ctx := context.Background()
	ann := exampleStore().As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"storage:records:*"}})
	orders := ann.Collection("orders")
	for key, value := range map[string]string{
		"1001": `{"state":"open","total":120,"tags":["export"]}`,
		"1002": `{"state":"open","total":80}`,
		"1003": `{"state":"paid","total":300}`,
	} {
		_, err := orders.Record(key).Put(ctx, json.RawMessage(value), nil)
		check(err)
	}

	where, err := holdall.ParseFilter([]byte(`{"state":"open","or":[{"total":{"gt":100}},{"tags":{"contains":"rush"}}]}`))
	check(err)
	for rec, err := range orders.List(ctx, &holdall.ListOptions{Where: where}) {
		check(err)
		fmt.Println(rec.Key, string(rec.Value))
	}
	// Output:
	// 1001 {"state":"open","total":120,"tags":["export"]}
}

func ExampleWorkspace_Batch() {
	ctx := context.Background()
	ann := exampleStore().As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"storage:records:*"}})

	results, err := ann.Batch(ctx, []holdall.BatchOp{
		{Collection: "stock", Key: "oranges", Value: 10},
		{Collection: "stock", Key: "lemons", Value: 4},
		{Collection: "stock", Key: "limes", Delete: true},
	})
	check(err)
	for _, r := range results {
		fmt.Println(r.Record.Key, r.Record.Version, r.Err == nil)
	}
	// Output:
	// oranges 1 true
	// lemons 1 true
	//  0 false
}

// All or nothing: the file's row and the record change together.
func ExampleStore_InTx() {
	ctx := context.Background()
	store := exampleStore()
	p := holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"storage:*"}}

	err := store.InTx(ctx, func(tx *holdall.Store) error {
		ws := tx.As(p)
		scan, err := ws.Bucket("default").Object("invoices/7.txt").Put(ctx, strings.NewReader("80 euros"), nil)
		if err != nil {
			return err
		}
		_, err = ws.Collection("invoices").Record("7").Put(ctx, map[string]any{"scan": scan.ID, "total": 80}, nil)
		if err != nil {
			return err
		}
		return errors.New("the bank said no")
	})
	fmt.Println(err)

	page, err := store.As(p).Bucket("default").ListPage(ctx, nil)
	check(err)
	fmt.Println(page.Total, "files")
	// Output:
	// the bank said no
	// 0 files
}
