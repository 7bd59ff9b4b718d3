package holdall_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
)

// Only the caller who got the link completes the upload, seen from where the link was made.
func TestDirectUploadIsTheCallers(t *testing.T) {
	d := newDirect(t, true)
	as := func(tenant, user, app string, permissions ...string) *holdall.Workspace {
		return d.store.As(holdall.Principal{Tenant: tenant, User: user, App: app, Permissions: permissions})
	}
	mine := as("acme", "ann", "app", "*")
	for tier, others := range map[holdall.Tier]map[string]*holdall.Workspace{
		holdall.Shared:  {"user": as("acme", "bob", "app", "*"), "tenant": as("rival", "ann", "app", "*")},
		holdall.User:    {"user": as("acme", "bob", "app", "*"), "tenant": as("rival", "ann", "app", "*")},
		holdall.Private: {"user": as("acme", "bob", "app", "*"), "app": as("acme", "ann", "other", "*"), "no app": as("acme", "ann", "", "*")},
	} {
		at := mine.Bucket("default").Tier(tier).Object("x")
		link, err := at.PresignPut(t.Context(), time.Minute, &holdall.PutOptions{Size: 5, Checksum: sha("hello")})
		require.NoError(t, err)
		d.send(t, link, "hello")
		for step := range 2 { // before it is complete, and after
			for who, other := range others {
				_, err = other.ObjectID(link.ID).CompletePut(t.Context())
				require.ErrorIs(t, err, holdall.ErrNotFound, "%s, another %s, step %d", tier, who, step)
			}
			_, err = as("acme", "ann", "app", "storage:read").ObjectID(link.ID).CompletePut(t.Context())
			require.ErrorIs(t, err, holdall.ErrForbidden)
			_, err = as("", "", "").ObjectID(link.ID).CompletePut(t.Context())
			require.ErrorIs(t, err, holdall.ErrUnauthenticated)
			_, err = mine.Bucket("other").ObjectID(link.ID).CompletePut(t.Context())
			require.ErrorIs(t, err, holdall.ErrNotFound)
			_, err = at.CompletePut(t.Context())
			require.ErrorIs(t, err, holdall.ErrNotFound, "by path")
			if step == 0 {
				_, err = mine.ObjectID(link.ID).CompletePut(t.Context())
				require.NoError(t, err)
			}
		}
	}
	d.clean(t)
}

// An upload of the usual kind, while its bytes come, is not one by a link.
func TestCompleteIsForLinks(t *testing.T) {
	b := memory.New()
	d := newDirectOver(t, b, holdall.Backends{Catalog: b, Blobs: memory.New()}, true)
	tried := false
	body := readerFunc(func([]byte) (int, error) {
		entries, err := b.Scan(t.Context(), holdall.Scan{Limit: 10})
		require.NoError(t, err)
		for _, e := range entries {
			if e.State == holdall.StatePending {
				_, err = d.w.ObjectID(e.ID).CompletePut(t.Context())
				require.ErrorIs(t, err, holdall.ErrNotFound)
				tried = true
			}
		}
		if !tried { // read ahead
			return 0, nil
		}
		return 0, io.EOF
	})
	_, err := d.object("usual").Put(t.Context(), io.MultiReader(strings.NewReader(strings.Repeat("x", 1000)), body), nil)
	require.NoError(t, err)
	require.True(t, tried)
}
