package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/httpapi/jwtauth"
)

// The caller that everything is done as.
var caller = holdall.Principal{Tenant: "go", User: "srctree", Permissions: []string{"*"}}

// server is a holdall server in a process of its own.
type server struct {
	cmd    *exec.Cmd
	url    string
	token  string
	exited chan error
}

// start runs the server over the store and waits until it listens.
func start(ctx context.Context, binary, store string, grace time.Duration) (*server, error) {
	secret := rand.Text() + rand.Text()
	token, err := jwtauth.Mint([]byte(secret), caller, 24*time.Hour, time.Now())
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, binary, "serve", "--listen", "127.0.0.1:0", "--log", "json",
		"--catalog", "local:"+store, "--grace", grace.String())
	cmd.Env = append(os.Environ(), "HOLDALL_JWT_SECRET="+secret)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, token: token, exited: make(chan error, 1)}
	address := make(chan string, 1)
	go s.follow(stderr, address)
	select {
	case a := <-address:
		s.url = "http://" + a
		return s, nil
	case err := <-s.exited:
		return nil, fmt.Errorf("the server did not start: %w", err)
	case <-time.After(time.Minute):
		return nil, errors.Join(errors.New("the server does not listen"), s.kill())
	}
}

// follow reads the server's log to its end: its address is in it, and what
// went wrong is shown.
func (s *server) follow(log io.Reader, address chan<- string) {
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var l struct{ Level, Msg, Address string }
		switch _ = json.Unmarshal(lines.Bytes(), &l); {
		case l.Msg == "serving":
			address <- l.Address
		case l.Level == "ERROR" || l.Level == "":
			fmt.Fprintln(os.Stderr, "server:", lines.Text())
		}
	}
	s.exited <- s.cmd.Wait()
}

// stop asks the server to end and waits for that.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := <-s.exited; err != nil {
		return fmt.Errorf("the server ended with: %w", err)
	}
	return nil
}

// kill ends the server without a warning.
func (s *server) kill() error {
	if err := s.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("the server had ended by itself: %w", err)
	}
	if err := <-s.exited; err == nil {
		return errors.New("the server had ended by itself")
	}
	return nil
}
