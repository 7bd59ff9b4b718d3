package storagetest

import (
	"bytes"
	"strings"

	"github.com/holdall-go/holdall"
)

var ruleCases = []storeCase{
	{"rules/size", "a bucket's size limit holds on every way in: upload, replace, copy, move, restore", func(s *storeRun) {
		free, tight := s.bucket("free", nil), s.bucket("tight", &holdall.BucketRules{MaxObjectSize: 50})
		data := s.rnd.bytes(51)
		s.put(tight.Object("fits"), data[:50], nil)
		src := free.Object("src")
		s.put(src, data, nil)
		for _, size := range []int64{0, 51, 50, 1 << 40} {
			_, err := tight.Object("x").Put(s.ctx, bytes.NewReader(data), &holdall.PutOptions{Size: size})
			s.want("an upload", err, holdall.ErrTooLarge)
		}
		_, err := tight.Object("fits").Put(s.ctx, bytes.NewReader(data), &holdall.PutOptions{Replace: true})
		s.want("a replacement", err, holdall.ErrTooLarge)
		_, err = src.Copy(s.ctx, tight.Object("copy"))
		s.want("a copy", err, holdall.ErrTooLarge)
		_, err = src.Update(s.ctx, holdall.ObjectUpdate{Bucket: new("tight")})
		s.want("a move", err, holdall.ErrTooLarge)
		s.put(free.Object("later"), data, nil)
		_, err = free.Object("later").Delete(s.ctx, nil)
		s.want("Delete", err, nil)
		limit := int64(50)
		_, err = free.Update(s.ctx, holdall.BucketUpdate{MaxObjectSize: &limit})
		s.want("Update of the bucket", err, nil)
		_, err = free.Object("later").Restore(s.ctx)
		s.want("a restore", err, holdall.ErrTooLarge)
		_, err = s.bucket("third", nil).Object("x").Put(s.ctx, bytes.NewReader(data), &holdall.PutOptions{MaxSize: 50})
		s.want("an upload over its own limit", err, holdall.ErrTooLarge)
		s.holds(tight.Object("fits"), data[:50])
		s.sweep(2 * grace)
		s.tidy()
	}},
	{"rules/types", "a bucket's types hold on every way in: upload, replace, copy, move, re-label, restore", func(s *storeRun) {
		free, images := s.bucket("free", nil), s.bucket("images", &holdall.BucketRules{AllowedTypes: []string{"image/png", "text/*"}})
		put := func(o *holdall.Object, contentType string, replace bool) error {
			_, err := o.Put(s.ctx, strings.NewReader("body"), &holdall.PutOptions{ContentType: contentType, Replace: replace})
			return err
		}
		s.want("an upload of an allowed type", put(images.Object("ok"), "IMAGE/PNG", false), nil)
		s.want("an upload of an allowed family", put(images.Object("ok2"), "text/plain; charset=utf-8", false), nil)
		s.want("an upload", put(images.Object("x"), "application/pdf", false), holdall.ErrTypeNotAllowed)
		s.want("an upload that begins alike", put(images.Object("x"), "image/pngx", false), holdall.ErrTypeNotAllowed)
		s.want("a replacement", put(images.Object("ok"), "application/pdf", true), holdall.ErrTypeNotAllowed)
		s.want("an upload elsewhere", put(free.Object("src"), "application/pdf", false), nil)
		_, err := free.Object("src").Copy(s.ctx, images.Object("copy"))
		s.want("a copy", err, holdall.ErrTypeNotAllowed)
		_, err = free.Object("src").Update(s.ctx, holdall.ObjectUpdate{Bucket: new("images")})
		s.want("a move", err, holdall.ErrTypeNotAllowed)
		_, err = images.Object("ok").Update(s.ctx, holdall.ObjectUpdate{ContentType: new("application/pdf")})
		s.want("a new label", err, holdall.ErrTypeNotAllowed)
		_, err = free.Object("src").Update(s.ctx, holdall.ObjectUpdate{Bucket: new("images"), ContentType: new("image/png")})
		s.want("a move with an allowed label", err, nil)
		_, err = images.Object("ok2").Delete(s.ctx, nil)
		s.want("Delete", err, nil)
		only := []string{"image/png"}
		_, err = images.Update(s.ctx, holdall.BucketUpdate{AllowedTypes: &only})
		s.want("Update of the bucket", err, nil)
		_, err = images.Object("ok2").Restore(s.ctx)
		s.want("a restore", err, holdall.ErrTypeNotAllowed)
	}},
	{"rules/bucket", "nothing gets into a bucket that is not there, a bucket goes only empty, and its trash goes with it", func(s *storeRun) {
		w := s.as("ann", "app")
		_, err := w.Bucket("none").Object("x").Put(s.ctx, strings.NewReader("x"), nil)
		s.want("an upload into no bucket", err, holdall.ErrNotFound)
		b := s.bucket("b", nil)
		data := s.rnd.bytes(100)
		for _, tier := range []holdall.Tier{holdall.Private, holdall.User, holdall.Shared} {
			o := w.Bucket("b").Tier(tier).Object("x")
			info := s.put(o, data, nil)
			s.want("deleting a bucket with an object in tier "+string(tier), b.Delete(s.ctx), holdall.ErrNotEmpty)
			_, err := w.ObjectID(info.ID).Delete(s.ctx, nil)
			s.want("Delete", err, nil)
		}
		_, err = b.Create(s.ctx, nil)
		s.want("creating what is there", err, holdall.ErrExists)
		s.want("deleting an empty bucket", b.Delete(s.ctx), nil)
		s.want("deleting it again", b.Delete(s.ctx), holdall.ErrNotFound)
		s.tidy()
		_, err = b.Create(s.ctx, nil)
		s.want("creating it again", err, nil)
		_, err = b.Object("x").Restore(s.ctx)
		s.want("restoring what went with the old bucket", err, holdall.ErrNotFound)
		for range 3 {
			s.want("deleting the default bucket", w.Bucket(holdall.DefaultBucket).Delete(s.ctx), holdall.ErrConflict)
			_, err = w.Bucket(holdall.DefaultBucket).Stat(s.ctx)
			s.want("the default bucket", err, nil)
		}
	}},
	{"rules/empty", "emptying a bucket soft-deletes every object of every tier and owner, and nothing else", func(s *storeRun) {
		s.bucket("b", nil)
		s.bucket("b2", nil)
		n := 0
		for _, user := range []string{"ann", "bob"} {
			for _, app := range []string{"app", "app2"} {
				for _, tier := range []holdall.Tier{holdall.Private, holdall.User, holdall.Shared} {
					s.put(s.as(user, app).Bucket("b").Tier(tier).Object(user+app), []byte("x"), nil)
					s.put(s.as(user, app).Bucket("b2").Tier(tier).Object(user+app), []byte("x"), nil)
					n++
				}
			}
		}
		got, err := s.as("root", "").Bucket("b").Empty(s.ctx)
		if err != nil || got != n {
			s.Errorf("Empty = %d, %v; want %d", got, err, n)
		}
		for _, e := range s.entries(holdall.KindObject, holdall.StateLive) {
			if e.Container != "b2" {
				s.Errorf("%s is still there", label(e))
			}
			n--
		}
		if n != 0 {
			s.Errorf("%d objects of the other bucket are gone", n)
		}
	}},
}
