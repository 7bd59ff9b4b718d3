package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/holdall-go/holdall"
)

var objectCases = []storeCase{
	{"object/life", "an object goes through its whole life, by path and by id, and its bytes with it", func(s *storeRun) {
		b := s.bucket("b", nil)
		for i, data := range append(s.smallAndLarge(), nil) {
			path := fmt.Sprint("folder/", i, ".txt")
			info := s.put(b.Object(path), data, &holdall.PutOptions{Metadata: map[string]string{"k": "v"}, ContentType: "text/plain"})
			if info.Version != 1 || info.Bucket != "b" || info.Path != path || info.Tier != holdall.Shared || info.CreatedBy != "ann" || info.Tenant != s.tenant {
				s.Errorf("the new object is %+v", info)
			}
			byID := s.as("bob", "").ObjectID(info.ID)
			s.holds(b.Object(path), data)
			s.holds(byID, data)
			_, err := b.Object(path).Put(s.ctx, strings.NewReader("x"), nil)
			s.want("a second upload", err, holdall.ErrExists)

			got, err := byID.Update(s.ctx, holdall.ObjectUpdate{Path: new(path + ".moved"), Metadata: map[string]string{"new": "label"}})
			if err != nil || got.ID != info.ID || got.Version != 2 || !maps.Equal(got.Metadata, map[string]string{"new": "label"}) || got.UpdatedBy != "bob" {
				s.Errorf("Update = %+v, %v", got, err)
			}
			_, err = b.Object(path).Stat(s.ctx)
			s.want("Stat at the old path", err, holdall.ErrNotFound)
			s.holds(b.Object(path+".moved"), data)

			if del, err := byID.Delete(s.ctx, nil); err != nil || !del.Deleted || del.DeletedBy != "bob" {
				s.Errorf("Delete = %+v, %v", del, err)
			}
			for what, err := range s.tryAll(s.as("ann", ""), "b", path+".moved", info.ID) {
				s.want(what+" of a deleted object", err, holdall.ErrNotFound)
			}
			back, err := b.Object(path + ".moved").Restore(s.ctx)
			if err != nil || back.Deleted || back.ID != info.ID {
				s.Errorf("Restore = %+v, %v", back, err)
			}
			s.holds(byID, data)
			_, err = byID.Delete(s.ctx, &holdall.DeleteOptions{Purge: true})
			s.want("purge", err, nil)
			_, err = byID.Restore(s.ctx)
			s.want("Restore of a purged object", err, holdall.ErrNotFound)
		}
		s.tidy()
	}},
	{"object/replace", "a replacement keeps the id, honours If-Match, and whoever reads the old bytes reads them to the end", func(s *storeRun) {
		b := s.bucket("b", nil)
		for i, data := range s.smallAndLarge() {
			o := b.Object(fmt.Sprint(i))
			first := s.put(o, data, nil)
			r, err := o.Open(s.ctx)
			if err != nil {
				s.Fatalf("Open: %v", err)
			}
			next := append([]byte("next "), data...)
			_, err = o.Put(s.ctx, bytes.NewReader(next), &holdall.PutOptions{IfMatch: []string{"v7", checksum(next)}})
			s.want("a replacement of another version", err, holdall.ErrPrecondition)
			second := s.put(o, next, &holdall.PutOptions{IfMatch: []string{first.Checksum}})
			if second.ID != first.ID || second.Version != 2 || second.BlobKey == first.BlobKey || !second.CreatedAt.Equal(first.CreatedAt) {
				s.Errorf("replaced %+v by %+v", first, second)
			}
			s.holds(o, next)
			s.reads(r, data)
			third := s.put(o, data, &holdall.PutOptions{Replace: true})
			if third.ID != first.ID || third.Version != 3 {
				s.Errorf("replaced again: %+v", third)
			}
			_, err = b.Object("absent").Put(s.ctx, bytes.NewReader(data), &holdall.PutOptions{IfMatch: []string{"*"}})
			s.want("a replacement of nothing", err, holdall.ErrPrecondition)
		}
		s.sweep(2 * grace)
		s.tidy()
		for i, data := range s.smallAndLarge() {
			if r, err := b.Object(fmt.Sprint(i)).Stat(s.ctx); err != nil || r.Size != int64(len(data)) {
				s.Errorf("after the sweep: %+v, %v", r, err)
			}
		}
	}},
	{"object/copy", "a copy is an object of its own, in another bucket, tier and path", func(s *storeRun) {
		b := s.bucket("b", nil)
		s.bucket("b2", nil)
		for i, data := range append(s.smallAndLarge(), []byte{}) {
			src := b.Object(fmt.Sprint("src", i))
			from := s.put(src, data, &holdall.PutOptions{Metadata: map[string]string{"a": "b"}, ContentType: "image/png"})
			dst := s.as("ann", "").Bucket("b2").Tier(holdall.User).Object(fmt.Sprint("dst/", i))
			to, err := src.Copy(s.ctx, dst)
			if err != nil || to.ID == from.ID || to.BlobKey == from.BlobKey || to.ContentType != "image/png" || to.Metadata["a"] != "b" ||
				to.Version != 1 || to.User != "ann" || to.Checksum != from.Checksum || to.Size != from.Size {
				s.Fatalf("Copy = %+v, %v", to, err)
			}
			_, err = src.Copy(s.ctx, dst)
			s.want("a copy onto a taken place", err, holdall.ErrExists)
			if _, err := src.Delete(s.ctx, &holdall.DeleteOptions{Purge: true}); err != nil {
				s.Errorf("purge: %v", err)
			}
			s.holds(dst, data)
		}
		_, err := b.Object("absent").Copy(s.ctx, b.Object("y"))
		s.want("a copy of nothing", err, holdall.ErrNotFound)
		s.tidy()
	}},
	{"object/retention", "a soft-deleted object can be restored until the retention is over; then it is gone with its bytes", func(s *storeRun) {
		b := s.bucket("b", nil)
		for _, data := range s.smallAndLarge() {
			info := s.put(b.Object("x"), data, nil)
			if _, err := b.Object("x").Delete(s.ctx, nil); err != nil {
				s.Fatalf("Delete: %v", err)
			}
			s.sweep(retention / 4)
			if _, err := b.Object("x").Restore(s.ctx); err != nil {
				s.Errorf("Restore within the retention: %v", err)
			}
			s.holds(b.Object("x"), data)
			if _, err := b.Object("x").Delete(s.ctx, nil); err != nil {
				s.Fatalf("Delete: %v", err)
			}
			s.sweep(retention)
			_, err := s.as("ann", "").ObjectID(info.ID).Restore(s.ctx)
			s.want("Restore after the retention", err, holdall.ErrNotFound)
			s.tidy()
		}
	}},
	{"object/range", "a Reader seeks, gives ranges and ends where the object ends", func(s *storeRun) {
		b := s.bucket("b", nil)
		for i, data := range s.smallAndLarge() {
			o := b.Object(fmt.Sprint(i))
			s.put(o, data, nil)
			r, err := o.Open(s.ctx)
			if err != nil {
				s.Fatalf("Open: %v", err)
			}
			for range 20 {
				off := s.rnd.intn(len(data) + 1)
				if _, err := r.Seek(int64(off), io.SeekStart); err != nil {
					s.Errorf("Seek: %v", err)
				}
				n := s.rnd.intn(len(data) - off + 1)
				got := make([]byte, n)
				if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, data[off:off+n]) {
					s.Errorf("%d bytes from %d: %s, %v", n, off, digest(got), err)
				}
			}
			if err := r.Close(); err != nil {
				s.Errorf("Close: %v", err)
			}
		}
	}},
}

