package storagetest

import (
	"errors"
	"time"

	"github.com/holdall-go/holdall"
)

// seat is what is at a place before a Put.
type seat string

const (
	nobody    seat = "nothing"
	aLive     seat = "a live entry"
	anExpired seat = "an expired entry"
	aPending  seat = "a pending entry"
	aDeleted  seat = "a soft-deleted entry"
	aPurging  seat = "an entry being purged"
)

var seats = []seat{nobody, aLive, anExpired, aPending, aDeleted, aPurging}

// fill stores what the seat says at e's place and returns it, at version 3.
func (c *catalogRun) fill(s seat, e holdall.Entry) holdall.Entry {
	c.Helper()
	if s == nobody {
		return holdall.Entry{}
	}
	e.CreatedBy = "first"
	e = c.put(e, holdall.IfAbsent)
	e = c.put(e, holdall.IfVersion(1))
	switch s {
	case anExpired:
		e.ExpiresAt = e.UpdatedAt.Add(time.Second)
	case aPending:
		e.State = holdall.StatePending
	case aDeleted:
		e.State = holdall.StateDeleted
	case aPurging:
		e.State = holdall.StatePurging
	}
	return c.put(e, holdall.IfVersion(2))
}

// kindCase is a rule that holds for every kind of entry.
type kindCase struct {
	name, why string
	run       func(c *catalogRun, make func() holdall.Entry, was holdall.Entry, s seat)
}

// conditionCases are Put under each condition on each state of the place, for
// objects and records.
func conditionCases() []catalogCase {
	var cases []catalogCase
	for _, k := range []holdall.Kind{holdall.KindObject, holdall.KindRecord} {
		for _, s := range seats {
			for _, kc := range kindCases {
				cases = append(cases, catalogCase{
					name: kc.name + "/" + string(k) + " over " + string(s),
					why:  kc.why,
					run:  func(c *catalogRun) { runKindCase(c, kc, k, s) },
				})
			}
		}
	}
	return cases
}

func runKindCase(c *catalogRun, kc kindCase, k holdall.Kind, s seat) {
	c.create(c.bucket("b"))
	make := func() holdall.Entry { return c.record("b", "name") }
	if k == holdall.KindObject {
		make = func() holdall.Entry { return c.object("b", "name") }
	}
	was := c.fill(s, make())
	c.clock = c.clock.Add(time.Hour) // past the end of an expired entry
	kc.run(c, make, was, s)
}

