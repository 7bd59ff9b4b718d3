package storagetest

import (
	"time"

	"github.com/holdall-go/holdall"
)

var bucketCases = []catalogCase{
	{"bucket/object needs one", "a live object needs the live bucket of its own tenant, whatever the condition, else ErrNoBucket", func(c *catalogRun) {
		c.create(in(c.other, c.bucket("b")), c.bucket("B"), c.record("", "b"), c.record("b", "b"), c.bucket("home"))
		for _, s := range []holdall.State{holdall.StatePending, holdall.StateDeleted, holdall.StatePurging} {
			c.create(moved(c.bucket("b"), s))
		}
		home := c.put(c.object("home", "x"), holdall.IfAbsent)
		waits := c.put(moved(c.object("b", "x"), holdall.StatePending), holdall.IfAbsent)
		c.refuse(c.object("b", "x"), holdall.IfAbsent, holdall.ErrNoBucket)
		c.refuse(c.object("b", "x"), holdall.Always, holdall.ErrNoBucket)
		c.refuse(inTier(c.object("b", "x"), holdall.User, "ann"), holdall.IfAbsent, holdall.ErrNoBucket)
		c.refuse(moved(waits, holdall.StateLive), holdall.IfVersion(1), holdall.ErrNoBucket)
		home.Container = "b"
		c.refuse(home, holdall.IfVersion(1), holdall.ErrNoBucket)

		c.create(c.bucket("b"))
		c.put(moved(waits, holdall.StateLive), holdall.IfVersion(1))
		home.Name = "y"
		c.put(home, holdall.IfVersion(1))
	}},
	{"bucket/others need none", "records, system entries, buckets and objects that are not live need no bucket", func(c *catalogRun) {
		c.create(c.record("nowhere", "x"), c.entry(holdall.KindSystem, "sys_", "nowhere", "x"), c.bucket("b"))
		for _, s := range []holdall.State{holdall.StatePending, holdall.StateDeleted, holdall.StatePurging} {
			e := c.put(moved(c.object("nowhere", "x"), s), holdall.IfAbsent)
			c.put(e, holdall.IfVersion(1))
		}
	}},
	{"bucket/expired", "an expired bucket counts as absent", func(c *catalogRun) {
		b := c.bucket("b")
		b.ExpiresAt = b.UpdatedAt.Add(time.Minute)
		c.create(b)
		c.create(c.object("b", "in time"))
		late := c.object("b", "late")
		late.UpdatedAt = b.ExpiresAt
		delete(c.known, b.ID)
		c.refuse(late, holdall.IfAbsent, holdall.ErrNoBucket)
	}},
	{"bucket/leaves only empty", "a live bucket stops being live only while no live object of any tier is in it, else ErrNotEmpty", func(c *catalogRun) {
		b := c.put(c.bucket("b"), holdall.IfAbsent)
		for _, e := range []holdall.Entry{
			c.object("b", "x"), inTier(c.object("b", "x"), holdall.User, "ann"), inTier(c.object("b", "x"), holdall.Private, "app"),
		} {
			e = c.put(e, holdall.IfAbsent)
			for _, s := range []holdall.State{holdall.StateDeleted, holdall.StatePurging, holdall.StatePending} {
				c.refuse(moved(b, s), holdall.IfVersion(1), holdall.ErrNotEmpty)
				byPlace := moved(b, s)
				byPlace.ID = ""
				c.refuse(byPlace, holdall.IfVersion(1), holdall.ErrNotEmpty)
			}
			c.put(moved(e, holdall.StateDeleted), holdall.IfVersion(1))
		}
		c.put(moved(b, holdall.StateDeleted), holdall.IfVersion(1))
	}},
	{"bucket/what does not hold it", "only live objects of the same tenant and bucket keep a bucket: nothing else does", func(c *catalogRun) {
		b := c.put(c.bucket("b"), holdall.IfAbsent)
		c.create(c.bucket("b2"), in(c.other, c.bucket("b")), c.bucket("B"))
		gone := c.object("b", "expired")
		gone.ExpiresAt = gone.UpdatedAt
		c.create(
			c.object("b2", "x"), in(c.other, c.object("b", "x")), c.object("B", "x"), c.record("b", "x"), gone,
			moved(c.object("b", "x"), holdall.StatePending), moved(c.object("b", "x"), holdall.StateDeleted), moved(c.object("b", "x"), holdall.StatePurging),
		)
		delete(c.known, gone.ID)
		b.UpdatedAt = c.tick()
		c.put(moved(b, holdall.StateDeleted), holdall.IfVersion(1))
		c.unchanged()
	}},
	{"bucket/change keeps it", "a bucket that stays live changes freely while objects are in it", func(c *catalogRun) {
		b := c.put(c.bucket("b"), holdall.IfAbsent)
		c.create(c.object("b", "x"))
		b = c.put(valued(b, `{"public":true}`), holdall.IfVersion(1))
		b = c.put(valued(b, `{"public":false}`), holdall.Always)
		if b.Version != 3 {
			c.Errorf("version %d, want 3", b.Version)
		}
		c.unchanged()
	}},
	{"bucket/emptied by moving", "a bucket whose objects moved to another one can leave, and the other cannot", func(c *catalogRun) {
		b, b2 := c.put(c.bucket("b"), holdall.IfAbsent), c.put(c.bucket("b2"), holdall.IfAbsent)
		for _, name := range []string{"x", "y", "z"} {
			e := c.put(c.object("b", name), holdall.IfAbsent)
			e.Container = "b2"
			c.put(e, holdall.IfVersion(1))
		}
		c.refuse(moved(b2, holdall.StateDeleted), holdall.IfVersion(1), holdall.ErrNotEmpty)
		c.put(moved(b, holdall.StateDeleted), holdall.IfVersion(1))
	}},
	{"bucket/again", "a bucket's name can be taken again and its objects do not come back", func(c *catalogRun) {
		for range 3 {
			b := c.put(c.bucket("b"), holdall.IfAbsent)
			o := c.put(c.object("b", "x"), holdall.IfAbsent)
			o = c.put(moved(o, holdall.StateDeleted), holdall.IfVersion(1))
			b = c.put(moved(b, holdall.StatePurging), holdall.IfVersion(1))
			c.refuse(moved(o, holdall.StateLive), holdall.IfVersion(2), holdall.ErrNoBucket)
			c.remove(b)
		}
	}},
}
