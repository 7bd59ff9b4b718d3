package storagetest

import (
	"github.com/holdall-go/holdall"
)

var placeCases = []catalogCase{
	{"place/every part counts", "tenant, kind, container, tier, owner and name all belong to a place", func(c *catalogRun) {
		c.create(c.bucket("b"), c.bucket("b2"), in(c.other, c.bucket("b")))
		first := c.object("b", "x")
		renamed := c.object("b", "y")
		set := c.create(
			first, renamed, c.object("b2", "x"), c.record("b", "x"), c.entry(holdall.KindSystem, "sys_", "b", "x"), in(c.other, c.object("b", "x")),
			inTier(c.object("b", "x"), holdall.Private, "app"), inTier(c.object("b", "x"), holdall.Private, "app2"),
			inTier(c.object("b", "x"), holdall.User, "app"), inTier(c.object("b", "x"), holdall.User, "ann"),
		)
		for _, e := range set {
			if d := diff(e, c.at(e.Place())); d != "" {
				c.Errorf("Get by place of %s: %s", label(e), d)
			}
			again := e
			again.ID = "obj_" + unique()
			c.refuse(again, holdall.IfAbsent, holdall.ErrExists)
		}
	}},
	{"place/parts do not run together", "a place is a tuple, not a string: where one part ends matters", func(c *catalogRun) {
		for _, p := range [][3]string{
			{"ab", "c", "d"}, {"a", "bc", "d"}, {"a", "b", "cd"}, {"a/b", "", "c/d"}, {"a", "b/", "c"}, {"a", "b", "/c"},
			{"a|b", "c", "d"}, {"a", "b|c", "d"}, {"a,b", "c", "d"}, {"a", "b,c", "d"}, {"a:b", "c", "d"}, {"a", "b:c", "d"}, {"", "", "d"}, {"d", "", ""},
		} {
			e := inTier(c.record(p[0], p[2]), holdall.User, p[1])
			got := c.put(e, holdall.IfAbsent)
			if d := diff(got, c.at(e.Place())); d != "" {
				c.Errorf("%q: %s", p, d)
			}
		}
		c.unchanged()
	}},
	{"place/bytes", "names, owners and containers compare byte for byte: no case folding, no normalising, no trimming, no padding", func(c *catalogRun) {
		for _, name := range hardNames() {
			e := c.record("c", name)
			got := c.put(e, holdall.IfAbsent)
			if got.Name != name {
				c.Errorf("stored as %q, want %q", got.Name, name)
			}
		}
		for _, owner := range []string{"ann", "Ann", "ann ", " ann", "ánn", "a\u0301nn", "an", "annn", "%", "_nn", "a%"} {
			c.put(inTier(c.record(owner, "same"), holdall.User, "u"), holdall.IfAbsent)
			c.put(inTier(c.record("c", "same"), holdall.User, owner), holdall.IfAbsent)
		}
		for _, e := range c.known {
			if d := diff(e, c.at(e.Place())); d != "" {
				c.Errorf("Get by place: %s", d)
			}
		}
	}},
	{"place/tombstones", "any number of entries that are not live may name one place, beside one live entry", func(c *catalogRun) {
		c.create(c.bucket("b"))
		for round := range 4 {
			e := c.put(c.object("b", "x"), holdall.IfAbsent)
			c.create(moved(c.object("b", "x"), holdall.StatePending), moved(c.object("b", "x"), holdall.StateDeleted))
			e = c.put(moved(e, []holdall.State{holdall.StateDeleted, holdall.StatePurging}[round%2]), holdall.IfVersion(1))
			c.nothing(e.Place())
		}
		c.unchanged()
	}},
	{"place/move", "IfVersion may change the place: the old one is free at once, the new one taken", func(c *catalogRun) {
		c.create(c.bucket("b"), c.bucket("b2"))
		e := c.put(c.object("b", "x"), holdall.IfAbsent)
		old := e.Place()
		e.Container, e.Name, e.Tier, e.Owner = "b2", "y", holdall.User, "ann"
		e = c.put(e, holdall.IfVersion(1))
		c.nothing(old)
		if d := diff(e, c.at(e.Place())); d != "" {
			c.Errorf("Get by the new place: %s", d)
		}
		c.put(c.object("b", "x"), holdall.IfAbsent)
		taken := inTier(c.object("b2", "y"), holdall.User, "ann")
		c.refuse(taken, holdall.IfAbsent, holdall.ErrExists)
	}},
	{"place/move onto a taken place", "a move onto another entry's place is ErrExists and changes nothing; onto its own it is a change", func(c *catalogRun) {
		c.create(c.bucket("b"))
		x := c.put(c.object("b", "x"), holdall.IfAbsent)
		c.put(c.object("b", "y"), holdall.IfAbsent)
		to := x
		to.Name = "y"
		c.refuse(to, holdall.IfVersion(1), holdall.ErrExists)
		c.put(x, holdall.IfVersion(1))
	}},
	{"place/move onto an expired entry", "an expired entry gives up its place to a move as well", func(c *catalogRun) {
		old := c.record("c", "y")
		old.ExpiresAt = old.UpdatedAt
		old = c.put(old, holdall.IfAbsent)
		x := c.put(c.record("c", "x"), holdall.IfAbsent)
		x.Name, x.UpdatedAt = "y", c.tick()
		delete(c.known, old.ID)
		x = c.put(x, holdall.IfVersion(1))
		if d := diff(x, c.at(x.Place())); d != "" {
			c.Errorf("Get by place: %s", d)
		}
	}},
	{"place/restore", "an entry becomes live again only where its place is free, else ErrExists", func(c *catalogRun) {
		c.create(c.bucket("b"))
		dead := c.put(moved(c.object("b", "x"), holdall.StateDeleted), holdall.IfAbsent)
		now := c.put(c.object("b", "x"), holdall.IfAbsent)
		c.refuse(moved(dead, holdall.StateLive), holdall.IfVersion(1), holdall.ErrExists)
		c.put(moved(now, holdall.StateDeleted), holdall.IfVersion(1))
		back := c.put(moved(dead, holdall.StateLive), holdall.IfVersion(1))
		if back.Version != 2 {
			c.Errorf("version %d after the restore, want 2", back.Version)
		}
	}},
	{"place/get", "Get finds an id in any state and a place only while it is live, each in its own tenant only", func(c *catalogRun) {
		c.create(c.bucket("b"))
		for _, s := range []holdall.State{holdall.StateLive, holdall.StatePending, holdall.StateDeleted, holdall.StatePurging} {
			e := c.put(moved(c.object("b", "in "+string(s)), s), holdall.IfAbsent)
			c.gone(c.other, e.ID)
			elsewhere := e.Place()
			elsewhere.Tenant = c.other
			c.nothing(elsewhere)
			if s != holdall.StateLive {
				c.nothing(e.Place())
			}
		}
		c.gone(c.tenant, "obj_"+unique())
		c.nothing(c.object("b", "never").Place())
	}},
	{"place/id wins", "a Ref with an ID is looked up by that ID: the other fields but Tenant do not matter", func(c *catalogRun) {
		e := c.put(c.record("c", "k"), holdall.IfAbsent)
		c.put(c.record("c", "other"), holdall.IfAbsent)
		got, err := c.cat.Get(c.ctx, holdall.Ref{Tenant: c.tenant, ID: e.ID, Kind: holdall.KindRecord, Container: "c", Tier: holdall.Shared, Name: "other"})
		if err != nil || got.ID != e.ID {
			c.Errorf("Get = %s, %v; want %s", label(got), err, e.ID)
		}
	}},
}
