// Command holdall serves a store of files and records over HTTP, and looks
// after it: sweep, verify, and copying files in and out.
//
//	holdall serve --dev
//
// starts a server over ./holdall-data and prints a token and commands to try.
// See "holdall help".
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"text/tabwriter"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// command is one subcommand. setup defines its flags and returns what runs
// once they are parsed.
type command struct {
	name    string
	args    string
	summary string
	setup   func(*app, *flag.FlagSet) func(context.Context, []string) error
}

func commands() []command {
	return []command{
		{"serve", "", "serve the REST API", setupServe},
		{"token", "", "make a token for development", setupToken},
		{"put", "FILE... BUCKET[/PATH]", "upload files", setupPut},
		{"get", "BUCKET/PATH [FILE]", "download files", setupGet},
		{"ls", "[BUCKET[/PREFIX]]", "list buckets, or one level of a bucket", setupList},
		{"sweep", "", "clear away what is due once", setupSweep},
		{"verify", "", "compare rows and bytes", setupVerify},
		{"migrate", "", "make the tables of a PostgreSQL store", setupMigrate},
	}
}

// app is the process as a command sees it.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    func(string) string
}

func main() {
	// The first signal ends ctx, so that work is finished in order; stop puts
	// the default back, so that the second one kills.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.Getenv}
	os.Exit(a.run(ctx, os.Args[1:]))
}

// usageError is a mistake in how the program was called.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

func (a *app) run(ctx context.Context, args []string) int {
	if len(args) == 0 {
		a.help(a.stderr)
		return exitUsage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		if len(args) == 1 {
			a.help(a.stdout)
			return exitOK
		}
		args = []string{args[1], "--help"}
	case "version", "-version", "--version":
		fmt.Fprintln(a.stdout, version())
		return exitOK
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return a.exec(ctx, c, args[1:])
		}
	}
	fmt.Fprintf(a.stderr, "holdall: there is no command %q; \"holdall help\" lists them\n", args[0])
	return exitUsage
}

func (a *app) exec(ctx context.Context, c command, args []string) int {
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard) // errors are printed below, once
	run := c.setup(a, fs)
	rest, err := parse(fs, args, a.env)
	if errors.Is(err, flag.ErrHelp) {
		commandHelp(a.stdout, c, fs)
		return exitOK
	}
	if err == nil {
		err = run(ctx, rest)
	}
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(a.stderr, "holdall %s: %v\n\"holdall help %s\" lists its flags\n", c.name, err, c.name)
		return exitUsage
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintf(a.stderr, "holdall %s: interrupted\n", c.name)
	default:
		fmt.Fprintf(a.stderr, "holdall %s: %v\n", c.name, err)
	}
	return exitFailed
}

func (a *app) help(w io.Writer) {
	fmt.Fprint(w, "Holdall keeps files and JSON records for multi-tenant programs.\n\nUsage: holdall COMMAND [flags] [arguments]\n\n")
	tw := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, c := range commands() {
		fmt.Fprintf(tw, "  %s\t%s\n", c.name, c.summary)
	}
	fmt.Fprint(tw, "  version\tprint the version\n  help [COMMAND]\tsay more\n")
	tw.Flush()
	fmt.Fprint(w, `
Every flag can be set by an environment variable too: --max-object-size by
HOLDALL_MAX_OBJECT_SIZE. A flag wins over its variable. Secrets are read from
the environment only.

Try it: holdall serve --dev
`)
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "holdall (unknown version)"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && v == "(devel)" {
			v += " " + s.Value
		}
	}
	return fmt.Sprintf("holdall %s %s", v, info.GoVersion)
}
