// Package mongotest gives tests a server that speaks MongoDB's protocol: it
// builds and starts one by itself, or uses the one that HOLDALL_TEST_MONGO
// names.
package mongotest

import (
	"os"
	"sync"
	"testing"
)

// Variable names the environment variable with the URI of a MongoDB to use, or
// "skip" to leave out the tests that need one.
const Variable = "HOLDALL_TEST_MONGO"

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

// URI returns the address of the server that the tests of this process share.
// It fails the test where there is none, or, outside of CI, skips it unless
// servers are asked for.
func URI(t testing.TB) string {
	t.Helper()
	uri := os.Getenv(Variable)
	skip(t, uri)
	if uri != "" {
		return uri
	}
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = newServer()
	}
	if shared.err != nil {
		fail(t, shared.err)
	}
	return shared.server.URI
}

// Start starts a server of the test's own, which ends with the test: one that
// can be killed. It skips and fails as URI does; a server that
// HOLDALL_TEST_MONGO names is not for such tests.
func Start(t testing.TB) *Server {
	t.Helper()
	skip(t, os.Getenv(Variable))
	s, err := newServer()
	if err != nil {
		fail(t, err)
	}
	t.Cleanup(s.stop)
	return s
}

// Real reports whether the tests run on a MongoDB that HOLDALL_TEST_MONGO
// names, and not on the server that stands in for one.
func Real() bool {
	uri := os.Getenv(Variable)
	return uri != "" && uri != "skip"
}

func skip(t testing.TB, uri string) {
	t.Helper()
	asked := uri != "skip" && (uri != "" || os.Getenv(Servers) != "")
	switch {
	case asked:
	case os.Getenv("CI") == "":
		t.Skipf("needs a server: set %s=1 to start one, or %s to the URI of a MongoDB", Servers, Variable)
	case uri == "skip":
		t.Fatalf("%s=skip is not for CI", Variable)
	}
}

func fail(t testing.TB, err error) {
	t.Helper()
	t.Fatalf("no server for this test: %v\nSet %s to the URI of a MongoDB, or to \"skip\".", err, Variable)
}
