package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
)

// serving is a server in a process of its own.
type serving struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string
	stdout bytes.Buffer // to be read once it has stopped
	errors bytes.Buffer // likewise
	log    sync.WaitGroup
}

// serve starts a server on a free port and waits until it listens.
func (p *program) serve(args ...string) *serving {
	p.t.Helper()
	s := &serving{t: p.t, cmd: p.command(append([]string{"serve", "--listen", "127.0.0.1:0", "--log", "json"}, args...)...)}
	stderr, err := s.cmd.StderrPipe()
	require.NoError(p.t, err)
	s.cmd.Stdout = &s.stdout
	require.NoError(p.t, s.cmd.Start())
	p.t.Cleanup(func() { // before its folder goes
		_ = s.cmd.Process.Kill()
		s.wait()
	})
	address := make(chan string, 1)
	s.log.Go(func() {
		defer close(address)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			s.errors.WriteString(lines.Text() + "\n")
			var l struct{ Msg, Address string }
			if _ = json.Unmarshal(lines.Bytes(), &l); l.Msg == "serving" {
				address <- l.Address
			}
		}
	})
	a, ok := <-address
	require.True(p.t, ok, "it did not start")
	s.url = "http://" + a
	return s
}

// stop asks the server to end and returns its exit code.
func (s *serving) stop() int {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGTERM))
	return s.wait()
}

func (s *serving) wait() int {
	s.log.Wait()
	_ = s.cmd.Wait() // the code says it
	return s.cmd.ProcessState.ExitCode()
}

func TestServeDev(t *testing.T) {
	p := newProgram(t)
	// The commands are printed for people: read them while the server runs.
	s := &serving{t: t, cmd: p.command("serve", "--dev", "--listen", "127.0.0.1:0")}
	stdout, err := s.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	var script []string
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if l := lines.Text(); strings.HasPrefix(l, "export ") || strings.Contains(l, "curl ") {
			script = append(script, l)
		}
		if len(script) == 7 {
			break
		}
	}
	p.env = nil
	for _, l := range script[:2] {
		p.env = append(p.env, strings.TrimPrefix(l, "export "))
	}
	transfers(t, p)
	p.paste(script)
	require.Zero(t, s.stop())
}

// paste runs the printed commands in a shell.
func (p *program) paste(script []string) {
	t := p.t
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("there is no curl to try the printed commands with")
		}
		t.Log("without curl the printed commands are not tried")
		return
	}
	for range 2 { // pasted twice they still work
		sh := exec.CommandContext(t.Context(), "sh", "-ec", strings.Join(script, "\necho\n"))
		sh.Env = append(os.Environ(), "no_proxy=*") // curl would ask a proxy for this machine, too
		out, err := sh.CombinedOutput()
		require.NoError(t, err, "%s", out)
		answers := strings.Split(string(out), "\n\n")
		for _, want := range []string{`"path":"notes/hello.txt"`, "hello\n", `"folders":["notes/"`, `"theme":"dark"`} {
			require.Contains(t, strings.Join(answers, "\n"), want)
		}
		require.NotContains(t, string(out), `"code"`)
	}
}

func TestServeKeepsAndKnows(t *testing.T) {
	p := newProgram(t, "HOLDALL_JWT_SECRET="+testSecret, "HOLDALL_SIGNING_KEY="+testSecret)
	p.write("roles.json", `{"reader": ["storage:read"]}`)
	token := strings.TrimSpace(p.ok("", "token"))
	s := p.serve("--roles", "roles.json")
	remote := newProgram(t, "HOLDALL_URL="+s.url, "HOLDALL_TOKEN="+token)
	remote.ok("kept", "put", "-", "default/x")
	require.Zero(t, s.stop())
	require.Empty(t, s.stdout.String(), "a token is printed in development only")

	s = p.serve("--roles", "roles.json")
	remote.env[0] = "HOLDALL_URL=" + s.url
	require.Equal(t, "kept", remote.ok("", "get", "default/x", "-"))
	remote.env[1] = "HOLDALL_TOKEN=" + strings.TrimSpace(p.ok("", "token", "--roles", "reader"))
	require.Equal(t, "kept", remote.ok("", "get", "default/x", "-"))
	r := remote.run("y", "put", "-", "default/y")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.errors, "permission_denied")
	remote.env[1] = "HOLDALL_TOKEN=" + token[:len(token)-2]
	require.Contains(t, remote.run("", "ls", "default").errors, "unauthenticated")
	require.Zero(t, s.stop())
	require.Equal(t, 1, remote.run("", "ls", "default").code, "nobody is there")
}

