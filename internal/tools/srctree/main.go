// Command srctree stores the source tree of the Go distribution in a holdall
// server over a local folder, and looks whether all of it is kept.
//
// First it uploads every file through the REST API, restarts the server, lists
// the tree folder by folder, downloads all of it and compares SHA-256. Then it
// kills the server (SIGKILL) again and again at random moments in the middle
// of uploads, replacements and deletions, and looks each time, after a restart
// and after a sweep, whether what must hold after a fault holds: see package
// internal/check. It prints figures, and exits with 1 on any violation.
//
//	go run ./srctree --kill 20
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

type config struct {
	src     string
	work    string
	keep    bool
	kills   int
	workers int
	seed    uint64
	grace   time.Duration
}

func main() {
	var c config
	flag.StringVar(&c.src, "src", "", "`folder` to store; the src of the Go distribution unless named")
	flag.StringVar(&c.work, "work", "", "`folder` for the stores; a temporary one unless named")
	flag.BoolVar(&c.keep, "keep", false, "leave the stores there")
	flag.IntVar(&c.kills, "kill", 20, "how often to kill the server")
	flag.IntVar(&c.workers, "workers", 16, "how many requests at a time")
	flag.Uint64Var(&c.seed, "seed", rand.Uint64(), "what random choices follow from")
	flag.DurationVar(&c.grace, "grace", time.Second, "the server's grace period in the kill rounds")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, c); err != nil {
		fmt.Fprintln(os.Stderr, "srctree:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, c config) (err error) {
	if c.src == "" {
		goroot, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
		if err != nil {
			return err
		}
		c.src = filepath.Join(strings.TrimSpace(string(goroot)), "src")
	}
	if c.work == "" {
		if c.work, err = os.MkdirTemp("", "srctree-*"); err != nil {
			return err
		}
	}
	if !c.keep {
		defer func() { err = errors.Join(err, os.RemoveAll(c.work)) }()
	}
	fmt.Printf("source %s, stores in %s, seed %d\n", c.src, c.work, c.seed)
	binary, err := build(ctx, c.work)
	if err != nil {
		return err
	}
	tree, err := readTree(c.src)
	if err != nil {
		return err
	}
	if err := roundTrip(ctx, c, binary, tree); err != nil {
		return fmt.Errorf("round trip: %w", err)
	}
	if err := killRounds(ctx, c, binary, tree); err != nil {
		return fmt.Errorf("kill rounds: %w", err)
	}
	fmt.Println("all is well")
	return nil
}

// build builds the server from the module that this program is about.
func build(ctx context.Context, dir string) (string, error) {
	const module = "github.com/holdall-go/holdall"
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w; run it in internal/tools", err)
	}
	binary := filepath.Join(dir, "holdall")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/holdall")
	cmd.Dir, cmd.Stdout, cmd.Stderr = strings.TrimSpace(string(root)), os.Stdout, os.Stderr
	return binary, cmd.Run()
}
