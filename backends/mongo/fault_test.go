package mongo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/internal/mongotest"
)

// behind returns a Backend that reaches its server through a proxy.
func behind(t *testing.T) (*Backend, *mongotest.Proxy) {
	t.Helper()
	if mongotest.Real() {
		t.Skip("the proxy stands before the server of the tests' own")
	}
	uri := mongotest.URI(t)
	addr, _, _ := strings.Cut(strings.TrimPrefix(uri, "mongodb://"), "/")
	p := mongotest.NewProxy(t, addr)
	return openAt(t, p.URI, nil), p
}

// once is a plan that gives the first call of a command its fate.
func once(name string, f mongotest.Fate) (plan func(mongotest.Call) mongotest.Fate, done *atomic.Bool) {
	done = &atomic.Bool{}
	return func(c mongotest.Call) mongotest.Fate {
		if c.Name == name && done.CompareAndSwap(false, true) {
			return f
		}
		return mongotest.Fate{}
	}, done
}

// put is one of the ways to write one entry.
type put struct {
	command string
	run     func(b *Backend, id string) (holdall.Entry, error)
	version int64
}

func puts(t *testing.T, b *Backend) map[string]put {
	t.Helper()
	made := func(id string) {
		_, err := b.Put(bg, record(id, id), holdall.IfAbsent)
		require.NoError(t, err)
	}
	return map[string]put{
		"create": {"insert", func(b *Backend, id string) (holdall.Entry, error) { return b.Put(bg, record(id, id), holdall.IfAbsent) }, 1},
		"upsert": {"insert", func(b *Backend, id string) (holdall.Entry, error) { return b.Put(bg, record(id, id), holdall.Always) }, 1},
		"replace": {"findAndModify", func(b *Backend, id string) (holdall.Entry, error) {
			made(id)
			return b.Put(bg, record(id, id), holdall.Always)
		}, 2},
		"at a version": {"findAndModify", func(b *Backend, id string) (holdall.Entry, error) {
			made(id)
			return b.Put(bg, record("", id), holdall.IfVersion(1))
		}, 2},
		"by id": {"update", func(b *Backend, id string) (holdall.Entry, error) {
			made(id)
			return b.Put(bg, record(id, id), holdall.IfVersion(1))
		}, 2},
	}
}

// TestLostRepliesAreLookedFor cuts the connection after the server has done
// what was asked: the write is found, and reported as done.
func TestLostRepliesAreLookedFor(t *testing.T) {
	b, p := behind(t)
	for name, how := range puts(t, b) {
		t.Run(name, func(t *testing.T) {
			plan, done := once(how.command, mongotest.Fate{Cut: true})
			id := "rec_" + name
			if how.version == 1 {
				p.Plan(plan)
			} else { // the entry that it replaces is inserted first
				p.Plan(func(c mongotest.Call) mongotest.Fate { return plan(c) })
			}
			got, err := how.run(b, id)
			p.Plan(nil)
			require.NoError(t, err)
			require.True(t, done.Load())
			stored, err := b.Get(bg, holdall.Ref{Tenant: "t", ID: id})
			require.NoError(t, err)
			require.Equal(t, stored, got)
			require.Equal(t, how.version, got.Version)
		})
	}
	t.Run("remove", func(t *testing.T) {
		e, err := b.Put(bg, record("rec_gone", "gone"), holdall.IfAbsent)
		require.NoError(t, err)
		plan, _ := once("delete", mongotest.Fate{Cut: true})
		p.Plan(plan)
		err = b.Remove(bg, "t", e.ID, 1)
		p.Plan(nil)
		require.ErrorIs(t, err, holdall.ErrUnavailable)
		require.ErrorContains(t, err, "unknown")
	})
}

// TestLostRequestsAreUnknown cuts the connection before the server has seen
// the write, and twice: nothing is found, and nothing is claimed.
func TestLostRequestsAreUnknown(t *testing.T) {
	b, p := behind(t)
	for name, how := range puts(t, b) {
		t.Run(name, func(t *testing.T) {
			plan, _ := once(how.command, mongotest.Fate{Drop: true})
			p.Plan(plan)
			_, err := how.run(b, "rec_"+name)
			p.Plan(nil)
			require.ErrorIs(t, err, holdall.ErrUnavailable)
			require.ErrorContains(t, err, "unknown")
			e, err := b.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_" + name})
			if how.version == 1 {
				require.ErrorIs(t, err, holdall.ErrNotFound)
			} else {
				require.NoError(t, err)
				require.EqualValues(t, 1, e.Version)
			}
		})
	}
}

