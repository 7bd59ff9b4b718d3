package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/holdall-go/holdall"
)

// Error codes of the server (MongoDB manual, Error Codes).
const (
	unauthorized          = 13
	authenticationFailed  = 18
	namespaceNotFound     = 26
	indexOptionsConflict  = 85
	indexKeySpecsConflict = 86
	writeConflict         = 112
	documentInvalid       = 121
	notImplemented        = 238
	atlasError            = 8000
	notWritablePrimary    = 10107
	objectTooLarge        = 10334
	notPrimary            = 13435
	keyTooLong            = 17280
)

// Labels that driver and server put on errors (MongoDB transactions specification).
const (
	labelNetwork       = "NetworkError"
	labelTransient     = "TransientTransactionError"
	labelUnknownCommit = "UnknownTransactionCommitResult"
)

// refusals are codes of errors that are sent before anything has been done.
var refusals = []int{
	unauthorized, authenticationFailed, namespaceNotFound, indexOptionsConflict, indexKeySpecsConflict, writeConflict, documentInvalid,
	notImplemented, atlasError, notWritablePrimary, objectTooLarge, notPrimary, keyTooLong, 11000, 2, 9, 14, 59,
}

func hasCode(err error, code int) bool {
	var e mongo.ServerError
	return errors.As(err, &e) && e.HasErrorCode(code)
}

func hasLabel(err error, label string) bool {
	var e mongo.LabeledError
	return errors.As(err, &e) && e.HasErrorLabel(label)
}

func isDuplicate(err error) bool { return mongo.IsDuplicateKeyError(err) }

// rejected reports whether the server turned a write down because of others or
// because another one is the primary now: sending it again is safe and may help.
func rejected(err error) bool {
	return hasCode(err, writeConflict) || hasCode(err, notWritablePrimary) || hasCode(err, notPrimary)
}

// outcomeUnknown reports whether a write that failed so may have been done:
// its reply never came, or came before a majority had it. What failed before
// it was sent has none of the driver's types for replies.
func outcomeUnknown(err error) bool {
	var we mongo.WriteException
	if errors.As(err, &we) {
		return len(we.WriteErrors) == 0
	}
	var ce mongo.CommandError
	return errors.As(err, &ce) && (ce.HasErrorLabel(labelNetwork) || !slices.Contains(refusals, int(ce.Code)))
}

// ours reports whether err says already what it means.
func ours(err error) bool {
	for _, s := range []error{holdall.ErrNotFound, holdall.ErrExists, holdall.ErrConflict, holdall.ErrInvalid,
		holdall.ErrTooLarge, holdall.ErrNotEmpty, holdall.ErrUnavailable, errors.ErrUnsupported} {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}

// errTimeout is the cause of the end of a context that an operation made itself.
var errTimeout = errors.New("the operation took longer than Options.Timeout")

// failure turns what the driver reports into an error of package holdall.
// unknown says that what was asked for may have been done nevertheless.
func failure(ctx context.Context, err error, unknown bool) error {
	awaitEnd(ctx, err)
	ended := ctx.Err() != nil && context.Cause(ctx) != errTimeout // by the caller
	switch {
	case ended && unknown:
		return fmt.Errorf("mongo: %w: the call ended before the reply came, the outcome is unknown: %w", holdall.ErrUnavailable, ctx.Err())
	case unknown:
		return fmt.Errorf("mongo: %w: the outcome is unknown: %w", holdall.ErrUnavailable, hideEnd(err))
	case ended:
		return ctx.Err()
	case ours(err):
		return err
	}
	return fmt.Errorf("mongo: %w%s: %w", sentinelOf(err), hint(err), hideEnd(err))
}

// awaitEnd waits for the end of a context that the driver has noticed a moment
// before it came: connections have the same deadline.
func awaitEnd(ctx context.Context, err error) {
	if at, ok := ctx.Deadline(); ok && mongo.IsTimeout(err) && time.Until(at) < 50*time.Millisecond {
		<-ctx.Done()
	}
}

// hideEnd keeps an end of our own or of the driver's from being taken for that
// of the caller's context.
func hideEnd(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return withoutEnd{err}
	}
	return err
}

// withoutEnd is an error that is no error of a context.
type withoutEnd struct{ err error }

func (w withoutEnd) Error() string { return w.err.Error() }

// As implements the interface of errors.As: the server's error is still there.
func (w withoutEnd) As(target any) bool { return errors.As(w.err, target) }

func sentinelOf(err error) error {
	switch {
	case hasCode(err, unauthorized), hasCode(err, authenticationFailed), hasCode(err, atlasError):
		return holdall.ErrForbidden
	case isDuplicate(err):
		return holdall.ErrExists
	case hasCode(err, objectTooLarge), hasCode(err, keyTooLong):
		return holdall.ErrTooLarge
	case hasCode(err, documentInvalid):
		return holdall.ErrInvalid
	}
	return holdall.ErrUnavailable
}

func hint(err error) string {
	switch {
	case hasCode(err, unauthorized), hasCode(err, authenticationFailed), hasCode(err, atlasError):
		return ": the database's own permissions"
	case hasCode(err, notWritablePrimary), hasCode(err, notPrimary):
		return ": the server is not the primary"
	}
	return ""
}
