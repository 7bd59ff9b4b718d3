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
	checker "github.com/holdall-go/holdall/internal/check"
)

// links is a blob store that hands out links: they name the key, and a test
// follows them with PutBlob.
type links struct {
	holdall.Blobs
	knows bool // it keeps checksums
}

func (l links) Unwrap() any { return l.Blobs }

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

func withLinks(cfg *holdall.Config) { cfg.Blobs = links{cfg.Blobs, true} }

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// direct is a store with links, a clock that a test sets, and a caller.
type direct struct {
	store *holdall.Store
	raw   *memory.Backend // behind it
	now   time.Time
	w     *holdall.Workspace
}

func newDirect(t *testing.T, knows bool) *direct {
	b := memory.New()
	return newDirectOver(t, b, holdall.Backends{Catalog: b, Blobs: b}, knows)
}

// newDirectOver is newDirect with something in front of the backend b.
func newDirectOver(t *testing.T, b *memory.Backend, front holdall.Backends, knows bool) *direct {
	d := &direct{raw: b, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	var err error
	d.store, err = holdall.New(holdall.Config{Catalog: front.Catalog, Blobs: links{front.Blobs, knows}, Grace: time.Hour, Now: func() time.Time { return d.now }})
	require.NoError(t, err)
	d.w = d.store.As(caller("*"))
	return d
}

// send does what the store does with a request by the link: a PUT it takes
// once, a form goes over what is there.
func (d *direct) send(t *testing.T, l holdall.UploadLink, body string) {
	t.Helper()
	if l.Method == "POST" {
		require.NoError(t, d.raw.DeleteBlob(t.Context(), l.URL))
	}
	_, err := d.raw.PutBlob(t.Context(), l.URL, strings.NewReader(body), -1)
	require.NoError(t, err)
}

func (d *direct) object(path string) *holdall.Object { return d.w.Bucket("default").Object(path) }

func (d *direct) complete(t *testing.T, l holdall.UploadLink) (holdall.ObjectInfo, error) {
	return d.w.ObjectID(l.ID).CompletePut(t.Context())
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

// clean checks, past every grace period, that nothing is stored that nothing holds.
func (d *direct) clean(t *testing.T) {
	t.Helper()
	d.now = d.now.Add(24 * time.Hour)
	_, err := d.store.Sweep(t.Context())
	require.NoError(t, err)
	require.NoError(t, checker.Store(t.Context(), d.store, d.raw, d.raw, true))
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
				d.clean(t)
				require.Equal(t, body, d.read(t, "a/b"))
				e, err := d.raw.Get(t.Context(), holdall.Ref{Tenant: "acme", ID: link.ID})
				require.NoError(t, err)
				require.Zero(t, e.TTL)
			})
		}
	}
}

func TestDirectUploadIsVerified(t *testing.T) {
	for _, knows := range []bool{true, false} {
		d := newDirect(t, knows)
		for i, wrong := range []string{"hellO", "hell", "hello!"} {
			link, err := d.object(fmt.Sprint(i)).PresignPut(t.Context(), time.Minute, &holdall.PutOptions{Size: 5, Checksum: sha("hello")})
			require.NoError(t, err)
			d.send(t, link, wrong)
			_, err = d.complete(t, link)
			require.ErrorIs(t, err, holdall.ErrInvalid)
			_, err = d.object(fmt.Sprint(i)).Stat(t.Context())
			require.ErrorIs(t, err, holdall.ErrNotFound)
		}
		form, err := d.object("form").PresignPut(t.Context(), time.Minute, &holdall.PutOptions{MaxSize: 3})
		require.NoError(t, err)
		require.Equal(t, "3", form.Header["size"])
		d.send(t, form, "four")
		_, err = d.complete(t, form)
		require.ErrorIs(t, err, holdall.ErrTooLarge)
		_, err = d.object("form").Stat(t.Context())
		require.ErrorIs(t, err, holdall.ErrNotFound)
		// The links outlive the sweep of the grace period after them.
		d.now = d.now.Add(59 * time.Minute)
		report, err := d.store.Sweep(t.Context())
		require.NoError(t, err)
		require.Zero(t, report)
		d.now = d.now.Add(2 * time.Minute)
		report, err = d.store.Sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, 4, report.Uploads)
		_, err = d.complete(t, form)
		require.ErrorIs(t, err, holdall.ErrNotFound)
		d.clean(t)
	}
}

// What a form sent in vain is in nobody's way: it can be sent and completed again.
func TestFormIsSentAgain(t *testing.T) {
	d := newDirect(t, true)
	rules := func(limit int64) {
		t.Helper()
		_, err := d.w.Bucket("default").Update(t.Context(), holdall.BucketUpdate{MaxObjectSize: &limit})
		require.NoError(t, err)
	}
	stored := func() int {
		t.Helper()
		list, err := d.raw.ListBlobs(t.Context(), "", 100)
		require.NoError(t, err)
		return len(list)
	}
	form, err := d.object("a").PresignPut(t.Context(), 7*24*time.Hour, nil)
	require.NoError(t, err)
	d.send(t, form, "far too large")
	rules(5)
	_, err = d.complete(t, form)
	require.ErrorIs(t, err, holdall.ErrTooLarge)
	_, err = d.object("a").Put(t.Context(), strings.NewReader("first"), nil)
	require.NoError(t, err)
	d.send(t, form, "taken")
	_, err = d.complete(t, form)
	require.ErrorIs(t, err, holdall.ErrExists)
	require.Equal(t, 2, stored(), "what was sent, and what is there")
	_, err = d.object("a").Delete(t.Context(), &holdall.DeleteOptions{Purge: true})
	require.NoError(t, err)
	d.send(t, form, "right")
	_, err = d.complete(t, form)
	require.NoError(t, err)
	require.Equal(t, 1, stored())
	require.Equal(t, "right", d.read(t, "a"))
	sweptThenSent := func() {
		t.Helper()
		d.now = d.now.Add(2 * time.Hour)
		_, err := d.store.Sweep(t.Context())
		require.NoError(t, err)
		d.send(t, form, "after the end")
	}
	sweptThenSent()
	require.Equal(t, "right", d.read(t, "a"))
	_, err = d.object("a").Delete(t.Context(), &holdall.DeleteOptions{Purge: true})
	require.NoError(t, err)
	sweptThenSent()
	d.now = d.now.Add(7 * 24 * time.Hour)
	d.clean(t)
}

