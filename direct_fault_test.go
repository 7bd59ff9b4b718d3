package holdall_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/storagetest"
)

// TestDirectUploadWithFaults lets each call to the backends fail in every way,
// alone and with all that follow: a crash. The object is there when it was
// acknowledged, whole or not at all else, complete can be called again, and
// nothing is left in the end.
func TestDirectUploadWithFaults(t *testing.T) {
	const body = "hello"
	for _, form := range []bool{false, true} {
		opts := &holdall.PutOptions{Size: int64(len(body)), Checksum: sha(body)}
		if form {
			opts = nil
		}
		try := func(again bool, plan func(n int, method string) storagetest.Fault) (calls int) {
			b := memory.New()
			faulty := storagetest.NewFaulty(holdall.Backends{Catalog: b, Blobs: b})
			d := newDirectOver(t, b, faulty.Backends(), false)
			faulty.Plan(plan)
			link, err := d.object("a").PresignPut(t.Context(), time.Minute, opts)
			if err == nil {
				d.send(t, link, body)
				_, err = d.complete(t, link)
			}
			calls = len(faulty.Calls())
			faulty.Plan(nil)
			if again && link.ID != "" {
				_, err = d.complete(t, link)
				require.NoError(t, err, "again, after %d calls", calls)
			}
			_, absent := d.object("a").Stat(t.Context())
			if err == nil || absent == nil {
				require.Equal(t, body, d.read(t, "a"))
			}
			if plan == nil { // the entry stays for as long as the form can be sent
				_, err = d.object("a").Delete(t.Context(), &holdall.DeleteOptions{Purge: true})
				require.NoError(t, err)
			}
			if form && link.ID != "" {
				d.send(t, link, "once more")
			}
			d.clean(t)
			return calls
		}
		calls := try(false, nil)
		require.Greater(t, calls, 5)
		for k := range calls {
			for _, fault := range []storagetest.Fault{storagetest.Fail, storagetest.Refuse, storagetest.LoseReply} {
				for _, crash := range []bool{false, true} {
					for _, again := range []bool{false, true} {
						try(again, func(n int, _ string) storagetest.Fault {
							if n == k || crash && n > k {
								return fault
							}
							return storagetest.NoFault
						})
					}
				}
			}
		}
	}
}

// TestDirectUploadRaces completes an upload several times at once, beside a
// sweep to which it is due, the deletion of its bucket, or the form again.
func TestDirectUploadRaces(t *testing.T) {
	const body = "hello"
	due := func(d *direct) { d.now = d.now.Add(time.Minute + time.Hour) }
	for name, beside := range map[string]func(t *testing.T, d *direct, link holdall.UploadLink) error{
		"nothing": func(*testing.T, *direct, holdall.UploadLink) error { return nil },
		"sweep": func(t *testing.T, d *direct, _ holdall.UploadLink) error {
			_, err := d.store.Sweep(t.Context())
			return err
		},
		"bucket delete": func(t *testing.T, d *direct, _ holdall.UploadLink) error {
			if err := d.w.Bucket("b").Delete(t.Context()); !errors.Is(err, holdall.ErrNotEmpty) {
				return err
			}
			return nil
		},
		"sent again": func(t *testing.T, d *direct, link holdall.UploadLink) error {
			if link.Method == "POST" {
				d.send(t, link, body)
			}
			return nil
		},
	} {
		for _, opts := range []*holdall.PutOptions{nil, {Size: int64(len(body)), Checksum: sha(body)}} {
			for range 30 {
				d := newDirect(t, false)
				_, err := d.w.Bucket("b").Create(t.Context(), nil)
				require.NoError(t, err)
				link, err := d.w.Bucket("b").Object("a").PresignPut(t.Context(), time.Minute, opts)
				require.NoError(t, err)
				d.send(t, link, body)
				if name == "sweep" {
					due(d)
				}
				var wg sync.WaitGroup
				infos, errs := make([]holdall.ObjectInfo, 5), make([]error, 6)
				for i := range infos {
					wg.Go(func() { infos[i], errs[i] = d.w.ObjectID(link.ID).CompletePut(t.Context()) })
				}
				wg.Go(func() { errs[5] = beside(t, d, link) })
				wg.Wait()
				require.NoError(t, errs[5])
				now, err := d.w.Bucket("b").Object("a").Stat(t.Context())
				for i, info := range infos {
					if errs[i] == nil {
						require.NoError(t, err, "%s: acknowledged, and not there", name)
						require.Equal(t, now, info)
					}
				}
				if name == "nothing" {
					require.NoError(t, errors.Join(errs...))
				}
				d.clean(t)
			}
		}
	}
}
