package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/httpapi/jwtauth"
	"github.com/holdall-go/holdall/internal/leak"
	"github.com/holdall-go/holdall/internal/mongotest"
	"github.com/holdall-go/holdall/internal/pgtest"
	"github.com/holdall-go/holdall/internal/s3test"
)

// asProgram makes the test binary be the program: each test runs processes.
const asProgram = "HOLDALL_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		panic("main returned")
	}
	os.Exit(leak.Run(m, pgtest.Stop, s3test.Stop, mongotest.Stop))
}

const testSecret = "a secret of no less than 32 bytes"

// program is one way to call it: in a folder, with an environment.
type program struct {
	t   *testing.T
	dir string
	env []string
}

func newProgram(t *testing.T, env ...string) *program {
	t.Helper()
	return &program{t, t.TempDir(), env}
}

func (p *program) command(args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Minute) // it should end long before
	p.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Dir = p.dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "HOLDALL_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	// The race detector lets each process sleep for a second at its end.
	cmd.Env = append(append(cmd.Env, asProgram+"=1", "GORACE=atexit_sleep_ms=0"), p.env...)
	return cmd
}

type result struct {
	code        int
	out, errors string
}

func (p *program) run(stdin string, args ...string) result {
	p.t.Helper()
	cmd := p.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	if cmd.ProcessState == nil {
		require.NoError(p.t, err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// ok runs what must succeed and returns its standard output.
func (p *program) ok(stdin string, args ...string) string {
	p.t.Helper()
	r := p.run(stdin, args...)
	require.Zero(p.t, r.code, "holdall %s\n%s%s", strings.Join(args, " "), r.out, r.errors)
	require.Empty(p.t, r.errors)
	return r.out
}

func (p *program) write(name, text string) {
	p.t.Helper()
	name = filepath.Join(p.dir, name)
	require.NoError(p.t, os.MkdirAll(filepath.Dir(name), 0o777))
	require.NoError(p.t, os.WriteFile(name, []byte(text), 0o666))
}

func (p *program) read(name string) string {
	p.t.Helper()
	data, err := os.ReadFile(filepath.Join(p.dir, name))
	require.NoError(p.t, err)
	return string(data)
}

func TestUsage(t *testing.T) {
	secret := "HOLDALL_JWT_SECRET=" + testSecret
	for _, c := range []struct {
		args string
		env  []string
		code int
		text string // in what it prints
	}{
		{"", nil, 2, "serve the REST API"},
		{"help", nil, 0, "serve the REST API"},
		{"--help", nil, 0, "serve the REST API"},
		{"help serve", nil, 0, "[HOLDALL_MAX_OBJECT_SIZE]"},
		{"serve -h", nil, 0, "--sweep-every time"},
		{"version", nil, 0, "holdall "},
		{"frobnicate", nil, 2, `no command "frobnicate"`},
		{"serve", nil, 2, "Set HOLDALL_JWT_SECRET"},
		{"serve --listen", nil, 2, "flag needs an argument"},
		{"serve --nope", nil, 2, "-nope"},
		{"serve extra --dev", nil, 2, "no arguments"},
		{"serve", []string{"HOLDALL_JWT_SECRET=short"}, 2, "HOLDALL_JWT_SECRET has 5 bytes"},
		{"serve", []string{secret, "HOLDALL_SIGNING_KEY=short"}, 2, "HOLDALL_SIGNING_KEY has 5 bytes"},
		{"serve --log xml", []string{secret}, 2, "text or json"},
		{"serve --jwks ftp://x", nil, 2, "--jwks"},
		{"serve --roles nowhere", []string{secret}, 2, "nowhere"},
		{"serve --catalog tape:", []string{secret}, 2, "local:DIR, memory:"},
		{"serve --catalog holdall-data", []string{secret}, 2, "not the address of a backend"},
		{"serve --catalog local:", []string{secret}, 2, "local:DIR"},
		{"serve --catalog memory: --grace 0s", []string{secret}, 2, "more than 0"},
		{"serve --catalog memory: --max-object-size 5Gib", []string{secret}, 2, "not a size"},
		{"serve --catalog memory: --listen 127.0.0.1:65536", []string{secret}, 1, "65536"},
		{"serve --catalog memory: --public-url files", []string{secret}, 1, "public URL"},
		{"sweep --catalog memory:", nil, 0, "0 unfinished uploads"},
		{"sweep --catalog memory:", []string{"HOLDALL_GRACE=soon"}, 2, "environment variable HOLDALL_GRACE"},
		{"sweep --catalog memory: --grace 1h", []string{"HOLDALL_GRACE=soon"}, 0, "0 unfinished uploads"},
		{"sweep", []string{"HOLDALL_CATALOG=memory:"}, 0, "0 unfinished uploads"},
		{"sweep", nil, 1, "no such file"},
		{"verify --catalog local:typo", nil, 1, "no such file"},
		{"verify --catalog memory:", nil, 0, "0 problems found"},
		{"ls a b", nil, 2, "at most"},
		{"ls --catalog memory: nowhere", nil, 1, "bucket_not_found"},
		{"get default", nil, 2, "names no file"},
		{"put file", nil, 2, "it needs files"},
		{"put --catalog memory: - default", nil, 2, "needs a path"},
		{"ls --url http://127.0.0.1:1", nil, 2, "HOLDALL_TOKEN"},
		{"ls --url files", []string{"HOLDALL_TOKEN=t"}, 2, "http or https"},
		{"token", nil, 2, "HOLDALL_JWT_SECRET must be set"},
		{"token --ttl 1ms", []string{secret}, 2, "second"},
	} {
		t.Run(c.args, func(t *testing.T) {
			r := newProgram(t, c.env...).run("", strings.Fields(c.args)...)
			require.Equal(t, c.code, r.code, r.out+r.errors)
			require.Contains(t, r.out+r.errors, c.text)
			if c.code == 0 {
				require.Empty(t, r.errors)
			} else {
				require.Empty(t, r.out)
			}
		})
	}
}

func TestToken(t *testing.T) {
	p := newProgram(t, "HOLDALL_JWT_SECRET="+testSecret, "HOLDALL_TENANT=acme")
	v, err := jwtauth.New(jwtauth.HS256([]byte(testSecret)), nil)
	require.NoError(t, err)
	for args, want := range map[string]holdall.Principal{
		"token": {Tenant: "acme", User: "dev", Permissions: []string{"*"}},
		"token --tenant t --user u --app a --permissions storage:read,storage:write --permissions storage:x:* --roles r,s": {
			Tenant: "t", User: "u", App: "a", Permissions: []string{"storage:read", "storage:write", "storage:x:*"}, Roles: []string{"r", "s"}},
		"token --roles r": {Tenant: "acme", User: "dev", Roles: []string{"r"}},
	} {
		got, err := v.Verify(t.Context(), strings.TrimSpace(p.ok("", strings.Fields(args)...)))
		require.NoError(t, err, args)
		require.Equal(t, want, got)
	}
}

func TestFilesOfOwnStore(t *testing.T) {
	p := newProgram(t)
	transfers(t, p)
	out := p.ok("", "verify", "--read")
	require.Contains(t, out, "0 problems found")
	_, err := os.Stat(filepath.Join(p.dir, "holdall-data"))
	require.NoError(t, err, "the default is local:./holdall-data")

	require.Empty(t, p.ok("", "ls", "default", "--tenant", "other"), "another tenant sees nothing")
	p.ok("mine", "put", "-", "default/mine", "--tier", "user", "--user", "ana")
	require.Equal(t, 1, p.run("", "get", "default/mine", "-", "--tier", "user").code, "dev is not ana")
	require.Equal(t, "mine", p.ok("", "get", "default/mine", "-", "--tier", "user", "--user", "ana"))
}

// transfers puts, lists and gets files. The program is set up for a store
// that holds nothing yet.
func transfers(t *testing.T, p *program) {
	p.write("tree/a.txt", "a")
	p.write("tree/sub/b ö%.txt", "b")
	p.write("tree/sub/empty", "")
	big := strings.Repeat("0123456789abcdef", 20_000)
	p.write("tree/sub/deep/big", big)

	r := p.run("", "put", "tree", "default")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.errors, "use -r")
	require.Equal(t, 4, strings.Count(p.ok("", "put", "-r", "tree", "default"), "\n"))
	r = p.run("", "put", "tree/a.txt", "default/tree/a.txt")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.errors, "object_exists")
	p.ok("", "put", "tree/a.txt", "tree/sub/empty", "default/two")
	p.ok("from a pipe", "put", "-", "default/piped")
	p.ok("again", "put", "-", "default/piped", "--replace")

	require.Equal(t, "default\n", p.ok("", "ls"))
	require.Equal(t, "piped\ntree/\ntwo/\n", p.ok("", "ls", "default"))
	require.Equal(t, "tree/a.txt\ntree/sub/\n", p.ok("", "ls", "default/tree/"))
	require.Equal(t, "tree/a.txt\ntree/sub/b ö%.txt\ntree/sub/deep/big\ntree/sub/empty\n", p.ok("", "ls", "-r", "default/tree"))
	long := p.ok("", "ls", "-l", "default")
	require.Regexp(t, `^[0-9a-f]{64} \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +5 piped\n`, long)

	require.Equal(t, "again", p.ok("", "get", "default/piped", "-"))
	p.ok("", "get", "default/piped")
	require.Equal(t, "again", p.read("piped"))
	p.ok("", "get", "default/tree/a.txt", "tree/copy")
	require.Equal(t, "a", p.read("tree/copy"))
	r = p.run("", "get", "default/nothing", "never")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.errors, "object_not_found")
	_, err := os.Stat(filepath.Join(p.dir, "never"))
	require.ErrorIs(t, err, os.ErrNotExist)

	p.ok("", "get", "-r", "default/tree", "back")
	for name, text := range map[string]string{"a.txt": "a", "sub/b ö%.txt": "b", "sub/empty": "", "sub/deep/big": big} {
		require.Equal(t, text, p.read("back/"+name), name)
	}
	left, err := filepath.Glob(filepath.Join(p.dir, "back", ".holdall-*"))
	require.NoError(t, err)
	require.Empty(t, left, "temporary files")
}

