package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/minio"
)

// openMinIO opens a bucket of MinIO or of another S3 store. It fails within
// seconds where that does not answer, has no such bucket or refuses the key.
func openMinIO(ctx context.Context, address string, _ opening) (any, error) {
	b, err := minio.Open(ctx, address)
	switch {
	case errors.Is(err, holdall.ErrNotFound):
		return nil, fmt.Errorf("%w (create=true in the address does)", err)
	case err != nil:
		return nil, err
	}
	return b, nil
}
