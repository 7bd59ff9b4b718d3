package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/httpapi"
)

// server is what "holdall serve" was asked to do.
type server struct {
	app       *app
	store     storeFlags
	auth      authFlags
	listen    string
	publicURL string
	tenant    string
	logFormat string
	every     time.Duration
	drain     time.Duration
	dev       bool
}

func setupServe(a *app, fs *flag.FlagSet) func(context.Context, []string) error {
	s := &server{app: a}
	fs.StringVar(&s.listen, "listen", "127.0.0.1:8080", "`address` to listen on; of this machine only, unless another is named")
	fs.BoolVar(&s.dev, "dev", false, "for trying out: make up the secrets that are not set, and print a token and commands")
	s.store.define(fs)
	fs.BoolVar(&s.store.migrate, "migrate", true, "make the tables or indexes of a database, or bring them up to date, at start")
	s.auth.define(fs)
	fs.StringVar(&s.publicURL, "public-url", "", "`URL` under which clients reach this server, for signed links; what each request came to, unless named")
	fs.StringVar(&s.tenant, "public-tenant", "", "`name` of the tenant whose public buckets are served by path; whichever has the bucket, unless named")
	fs.DurationVar(&s.every, "sweep-every", 10*time.Minute, "`time` between sweeps")
	fs.DurationVar(&s.drain, "drain", 30*time.Second, "how long requests may go on after SIGINT or SIGTERM; a second signal kills")
	fs.StringVar(&s.logFormat, "log", "text", "`format` of the log on standard error: text or json")
	return func(ctx context.Context, args []string) error {
		if len(args) > 0 {
			return usagef("it takes no arguments")
		}
		return s.run(ctx)
	}
}

// run serves until ctx is done and all that was begun has ended.
func (s *server) run(ctx context.Context) error {
	log, err := s.logger()
	if err != nil {
		return err
	}
	sec, err := s.app.readSecrets(s.dev)
	if err != nil {
		return err
	}
	auth, err := s.auth.authenticator(sec)
	if err != nil {
		return err
	}
	roles, err := s.auth.roles()
	if err != nil {
		return err
	}
	store, err := s.store.open(ctx, true, roles)
	if err != nil {
		return err
	}
	handler, err := httpapi.New(store, auth, &httpapi.Options{
		SigningKeys: sec.signing, Logger: log, PublicURL: s.publicURL,
		PublicTenant: func(*http.Request) string { return s.tenant },
	})
	if err == nil {
		err = s.serve(ctx, store, handler, log, sec)
	}
	return errors.Join(err, store.Close())
}

func (s *server) logger() (*slog.Logger, error) {
	switch s.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(s.app.stderr, nil)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(s.app.stderr, nil)), nil
	}
	return nil, usagef("--log is text or json, not %q", s.logFormat)
}

func (s *server) serve(ctx context.Context, store *holdall.Store, h http.Handler, log *slog.Logger, sec secrets) error {
	for role, err := range store.Ping(ctx) {
		return fmt.Errorf("the %s does not answer: %w", role, err)
	}
	ln, err := net.Listen("tcp", s.listen)
	if err != nil {
		return err
	}
	srv := newHTTPServer(h, log)
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	log.Info("serving", "address", ln.Addr().String(), "catalog", withoutPassword(s.store.catalog),
		"blobs", withoutPassword(cmp.Or(s.store.blobs, s.store.catalog)))
	if len(sec.signing) == 0 {
		log.Warn("signed links are off: " + envSigningKey + " is not set")
	}
	if s.dev {
		if err := s.app.printDev(ln.Addr(), sec.jwt); err != nil {
			log.Error("no token", "error", err)
		}
	}
	upkeep := s.upkeep(ctx, store, log)
	select {
	case err = <-failed:
	case <-ctx.Done():
		err = s.stop(srv, log)
	}
	upkeep()
	return err
}

// upkeep starts the sweeps and returns what ends them and waits for that.
func (s *server) upkeep(ctx context.Context, store *holdall.Store, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = store.Run(ctx, &holdall.RunOptions{Every: s.every, Logger: log}) // ends with ctx only
	}()
	return func() {
		cancel()
		<-done
	}
}

// stop lets requests end, and cuts off those that take too long: their
// uploads come to nothing, as if the client had gone.
func (s *server) stop(srv *http.Server, log *slog.Logger) error {
	log.Info("stopping", "drain", s.drain.String())
	ctx, cancel := context.WithTimeout(context.Background(), s.drain)
	defer cancel()
	err := srv.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		log.Warn("requests were cut off")
		err = srv.Close()
	}
	log.Info("stopped")
	return err
}
