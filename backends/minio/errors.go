package minio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	miniogo "github.com/minio/minio-go/v7"

	"github.com/holdall-go/holdall"
)

var (
	errTimeout = errors.New("the store took too long to answer")
	errStalled = errors.New("the store stopped taking or sending bytes")
)

// response returns the store's answer in err's tree, or a zero one.
func response(err error) miniogo.ErrorResponse {
	var r miniogo.ErrorResponse
	errors.As(err, &r)
	return r
}

// sentinels by what S3 stores call an error.
var sentinels = map[string]error{
	miniogo.NoSuchKey:          holdall.ErrNotFound,
	miniogo.NoSuchVersion:      holdall.ErrNotFound,
	miniogo.PreconditionFailed: holdall.ErrExists,
	miniogo.InvalidRange:       holdall.ErrInvalid,
	miniogo.EntityTooLarge:     holdall.ErrTooLarge,
	// The bytes were damaged on their way: the same request can succeed.
	miniogo.BadDigest:      holdall.ErrUnavailable,
	miniogo.IncompleteBody: holdall.ErrUnavailable,
	"InvalidDigest":        holdall.ErrUnavailable,
	"RequestTimeout":       holdall.ErrUnavailable,
	// By name, for the answers that begin with status 200 and end in an error.
	miniogo.InternalError: holdall.ErrUnavailable,
	"ServiceUnavailable":  holdall.ErrUnavailable,
	// Somebody has aborted the upload in parts: upkeep, or a lifecycle rule of
	// the bucket; or the nodes of a cluster that know of it are away.
	miniogo.NoSuchUpload: holdall.ErrUnavailable,
	// Two conditional writes met; neither is known to have happened.
	"ConditionalRequestConflict": holdall.ErrUnavailable,
	"OperationAborted":           holdall.ErrUnavailable,
}

// classify gives an error of the client its sentinel. What is left without
// one is wrong settings (no such bucket, bad credentials) or a bug: trying
// again does not help, and callers cannot do anything about it.
func classify(err error) error {
	if sentinelled(err) {
		return err
	}
	var r miniogo.ErrorResponse
	if !errors.As(err, &r) {
		return unavailable(err) // no answer, or half of one
	}
	sentinel := sentinels[r.Code]
	switch {
	case sentinel != nil:
	case r.StatusCode == http.StatusTooManyRequests, r.StatusCode >= 500,
		strings.HasSuffix(r.Code, "Mismatch") && r.Code != "SignatureDoesNotMatch",
		strings.HasPrefix(r.Code, "SlowDown"), strings.Contains(r.Code, "StorageFull"):
		sentinel = holdall.ErrUnavailable
	case r.StatusCode == http.StatusPreconditionFailed:
		sentinel = holdall.ErrExists
	case r.StatusCode == http.StatusNotFound && r.Code == "":
		sentinel = holdall.ErrNotFound
	}
	if sentinel == nil {
		return fmt.Errorf("minio: the store refuses: %s (%d): %w", r.Code, r.StatusCode, err)
	}
	return fmt.Errorf("%w: %s (%d): %w", sentinel, r.Code, r.StatusCode, err)
}

// unavailable wraps the cause, except where it would pass for the end of the
// caller's own context: a dial that timed out matches context.DeadlineExceeded.
func unavailable(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: %s", holdall.ErrUnavailable, err.Error())
	}
	return fmt.Errorf("%w: %w", holdall.ErrUnavailable, err)
}

func sentinelled(err error) bool {
	for _, s := range []error{holdall.ErrNotFound, holdall.ErrExists, holdall.ErrInvalid, holdall.ErrTooLarge, holdall.ErrUnavailable} {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}

// explain turns what a call ended with into what the caller is told: the end
// of its own context first, then what a watchdog found, then the error itself.
func explain(parent, ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case parent.Err() != nil:
		return parent.Err()
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return unavailable(context.Cause(ctx))
	}
	return classify(err)
}
