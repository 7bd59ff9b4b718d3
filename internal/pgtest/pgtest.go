// Package pgtest gives tests a real PostgreSQL server: it starts one by
// itself, from the binaries of this machine, or uses the one that
// HOLDALL_TEST_POSTGRES names.
package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Variable names the environment variable with the connection string of a
// server to use, or "skip" to leave out the tests that need one.
const Variable = "HOLDALL_TEST_POSTGRES"

// Servers names the environment variable that asks for the tests that need
// servers; make test sets it. Without it, and outside of CI, they are skipped,
// so that go test ./... takes seconds and needs nothing.
const Servers = "HOLDALL_TEST_SERVERS"

var shared struct {
	sync.Mutex
	server *Server
	err    error
}

// Stop stops the server that the tests of this process shared, if any.
func Stop() {
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.server.stop()
		shared.server = nil
	}
}

// DSN returns the connection string of the server that the tests of this
// process share. It fails the test where there is none, or, outside
// of CI, skips it unless servers are asked for.
func DSN(t testing.TB) string {
	t.Helper()
	dsn := os.Getenv(Variable)
	skip(t, dsn)
	if dsn != "" {
		return dsn
	}
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = newServer(nil)
	}
	if shared.err != nil {
		fail(t, shared.err)
	}
	return shared.server.DSN
}

// Start starts a server of the test's own, which ends with the test: one that
// can be crashed. settings are lines of postgresql.conf. It skips and fails as
// DSN does; a server that HOLDALL_TEST_POSTGRES names is not for such tests.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	skip(t, os.Getenv(Variable))
	s, err := newServer(settings)
	if err != nil {
		fail(t, err)
	}
	t.Cleanup(s.stop)
	return s
}

func skip(t testing.TB, dsn string) {
	t.Helper()
	asked := dsn != "skip" && (dsn != "" || os.Getenv(Servers) != "")
	switch {
	case asked:
	case os.Getenv("CI") == "":
		t.Skipf("needs a PostgreSQL server: set %s=1 to start one, or %s to a connection string", Servers, Variable)
	case dsn == "skip":
		t.Fatalf("%s=skip is not for CI", Variable)
	}
}

func fail(t testing.TB, err error) {
	t.Helper()
	t.Fatalf("no PostgreSQL server for this test: %v\n"+
		"Install the server's binaries (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql), "+
		"or set %s to a connection string of an empty UTF8 database, or to \"skip\".", err, Variable)
}

// binary finds a program of the server: on PATH or, newest first, where
// distributions put it.
func binary(name string) (string, error) {
	if p, err := exec.LookPath(name); err == nil {
		return p, nil
	}
	var found []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/", "/usr/pgsql-*/bin/", "/opt/homebrew/opt/postgresql@*/bin/", "/usr/local/opt/postgresql@*/bin/"} {
		matches, _ := filepath.Glob(pattern + name)
		found = append(found, matches...)
	}
	if len(found) == 0 {
		return "", fmt.Errorf("%s is neither on PATH nor in /usr/lib/postgresql", name)
	}
	return slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) }), nil
}

// version is the last number in a path before /bin.
func version(path string) int {
	dir := filepath.Base(filepath.Dir(filepath.Dir(path)))
	n, _ := strconv.Atoi(dir[strings.LastIndexAny(dir, "-@")+1:])
	return n
}
