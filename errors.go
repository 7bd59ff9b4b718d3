package holdall

import (
	"context"
	"errors"
	"io/fs"
	"strings"
)

// The sentinels that every error of this package matches, by [errors.Is].
// Backends return them (wrapped with their own cause); the root package turns
// them into an [*Error] with a [Code].
//
// context.Canceled, context.DeadlineExceeded and, from a [Reader], io.EOF pass
// as they are. A capability that a backend lacks is errors.ErrUnsupported.
var (
	ErrNotFound        error = &sentinel{"not found", fs.ErrNotExist}
	ErrExists          error = &sentinel{"already exists", fs.ErrExist}
	ErrConflict        error = &sentinel{"conflict", nil}
	ErrPrecondition    error = &sentinel{"precondition failed", nil}
	ErrForbidden       error = &sentinel{"permission denied", fs.ErrPermission}
	ErrUnauthenticated error = &sentinel{"unauthenticated", nil}
	ErrInvalid         error = &sentinel{"invalid", fs.ErrInvalid}
	ErrTooLarge        error = &sentinel{"too large", nil}
	ErrTypeNotAllowed  error = &sentinel{"type not allowed", nil}
	ErrNotEmpty        error = &sentinel{"not empty", nil}
	ErrUnavailable     error = &sentinel{"unavailable", nil}

	// ErrNoBucket is what a [Catalog] returns from Put when the bucket of a
	// live object is not there. It matches ErrNotFound.
	ErrNoBucket error = &sentinel{"bucket not found", ErrNotFound}
)

type sentinel struct {
	text string
	also error
}

func (s *sentinel) Error() string { return s.text }
func (s *sentinel) Unwrap() error { return s.also }

// Code is the machine-readable name of what went wrong, from the closed list
// of the HTTP contract.
type Code string

// The codes, with the sentinel that each one matches beside it.
const (
	CodeInvalidRequest   Code = "invalid_request"     // ErrInvalid
	CodeInvalidName      Code = "invalid_name"        // ErrInvalid
	CodeInvalidPath      Code = "invalid_path"        // ErrInvalid
	CodeInvalidJSON      Code = "invalid_json"        // ErrInvalid
	CodeInvalidFilter    Code = "invalid_filter"      // ErrInvalid
	CodeInvalidCursor    Code = "invalid_cursor"      // ErrInvalid
	CodeTierNeedsApp     Code = "tier_needs_app"      // ErrInvalid
	CodeChecksumMismatch Code = "checksum_mismatch"   // ErrInvalid
	CodeUnauthenticated  Code = "unauthenticated"     // ErrUnauthenticated
	CodePermissionDenied Code = "permission_denied"   // ErrForbidden
	CodeBucketNotFound   Code = "bucket_not_found"    // ErrNotFound
	CodeObjectNotFound   Code = "object_not_found"    // ErrNotFound
	CodeRecordNotFound   Code = "record_not_found"    // ErrNotFound
	CodeNotFound         Code = "not_found"           // ErrNotFound
	CodeBucketExists     Code = "bucket_exists"       // ErrExists
	CodeBucketNotEmpty   Code = "bucket_not_empty"    // ErrNotEmpty
	CodeBucketProtected  Code = "bucket_protected"    // ErrConflict
	CodeObjectExists     Code = "object_exists"       // ErrExists
	CodeVersionConflict  Code = "version_conflict"    // ErrConflict
	CodePrecondition     Code = "precondition_failed" // ErrPrecondition
	CodeTooLarge         Code = "too_large"           // ErrTooLarge
	CodeTypeNotAllowed   Code = "type_not_allowed"    // ErrTypeNotAllowed
	CodeUnavailable      Code = "unavailable"         // ErrUnavailable
	CodeUnsupported      Code = "unsupported"         // errors.ErrUnsupported
	CodeInternal         Code = "internal"            // none: the cause is unknown
)

var codeSentinels = map[Code]error{
	CodeInvalidRequest: ErrInvalid, CodeInvalidName: ErrInvalid, CodeInvalidPath: ErrInvalid,
	CodeInvalidJSON: ErrInvalid, CodeInvalidFilter: ErrInvalid, CodeInvalidCursor: ErrInvalid,
	CodeTierNeedsApp: ErrInvalid, CodeChecksumMismatch: ErrInvalid,
	CodeUnauthenticated: ErrUnauthenticated, CodePermissionDenied: ErrForbidden,
	CodeBucketNotFound: ErrNotFound, CodeObjectNotFound: ErrNotFound, CodeRecordNotFound: ErrNotFound, CodeNotFound: ErrNotFound,
	CodeBucketExists: ErrExists, CodeObjectExists: ErrExists,
	CodeBucketNotEmpty: ErrNotEmpty, CodeBucketProtected: ErrConflict, CodeVersionConflict: ErrConflict,
	CodePrecondition: ErrPrecondition, CodeTooLarge: ErrTooLarge, CodeTypeNotAllowed: ErrTypeNotAllowed,
	CodeUnavailable: ErrUnavailable, CodeUnsupported: errors.ErrUnsupported,
}

