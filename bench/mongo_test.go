package main

import (
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/backends/mongo"
	"github.com/holdall-go/holdall/internal/mongotest"
)

// openMongo returns a store whose records are in a new database, the collection
// where they are, and one with the same indexes for the raw way. The server of
// the tests reads whole collections, so only ratios say anything.
func openMongo(tb testing.TB) (s *holdall.Store, made, raw *driver.Collection) {
	client, err := driver.Connect(options.Client().ApplyURI(mongotest.URI(tb)))
	noError(tb, err)
	db := client.Database(fmt.Sprint("bench", time.Now().UnixNano()))
	b, err := mongo.New(db, nil)
	noError(tb, err)
	noError(tb, b.EnsureIndexes(bg))
	other, err := mongo.New(db, &mongo.Options{Collection: "raw"})
	noError(tb, err)
	noError(tb, other.EnsureIndexes(bg))
	s, err = holdall.New(holdall.Config{Catalog: b, Blobs: memory.New()})
	noError(tb, err)
	tb.Cleanup(func() {
		noError(tb, db.Drop(bg))
		noError(tb, client.Disconnect(bg))
	})
	return s, db.Collection(mongo.DefaultCollection), db.Collection("raw")
}

// rawRecord is what the backend stores of a record: the raw way works on
// copies of the same documents.
type rawRecord struct {
	ID        string         `bson:"_id"`
	Version   int64          `bson:"version"`
	Created   int64          `bson:"created"`
	CreatedBy string         `bson:"created_by"`
	Tenant    string         `bson:"tenant"`
	Kind      string         `bson:"kind"`
	Container string         `bson:"container"`
	Tier      string         `bson:"tier"`
	Owner     string         `bson:"owner"`
	Name      string         `bson:"name"`
	State     string         `bson:"state"`
	Live      string         `bson:"live"`
	Op        string         `bson:"op"`
	Updated   int64          `bson:"updated"`
	Deleted   *int64         `bson:"deleted"`
	UpdatedBy string         `bson:"updated_by"`
	DeletedBy string         `bson:"deleted_by"`
	TTL       int64          `bson:"ttl"`
	Expires   *int64         `bson:"expires"`
	Due       *int64         `bson:"due"`
	ExpiresAt *bson.DateTime `bson:"expires_at"`
	Size      int64          `bson:"size"`
	Type      string         `bson:"type"`
	Slashes   int            `bson:"slashes"`
	Folded    string         `bson:"folded"`
	Value     string         `bson:"value"`
	Mirror    bson.D         `bson:"m"`
	Content   bson.D         `bson:"content"`
}

// changed is what an update sets.
func (r *rawRecord) changed() bson.D {
	return bson.D{
		{Key: "state", Value: r.State}, {Key: "live", Value: r.Live}, {Key: "op", Value: fmt.Sprint(r.Version)}, {Key: "updated", Value: time.Now().UnixMicro()},
		{Key: "deleted", Value: nil}, {Key: "updated_by", Value: r.UpdatedBy}, {Key: "deleted_by", Value: ""}, {Key: "ttl", Value: r.TTL},
		{Key: "expires", Value: nil}, {Key: "due", Value: nil}, {Key: "expires_at", Value: nil}, {Key: "size", Value: r.Size}, {Key: "type", Value: r.Type},
		{Key: "slashes", Value: r.Slashes}, {Key: "folded", Value: r.Folded}, {Key: "value", Value: r.Value}, {Key: "m", Value: r.Mirror}, {Key: "content", Value: nil},
	}
}

const mongoRecords = 100

func rawPlace(key string) bson.D {
	return bson.D{{Key: "tenant", Value: "bench"}, {Key: "kind", Value: "record"}, {Key: "container", Value: "orders"}, {Key: "tier", Value: "shared"},
		{Key: "owner", Value: ""}, {Key: "name", Value: key}, {Key: "live", Value: ""}}
}

// BenchmarkMongoRecord compares records through the Store with driver calls of
// the same shape: an update that returns what it made, a find, a sorted page.
func BenchmarkMongoRecord(b *testing.B) {
	const each = 10
	s, made, raw := openMongo(b)
	c := s.As(caller).Collection("orders")
	key := func(i int) string { return fmt.Sprintf("order %03d", i%mongoRecords) }
	for i := range mongoRecords {
		_, err := c.Record(key(i)).Put(bg, jsonValue(rawValue), nil)
		noError(b, err)
	}
	docs := copyRecords(b, made, raw)
	n := 0
	loop := func(f func(i int)) func() time.Duration {
		return func() time.Duration {
			n += each
			return timed(func() {
				for i := range each {
					f(n + i)
				}
			})
		}
	}
	alive := bson.E{Key: "expires", Value: bson.D{{Key: "$not", Value: bson.D{{Key: "$lte", Value: time.Now().UnixMicro()}}}}}
	rawPut := loop(func(i int) {
		change := bson.D{{Key: "$set", Value: docs[i%mongoRecords].changed()}, {Key: "$inc", Value: bson.D{{Key: "version", Value: 1}}}}
		var got rawRecord
		noError(b, raw.FindOneAndUpdate(bg, append(rawPlace(key(i)), alive), change, options.FindOneAndUpdate().SetReturnDocument(options.After)).Decode(&got))
	})
	ourPut := loop(func(i int) {
		_, err := c.Record(key(i)).Put(bg, jsonValue(rawValue), nil)
		noError(b, err)
	})
	rawGet := loop(func(i int) {
		var got rawRecord
		noError(b, raw.FindOne(bg, rawPlace(key(i)), options.FindOne().SetProjection(bson.D{{Key: "m", Value: 0}})).Decode(&got))
	})
	ourGet := loop(func(i int) {
		_, err := c.Record(key(i)).Get(bg)
		noError(b, err)
	})
	rawPage := loop(func(i int) {
		where := append(rawPlace("")[:5], bson.E{Key: "state", Value: "live"}, bson.E{Key: "name", Value: bson.D{{Key: "$gte", Value: "order "}, {Key: "$lt", Value: "order!"}}}, alive)
		cursor, err := raw.Find(bg, where, options.Find().SetSort(bson.D{{Key: "name", Value: 1}, {Key: "_id", Value: 1}}).SetLimit(51).SetBatchSize(51).
			SetProjection(bson.D{{Key: "m", Value: 0}}))
		noError(b, err)
		var got []rawRecord
		noError(b, cursor.All(bg, &got))
		if len(got) != 51 {
			b.Fatal(len(got))
		}
	})
	ourPage := loop(func(i int) {
		l, err := c.Tier(holdall.Shared).ListPage(bg, &holdall.ListOptions{NoTotal: true, Prefix: "order "})
		noError(b, err)
		if len(l.Items) != 50 {
			b.Fatal(len(l.Items))
		}
	})
	b.Run("put", func(b *testing.B) { pairs(b, rawPut, ourPut) })
	b.Run("get", func(b *testing.B) { pairs(b, rawGet, ourGet) })
	b.Run("page", func(b *testing.B) { pairs(b, rawPage, ourPage) })
}

// copyRecords copies the documents of all records into raw.
func copyRecords(tb testing.TB, made, raw *driver.Collection) []rawRecord {
	var docs []rawRecord
	cursor, err := made.Find(bg, bson.D{{Key: "kind", Value: "record"}}, options.Find().SetSort(bson.D{{Key: "name", Value: 1}}))
	noError(tb, err)
	noError(tb, cursor.All(bg, &docs))
	for i := range docs {
		_, err := raw.InsertOne(bg, &docs[i])
		noError(tb, err)
	}
	return docs
}
