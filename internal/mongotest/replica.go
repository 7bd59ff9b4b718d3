package mongotest

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Replica is a plan that makes a server without transactions look to a client
// like the primary of a replica set: it says so in hello, begins and ends
// transactions without doing anything, and keeps from the server what belongs
// to them. It shows which commands a client sends, and in which order; nothing
// is undone, and no other client is kept out. next, unless nil, is asked first.
func Replica(addr string, next func(Call) Fate) func(Call) Fate {
	return func(c Call) Fate {
		if next != nil {
			if f := next(c); f.Drop || f.Cut || f.Hang || f.Reply != nil {
				return f
			}
		}
		switch c.Name {
		case "hello", "isMaster", "ismaster":
			return Fate{Change: func(reply bson.D) bson.D {
				return append(bson.D{
					{Key: "setName", Value: "rs0"}, {Key: "me", Value: addr}, {Key: "primary", Value: addr}, {Key: "hosts", Value: bson.A{addr}}, {Key: "setVersion", Value: 1},
				}, reply...)
			}}
		case "commitTransaction", "abortTransaction":
			return Fate{Reply: bson.D{{Key: "ok", Value: 1.0}}}
		}
		return Fate{Request: slices.DeleteFunc(slices.Clone(c.Body), func(e bson.E) bool {
			return slices.Contains([]string{"txnNumber", "startTransaction", "autocommit", "readConcern"}, e.Key)
		})}
	}
}