func TestVerifyFindsAndRepairs(t *testing.T) {
	p := newProgram(t)
	p.write("big", strings.Repeat("x", 1<<20))
	p.ok("", "put", "big", "default")
	blobs, err := filepath.Glob(filepath.Join(p.dir, "holdall-data", "blobs", "*", "*"))
	require.NoError(t, err)
	require.Len(t, blobs, 1)
	require.NoError(t, os.WriteFile(blobs[0], bytes.Repeat([]byte("y"), 1<<20), 0o600))

	p.ok("", "verify")
	r := p.run("", "verify", "--read")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.out, `checksum: tenant "dev", bucket default, path "big"`)
	require.Contains(t, r.out, "1 problems found, 0 repaired")
	require.Contains(t, p.ok("", "verify", "--read", "--repair"), "1 problems found, 1 repaired")
	require.Empty(t, p.ok("", "ls", "default"), "what was broken is deleted")
}

func TestOneProcessPerFolder(t *testing.T) {
	p := newProgram(t)
	p.ok("x", "put", "-", "default/x")
	s := p.serve("--dev")
	r := p.run("", "ls", "default")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.errors, "holdall-data")
	require.Zero(t, s.stop())
	require.Equal(t, "x\n", p.ok("", "ls", "default"))
}

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "1B": 1, "64MiB": 64 << 20, "64 MiB": 64 << 20, "5GB": 5e9, "1kB": 1000, "9223372036854775807": 1<<63 - 1,
		"0": 0, "-1": 0, "": 0, "MiB": 0, "1.5GB": 0, "9223372036854775808": 0, "8388608TiB": 0, "1mib": 0,
	} {
		var s size
		err := s.Set(text)
		require.Equal(t, want, int64(s), text)
		require.Equal(t, want == 0, err != nil, text)
	}
	for n, want := range map[int64]string{0: "0B", 1023: "1023B", 1024: "1KiB", 1536: "1.5KiB", 64 << 20: "64MiB", 5 << 30: "5GiB"} {
		require.Equal(t, want, formatSize(n))
	}
}

func FuzzSize(f *testing.F) {
	f.Add("64MiB")
	f.Add("9223372036854775807B")
	f.Fuzz(func(t *testing.T, text string) {
		var s size
		if err := s.Set(text); err != nil {
			require.Zero(t, s)
			return
		}
		require.Positive(t, int64(s))
		var again size
		require.NoError(t, again.Set(fmt.Sprint(int64(s))))
		require.Equal(t, s, again)
	})
}

func TestProgress(t *testing.T) {
	p := &progress{name: "a/b", total: 4 << 20, done: 1 << 20}
	require.Equal(t, "a/b                            ██████░░░░░░░░░░░░░░░░░░  25%  1MiB of 4MiB  512KiB/s", p.line(2*time.Second))
	p.total = -1
	require.Equal(t, "a/b                            1MiB  512KiB/s", p.line(2*time.Second))
	p.name = strings.Repeat("é", 40)
	require.Contains(t, p.line(time.Second), "…"+strings.Repeat("é", 29)+" ")

	var w bytes.Buffer // no terminal: nothing is drawn
	p = newProgress(&w, "a", 1)
	_, err := p.Write([]byte("x"))
	require.NoError(t, err)
	p.end()
	require.Empty(t, w.String())
}
