package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/holdall-go/holdall/internal/freeport"
)

// Server is a PostgreSQL server of the tests' own, durable as in production.
type Server struct {
	// DSN leads to an empty database over loopback, as a superuser.
	DSN  string
	dir  string
	port string
	as   account
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	last []string      // lines of its log; read them after done
}

// patience bounds a hang, not what a slow machine may take.
const patience = 5 * time.Minute

func newServer(settings []string) (*Server, error) {
	dir, err := os.MkdirTemp("", "holdall-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir}
	if err = s.init(settings); err == nil {
		err = s.start()
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// init makes the data folder. The server refuses to run as root.
func (s *Server) init(settings []string) error {
	if os.Getuid() == 0 {
		var err error
		if s.as, err = somebody(); err == nil {
			err = os.Chown(s.dir, s.as.uid, s.as.gid)
		}
		if err != nil {
			return err
		}
	}
	initdb, err := binary("initdb")
	if err != nil {
		return err
	}
	data := filepath.Join(s.dir, "data")
	args := []string{"-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"}
	// A locale whose order is not that of bytes shows what forgets to ask for it.
	_, err = s.command(initdb, append(args, "--locale-provider=icu", "--icu-locale=en", "--locale=C.UTF-8")...).CombinedOutput()
	if err != nil {
		_ = os.RemoveAll(data)
		if out, err := s.command(initdb, append(args, "--locale=C.UTF-8")...).CombinedOutput(); err != nil {
			return fmt.Errorf("initdb: %w: %s", err, out)
		}
	}
	conf := append([]string{
		// No socket: its path has a limit, which a long TMPDIR goes beyond.
		"listen_addresses = '127.0.0.1'", "unix_socket_directories = ''",
		// Of tests that run side by side each has a pool, as many as there are cores.
		"max_connections = 500",
		"fsync = on", "synchronous_commit = on", "shared_buffers = 256MB", "max_wal_size = 4GB", "logging_collector = off",
	}, settings...)
	f, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("\n" + strings.Join(conf, "\n") + "\n")
	return errors.Join(err, f.Close())
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "LANGUAGE=", "TZ=UTC")
	s.as.run(cmd)
	return cmd
}

// account is whom the server runs as; the zero value is the user of this process.
type account struct{ uid, gid int }

// somebody is a user that is not root.
func somebody() (account, error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return account{}, err
		}
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return account{}, err
	}
	gid, err := strconv.Atoi(u.Gid)
	return account{uid, gid}, err
}

// start starts the server and waits until it accepts connections.
func (s *Server) start() error {
	postgres, err := binary("postgres")
	if err != nil {
		return err
	}
	if s.port == "" {
		addr, err := freeport.Addr()
		if err != nil {
			return err
		}
		if _, s.port, err = net.SplitHostPort(addr); err != nil {
			return err
		}
	}
	s.DSN = fmt.Sprintf("host=127.0.0.1 port=%s user=postgres dbname=postgres sslmode=disable connect_timeout=%d", s.port, int(patience.Seconds()))
	cmd := s.command(postgres, "-D", filepath.Join(s.dir, "data"), "-p", s.port)
	log, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	done := make(chan struct{})
	started := make(chan error)
	go func() {
		// The server is told when the thread that made it ends (see
		// dieWithParent), so that thread stays.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		dieWithParent(cmd)
		err := cmd.Start()
		started <- err
		if err == nil {
			<-done
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	s.cmd, s.done = cmd, done
	ready := make(chan struct{})
	go s.follow(cmd, log, ready, done)
	select {
	case <-ready:
		return nil
	case <-done:
		return fmt.Errorf("the server ended at once:\n%s", strings.Join(s.last, "\n"))
	case <-time.After(patience):
		return errors.New("the server did not get ready; its log is on stderr with HOLDALL_TEST_LOG=1")
	}
}

// follow reads the server's log to its end and then waits for the process.
func (s *Server) follow(cmd *exec.Cmd, log io.Reader, ready, done chan struct{}) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	s.last = nil
	for lines.Scan() {
		if s.last = append(s.last, lines.Text()); len(s.last) > 20 {
			s.last = s.last[1:]
		}
		if ready != nil && strings.Contains(lines.Text(), "ready to accept") {
			close(ready)
			ready = nil
		}
		if os.Getenv("HOLDALL_TEST_LOG") != "" {
			fmt.Fprintln(os.Stderr, lines.Text())
		}
	}
	_, _ = io.Copy(io.Discard, log)
	_ = cmd.Wait()
	close(done)
}

// Data is the server's data folder.
func (s *Server) Data() string { return filepath.Join(s.dir, "data") }

// Standby starts a streaming replica of the server, which takes reads only.
// The server itself is restarted for it.
func (s *Server) Standby(t testing.TB) *Server {
	t.Helper()
	s.Crash()
	r, err := s.replica()
	if r != nil {
		t.Cleanup(r.stop)
	}
	if err = errors.Join(err, s.Restart()); err == nil {
		err = r.start()
	}
	if err != nil {
		t.Fatalf("no replica: %v", err)
	}
	return r
}

// replica is a server over a copy of the data folder, while nobody writes to it.
func (s *Server) replica() (*Server, error) {
	dir, err := os.MkdirTemp("", "holdall-pg-")
	if err != nil {
		return nil, err
	}
	r := &Server{dir: dir, as: s.as}
	if err := os.CopyFS(r.Data(), os.DirFS(s.Data())); err != nil {
		return r, err
	}
	_ = os.Remove(filepath.Join(r.Data(), "postmaster.pid"))
	if err := os.WriteFile(filepath.Join(r.Data(), "standby.signal"), nil, 0o600); err != nil {
		return r, err
	}
	f, err := os.OpenFile(filepath.Join(r.Data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return r, err
	}
	_, err = fmt.Fprintf(f, "primary_conninfo = '%s'\n", s.DSN)
	return r, errors.Join(err, f.Close(), r.own())
}

// own gives the folder to the account that the server runs as.
func (s *Server) own() error {
	return filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(path, 0o700)
		}
		if err == nil && s.as != (account{}) {
			err = os.Lchown(path, s.as.uid, s.as.gid)
		}
		return err
	})
}

// Crash ends the server as pg_ctl stop -m immediate does: no checkpoint, every
// connection cut. It returns when the process has ended.
func (s *Server) Crash() { s.signal(syscall.SIGQUIT) }

// Restart starts the server again, on the same port, after a Crash.
func (s *Server) Restart() error { return s.start() }

func (s *Server) signal(sig os.Signal) {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(sig)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	select {
	case <-s.done:
	case <-ctx.Done():
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	s.cmd = nil
}

func (s *Server) stop() {
	s.signal(syscall.SIGQUIT)
	_ = os.RemoveAll(s.dir)
}
