package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
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
		"minio://KEY:12/secret@h:9000/files":         "minio://…",
		"minio://KEY:secret@h:9000,i:9000/files":     "minio://KEY:xxxxx@h:9000,i:9000/files",
	} {
		require.Equal(t, want, withoutPassword(address))
	}
	r := newProgram(t, "HOLDALL_JWT_SECRET="+testSecret).run("", "serve", "--catalog", "postgres://ann:topsecret@127.0.0.1:1/x")
	require.Equal(t, 1, r.code)
	require.NotContains(t, r.errors, "topsecret")
}

// newDatabase makes a database on the tests' server and returns its address.
func newDatabase(t *testing.T, name string) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(pgtest.DSN(t))
	require.NoError(t, err)
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	// A process of an earlier test may have ended before its sessions.
	for _, sql := range []string{"DROP DATABASE IF EXISTS " + name + " WITH (FORCE)", "CREATE DATABASE " + name} {
		_, err = conn.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(cfg.User, cfg.Password), Host: net.JoinHostPort(cfg.Host, fmt.Sprint(cfg.Port)),
		Path: "/" + name, RawQuery: fmt.Sprint("sslmode=disable&connect_timeout=", int(cfg.ConnectTimeout.Seconds()))}
	return u.String()
}

func TestServePostgres(t *testing.T) {
	address := newDatabase(t, "serve_test")
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
