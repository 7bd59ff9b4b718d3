package jwtauth_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/httpapi/jwtauth"
)

func Example() {
	secret := []byte("a secret of no less than 32 bytes")
	auth, err := jwtauth.New(jwtauth.HS256(secret), nil)
	if err != nil {
		panic(err)
	}
	ana := holdall.Principal{Tenant: "acme", User: "ana", Permissions: []string{"storage:read"}}
	token, err := jwtauth.Mint(secret, ana, time.Hour, time.Now())
	if err != nil {
		panic(err)
	}

	r := httptest.NewRequest("GET", "/", nil)
	_, ok, err := auth.Authenticate(r)
	fmt.Println("no header:", ok, err)

	r.Header.Set("Authorization", "Bearer "+token)
	p, ok, err := auth.Authenticate(r)
	fmt.Println("good token:", p.Tenant, p.User, p.Permissions, ok, err)

	r.Header.Set("Authorization", "Bearer "+token+"A")
	_, ok, err = auth.Authenticate(r)
	fmt.Println("bad token:", ok, errors.Is(err, holdall.ErrUnauthenticated))
	// Output:
	// no header: false <nil>
	// good token: acme ana [storage:read] true <nil>
	// bad token: false true
}
