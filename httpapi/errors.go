package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/holdall-go/holdall"
)

// The codes of the contract that the library itself has no use for.
const (
	codeMethodNotAllowed     holdall.Code = "method_not_allowed"
	codeNotAcceptable        holdall.Code = "not_acceptable"
	codeUnsupportedMediaType holdall.Code = "unsupported_media_type"
	codeRangeNotSatisfiable  holdall.Code = "range_not_satisfiable"
	codeTimeout              holdall.Code = "timeout"
)

// statuses is the one table from code to status.
var statuses = map[holdall.Code]int{
	holdall.CodeInvalidRequest: 400, holdall.CodeInvalidName: 400, holdall.CodeInvalidPath: 400, holdall.CodeInvalidJSON: 400,
	holdall.CodeInvalidFilter: 400, holdall.CodeInvalidCursor: 400, holdall.CodeTierNeedsApp: 400, holdall.CodeChecksumMismatch: 400,
	holdall.CodeUnauthenticated: 401, holdall.CodePermissionDenied: 403,
	holdall.CodeBucketNotFound: 404, holdall.CodeObjectNotFound: 404, holdall.CodeRecordNotFound: 404, holdall.CodeNotFound: 404,
	codeMethodNotAllowed: 405, codeNotAcceptable: 406, codeUnsupportedMediaType: 415, codeRangeNotSatisfiable: 416,
	holdall.CodeBucketExists: 409, holdall.CodeBucketNotEmpty: 409, holdall.CodeBucketProtected: 409,
	holdall.CodeObjectExists: 409, holdall.CodeVersionConflict: 409,
	holdall.CodePrecondition: 412, holdall.CodeTooLarge: 413, holdall.CodeTypeNotAllowed: 422,
	holdall.CodeInternal: 500, holdall.CodeUnavailable: 503, codeTimeout: 504,
}

// failure is an error that is fit to be answered as it is.
type failure struct {
	code   holdall.Code
	status int // 0 is the code's own
	detail string
	cause  error // for the log
}

func (f *failure) Error() string {
	if f.cause != nil {
		return fmt.Sprintf("%s: %s: %v", f.code, f.detail, f.cause)
	}
	return fmt.Sprintf("%s: %s", f.code, f.detail)
}

func (f *failure) Unwrap() error { return f.cause }

func badRequest(format string, args ...any) *failure {
	return &failure{code: holdall.CodeInvalidRequest, detail: fmt.Sprintf(format, args...)}
}

var errAnonymous = &failure{code: holdall.CodeUnauthenticated, detail: "this needs a token: Authorization: Bearer …"}

const (
	internalDetail    = "something went wrong here; the server's log has the reason under this answer's X-Request-Id"
	unavailableDetail = "a backend does not answer; try again later"
	timeoutDetail     = "this took too long; try again later"
)

// notAuthenticated gives the refusal of an [Authenticator] its code.
func notAuthenticated(err error) error {
	var e *holdall.Error
	switch {
	case errors.Is(err, holdall.ErrUnavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &e) && e.Code == holdall.CodeUnauthenticated && e.Detail != "":
		return &failure{code: e.Code, detail: e.Detail, cause: err}
	}
	return &failure{code: holdall.CodeUnauthenticated, detail: "the credentials are not valid", cause: err}
}

// failureOf is the one place that turns an error into an answer.
func failureOf(err error) *failure {
	var f *failure
	var e *holdall.Error
	var tooLarge *http.MaxBytesError
	var item *holdall.BatchError
	switch {
	case errors.As(err, &item): // before the failure that may be in it
		inner := *failureOf(item.Err)
		inner.detail = fmt.Sprintf("operations[%d]: %s", item.Index, inner.detail)
		return &inner
	case errors.As(err, &f):
		return f
	case errors.As(err, &tooLarge):
		return &failure{code: holdall.CodeTooLarge, detail: fmt.Sprintf("the body has at most %d bytes here", tooLarge.Limit), cause: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &failure{code: codeTimeout, detail: timeoutDetail, cause: err}
	case errors.As(err, &e):
		return failureOfCode(e)
	case errors.Is(err, holdall.ErrUnavailable):
		return &failure{code: holdall.CodeUnavailable, detail: unavailableDetail, cause: err}
	}
	return &failure{code: holdall.CodeInternal, detail: internalDetail, cause: err}
}

func failureOfCode(e *holdall.Error) *failure {
	f := &failure{code: e.Code, detail: e.Detail, cause: e}
	switch {
	case e.Code == holdall.CodeUnsupported:
		f.code, f.status = holdall.CodeInvalidRequest, http.StatusUnprocessableEntity
	case e.Code == holdall.CodeUnavailable:
		f.detail = cmp.Or(f.detail, unavailableDetail)
	case statuses[e.Code] == 0, e.Code == holdall.CodeInternal:
		f.code, f.detail = holdall.CodeInternal, internalDetail
	}
	if f.detail == "" {
		f.detail = http.StatusText(f.httpStatus())
	}
	return f
}

func (f *failure) httpStatus() int { return cmp.Or(f.status, statuses[f.code]) }

// fail answers with an error, or breaks the answer off when it has begun.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	rec, c := w.(*recorder), callOf(r)
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil || rec.status != 0 {
		a.log.DebugContext(r.Context(), "broken off", "request_id", c.id, "error", err)
		panic(http.ErrAbortHandler) // nobody is there any more, or must not take this for the end
	}
	f := failureOf(err)
	if f.httpStatus() >= 500 {
		a.log.ErrorContext(r.Context(), "request failed", "request_id", c.id, "error", err)
	}
	a.writeProblem(w, r, f)
}

// problem is the body of an error answer (RFC 9457).
type problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Code   holdall.Code `json:"code"`
}

func (a *api) writeProblem(w http.ResponseWriter, r *http.Request, f *failure) {
	status, h := f.httpStatus(), w.Header()
	callOf(r).code = f.code
	for _, name := range []string{"ETag", "Last-Modified", "Content-Disposition", "Content-Length", "Accept-Ranges", "Location"} {
		h.Del(name) // they described what is not answered now
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	switch f.code {
	case holdall.CodeUnauthenticated:
		h.Set("WWW-Authenticate", "Bearer")
	case holdall.CodeUnavailable:
		h.Set("Retry-After", "5")
	}
	body, _ := json.Marshal(problem{"about:blank", http.StatusText(status), status, f.detail, f.code}) // strings and a number: cannot fail
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone, or not
}
