// Package s3test gives tests a real S3 server: MinIO, or versitygw as a second
// one that has no code in common with it. It builds them from their modules,
// once, at the versions that internal/tools/s3 pins.
//
// The servers take minutes to build, so that tests run them when
// HOLDALL_TEST_SERVERS is 1, as "make test" sets it, and in CI; they are
// skipped otherwise.
package s3test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// ServersVariable names the environment variable that has tests start servers.
const ServersVariable = "HOLDALL_TEST_SERVERS"

// Kind is one S3 server that tests run against.
type Kind struct {
	Name     string
	Variable string // the environment variable that names a server to use instead
	tool     string // the import path of its program
	start    func(s *Server) error
}

// The kinds. Their variables hold a URL, http://KEY:SECRET@host:port or https,
// or "skip" to leave the tests out.
var (
	MinIO     = &Kind{Name: "minio", Variable: "HOLDALL_TEST_S3", tool: "github.com/minio/minio", start: startMinIO}
	VersityGW = &Kind{Name: "versitygw", Variable: "HOLDALL_TEST_VERSITYGW", tool: "github.com/versity/versitygw/cmd/versitygw", start: startVersityGW}
)

// Region is that of every server here.
const Region = "us-east-1"

var shared = struct {
	sync.Mutex
	servers map[*Kind]*Server
	errs    map[*Kind]error
}{servers: map[*Kind]*Server{}, errs: map[*Kind]error{}}

// Stop stops the servers that the tests of this process shared, if any.
func Stop() {
	shared.Lock()
	defer shared.Unlock()
	for k, s := range shared.servers {
		if s != nil { // it could not be started
			s.stop()
		}
		delete(shared.servers, k)
	}
}

// Shared returns the server of that kind that the tests of this process share.
// It skips the test where none is asked for, and fails it where one cannot be
// started.
func Shared(t testing.TB, k *Kind) *Server {
	t.Helper()
	given := k.wanted(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.servers[k] == nil && shared.errs[k] == nil {
		if given != "" {
			shared.servers[k], shared.errs[k] = k.parse(given)
		} else {
			shared.servers[k], shared.errs[k] = newServer(k)
		}
	}
	if err := shared.errs[k]; err != nil {
		t.Fatalf("no %s for this test: %v\nSet %s to http://KEY:SECRET@host:port of a server to use, or to \"skip\".", k.Name, err, k.Variable)
	}
	return shared.servers[k]
}

// Start starts a server of the test's own, which ends with the test. It skips
// and fails as Shared does; a server that a variable names is not for such tests.
func Start(t testing.TB, k *Kind) *Server {
	t.Helper()
	k.wanted(t)
	s, err := newServer(k)
	if err != nil {
		t.Fatalf("no %s for this test: %v", k.Name, err)
	}
	t.Cleanup(s.stop)
	return s
}

// wanted returns the URL of the server that the environment names, if any,
// and skips the test where no server is asked for.
func (k *Kind) wanted(t testing.TB) string {
	t.Helper()
	given, ci := os.Getenv(k.Variable), os.Getenv("CI") != ""
	switch {
	case given == "skip" && ci:
		t.Fatalf("%s=skip is not for CI", k.Variable)
	case given == "skip":
		t.Skipf("%s=skip", k.Variable)
	case given == "" && !ci && os.Getenv(ServersVariable) != "1":
		t.Skipf("this test needs %s, which takes minutes to build the first time: set %s=1, as \"make test\" does", k.Name, ServersVariable)
	}
	return given
}

// Server is a running S3 server.
type Server struct {
	Kind        *Kind
	Addr        string // host:port
	Key, Secret string
	Secure      bool
	process     // of a server that was started here
}

func (k *Kind) parse(given string) (*Server, error) {
	u, err := url.Parse(given)
	if err != nil || u.Host == "" || u.User == nil {
		return nil, fmt.Errorf("its variable is not of the form http://KEY:SECRET@host:port")
	}
	secret, _ := u.User.Password()
	return &Server{Kind: k, Addr: u.Host, Key: u.User.Username(), Secret: secret, Secure: u.Scheme == "https"}, nil
}

// Client returns a client of the server.
func (s *Server) Client(t testing.TB) *minio.Client { return s.ClientAt(t, s.Addr) }

// ClientAt returns a client that reaches the server under another address:
// that of a proxy.
func (s *Server) ClientAt(t testing.TB, addr string) *minio.Client {
	t.Helper()
	c, err := s.client(addr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *Server) client(addr string) (*minio.Client, error) {
	return minio.New(addr, &minio.Options{Creds: credentials.NewStaticV4(s.Key, s.Secret, ""), Secure: s.Secure, Region: Region, MaxRetries: 3})
}

// Bucket makes a new bucket, empty and without versions. It goes with the
// test where the server stays.
func (s *Server) Bucket(t testing.TB) string {
	t.Helper()
	name := "holdall-" + strings.ToLower(rand.Text())[:16]
	c := s.Client(t)
	if err := c.MakeBucket(t.Context(), name, minio.MakeBucketOptions{Region: Region}); err != nil {
		t.Fatalf("making a bucket: %v", err)
	}
	if s.cmd == nil {
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := c.RemoveBucketWithOptions(ctx, name, minio.RemoveBucketOptions{ForceDelete: true}); err != nil {
				t.Logf("the bucket %s stays: %v", name, err)
			}
		})
	}
	return name
}

// URL returns the URL that backends/minio.Open takes for a bucket, with more
// query parameters, if any, in the form "&name=value". Its timeout is one that
// a slow machine keeps, unless more has another.
func (s *Server) URL(bucket, more string) string {
	return fmt.Sprintf("minio://%s@%s/%s?secure=%t&region=%s&timeout=%v%s", url.UserPassword(s.Key, s.Secret), s.Addr, bucket, s.Secure, Region, patience, more)
}
