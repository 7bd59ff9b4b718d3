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
	"github.com/holdall-go/holdall/httpapi"
	"github.com/holdall-go/holdall/httpapi/jwtauth"
)

// startServer serves what "holdall serve --dev --catalog memory:" does, and
// returns its address and a token.
func startServer(t *testing.T) (address, token string) {
	t.Helper()
	secret := []byte("a secret of no less than 32 bytes")
	auth, err := jwtauth.New(jwtauth.HS256(secret), nil)
	if err != nil {
		t.Fatal(err)
	}
	backend := memory.New()
	store, err := holdall.New(holdall.Config{Catalog: backend, Blobs: backend})
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
func TestShellSnippets(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	ran := 0
	for _, page := range pages(t) {
		script, want := script(t, page)
		if script == "" {
			continue
		}
		ran++
		t.Run(page, func(t *testing.T) {
			address, token := startServer(t)
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

// marker tells the outputs of blocks apart.
const marker = "--- the block at "

func script(t *testing.T, page string) (script, want string) {
	t.Helper()
	var last bool // whether the block before was run
	for _, s := range snippets(t, page) {
		if s.run {
			script += "echo; echo '" + marker + s.at + "'\n" + s.text
			want += marker + s.at + "\n"
		} else if last && s.lang == "text" {
			want += s.text
		}
		last = s.run
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
