package examples_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/backends/minio"
	"github.com/holdall-go/holdall/httpapi"
	"github.com/holdall-go/holdall/httpapi/jwtauth"
	"github.com/holdall-go/holdall/internal/s3test"
)

// startServer serves what "holdall serve --dev --catalog memory:" does, with
// the bytes in blobs unless that is nil, and returns its address and a token.
func startServer(t *testing.T, blobs holdall.Blobs) (address, token string) {
	t.Helper()
	secret := []byte("a secret of no less than 32 bytes")
	auth, err := jwtauth.New(jwtauth.HS256(secret), nil)
	if err != nil {
		t.Fatal(err)
	}
	backend := memory.New()
	if blobs == nil {
		blobs = backend
	}
	store, err := holdall.New(holdall.Config{Catalog: backend, Blobs: blobs})
	if err != nil {
		t.Fatal(err)
	}
	api, err := httpapi.New(store, auth, &httpapi.Options{SigningKeys: []httpapi.SigningKey{{ID: "a", Secret: secret}}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(api)
	t.Cleanup(srv.Close)
	dev := holdall.Principal{Tenant: "dev", User: "dev", Permissions: []string{"*"}}
	if token, err = jwtauth.Mint(secret, dev, time.Hour, time.Now()); err != nil {
		t.Fatal(err)
	}
	return srv.URL, token
}

// TestShellSnippets types the blocks that follow <!-- run -->, in order, into
// one shell. A text block after one is what it must print, where … stands for
// anything on its line, and empty lines do not count.
func TestShellSnippets(t *testing.T) { tour(t, nil, "run") }

// TestShellSnippetsOverMinIO types those that follow <!-- run with minio --> too.
func TestShellSnippetsOverMinIO(t *testing.T) {
	s := s3test.Start(t, s3test.MinIO)
	b, err := minio.New(s.Client(t), s.Bucket(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	tour(t, b, "run", "run with minio")
}

func tour(t *testing.T, blobs holdall.Blobs, run ...string) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	ran := 0
	for _, page := range pages(t) {
		script, want := script(t, page, run)
		if !strings.Contains(want, markerOf(run[len(run)-1])) {
			continue
		}
		ran++
		t.Run(page, func(t *testing.T) {
			address, token := startServer(t, blobs)
			cmd := exec.CommandContext(t.Context(), "sh", "-eu")
			cmd.Dir = t.TempDir()
			cmd.Env = append(os.Environ(), "HOLDALL_URL="+address, "HOLDALL_TOKEN="+token, "no_proxy=*")
			cmd.Stdin = strings.NewReader(script)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			got, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s%s", err, got, stderr.String())
			}
			compare(t, want, string(got))
		})
	}
	if ran == 0 {
		t.Error("no shell snippet was found")
	}
}

// markerOf opens the line that tells the outputs of blocks apart.
func markerOf(run string) string { return "--- " + run + " at " }

func script(t *testing.T, page string, run []string) (script, want string) {
	t.Helper()
	var last bool // whether the block before was run
	for _, s := range snippets(t, page) {
		if slices.Contains(run, s.run) {
			script += "echo; echo '" + markerOf(s.run) + s.at + "'\n" + s.text
			want += markerOf(s.run) + s.at + "\n"
			last = true
			continue
		}
		if last && s.lang == "text" {
			want += s.text
		}
		last = false
	}
	return script, want
}

func compare(t *testing.T, want, got string) {
	t.Helper()
	wanted, lines := filled(want), filled(got)
	for i := range max(len(wanted), len(lines)) {
		if i >= len(wanted) || i >= len(lines) {
			t.Fatalf("the pages say %d lines, the server %d:\n%s", len(wanted), len(lines), got)
		}
		parts := strings.Split(wanted[i], "…")
		for j := range parts {
			parts[j] = regexp.QuoteMeta(parts[j])
		}
		if ok, err := regexp.MatchString("^"+strings.Join(parts, ".*")+"$", lines[i]); err != nil || !ok {
			t.Fatalf("the page says\n%s\nand the server\n%s\nin\n%s", wanted[i], lines[i], got)
		}
	}
}

// filled returns the lines of s that are not empty.
func filled(s string) []string {
	return slices.DeleteFunc(strings.Split(s, "\n"), func(line string) bool { return line == "" })
}
