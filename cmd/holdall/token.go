package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/httpapi/jwtauth"
)

// dev names the tenant and the user of development, where none is named.
const dev = "dev"

func setupToken(a *app, fs *flag.FlagSet) func(context.Context, []string) error {
	p := holdall.Principal{}
	ttl := fs.Duration("ttl", 24*time.Hour, "how long the token is good for")
	fs.StringVar(&p.Tenant, "tenant", dev, "`name` of the tenant")
	fs.StringVar(&p.User, "user", dev, "`name` of the user")
	fs.StringVar(&p.App, "app", "", "`name` of the app that the token is for; none unless named")
	fs.Var((*list)(&p.Permissions), "permissions", "permission `keys`, separated by commas; * unless some or roles are named")
	fs.Var((*list)(&p.Roles), "roles", "`names` of roles, separated by commas")
	return func(_ context.Context, args []string) error {
		if len(args) > 0 {
			return usagef("it takes no arguments")
		}
		secret := a.env(envJWTSecret)
		if secret == "" {
			return usagef("%s must be set to the server's secret", envJWTSecret)
		}
		if len(p.Permissions) == 0 && len(p.Roles) == 0 {
			p.Permissions = []string{"*"}
		}
		token, err := jwtauth.Mint([]byte(secret), p, *ttl, time.Now())
		if err != nil {
			return usageError{err.Error()}
		}
		fmt.Fprintln(a.stdout, token)
		return nil
	}
}
