package main

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall/internal/pgtest"
)

func TestMigratePrintsItsScript(t *testing.T) {
	out := newProgram(t).ok("", "migrate", "--print")
	require.Contains(t, out, "CREATE TABLE")
	require.Equal(t, 2, newProgram(t).run("", "migrate", "--catalog", "local:x").code)
}

func TestPasswordsStayOutOfSight(t *testing.T) {
	for address, want := range map[string]string{
		"local:./holdall-data":                       "local:./holdall-data",
		"postgres://ann:secret@db/files":             "postgres://ann:xxxxx@db/files",
		"postgres://ann@db/files?password=secret":    "postgres://ann@db/files",
		"postgres://ann:sec%ret@db/files":            "postgres://…",
		"mongodb://ann:secret@a:1,b:2/files":         "mongodb://ann:xxxxx@a:1,b:2/files",
		"postgres://ann:secret@[::1]:5432/files?x=1": "postgres://ann:xxxxx@[::1]:5432/files",
	} {
		require.Equal(t, want, withoutPassword(address))
	}
	r := newProgram(t, "HOLDALL_JWT_SECRET="+testSecret).run("", "serve", "--catalog", "postgres://ann:topsecret@127.0.0.1:1/x")
	require.Equal(t, 1, r.code)
	require.NotContains(t, r.errors, "topsecret")
}

func TestServePostgres(t *testing.T) {
	dsn := pgtest.DSN(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	_, err = conn.Exec(t.Context(), "DROP DATABASE IF EXISTS serve_test")
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "CREATE DATABASE serve_test")
	require.NoError(t, err)
	cfg, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	u := url.URL{Scheme: "postgres", User: url.UserPassword(cfg.User, cfg.Password), Host: net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port))),
		Path: "/serve_test", RawQuery: "sslmode=disable"}
	address := u.String()

	p := newProgram(t, "HOLDALL_JWT_SECRET="+testSecret, "HOLDALL_CATALOG="+address)
	r := p.run("", "serve", "--migrate=false", "--listen", "127.0.0.1:0")
	require.Equal(t, 1, r.code, "without its tables it does not start: %s", r.errors)

	r = p.run("", "migrate", "--catalog", address)
	require.Zero(t, r.code, r.errors)
	s := p.serve()
	p.env = append(p.env, "HOLDALL_URL="+s.url, "HOLDALL_TOKEN="+strings.TrimSpace(p.ok("", "token", "--tenant", "acme", "--user", "ann", "--permissions", "*")))
	transfers(t, p)
	res, err := http.Get(s.url + "/healthz")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, 200, res.StatusCode)
	require.Zero(t, s.stop())
	p.ok("", "sweep")
	require.Contains(t, p.ok("", "verify", "--read"), "0 problems found")
}
