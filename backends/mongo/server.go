package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/holdall-go/holdall"
)

// server is what the server said about itself.
type server struct {
	transactions bool // and with them causally consistent sessions
}

// hello asks the server what it is. Transactions are for members of a replica
// set and for routers of a sharded cluster (MongoDB manual, Transactions).
func (b *Backend) hello(ctx context.Context) (*server, error) {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	var answer struct {
		SetName  string `bson:"setName"`
		Message  string `bson:"msg"`
		Sessions *int32 `bson:"logicalSessionTimeoutMinutes"`
	}
	if err := b.db.Client().Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&answer); err != nil {
		err = failure(ctx, err, false)
		if !errors.Is(err, holdall.ErrUnavailable) {
			err = fmt.Errorf("mongo: %w: %w", holdall.ErrUnavailable, err)
		}
		return nil, err
	}
	s := &server{transactions: answer.Sessions != nil && (answer.SetName != "" || answer.Message == "isdbgrid")}
	b.server.Store(s)
	return s, nil
}

// The indexes, in the order in which a reader meets them: places are unique
// among live entries; each order that a list can have, within what equal
// conditions always narrow it to; and upkeep. The unique one begins with the
// shard key that docs/mongo.md recommends.
func indexes() []mongo.IndexModel {
	list := func(name string, keys ...string) mongo.IndexModel {
		d := bson.D{}
		for _, k := range keys {
			d = append(d, bson.E{Key: k, Value: 1})
		}
		return mongo.IndexModel{Keys: d, Options: options.Index().SetName(name)}
	}
	place := list(placeIndex, "tenant", "kind", "container", "tier", "owner", "name", "live")
	place.Options.SetUnique(true)
	within := []string{"tenant", "kind", "state", "container", "tier", "owner"}
	all := []mongo.IndexModel{place}
	for _, field := range []string{"name", "created", "updated", "size"} {
		all = append(all, list("by_"+field, append(slices.Clone(within), field, "_id")...))
	}
	return append(all, list("due", "due", "_id"))
}

const placeIndex = "place"

// expiryIndex has the server remove records that ran out. It does so an hour
// late: whether a record has run out is for the host's clock to say, and a
// server whose clock is ahead must not decide it.
func expiryIndex() mongo.IndexModel {
	return mongo.IndexModel{Keys: bson.D{{Key: "expires_at", Value: 1}}, Options: options.Index().SetName("expiry").SetExpireAfterSeconds(3600)}
}

// EnsureIndexes makes the collection's indexes where they are not there, and
// only looks where they are. Any number of processes may do so at once. Where
// the server cannot remove what has expired by itself, sweeping does it alone.
// An index that is there under the same name with other keys or options is
// ErrInvalid: drop it first.
func (b *Backend) EnsureIndexes(ctx context.Context) error {
	if _, err := b.hello(ctx); err != nil {
		return err
	}
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	there, err := b.specifications(ctx)
	if err != nil {
		return err
	}
	missing, err := missingIndexes(indexes(), there)
	if err == nil && len(missing) > 0 {
		_, err = b.entries.Indexes().CreateMany(ctx, missing)
	}
	if err == nil && !slices.ContainsFunc(there, func(s mongo.IndexSpecification) bool { return s.Name == "expiry" }) {
		_, err = b.entries.Indexes().CreateOne(ctx, expiryIndex())
		if hasCode(err, notImplemented) {
			return nil
		}
	}
	switch {
	case hasCode(err, indexOptionsConflict), hasCode(err, indexKeySpecsConflict):
		return fmt.Errorf("%w: %w", errOtherIndex, err)
	case isDuplicate(err):
		return fmt.Errorf("mongo: %w: the collection has entries at one place twice: %w", holdall.ErrInvalid, err)
	case err != nil:
		return failure(ctx, err, false)
	}
	return nil
}

var errOtherIndex = fmt.Errorf("mongo: %w: the collection has an index of this name with other keys or options; drop it", holdall.ErrInvalid)

// missingIndexes returns those that are not there under their names.
func missingIndexes(wanted []mongo.IndexModel, there []mongo.IndexSpecification) ([]mongo.IndexModel, error) {
	var missing []mongo.IndexModel
	for _, m := range wanted {
		var o options.IndexOptions
		for _, set := range m.Options.List() {
			if err := set(&o); err != nil {
				return nil, err
			}
		}
		i := slices.IndexFunc(there, func(s mongo.IndexSpecification) bool { return s.Name == *o.Name })
		if i < 0 {
			missing = append(missing, m)
			continue
		}
		var keys bson.D
		if err := bson.Unmarshal(there[i].KeysDocument, &keys); err != nil {
			return nil, err
		}
		unique := there[i].Unique != nil && *there[i].Unique
		if !slices.EqualFunc(keys, m.Keys.(bson.D), func(a, b bson.E) bool { return a.Key == b.Key && fmt.Sprint(a.Value) == fmt.Sprint(b.Value) }) ||
			unique != (o.Unique != nil) {
			return nil, fmt.Errorf("%w: %s", errOtherIndex, *o.Name)
		}
	}
	return missing, nil
}

func (b *Backend) specifications(ctx context.Context) ([]mongo.IndexSpecification, error) {
	list, err := b.entries.Indexes().ListSpecifications(ctx)
	if err != nil && !hasCode(err, namespaceNotFound) {
		return nil, failure(ctx, err, false)
	}
	return list, nil
}

// checkIndexes fails where nothing would be unique.
func (b *Backend) checkIndexes(ctx context.Context) error {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	there, err := b.specifications(ctx)
	if err == nil && !slices.ContainsFunc(there, func(s mongo.IndexSpecification) bool { return s.Name == placeIndex }) {
		err = fmt.Errorf("mongo: %w: the indexes are missing; run EnsureIndexes", holdall.ErrUnavailable)
	}
	return err
}