// TestRepliesHaveTheirSentinels swaps replies for the server's errors.
func TestRepliesHaveTheirSentinels(t *testing.T) {
	b, p := behind(t)
	refusal := func(code int32, name string) mongotest.Fate {
		return mongotest.Fate{Reply: bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: code}, {Key: "codeName", Value: name}, {Key: "errmsg", Value: name}}}
	}
	doubt := func(code int32) mongotest.Fate { // written, but not by a majority
		return mongotest.Fate{Change: func(reply bson.D) bson.D {
			return append(reply, bson.E{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: code}, {Key: "errmsg", Value: "waiting for replication timed out"}}})
		}}
	}
	for name, tc := range map[string]struct {
		fate mongotest.Fate
		want error
		text string
	}{
		"write conflict":        {refusal(writeConflict, "WriteConflict"), nil, ""},
		"not the primary":       {refusal(notWritablePrimary, "NotWritablePrimary"), nil, ""},
		"majority not reached":  {doubt(64), nil, ""},
		"stopping":              {refusal(91, "ShutdownInProgress"), holdall.ErrUnavailable, "unknown"},
		"stepped down":          {refusal(189, "PrimarySteppedDown"), holdall.ErrUnavailable, "unknown"},
		"interrupted":           {refusal(11602, "InterruptedDueToReplStateChange"), holdall.ErrUnavailable, "unknown"},
		"time limit":            {refusal(50, "MaxTimeMSExpired"), holdall.ErrUnavailable, "unknown"},
		"unauthorized":          {refusal(unauthorized, "Unauthorized"), holdall.ErrForbidden, "permissions"},
		"atlas":                 {refusal(atlasError, "AtlasError"), holdall.ErrForbidden, "permissions"},
		"document too large":    {refusal(objectTooLarge, "BSONObjectTooLarge"), holdall.ErrTooLarge, ""},
		"a validator of others": {refusal(documentInvalid, "DocumentValidationFailure"), holdall.ErrInvalid, ""},
		"unheard of":            {refusal(4242, "Whatever"), holdall.ErrUnavailable, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			plan, done := once("insert", tc.fate)
			p.Plan(plan)
			_, err := b.Put(bg, record("rec_"+name, name), holdall.IfAbsent)
			p.Plan(nil)
			require.True(t, done.Load())
			if tc.want == nil {
				require.NoError(t, err)
				_, err = b.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_" + name})
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tc.want)
			require.ErrorContains(t, err, tc.text)
			var e mongo.ServerError
			require.ErrorAs(t, err, &e)
		})
	}
	t.Run("a read", func(t *testing.T) {
		plan, _ := once("find", refusal(50, "MaxTimeMSExpired"))
		p.Plan(plan)
		_, err := b.Query(bg, records())
		p.Plan(nil)
		require.ErrorIs(t, err, holdall.ErrUnavailable)
		require.NotContains(t, err.Error(), "unknown")
	})
}