var kindCases = []kindCase{
	{"create", "IfAbsent inserts at version 1 where no live, unexpired entry has the place, else it is ErrExists",
		func(c *catalogRun, make func() holdall.Entry, was holdall.Entry, s seat) {
			if s == aLive {
				c.refuse(make(), holdall.IfAbsent, holdall.ErrExists)
				return
			}
			c.displace(s, was)
			c.fresh(make(), holdall.IfAbsent)
		}},
	{"create pending", "IfAbsent of an entry that is not live does not look at the place",
		func(c *catalogRun, make func() holdall.Entry, was holdall.Entry, s seat) {
			for _, state := range []holdall.State{holdall.StatePending, holdall.StateDeleted, holdall.StatePurging} {
				got := c.put(moved(make(), state), holdall.IfAbsent)
				if got.Version != 1 || got.State != state {
					c.Errorf("stored %s, want %s at version 1", label(got), state)
				}
			}
			c.unchanged()
		}},
	{"create same id", "the id of an IfAbsent must be new over all states and tenants",
		func(c *catalogRun, make func() holdall.Entry, was holdall.Entry, s seat) {
			if s == nobody || s == anExpired {
				return
			}
			for _, e := range []holdall.Entry{make(), moved(make(), holdall.StatePending)} {
				e.ID, e.Name = was.ID, "another place"
				c.refuse(e, holdall.IfAbsent, holdall.ErrExists)
			}
			e := moved(in(c.other, make()), holdall.StatePending)
			e.ID = was.ID
			if _, err := c.cat.Put(c.ctx, e, holdall.IfAbsent); !errors.Is(err, holdall.ErrExists) {
				c.Errorf("the same id in another tenant: %v, want %v", err, holdall.ErrExists)
			}
			c.unchanged()
			c.gone(c.other, was.ID)
		}},
	{"upsert", "Always replaces the live, unexpired entry at the place and keeps its ID, CreatedAt and CreatedBy; else it inserts",
		func(c *catalogRun, make func() holdall.Entry, was holdall.Entry, s seat) {
			e := valued(make(), `"new"`)
			e.CreatedBy = "second"
			if s != aLive {
				c.displace(s, was)
				c.fresh(e, holdall.Always)
				return
			}
			c.replaces(e, was, holdall.Always)
		}},
	{"replace by place", "IfVersion without an ID replaces the live entry at the place at that version, and nothing else",
		func(c *catalogRun, make func() holdall.Entry, was holdall.Entry, s seat) {
			e := valued(make(), `"new"`)
			e.ID, e.CreatedBy = "", "second"
			if s != aLive {
				c.displace(s, was)
				c.refuse(e, holdall.IfVersion(max(was.Version, 1)), holdall.ErrNotFound)
				return
			}
			c.refuse(e, holdall.IfVersion(2), holdall.ErrConflict)
			c.refuse(e, holdall.IfVersion(4), holdall.ErrConflict)
			c.replaces(e, was, holdall.IfVersion(3))
		}},
	{"replace by id", "IfVersion with an ID replaces that entry in any state when the version is right, all fields as given",
		func(c *catalogRun, make func() holdall.Entry, was holdall.Entry, s seat) {
			e := valued(make(), `"new"`)
			e.CreatedBy = "second"
			c.refuse(e, holdall.IfVersion(1), holdall.ErrNotFound)
			if s == nobody {
				return
			}
			e.ID, e.State = was.ID, was.State
			if s == anExpired {
				c.displace(s, was)
				if _, err := c.cat.Put(c.ctx, e, holdall.IfVersion(was.Version)); class(err) != class(holdall.ErrNotFound) {
					c.Errorf("an expired entry by its id: %v, want %v", err, holdall.ErrNotFound)
				}
				return
			}
			c.refuse(e, holdall.IfVersion(2), holdall.ErrConflict)
			c.refuse(e, holdall.IfVersion(4), holdall.ErrConflict)
			e.Version = 3
			if got := c.put(e, holdall.IfVersion(3)); diff(withVersion(e, 4), got) != "" {
				c.Errorf("%s", diff(withVersion(e, 4), got))
			}
		}},
	{"replace in another tenant", "an entry cannot be replaced from another tenant, by id or by place",
		func(c *catalogRun, make func() holdall.Entry, was holdall.Entry, s seat) {
			c.create(in(c.other, c.bucket("b")))
			e := in(c.other, make())
			e.ID = was.ID
			c.refuse(e, holdall.IfVersion(max(was.Version, 1)), holdall.ErrNotFound)
			e.ID = ""
			c.refuse(e, holdall.IfVersion(max(was.Version, 1)), holdall.ErrNotFound)
		}},
}

// fresh puts e, which must be stored as a new entry.
func (c *catalogRun) fresh(e holdall.Entry, cond holdall.Condition) {
	c.Helper()
	e.Version = 17 // what is passed in does not matter
	got := c.put(e, cond)
	if d := diff(withVersion(e, 1), got); d != "" {
		c.Errorf("a new entry is stored as given, at version 1: %s", d)
	}
	if d := diff(got, c.at(e.Place())); d != "" {
		c.Errorf("Get by place: %s", d)
	}
	c.unchanged()
}

// replaces puts e, which must be stored over was, its origin kept.
func (c *catalogRun) replaces(e, was holdall.Entry, cond holdall.Condition) {
	c.Helper()
	passed := e.ID
	want := withVersion(e, was.Version+1)
	want.ID, want.CreatedAt, want.CreatedBy = was.ID, was.CreatedAt, was.CreatedBy
	got := c.put(e, cond)
	if d := diff(want, got); d != "" {
		c.Errorf("what was there is replaced, and keeps its origin: %s", d)
	}
	if d := diff(got, c.at(e.Place())); d != "" {
		c.Errorf("Get by place: %s", d)
	}
	if passed != "" && passed != was.ID {
		c.gone(e.Tenant, passed)
	}
	c.unchanged()
}

// displace stops expecting an entry that is expired: a Put at its place may
// remove it.
func (c *catalogRun) displace(s seat, was holdall.Entry) {
	if s == anExpired {
		delete(c.known, was.ID)
	}
}

func withVersion(e holdall.Entry, n int64) holdall.Entry {
	e.Version = n
	return e
}

