package jwtauth

import (
	"fmt"

	"github.com/holdall-go/holdall"
)

const op = "authenticate"

// refuse makes the error of a caller who is not proven. The text is fit for
// that caller and must not hold any part of the token.
func refuse(format string, args ...any) error {
	return &holdall.Error{Op: op, Code: holdall.CodeUnauthenticated, Detail: fmt.Sprintf(format, args...)}
}

// unavailable makes the error of a token that cannot be judged, because there
// is no key set to judge it by. Its caller is not proven either.
func unavailable(cause error) error {
	return &holdall.Error{
		Op: op, Code: holdall.CodeUnavailable, Detail: "the keys that tokens are verified with are not available",
		Err: fmt.Errorf("%w: %w", holdall.ErrUnauthenticated, cause),
	}
}