// TestSilence has the server take calls and never answer.
func TestSilence(t *testing.T) {
	b, p := behind(t)
	silent := func(c mongotest.Call) mongotest.Fate {
		return mongotest.Fate{Hang: c.Name == "insert" || c.Name == "find"}
	}
	t.Run("the caller gives up", func(t *testing.T) {
		for name, call := range map[string]func(ctx context.Context) error{
			"insert": func(ctx context.Context) error {
				_, err := b.Put(ctx, record("rec_1", "k1"), holdall.IfAbsent)
				return err
			},
			"find": func(ctx context.Context) error {
				_, err := b.Get(ctx, holdall.Ref{Tenant: "t", ID: "rec_1"})
				return err
			},
		} {
			ctx, cancel := context.WithCancel(bg)
			p.Plan(func(c mongotest.Call) mongotest.Fate {
				f := silent(c)
				if c.Name == name {
					f.Change = func(reply bson.D) bson.D { // the server has done it
						cancel()
						return reply
					}
				}
				return f
			})
			err := call(ctx)
			p.Plan(nil)
			require.ErrorIs(t, err, context.Canceled)
			if name == "insert" {
				require.ErrorIs(t, err, holdall.ErrUnavailable)
				require.ErrorContains(t, err, "unknown")
			}
		}
	})
	t.Run("its own", func(t *testing.T) {
		impatient := *b
		impatient.timeout = 100 * time.Millisecond
		p.Plan(silent)
		defer p.Plan(nil)
		_, err := impatient.Put(bg, record("rec_2", "k2"), holdall.IfAbsent)
		require.ErrorIs(t, err, holdall.ErrUnavailable)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		_, err = impatient.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_2"})
		require.ErrorIs(t, err, holdall.ErrUnavailable)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
	})
	t.Run("the caller's deadline", func(t *testing.T) {
		p.Plan(silent)
		defer p.Plan(nil)
		ctx, cancel := context.WithTimeout(bg, 100*time.Millisecond)
		defer cancel()
		_, err := b.Get(ctx, holdall.Ref{Tenant: "t", ID: "rec_1"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
	_, err := b.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_1"})
	require.NoError(t, err, "it works on, and what was sent was done")
}

func TestNobodyThere(t *testing.T) {
	for _, uri := range []string{
		"mongodb://ann:hunter2@127.0.0.1:1/db?serverSelectionTimeoutMS=100", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100&timeoutMS=50",
	} {
		_, err := Open(bg, uri, nil)
		require.ErrorIs(t, err, holdall.ErrUnavailable)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		require.NotContains(t, err.Error(), "hunter2")
	}
	for _, uri := range []string{"mongodb://ann:hunter2@", "mongodb://ann:hun/ter2@x/db", "mongodb://ann:hunter2@x/?tls=maybe", "postgres://ann:hunter2@x/db", ""} {
		_, err := Open(bg, uri, nil)
		require.ErrorIs(t, err, holdall.ErrInvalid)
		require.NotContains(t, err.Error(), "hunter2")
		require.NotContains(t, err.Error(), "ter2")
	}
}

// TestKilledServer kills the server while uploads run: what was confirmed is
// there afterwards, and sweeping leaves nothing else.
func TestKilledServer(t *testing.T) {
	server := mongotest.Start(t)
	p := mongotest.NewProxy(t, server.Addr) // keeps its address when the server cannot
	b := openAt(t, p.URI, nil)
	blobs := memory.New()
	var ahead atomic.Int64
	s, err := holdall.New(holdall.Config{Catalog: b, Blobs: blobs, Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	require.NoError(t, err)
	files := s.As(everyone).Bucket(holdall.DefaultBucket)
	confirmed := map[string]string{}
	for round := range 2 {
		var mu sync.Mutex
		var wg sync.WaitGroup
		tried, stop := make(chan struct{}, 1000), make(chan struct{})
		for w := range 4 {
			wg.Go(func() {
				for i := 0; ; i++ {
					path := fmt.Sprintf("%d/%d/%d", round, w, i)
					_, err := files.Object(path).Put(bg, strings.NewReader(path), nil)
					switch {
					case err == nil:
						mu.Lock()
						confirmed[path] = path
						mu.Unlock()
					case !errors.Is(err, holdall.ErrUnavailable):
						t.Errorf("%s: %v", path, err)
					}
					select {
					case tried <- struct{}{}:
					case <-stop:
						return
					}
				}
			})
		}
		for range 12 {
			<-tried
		}
		server.Kill()
		require.NoError(t, server.Restart())
		p.Forward(server.Addr)
		close(stop) // those who wait for the server go on
		wg.Wait()
		require.NotEmpty(t, confirmed)
		require.NoError(t, b.Ping(bg))
		for path, body := range confirmed {
			r, err := files.Object(path).Open(bg)
			require.NoError(t, err, path)
			got, err := io.ReadAll(r)
			require.NoError(t, err, path)
			require.Equal(t, body, string(got))
			r.Close()
		}
	}
	ahead.Store(int64(100 * 24 * time.Hour))
	_, err = s.Sweep(bg)
	require.NoError(t, err)
	for finding, err := range s.Verify(bg, nil) {
		require.NoError(t, err)
		t.Errorf("%+v", finding)
	}
}

var everyone = holdall.Principal{Tenant: "t", User: "ann", Permissions: []string{"*"}}