// A PUT whose object has been purged can be sent once more while the link
// works: nothing holds these bytes, and Verify finds them.
func TestPutIsSentAfterThePurge(t *testing.T) {
	d := newDirect(t, true)
	link, err := d.object("a").PresignPut(t.Context(), time.Minute, &holdall.PutOptions{Size: 5, Checksum: sha("hello")})
	require.NoError(t, err)
	d.send(t, link, "hello")
	_, err = d.complete(t, link)
	require.NoError(t, err)
	_, err = d.object("a").Delete(t.Context(), &holdall.DeleteOptions{Purge: true})
	require.NoError(t, err)
	d.send(t, link, "hello")
	var found []holdall.Finding
	d.now = time.Now().Add(2 * time.Hour) // the backend's clock stamps blobs
	for f, err := range d.store.Verify(t.Context(), &holdall.VerifyOptions{Repair: true}) {
		require.NoError(t, err)
		found = append(found, f)
	}
	require.Equal(t, []holdall.Finding{{Problem: holdall.ProblemOrphan, BlobKey: link.URL, Size: 5, Repaired: true}}, found)
	d.clean(t)
}

// A media type that nobody declared is found out as in other uploads.
func TestDirectUploadOfAnyType(t *testing.T) {
	d := newDirect(t, true)
	_, err := d.w.Bucket("b").Create(t.Context(), &holdall.BucketRules{AllowedTypes: []string{"image/png", "text/*"}})
	require.NoError(t, err)
	for body, want := range map[string]string{"\x89PNG\r\n\x1a\n": "image/png", "a,b": "text/csv; charset=utf-8", "": "text/csv; charset=utf-8", "\x00\x01": ""} {
		for _, opts := range []*holdall.PutOptions{nil, {ContentType: "application/octet-stream", Size: int64(len(body)), Checksum: sha(body)}} {
			link, err := d.w.Bucket("b").Object("x.csv").PresignPut(t.Context(), time.Minute, opts)
			require.NoError(t, err)
			require.Equal(t, "application/octet-stream", link.Header["type"])
			d.send(t, link, body)
			info, err := d.complete(t, link)
			if want == "" {
				require.ErrorIs(t, err, holdall.ErrTypeNotAllowed)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, want, info.ContentType)
			_, err = d.w.ObjectID(info.ID).Delete(t.Context(), &holdall.DeleteOptions{Purge: true})
			require.NoError(t, err)
		}
	}
}

func TestDirectUploadOfNothing(t *testing.T) {
	d := newDirect(t, true)
	link, err := d.object("a").PresignPut(t.Context(), time.Minute, &holdall.PutOptions{Checksum: sha("")})
	require.NoError(t, err)
	require.Equal(t, "PUT", link.Method)
	require.Equal(t, "0", link.Header["size"])
	d.send(t, link, "")
	info, err := d.complete(t, link)
	require.NoError(t, err)
	require.Zero(t, info.Size)
	require.Empty(t, d.read(t, "a"))
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
	for _, half := range []*holdall.PutOptions{{Size: 5}, {Checksum: sha("hello")}, {Checksum: "x"}} {
		_, err = d.object("x").PresignPut(t.Context(), time.Minute, half)
		require.ErrorIs(t, err, holdall.ErrInvalid)
	}
	for _, lifetime := range []time.Duration{0, -time.Second, time.Millisecond, 1500 * time.Millisecond, 8 * 24 * time.Hour} {
		_, err = d.object("x").PresignPut(t.Context(), lifetime, nil)
		require.ErrorIs(t, err, holdall.ErrInvalid, "%v", lifetime)
	}
	_, err = d.object("x").PresignGet(t.Context(), time.Minute, nil)
	require.ErrorIs(t, err, holdall.ErrNotFound)

	plain := newStore(t)
	_, err = plain.As(caller("*")).Bucket("default").Object("x").PresignPut(t.Context(), time.Minute, nil)
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestDownloadLink(t *testing.T) {
	d := newDirect(t, true)
	info, err := d.object("a.txt").Put(t.Context(), strings.NewReader("hello"), nil)
	require.NoError(t, err)
	link, err := d.object("a.txt").PresignGet(t.Context(), time.Minute, func(o holdall.ObjectInfo) string { return "attachment of " + o.Path })
	require.NoError(t, err)
	require.Equal(t, "get "+info.BlobKey+" as "+info.ContentType+", attachment of a.txt, for 1m0s", link.URL)
	require.Equal(t, d.now.Add(time.Minute), link.ExpiresAt)
}
