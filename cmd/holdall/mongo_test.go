package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall/internal/mongotest"
)

func TestServeMongo(t *testing.T) {
	server := mongotest.Start(t)
	address := strings.Replace(server.URI, "/?", "/serve_test?", 1)
	p := newProgram(t, "HOLDALL_JWT_SECRET="+testSecret, "HOLDALL_CATALOG="+address)
	r := p.run("", "serve", "--catalog", strings.Replace(address, "serve_test", "other", 1), "--listen", "127.0.0.1:0")
	require.Equal(t, 2, r.code, "the bytes need a place: %s", r.errors)
	require.Contains(t, r.errors, "--blobs")

	p.env = append(p.env, "HOLDALL_BLOBS=local:blobs")
	r = p.run("", "serve", "--migrate=false", "--listen", "127.0.0.1:0")
	require.Equal(t, 1, r.code, "without its indexes it does not start: %s", r.errors)
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
