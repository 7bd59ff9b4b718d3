package holdall_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
)

// links is a blob store that hands out links: they name the key, and a test
// follows them with PutBlob.
type links struct {
	*memory.Backend
	knows bool // it keeps checksums
}

func (l links) Unwrap() any { return l.Backend }

func (l links) PresignGet(_ context.Context, key string, d holdall.PresignedDownload) (string, error) {
	return fmt.Sprintf("get %s as %s, %s, for %v", key, d.Type, d.Disposition, d.Lifetime), nil
}

func (l links) PresignPut(_ context.Context, key string, u holdall.PresignedUpload) (holdall.PresignedRequest, error) {
	method := "POST"
	if u.Checksum != "" {
		method = "PUT"
	}
	return holdall.PresignedRequest{Method: method, URL: key, Header: map[string]string{"type": u.Type, "size": fmt.Sprint(u.Size), "sum": u.Checksum}}, nil
}

func (l links) StatBlob(ctx context.Context, key string) (int64, string, error) {
	r, err := l.OpenBlob(ctx, key, 0, -1)
	if err != nil {
		return 0, "", err
	}
	data, err := io.ReadAll(r)
	if !l.knows {
		return int64(len(data)), "", err
	}
	return int64(len(data)), sha(string(data)), err
}

func withLinks(cfg *holdall.Config) { cfg.Blobs = links{cfg.Blobs.(*memory.Backend), true} }

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// direct is a store with links, a clock that a test sets, and a caller.
type direct struct {
	store *holdall.Store
	blobs links
	now   time.Time
	w     *holdall.Workspace
}

func newDirect(t *testing.T, knows bool) *direct {
	b := memory.New()
	d := &direct{blobs: links{b, knows}, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	var err error
	d.store, err = holdall.New(holdall.Config{Catalog: b, Blobs: d.blobs, Grace: time.Hour, Now: func() time.Time { return d.now }})
	require.NoError(t, err)
	d.w = d.store.As(caller("*"))
	return d
}

func (d *direct) send(t *testing.T, l holdall.UploadLink, body string) {
	t.Helper()
	require.NoError(t, d.blobs.DeleteBlob(t.Context(), l.URL)) // as a form does: over what is there
	_, err := d.blobs.PutBlob(t.Context(), l.URL, strings.NewReader(body), -1)
	require.NoError(t, err)
}

func (d *direct) object(path string) *holdall.Object { return d.w.Bucket("default").Object(path) }

func (d *direct) complete(t *testing.T, l holdall.UploadLink) (holdall.ObjectInfo, error) {
	return d.w.Bucket("default").ObjectID(l.ID).CompletePut(t.Context())
}

func (d *direct) read(t *testing.T, path string) string {
	t.Helper()
	r, err := d.object(path).Open(t.Context())
	require.NoError(t, err)
	defer r.Close()
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(data)
}

// clean checks that nothing is stored that nothing holds.
func (d *direct) clean(t *testing.T) {
	t.Helper()
	_, err := d.store.Sweep(t.Context())
	require.NoError(t, err)
	for f, err := range d.store.Verify(t.Context(), &holdall.VerifyOptions{Read: true}) {
		require.NoError(t, err)
		t.Errorf("Verify found %+v", f)
	}
}

func TestDirectUpload(t *testing.T) {
	const body = "hello"
	for _, knows := range []bool{true, false} {
		for name, opts := range map[string]*holdall.PutOptions{
			"put":  {Size: int64(len(body)), Checksum: sha(body), ContentType: "text/plain", Metadata: map[string]string{"a": "b"}},
			"form": {ContentType: "text/plain", Metadata: map[string]string{"a": "b"}},
		} {
			t.Run(fmt.Sprintf("%s/checksums kept %t", name, knows), func(t *testing.T) {
				d := newDirect(t, knows)
				link, err := d.object("a/b").PresignPut(t.Context(), time.Minute, opts)
				require.NoError(t, err)
				require.Equal(t, d.now.Add(time.Minute), link.ExpiresAt)
				require.Equal(t, "text/plain", link.Header["type"])
				_, err = d.object("a/b").Stat(t.Context())
				require.ErrorIs(t, err, holdall.ErrNotFound)

				_, err = d.complete(t, link)
				require.ErrorIs(t, err, holdall.ErrInvalid, "nothing has arrived")
				d.send(t, link, body)
				stranger := d.store.As(holdall.Principal{Tenant: "acme", User: "bob", Permissions: []string{"*"}})
				_, err = stranger.ObjectID(link.ID).CompletePut(t.Context())
				require.ErrorIs(t, err, holdall.ErrNotFound)

				info, err := d.complete(t, link)
				require.NoError(t, err)
				require.Equal(t, link.ID, info.ID)
				require.EqualValues(t, 5, info.Size)
				require.Equal(t, sha(body), info.Checksum)
				require.Equal(t, map[string]string{"a": "b"}, info.Metadata)
				require.Equal(t, body, d.read(t, "a/b"))

				again, err := d.complete(t, link)
				require.NoError(t, err)
				require.Equal(t, info, again)
				if name == "form" {
					d.send(t, link, "another body, later")
					require.Equal(t, body, d.read(t, "a/b"), "what is live does not change")
				}
				d.now = d.now.Add(2 * time.Hour)
				d.clean(t)
				require.Equal(t, body, d.read(t, "a/b"))
			})
		}
	}
}

func TestDirectUploadIsVerified(t *testing.T) {
	for _, knows := range []bool{true, false} {
		d := newDirect(t, knows)
		link, err := d.object("a").PresignPut(t.Context(), time.Minute, &holdall.PutOptions{Size: 5, Checksum: sha("hello")})
		require.NoError(t, err)
		for _, wrong := range []string{"hellO", "hell", "hello!"} {
			d.send(t, link, wrong)
			_, err = d.complete(t, link)
			require.ErrorIs(t, err, holdall.ErrInvalid)
		}
		form, err := d.object("b").PresignPut(t.Context(), time.Minute, &holdall.PutOptions{MaxSize: 3})
		require.NoError(t, err)
		require.Equal(t, "3", form.Header["size"])
		d.send(t, form, "four")
		_, err = d.complete(t, form)
		require.ErrorIs(t, err, holdall.ErrTooLarge)
		for _, path := range []string{"a", "b"} {
			_, err = d.object(path).Stat(t.Context())
			require.ErrorIs(t, err, holdall.ErrNotFound)
		}
		// The links outlive the sweep of the grace period after them.
		d.now = d.now.Add(59 * time.Minute)
		report, err := d.store.Sweep(t.Context())
		require.NoError(t, err)
		require.Zero(t, report)
		d.now = d.now.Add(3 * time.Minute)
		report, err = d.store.Sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, 2, report.Uploads)
		d.clean(t)
	}
}

