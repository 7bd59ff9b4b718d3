package s3test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/holdall-go/holdall/internal/freeport"
	"github.com/holdall-go/holdall/internal/toolbuild"
)

// process is a server's program at work.
type process struct {
	args []string // program and arguments
	env  []string
	dir  string // its data, removed at the end
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	out  log
}

// log keeps the end of what a server prints.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buf.Len() > 64<<10 {
		l.buf.Next(32 << 10)
	}
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func newServer(k *Kind) (*Server, error) {
	bin, err := toolbuild.Binary("s3", k.tool)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "holdall-"+k.Name+"-")
	if err != nil {
		return nil, err
	}
	addr, err := freeport.Addr()
	if err != nil {
		return nil, err
	}
	s := &Server{Kind: k, Addr: addr, Key: "holdall-test", Secret: "holdall-secret", process: process{args: []string{bin}, dir: dir}}
	if err := k.start(s); err != nil {
		s.stop()
		return nil, fmt.Errorf("%w\n%s", err, s.out.String())
	}
	return s, nil
}

func startMinIO(s *Server) error {
	s.args = append(s.args, "server", "--address", s.Addr, s.dir)
	s.env = minioEnv(s)
	if err := s.run(); err != nil {
		return err
	}
	if err := s.ready("http://" + s.Addr + "/minio/health/cluster"); err != nil {
		return err
	}
	return s.answers()
}

// answers waits until requests are served: a MinIO that is healthy may have
// its users still to load.
func (s *Server) answers() error {
	c, err := s.client(s.Addr)
	if err != nil {
		return err
	}
	return s.until("serves no requests", func(ctx context.Context) error {
		_, err := c.ListBuckets(ctx)
		return err
	})
}

func minioEnv(s *Server) []string {
	return []string{"MINIO_ROOT_USER=" + s.Key, "MINIO_ROOT_PASSWORD=" + s.Secret, "MINIO_BROWSER=off", "MINIO_UPDATE=off"}
}

func startVersityGW(s *Server) error {
	data, side := filepath.Join(s.dir, "data"), filepath.Join(s.dir, "meta")
	for _, d := range []string{data, side} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return err
		}
	}
	s.args = append(s.args, "--port", s.Addr, "--access", s.Key, "--secret", s.Secret, "--region", Region, "--health", "/health", "--quiet",
		"posix", "--sidecar", side, data)
	if err := s.run(); err != nil {
		return err
	}
	return s.ready("http://" + s.Addr + "/health")
}

// run starts the program.
func (p *process) run() error {
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	cmd.SysProcAttr = dieWithParent()
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	p.cmd, p.done = cmd, done
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	return nil
}

// patience is how long a server may take to start, and to answer a request
// that should succeed. It only bounds a hang: the machine may be slow, or stand
// still for a while.
const patience = 5 * time.Minute

// ready waits until the address answers 200.
func (p *process) ready(url string) error {
	return p.until("is not ready", func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		return nil
	})
}

// until waits for the running server to do something, else says what it does not.
func (p *process) until(not string, do func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := do(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return errors.New("the server ended at once")
		case <-ctx.Done():
			return fmt.Errorf("the server %s after %v: %w", not, patience, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Kill ends the program at once, as a crash does, and waits for its end.
func (p *process) Kill() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// stop ends the program and removes its data.
func (p *process) stop() {
	p.Kill()
	if p.dir != "" {
		_ = os.RemoveAll(p.dir)
	}
}