// upload begins an upload and returns, once the server has begun to read it,
// what continues it and its answer.
func (s *serving) upload(token string) (*io.PipeWriter, <-chan int) {
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+apiPath+"/objects/default?path=slow", r)
	require.NoError(s.t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "text/plain")
	req.Header.Set("Expect", "100-continue") // no byte is sent before the server asks for it
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	status := make(chan int, 1)
	go func() {
		resp, err := client.Do(req)
		if err != nil {
			status <- 0
			return
		}
		resp.Body.Close()
		status <- resp.StatusCode
	}()
	_, err = w.Write(bytes.Repeat([]byte("x"), 1<<20))
	require.NoError(s.t, err)
	return w, status
}

// untilClosed waits until the server takes no connections any more.
func (s *serving) untilClosed() {
	for {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			return
		}
		conn.Close()
	}
}

func TestShutdownLetsRequestsEnd(t *testing.T) {
	p := newProgram(t, "HOLDALL_JWT_SECRET="+testSecret)
	s := p.serve("--drain", "10m")
	w, status := s.upload(strings.TrimSpace(p.ok("", "token")))
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	s.untilClosed()
	_, err := w.Write([]byte("the end"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Equal(t, http.StatusCreated, <-status)
	require.Zero(t, s.wait())
	require.True(t, strings.HasSuffix(p.ok("", "get", "default/slow", "-"), "xthe end"))
}

func TestShutdownCutsOffWhatTakesTooLong(t *testing.T) {
	p := newProgram(t, "HOLDALL_JWT_SECRET="+testSecret)
	s := p.serve("--drain", "50ms")
	w, status := s.upload(strings.TrimSpace(p.ok("", "token")))
	require.Zero(t, s.stop())
	w.CloseWithError(io.ErrClosedPipe) // the client sends on until it has a reason to look
	require.Zero(t, <-status, "the connection was cut")
	require.Empty(t, p.ok("", "ls", "default"), "half a file")
	require.Contains(t, p.ok("", "verify", "--read"), "0 problems")
}

func TestStalls(t *testing.T) {
	got := make(chan error, 1)
	srv := httptest.NewServer(boundStalls(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		got <- err
	}), 50*time.Millisecond))
	defer srv.Close()
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, r)
	require.NoError(t, err)
	go func() {
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	_, _ = w.Write([]byte("some")) // it fails where the server has had enough by then
	require.ErrorIs(t, <-got, os.ErrDeadlineExceeded, "w stays silent")
	w.CloseWithError(errors.New("given up"))
}

// deadlines is the connection of an answer, which keeps the deadlines of reads.
type deadlines struct {
	http.ResponseWriter
	set []time.Time
}

// SetReadDeadline implements what an http.ResponseController looks for.
func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.set = append(d.set, at)
	return nil
}

// A body that is whole is not a stall, however long its handler works: while
// it does, the connection is read from without a deadline. One that came too
// late leaves its deadline behind.
func TestStallsEndWithTheBody(t *testing.T) {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, os.ErrDeadlineExceeded} {
		before := time.Now()
		d := &deadlines{ResponseWriter: httptest.NewRecorder()}
		var awaited []time.Time
		body := iotest.OneByteReader(io.MultiReader(strings.NewReader("all"), iotest.ErrReader(end)))
		boundStalls(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			for range 3 {
				_, err := io.ReadFull(r.Body, make([]byte, 1))
				require.NoError(t, err)
				awaited = append(awaited, d.set[len(d.set)-1])
			}
			_, err := r.Body.Read(make([]byte, 1))
			require.ErrorIs(t, err, end)
		}), time.Hour).ServeHTTP(d, httptest.NewRequest(http.MethodPost, "/", body))
		for _, at := range awaited {
			require.False(t, at.Before(before.Add(time.Hour)), "each read has its own")
			before = at.Add(-time.Hour)
		}
		require.Equal(t, end != os.ErrDeadlineExceeded, d.set[len(d.set)-1].IsZero())
	}
}