func TestDirectUploadOverTaken(t *testing.T) {
	d := newDirect(t, true)
	opts := &holdall.PutOptions{Size: 5, Checksum: sha("hello")}
	link, err := d.object("a").PresignPut(t.Context(), time.Minute, opts)
	require.NoError(t, err)
	d.send(t, link, "hello")
	_, err = d.object("a").Put(t.Context(), strings.NewReader("first"), nil)
	require.NoError(t, err)
	_, err = d.complete(t, link)
	require.ErrorIs(t, err, holdall.ErrExists)
	_, err = d.object("a").PresignPut(t.Context(), time.Minute, opts)
	require.ErrorIs(t, err, holdall.ErrExists)
	require.Equal(t, "first", d.read(t, "a"))
	d.now = d.now.Add(2 * time.Hour)
	d.clean(t)
}

func TestDirectLinksAreRefused(t *testing.T) {
	d := newDirect(t, true)
	_, err := d.w.Bucket("small").Create(t.Context(), &holdall.BucketRules{MaxObjectSize: 3, AllowedTypes: []string{"text/plain"}})
	require.NoError(t, err)
	in := d.w.Bucket("small").Object("x")
	_, err = in.PresignPut(t.Context(), time.Minute, &holdall.PutOptions{Size: 4, ContentType: "text/plain"})
	require.ErrorIs(t, err, holdall.ErrTooLarge)
	_, err = in.PresignPut(t.Context(), time.Minute, &holdall.PutOptions{ContentType: "text/html"})
	require.ErrorIs(t, err, holdall.ErrTypeNotAllowed)
	_, err = in.PresignPut(t.Context(), time.Minute, &holdall.PutOptions{Replace: true})
	require.ErrorIs(t, err, holdall.ErrInvalid)
	for _, lifetime := range []time.Duration{0, -time.Second, time.Millisecond, 1500 * time.Millisecond, 8 * 24 * time.Hour} {
		_, err = d.object("x").PresignPut(t.Context(), lifetime, nil)
		require.ErrorIs(t, err, holdall.ErrInvalid, "%v", lifetime)
	}
	_, err = d.object("x").PresignGet(t.Context(), time.Minute, "")
	require.ErrorIs(t, err, holdall.ErrNotFound)

	plain := newStore(t)
	_, err = plain.As(caller("*")).Bucket("default").Object("x").PresignPut(t.Context(), time.Minute, nil)
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestDownloadLink(t *testing.T) {
	d := newDirect(t, true)
	info, err := d.object("a.txt").Put(t.Context(), strings.NewReader("hello"), nil)
	require.NoError(t, err)
	link, err := d.object("a.txt").PresignGet(t.Context(), time.Minute, "attachment")
	require.NoError(t, err)
	require.Equal(t, "get "+info.BlobKey+" as "+info.ContentType+", attachment, for 1m0s", link.URL)
	require.Equal(t, d.now.Add(time.Minute), link.ExpiresAt)
}