var putCases = []catalogCase{
	{"put/without an id", "a new entry needs an id: without one Put is ErrInvalid and stores nothing, alone and in a batch", func(c *catalogRun) {
		a, b := c.record("c", "a"), c.record("c", "b")
		a.ID, b.ID = "", ""
		for _, cond := range []holdall.Condition{holdall.IfAbsent, holdall.Always} {
			c.refuse(a, cond, holdall.ErrInvalid)
			if p, ok := holdall.As[holdall.BatchPutter](c.cat); ok {
				results, err := p.PutBatch(c.ctx, []holdall.PutOp{{Entry: a, Condition: cond}, {Entry: b, Condition: cond}})
				if err != nil || len(results) != 2 || !errors.Is(results[0].Err, holdall.ErrInvalid) || !errors.Is(results[1].Err, holdall.ErrInvalid) {
					c.Errorf("PutBatch of two, condition %s = %+v, %v; want %v for each", condition(cond), results, err, holdall.ErrInvalid)
				}
			}
		}
		c.unchanged()
	}},
	{"put/versions", "the version is 1 for a new entry and one more at every Put that replaces it", func(c *catalogRun) {
		e := c.put(c.record("c", "k"), holdall.Always)
		for want := int64(1); want <= 6; want++ {
			if e.Version != want {
				c.Fatalf("version %d, want %d", e.Version, want)
			}
			switch want % 3 {
			case 0:
				e = c.put(e, holdall.Always)
			case 1:
				e = c.put(e, holdall.IfVersion(want))
			default:
				byPlace := e
				byPlace.ID = ""
				e = c.put(byPlace, holdall.IfVersion(want))
			}
		}
	}},
	{"put/life cycle", "an entry moves from any state to any other by IfVersion and keeps counting its versions", func(c *catalogRun) {
		c.create(c.bucket("b"))
		for _, e := range []holdall.Entry{c.object("b", "x"), c.record("b", "x")} {
			e = c.put(moved(e, holdall.StatePending), holdall.IfAbsent)
			for i, s := range []holdall.State{
				holdall.StateLive, holdall.StateDeleted, holdall.StateLive, holdall.StatePending,
				holdall.StatePurging, holdall.StatePending, holdall.StateDeleted, holdall.StatePurging,
			} {
				e.DeletedAt, e.DeletedBy = c.tick(), "bob"
				e.UpdatedAt = e.DeletedAt
				e = c.put(moved(e, s), holdall.IfVersion(e.Version))
				if e.State != s || e.Version != int64(i+2) {
					c.Fatalf("got %s, want %s at version %d", label(e), s, i+2)
				}
				if s == holdall.StateLive {
					c.at(e.Place())
				} else {
					c.nothing(e.Place())
				}
			}
		}
	}},
	{"put/expiry goes by UpdatedAt", "an entry is expired for a Put from the very microsecond of ExpiresAt on, by the clock of e.UpdatedAt", func(c *catalogRun) {
		e := c.record("c", "k")
		e.ExpiresAt = e.UpdatedAt.Add(time.Minute)
		e = c.put(e, holdall.IfAbsent)
		next := c.record("c", "k")
		next.UpdatedAt = e.ExpiresAt.Add(-time.Microsecond)
		c.refuse(next, holdall.IfAbsent, holdall.ErrExists)
		next.UpdatedAt = e.ExpiresAt
		delete(c.known, e.ID)
		c.fresh(next, holdall.IfAbsent)
	}},
	{"put/expired stays readable", "Get and Query return a live entry whether or not it has expired", func(c *catalogRun) {
		e := c.record("c", "k")
		e.ExpiresAt = e.UpdatedAt.Add(-time.Hour)
		e = c.put(e, holdall.IfAbsent)
		if d := diff(e, c.at(e.Place())); d != "" {
			c.Errorf("Get by place: %s", d)
		}
		c.same(holdall.Query{Tenant: c.tenant, Kind: holdall.KindRecord, State: holdall.StateLive}, 1)
	}},
	{"put/fields are given", "a Put that replaces stores every field as given: none is merged with the old entry", func(c *catalogRun) {
		c.create(c.bucket("b"))
		e := c.object("b", "x")
		e.TTL, e.ExpiresAt, e.DueAt = time.Hour, e.UpdatedAt.Add(1000*time.Hour), e.UpdatedAt
		e.Content.Garbage = []holdall.Garbage{{Key: "aa/1", Since: e.UpdatedAt}}
		e = c.put(valued(e, `{"a":{"b":1}}`), holdall.IfAbsent)
		bare := valued(e, `{"a":{"c":2}}`)
		bare.TTL, bare.ExpiresAt, bare.DueAt, bare.Content, bare.UpdatedBy = 0, time.Time{}, time.Time{}, nil, ""
		got := c.put(bare, holdall.IfVersion(1))
		if d := diff(withVersion(bare, 2), got); d != "" {
			c.Error(d)
		}
	}},
}