var uploadCases = []storeCase{
	{"upload/broken bodies", "a body that breaks off, stalls or has another size than announced leaves nothing visible, and after a sweep nothing stored", func(s *storeRun) {
		b := s.bucket("b", nil)
		for i, data := range s.smallAndLarge() {
			old := b.Object(fmt.Sprint("old", i))
			s.put(old, data, nil)
			n := int64(len(data))
			for name, body := range map[string]struct {
				r    io.Reader
				size int64
			}{
				"unexpected EOF":              {io.MultiReader(bytes.NewReader(data), failing{io.ErrUnexpectedEOF}), 0},
				"unexpected EOF, size known":  {io.MultiReader(bytes.NewReader(data), failing{io.ErrUnexpectedEOF}), n},
				"broken":                      {io.MultiReader(bytes.NewReader(data), failing{errBroken}), 0},
				"broken with the last bytes":  {&lateError{data: bytes.Clone(data), err: errBroken}, n},
				"broken at once":              {failing{errBroken}, 0},
				"cancelled":                   {io.MultiReader(bytes.NewReader(data), failing{context.Canceled}), 0},
				"short":                       {bytes.NewReader(data), n + 1},
				"long":                        {bytes.NewReader(data), n - 1},
				"never anything and no error": {readerFunc(func([]byte) (int, error) { return 0, nil }), 0},
				"wrapped EOF":                 {io.MultiReader(bytes.NewReader(data), failing{fmt.Errorf("wrapped: %w", io.EOF)}), 0},
			} {
				path := fmt.Sprint("new ", name, i)
				if _, err := b.Object(path).Put(s.ctx, body.r, &holdall.PutOptions{Size: body.size}); err == nil {
					s.Errorf("%s, %d bytes: the upload was acknowledged", name, n)
				}
				_, err := b.Object(path).Stat(s.ctx)
				s.want("Stat after "+name, err, holdall.ErrNotFound)
				s.holds(old, data)
			}
			for _, cause := range []error{io.ErrUnexpectedEOF, errBroken} {
				_, err := old.Put(s.ctx, io.MultiReader(bytes.NewReader(data[:n/2]), failing{cause}), &holdall.PutOptions{Replace: true})
				if err == nil || !errors.Is(err, cause) {
					s.Errorf("a replacement that breaks off with %v: %v", cause, err)
				}
				s.holds(old, data)
			}
		}
		s.sweep(2 * grace)
		s.tidy()
		for i, data := range s.smallAndLarge() {
			if info, err := b.Object(fmt.Sprint("old", i)).Stat(s.ctx); err != nil || info.Size != int64(len(data)) || info.Version != 1 {
				s.Errorf("after the sweep: %+v, %v", info, err)
			}
		}
	}},
	{"upload/checksum", "a checksum that is announced is verified", func(s *storeRun) {
		b := s.bucket("b", nil)
		for i, data := range s.smallAndLarge() {
			o := b.Object(fmt.Sprint(i))
			_, err := o.Put(s.ctx, bytes.NewReader(data), &holdall.PutOptions{Checksum: checksum([]byte("other"))})
			s.want("an upload with a wrong checksum", err, holdall.ErrInvalid)
			_, err = o.Stat(s.ctx)
			s.want("Stat after it", err, holdall.ErrNotFound)
			s.put(o, data, &holdall.PutOptions{Checksum: strings.ToUpper(checksum(data))})
		}
		s.sweep(2 * grace)
		s.tidy()
	}},
	{"upload/cancelled", "an upload whose context ends has happened whole or not at all", func(s *storeRun) {
		b := s.bucket("b", nil)
		for i, data := range s.smallAndLarge() {
			for j, at := range []int{0, len(data) / 2, len(data)} {
				ctx, cancel := context.WithCancel(s.ctx)
				stop := readerFunc(func([]byte) (int, error) { cancel(); return 0, io.EOF })
				o := b.Object(fmt.Sprint(i, " ", j))
				_, err := o.Put(ctx, io.MultiReader(bytes.NewReader(data[:at]), stop, bytes.NewReader(data[at:])), nil)
				if err == nil {
					s.holds(o, data)
				} else if _, stat := o.Stat(s.ctx); !gaveUp(err) || stat != nil && !errors.Is(stat, holdall.ErrNotFound) {
					s.Errorf("cancelled at %d of %d: %v, then Stat: %v", at, len(data), err, stat)
				}
				cancel()
			}
		}
		s.sweep(2*grace + 2*grace)
		s.tidy()
	}},
	{"upload/later than the grace period", "an upload that takes longer than the grace period fails cleanly, whatever a sweep did meanwhile", func(s *storeRun) {
		b := s.bucket("b", nil)
		_, data := s.smallAndLarge()[0], s.smallAndLarge()[1]
		s.put(b.Object("old"), data, nil)
		for _, o := range []*holdall.Object{b.Object("new"), b.Object("old")} {
			slept := false
			slow := readerFunc(func([]byte) (int, error) {
				if !slept {
					slept = true
					s.sweep(2 * grace)
				}
				return 0, io.EOF
			})
			_, err := o.Put(s.ctx, io.MultiReader(bytes.NewReader(data), slow), &holdall.PutOptions{Replace: true})
			if err == nil {
				s.holds(o, data) // one commit, at the end: nothing to sweep
			}
		}
		if r, err := b.Object("old").Open(s.ctx); err != nil {
			s.Errorf("Open: %v", err)
		} else {
			s.reads(r, data)
		}
		s.sweep(4 * grace)
		s.tidy()
	}},
}

// tryAll does with an object all that a caller can, but for uploading.
func (s *storeRun) tryAll(w *holdall.Workspace, bucket, path, id string) map[string]error {
	errs := map[string]error{}
	b := w.Bucket(bucket).Tier(holdall.Shared)
	for how, o := range map[string]*holdall.Object{"by path": b.Object(path), "by id": w.ObjectID(id), "by bucket and id": w.Bucket(bucket).ObjectID(id)} {
		_, errs["Stat "+how] = o.Stat(s.ctx)
		_, errs["Open "+how] = o.Open(s.ctx)
		_, errs["Update "+how] = o.Update(s.ctx, holdall.ObjectUpdate{Metadata: map[string]string{"mine": "now"}})
		_, errs["move "+how] = o.Update(s.ctx, holdall.ObjectUpdate{Path: new("stolen")})
		_, errs["Copy "+how] = o.Copy(s.ctx, b.Object("stolen copy"))
		_, errs["Delete "+how] = o.Delete(s.ctx, nil)
		if how == "by path" {
			_, errs["purge "+how] = o.Delete(s.ctx, &holdall.DeleteOptions{Purge: true})
		}
	}
	return errs
}
