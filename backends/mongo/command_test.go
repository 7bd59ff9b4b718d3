package mongo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/internal/mongotest"
)

// recorder keeps the commands that a client sends.
type recorder struct {
	mu   sync.Mutex
	list []command
}

type command struct {
	name string
	body bson.D
}

func (r *recorder) monitor() *event.CommandMonitor {
	return &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		var body bson.D
		if err := bson.Unmarshal(e.Command, &body); err != nil {
			panic(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.list = append(r.list, command{e.CommandName, body})
	}}
}

// take returns what was sent since it was called last.
func (r *recorder) take() []command {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.list
	r.list = nil
	return list
}

func (c command) get(path ...string) any {
	var v any = c.body
	for _, p := range path {
		d, ok := v.(bson.D)
		if !ok {
			return nil
		}
		i := slices.IndexFunc(d, func(e bson.E) bool { return e.Key == p })
		if i < 0 {
			return nil
		}
		v = d[i].Value
	}
	return v
}

// recorded returns a Backend and the commands that it sends from now on.
func recorded(t *testing.T) (*Backend, *recorder) {
	t.Helper()
	r := &recorder{}
	b := openAt(t, mongotest.URI(t), r.monitor())
	return b, r
}

func keysOf(d any) []string {
	var keys []string
	for _, e := range d.(bson.D) {
		keys = append(keys, e.Key)
	}
	return keys
}

var shardKey = []string{"tenant", "kind", "container", "tier", "owner", "name"}

// TestIndexCommands looks at the indexes that are asked for: also at the one
// that the server of the tests cannot make.
func TestIndexCommands(t *testing.T) {
	_, r := recorded(t)
	unique, expiry := 0, 0
	for _, c := range r.take() {
		if c.name != "createIndexes" {
			continue
		}
		for _, v := range c.get("indexes").(bson.A) {
			index := command{body: v.(bson.D)}
			keys := keysOf(index.get("key"))
			require.Nil(t, index.get("partialFilterExpression"))
			if index.get("unique") == true {
				unique++
				require.Equal(t, shardKey, keys[:len(shardKey)], "a unique index begins with the shard key")
			}
			if after := index.get("expireAfterSeconds"); after != nil {
				expiry++
				require.Equal(t, []string{"expires_at"}, keys)
				require.EqualValues(t, 3600, after)
			}
		}
	}
	require.Equal(t, 1, unique)
	require.Equal(t, 1, expiry)
}

// TestIndexesAreNeededAndMadeOnce tells a database without them from one with.
func TestIndexesAreNeededAndMadeOnce(t *testing.T) {
	uri := mongotest.URI(t)
	b := openAt(t, uri, nil)
	require.NoError(t, b.Ping(bg))
	race(4, func(int) {
		if err := b.EnsureIndexes(bg); err != nil {
			t.Errorf("%v", err)
		}
	})
	other := openAt(t, uri, nil)
	require.NoError(t, other.entries.Indexes().DropOne(bg, "due"))
	_, err := other.entries.Indexes().CreateOne(bg, mongo.IndexModel{Keys: bson.D{{Key: "name", Value: 1}}, Options: options.Index().SetName("due")})
	require.NoError(t, err)
	require.ErrorIs(t, other.EnsureIndexes(bg), holdall.ErrInvalid)
	bare := openBare(t, uri, b.db.Name()+"_bare", nil)
	err = bare.Ping(bg)
	require.ErrorIs(t, err, holdall.ErrUnavailable)
	require.ErrorContains(t, err, "EnsureIndexes")
}

// work runs everything that writes, through the Store and beside it.
func work(t *testing.T, b *Backend) {
	t.Helper()
	var ahead time.Duration
	s, err := holdall.New(holdall.Config{Catalog: b, Blobs: memory.New(), Now: func() time.Time { return time.Now().Add(ahead) }})
	require.NoError(t, err)
	ws := s.As(holdall.Principal{Tenant: "t", User: "ann", App: "app", Permissions: []string{"*"}})
	files := ws.Bucket("files")
	_, err = files.Create(bg, nil)
	require.NoError(t, err)
	for i := range 3 {
		for range 2 {
			_, err = files.Object(fmt.Sprint("dir/", i)).Put(bg, strings.NewReader("x"), &holdall.PutOptions{Replace: true})
			require.NoError(t, err)
		}
	}
	c := ws.Collection("c")
	for i := range 4 {
		_, err = c.Record(fmt.Sprint(i)).Put(bg, map[string]any{"$set": map[string]any{"a.b": 1}}, &holdall.RecordOptions{TTL: time.Minute})
		require.NoError(t, err)
		_, err = c.Record(fmt.Sprint(i%2)).Put(bg, i, &holdall.RecordOptions{TTL: time.Minute})
		require.NoError(t, err)
	}
	_, err = c.Record("0").Put(bg, 7, &holdall.RecordOptions{IfMatch: []string{"v9"}})
	require.Error(t, err)
	_, err = c.Record("0").Delete(bg, nil)
	require.NoError(t, err)
	_, err = files.Object("dir/0").Delete(bg, nil)
	require.NoError(t, err)
	require.Error(t, files.Delete(bg), "it is not empty")
	_, err = files.Empty(bg)
	require.NoError(t, err)
	require.NoError(t, files.Delete(bg))
	ahead = 200 * 24 * time.Hour
	_, err = c.Record("3").Put(bg, 1, nil) // over one that has run out
	require.NoError(t, err)
	_, err = s.Sweep(bg)
	require.NoError(t, err)
}

