package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/holdall-go/holdall"
)

// SQLSTATE codes (PostgreSQL documentation, appendix A).
const (
	notNullViolation = "23502"
	uniqueViolation  = "23505"
	serialization    = "40001"
	deadlock         = "40P01"
	undefinedTable   = "42P01"
)

// unsent is a failure before anything was sent to the server.
type unsent struct{ err error }

func (u *unsent) Error() string { return u.err.Error() }
func (u *unsent) Unwrap() error { return u.err }

func pgError(err error) *pgconn.PgError {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e
	}
	return nil
}

func hasCode(err error, code string) bool {
	e := pgError(err)
	return e != nil && e.Code == code
}

// rolledBack reports whether the server undid the work because others were in
// its way: doing it again is safe and may succeed.
func rolledBack(err error) bool { return hasCode(err, serialization) || hasCode(err, deadlock) }

// neverSent reports whether nothing of a statement has reached the server. The
// driver's word is taken only for a failed write: of a connection that breaks
// while the reply is awaited pgx 5.12 says, too, that it was closed before.
func neverSent(err error) bool {
	var network net.Error
	return pgconn.SafeToRetry(err) && errors.As(err, &network)
}

// connectionLost reports whether the connection broke, or the server ended it.
func connectionLost(err error) bool {
	if e := pgError(err); e != nil {
		return strings.HasPrefix(e.Code, "57P") || strings.HasPrefix(e.Code, "08")
	}
	return !ours(err) && !isContext(err) && !errors.As(err, new(*unsent))
}

// outcomeUnknown reports whether a statement or commit that failed so may have
// taken effect: its reply never came. A server that ends a session says 57P01
// even where the commit is on disk and only its replicas are awaited.
func outcomeUnknown(err error) bool {
	return !neverSent(err) && (connectionLost(err) || isContext(err)) && !errors.As(err, new(*unsent))
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
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

// failure turns what the driver reports into an error of package holdall.
// unknown says that the work may have been done nevertheless.
func failure(ctx context.Context, err error, unknown bool) error {
	switch {
	case ctx.Err() != nil && unknown:
		return fmt.Errorf("postgres: %w: the call ended before the reply came, the outcome is unknown: %w", holdall.ErrUnavailable, ctx.Err())
	case unknown:
		return fmt.Errorf("postgres: %w: the connection broke before the reply came, the outcome is unknown: %w", holdall.ErrUnavailable, err)
	case ctx.Err() != nil:
		return ctx.Err()
	case ours(err):
		return err
	case errors.Is(err, pgx.ErrTxClosed):
		return fmt.Errorf("postgres: %w: %w", holdall.ErrInvalid, err)
	}
	if e := pgError(err); e != nil {
		return fmt.Errorf("postgres: %w%s: %w", sentinelOf(e.Code), hint(e.Code), err)
	}
	return fmt.Errorf("postgres: %w: %w", holdall.ErrUnavailable, err)
}

// sentinelOf maps what can happen to statements that are right: the data does
// not fit, or the server cannot serve now.
func sentinelOf(code string) error {
	switch {
	case code == uniqueViolation:
		return holdall.ErrExists
	case strings.HasPrefix(code, "22"):
		return holdall.ErrInvalid
	case strings.HasPrefix(code, "54"):
		return holdall.ErrTooLarge
	}
	return holdall.ErrUnavailable
}

func hint(code string) string {
	switch code {
	case undefinedTable, "3F000", "42703":
		return ": the tables are missing or old; run Migrate"
	case "25006":
		return ": the server is read-only"
	case "53100":
		return ": the server's disk is full"
	case "53300":
		return ": the server has no connection left"
	case "55P03":
		return ": a lock was not granted in time"
	case "57014":
		return ": the server's statement timeout ended the statement"
	}
	return ""
}