// Error is what the operations of this package return. It matches its code's
// sentinel and, where there is one, the cause.
type Error struct {
	Op     string // the operation, such as "object.put"
	Kind   Kind   // what it was about, or ""
	Name   string // its name, path, key or id, or ""
	Code   Code
	Detail string // what was wrong and what would be right, fit for a client's eyes
	Err    error  // the cause, or nil; may name servers and statements: for logs only
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("holdall: ")
	b.WriteString(e.Op)
	if e.Name != "" {
		b.WriteString(" " + string(e.Kind) + " " + quote(e.Name))
	}
	text, cause := e.text(), ""
	if e.Err != nil {
		cause = e.Err.Error()
	}
	if !strings.HasPrefix(cause, text) { // a backend's error begins with its sentinel
		b.WriteString(": " + text)
	}
	if cause != "" {
		b.WriteString(": " + cause)
	}
	return b.String()
}

func (e *Error) text() string {
	switch {
	case e.Detail != "":
		return e.Detail
	case codeSentinels[e.Code] != nil:
		return codeSentinels[e.Code].Error()
	}
	return string(e.Code)
}

// Unwrap returns the code's sentinel and the cause.
func (e *Error) Unwrap() []error {
	errs := make([]error, 0, 2)
	if s := codeSentinels[e.Code]; s != nil {
		errs = append(errs, s)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// CodeOf returns the code of the first [*Error] in err's tree, or
// CodeInternal when there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// fail makes an error about the subject of an operation.
func fail(op string, kind Kind, name string, code Code, detail string) *Error {
	return &Error{Op: op, Kind: kind, Name: name, Code: code, Detail: detail}
}

// invalid makes an error from a validator's complaint.
func invalid(op string, kind Kind, name string, code Code, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Op: op, Kind: kind, Name: name, Code: code, Detail: err.Error()}
}

// wrap gives a backend's error the code that it has for this kind of subject.
// Context errors and errors that have a code already pass unchanged.
func wrap(op string, kind Kind, name string, err error) error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	code := backendCode(kind, err)
	return &Error{Op: op, Kind: kind, Name: name, Code: code, Detail: backendDetails[code], Err: err}
}

// backendDetails says to clients what a backend's error means. What is not
// here has the words of its sentinel.
var backendDetails = map[Code]string{
	CodeBucketNotFound:  "no such bucket, or not visible to this caller",
	CodeObjectNotFound:  "no such object, or not visible to this caller",
	CodeRecordNotFound:  "no such record, or not visible to this caller",
	CodeBucketExists:    "a bucket of this name is there already",
	CodeObjectExists:    "an object is at this path; replace it, or choose another",
	CodeBucketNotEmpty:  "there are objects in the bucket, in whichever tier; empty it first",
	CodeVersionConflict: "it has changed, or its place was taken, meanwhile",
}

func backendCode(kind Kind, err error) Code {
	switch {
	case errors.Is(err, ErrNoBucket):
		return CodeBucketNotFound
	case errors.Is(err, ErrNotFound):
		return notFoundCode(kind)
	case errors.Is(err, ErrExists) && kind == KindBucket:
		return CodeBucketExists
	case errors.Is(err, ErrExists) && kind == KindObject:
		return CodeObjectExists
	case errors.Is(err, ErrExists), errors.Is(err, ErrConflict):
		return CodeVersionConflict
	case errors.Is(err, ErrNotEmpty):
		return CodeBucketNotEmpty
	case errors.Is(err, ErrTooLarge):
		return CodeTooLarge
	case errors.Is(err, ErrUnavailable):
		return CodeUnavailable
	case errors.Is(err, errors.ErrUnsupported):
		return CodeUnsupported
	}
	return CodeInternal
}

func notFoundCode(kind Kind) Code {
	switch kind {
	case KindBucket:
		return CodeBucketNotFound
	case KindObject:
		return CodeObjectNotFound
	case KindRecord:
		return CodeRecordNotFound
	}
	return CodeNotFound
}

// notFound is the one answer for what is absent and for what the caller may
// not see: both must look the same.
func notFound(op string, kind Kind, name string) error {
	return fail(op, kind, name, notFoundCode(kind), "no such "+string(kind)+", or not visible to this caller")
}

// quote shortens a name for messages; names may be a kilobyte long.
func quote(s string) string {
	if r := []rune(s); len(r) > 80 {
		s = string(r[:80]) + "…"
	}
	return `"` + s + `"`
}
