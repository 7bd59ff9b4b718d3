package mongotest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/holdall-go/holdall/internal/toolbuild"
)

// Server is a server of the tests' own.
type Server struct {
	// URI leads to it over loopback.
	URI string
	// Addr is its host and port. A restarted server has others.
	Addr string

	bin, dir string
	cmd      *exec.Cmd
	stdin    io.Closer // when it is closed, as by the end of this process, the server ends
	done     chan struct{}
	log      tail
}

// patience bounds the start of a server: it is no limit that a start may meet.
const patience = 5 * time.Minute

// uriTo is an address that a client goes on asking while nothing answers: the
// driver's own limits, and those of a backend's Open, may pass on a machine
// that has too much to do.
func uriTo(addr string) string {
	return "mongodb://" + addr + "/?directConnection=true&serverSelectionTimeoutMS=120000&connectTimeoutMS=120000"
}

func newServer() (*Server, error) {
	bin, err := toolbuild.Binary("mongo", ".", patches...)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "holdall-mongo-")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir}
	if err := s.start(); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// start starts the server and waits until it says that it is ready.
func (s *Server) start() error {
	cmd := exec.Command(s.bin, "--dir", s.dir)
	cmd.Stderr = &s.log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.stdin, s.done = cmd, stdin, make(chan struct{})
	ready := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if addr, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
				ready <- addr
			}
		}
		_ = cmd.Wait()
		close(s.done)
	}()
	select {
	case s.Addr = <-ready:
		s.URI = uriTo(s.Addr)
		return nil
	case <-s.done:
		return fmt.Errorf("the server ended at once: %s", s.log.String())
	case <-time.After(patience):
		return errors.New("the server did not get ready")
	}
}

// Kill ends the server at once, as a crash does, and waits for its end.
func (s *Server) Kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		<-s.done
		_ = s.stdin.Close()
		s.cmd = nil
	}
}

// Restart starts the server again, after a Kill, with what it had stored. Its
// port is another one: somebody else may have taken the old one meanwhile. A
// [Proxy] keeps its own.
func (s *Server) Restart() error { return s.start() }

func (s *Server) stop() {
	s.Kill()
	_ = os.RemoveAll(s.dir)
}

// tail keeps the end of what the server prints.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

// Write implements io.Writer.
func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(l.buf, p...)
	l.buf = l.buf[max(0, len(l.buf)-8<<10):]
	return len(p), nil
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.buf)
}
