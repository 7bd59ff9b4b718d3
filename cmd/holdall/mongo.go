package main

import (
	"context"
	"errors"

	"github.com/holdall-go/holdall/backends/mongo"
)

func openMongo(ctx context.Context, address string, how opening) (any, error) {
	b, err := mongo.Open(ctx, address, nil)
	if err != nil {
		return nil, err
	}
	check := b.Ping // it fails where the indexes are missing, without which nothing is unique
	if how.migrate {
		check = b.EnsureIndexes
	}
	if err := check(ctx); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}
