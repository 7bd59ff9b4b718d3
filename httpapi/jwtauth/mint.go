package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/holdall-go/holdall"
)

// Mint makes an HS256 token for p that a [Verifier] with the same secret
// accepts from now until ttl later, to the second, plus its leeway. It is meant for
// development and tests; it names no issuer and no audience. It fails when the
// secret has less than 32 bytes, ttl is less than a second, or p could not be
// read back (see [Verifier.Verify]).
func Mint(secret []byte, p holdall.Principal, ttl time.Duration, now time.Time) (string, error) {
	if ttl < time.Second {
		return "", errors.New("jwtauth: a token must be valid for at least a second")
	}
	verifier, err := New(HS256(secret), &Options{Now: func() time.Time { return now }})
	if err != nil {
		return "", err
	}
	claims := jwt.MapClaims{
		"sub":       p.User,
		"tenant_id": p.Tenant,
		"iat":       now.Unix(),
		"exp":       now.Add(ttl).Unix(),
	}
	if p.App != "" {
		claims["app_id"] = p.App
	}
	if p.Permissions != nil {
		claims["permissions"] = p.Permissions
	}
	if p.Roles != nil {
		claims["roles"] = p.Roles
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
	if err != nil {
		return "", fmt.Errorf("jwtauth: sign: %w", err)
	}
	back, err := verifier.Verify(context.Background(), token)
	if err != nil {
		return "", fmt.Errorf("jwtauth: the token would be refused: %w", err)
	}
	if !reflect.DeepEqual(back, p) { // JSON replaces what is not UTF-8
		return "", errors.New("jwtauth: the principal holds a string that is not valid UTF-8")
	}
	return token, nil
}