// TestWritesNameTheShardKey looks at every write: to one document, by the
// whole shard key, never an upsert, and with what makes it durable.
func TestWritesNameTheShardKey(t *testing.T) {
	b, r := recorded(t)
	r.take()
	work(t, b)
	seen := map[string]int{}
	whole := func(c command, filter any) {
		for _, k := range shardKey {
			require.IsType(t, "", command{body: filter.(bson.D)}.get(k), "%s: %s in %v", c.name, k, c.body)
		}
	}
	for _, c := range r.take() {
		seen[c.name]++
		switch c.name {
		case "findAndModify":
			whole(c, c.get("query"))
			require.Nil(t, c.get("upsert"))
			require.Nil(t, c.get("remove"))
		case "update":
			require.Len(t, c.get("updates").(bson.A), 1)
			u := command{name: c.name, body: c.get("updates").(bson.A)[0].(bson.D)}
			whole(u, u.get("q"))
			require.Nil(t, u.get("upsert"))
			require.Nil(t, u.get("multi"))
			require.IsType(t, bson.D{}, u.get("u"), "no pipeline")
		case "delete":
			require.Len(t, c.get("deletes").(bson.A), 1)
			d := command{name: c.name, body: c.get("deletes").(bson.A)[0].(bson.D)}
			whole(d, d.get("q"))
			require.EqualValues(t, 1, d.get("limit"))
		case "insert", "createIndexes":
		default:
			require.Contains(t, []string{"find", "aggregate", "distinct", "hello", "listIndexes", "endSessions", "getMore"}, c.name)
			if c.name == "find" || c.name == "aggregate" || c.name == "distinct" {
				require.Equal(t, "majority", c.get("readConcern", "level"), c.name)
			}
			continue
		}
		require.Equal(t, "majority", c.get("writeConcern", "w"), c.name)
	}
	for _, name := range []string{"insert", "findAndModify", "update", "delete", "find"} {
		require.NotZero(t, seen[name], name)
	}
}

// TestListsAreServedByIndexes compares what the lists of the API ask for with
// the indexes: first what they fix, then what they sort by.
func TestListsAreServedByIndexes(t *testing.T) {
	b, r := recorded(t)
	s, err := holdall.New(holdall.Config{Catalog: b, Blobs: memory.New()})
	require.NoError(t, err)
	ws := s.As(holdall.Principal{Tenant: "t", User: "ann", App: "app", Permissions: []string{"*"}})
	_, err = ws.Bucket(holdall.DefaultBucket).Object("a/b").Put(bg, strings.NewReader("x"), nil)
	require.NoError(t, err)
	for _, c := range []string{"c", "d"} {
		_, err = ws.Collection(c).Record("k").Put(bg, 1, nil)
		require.NoError(t, err)
	}
	r.take()
	lists := map[string]func(o *holdall.ListOptions) error{
		"objects": func(o *holdall.ListOptions) error {
			_, err := ws.Bucket(holdall.DefaultBucket).ListPage(bg, o)
			return err
		},
		"records":     func(o *holdall.ListOptions) error { _, err := ws.Collection("c").ListPage(bg, o); return err },
		"all objects": func(o *holdall.ListOptions) error { _, err := ws.ObjectsPage(bg, o); return err },
		"all records": func(o *holdall.ListOptions) error { _, err := ws.RecordsPage(bg, o); return err },
		"buckets":     func(*holdall.ListOptions) error { _, err := ws.Buckets(bg); return err },
	}
	for name, list := range lists {
		for _, sort := range []string{"", "path", "-path", "key", "-key", "created_at", "-created_at", "updated_at", "-size"} {
			for _, o := range []holdall.ListOptions{
				{Sort: sort}, {Sort: sort, Prefix: "a/"}, {Sort: sort, Tier: holdall.Private}, {Sort: sort, Deleted: true, Tier: holdall.User}, {Sort: sort, Offset: 3},
			} {
				if err := list(&o); err != nil { // not every list has every sort
					require.ErrorIs(t, err, holdall.ErrInvalid, "%s %+v", name, o)
					r.take()
					continue
				}
				for _, c := range r.take() {
					switch c.name {
					case "find":
						served(t, c.get("filter").(bson.D), c.get("sort"))
					case "aggregate": // a count
						match := command{body: c.get("pipeline").(bson.A)[0].(bson.D)}.get("$match")
						served(t, match.(bson.D), nil)
					}
				}
			}
		}
	}
}

// served fails unless an index serves the filter, each branch of it, and with
// what these fix, the order.
func served(t *testing.T, filter bson.D, sort any) {
	t.Helper()
	branches := []bson.D{filter}
	if filter[0].Key == "$or" {
		branches = nil
		for _, v := range filter[0].Value.(bson.A) {
			branches = append(branches, v.(bson.D))
		}
	}
	for _, branch := range branches {
		require.True(t, slices.ContainsFunc(indexes(), func(m mongo.IndexModel) bool { return serves(keysOf(m.Keys), branch, sort) }), "%v by %v", branch, sort)
	}
}

func serves(keys []string, filter bson.D, sort any) bool {
	fixed := map[string]bool{}
	for _, e := range filter {
		d, isDoc := e.Value.(bson.D)
		fixed[e.Key] = !isDoc || d[0].Key == "$eq" || d[0].Key == "$in"
	}
	var order []string
	if sort != nil {
		for _, k := range keysOf(sort) {
			if !fixed[k] {
				order = append(order, k)
			}
		}
	}
	n := 0
	for n < len(keys) && fixed[keys[n]] {
		n++
	}
	least := 5 // tenant, kind, state or container, tier, owner
	if fixed["_id"] || fixed["name"] && fixed["live"] {
		return true // a look-up
	}
	return n >= least && len(order) <= len(keys)-n && slices.Equal(order, keys[n:n+len(order)])
}
