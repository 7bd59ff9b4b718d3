package storagetest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/holdall-go/holdall"
)

// Catalog proves that what open returns is a [holdall.Catalog], and that each
// optional interface it has does what it says. open is called for every case;
// see the package comment for what it may share.
func Catalog(t *testing.T, open func(t *testing.T) holdall.Catalog) {
	for _, tc := range catalogCases() {
		t.Run(tc.name, func(t *testing.T) { tc.on(t, open(t)) })
	}
}

// catalogCase is one rule. why is printed when it does not hold.
type catalogCase struct {
	name, why string
	run       func(c *catalogRun)
}

func catalogCases() []catalogCase {
	return slices.Concat(putCases, conditionCases(), placeCases, bucketCases, fidelityCases, queryCases, nameCases,
		pageCases, filterCases, folderCases, batchCases, removeCases, transactionCases, upkeepCases, raceCases, simulationCases)
}

func (tc catalogCase) on(t tb, cat holdall.Catalog) {
	t.Helper()
	defer explain(t, tc.name, tc.why)
	c := newCatalogRun(t, cat, tc.name)
	tc.run(c)
	c.settleDue()
}

// catalogRun is one case at work on a catalog, in a tenant of its own.
type catalogRun struct {
	tb
	ctx    context.Context
	cat    holdall.Catalog
	rnd    *source
	tenant string
	other  string // another tenant
	clock  time.Time
	known  map[string]holdall.Entry // what put has stored, by id
}

func newCatalogRun(t tb, cat holdall.Catalog, name string) *catalogRun {
	return &catalogRun{
		tb: t, ctx: t.Context(), cat: cat, rnd: newSource(name), clock: epoch, known: map[string]holdall.Entry{},
		tenant: "tenant-" + unique(), other: "tenant-" + unique(),
	}
}

// tick returns the next moment.
func (c *catalogRun) tick() time.Time {
	c.clock = c.clock.Add(time.Second)
	return c.clock
}

func (c *catalogRun) entry(k holdall.Kind, prefix, container, name string) holdall.Entry {
	now := c.tick()
	return holdall.Entry{
		ID: prefix + unique(), Kind: k, Tenant: c.tenant, Container: container, Tier: holdall.Shared, Name: name,
		State: holdall.StateLive, CreatedAt: now, UpdatedAt: now, CreatedBy: "ann", UpdatedBy: "ann",
		Value: json.RawMessage(`{}`),
	}
}

// bucket, object and record make live entries in tier shared; they store nothing.
func (c *catalogRun) bucket(name string) holdall.Entry {
	return c.entry(holdall.KindBucket, "bkt_", "", name)
}

func (c *catalogRun) record(collection, key string) holdall.Entry {
	return c.entry(holdall.KindRecord, "rec_", collection, key)
}

func (c *catalogRun) object(bucket, path string) holdall.Entry {
	e := c.entry(holdall.KindObject, "obj_", bucket, path)
	e.Content = &holdall.Content{Key: "00/" + unique() + "." + unique(), Size: 5, Type: "text/plain", Edition: 1}
	return e
}

// put stores e, which must succeed, and checks that what Put returned is what
// Get returns. It returns it.
func (c *catalogRun) put(e holdall.Entry, cond holdall.Condition) holdall.Entry {
	c.Helper()
	got, err := c.cat.Put(c.ctx, e, cond)
	if err != nil {
		c.Fatalf("Put(%s, %s): %v; it must succeed", label(e), condition(cond), err)
	}
	if d := diff(c.byID(got.Tenant, got.ID), got); d != "" {
		c.Fatalf("Put(%s, %s) returned something else than Get does: %s", label(e), condition(cond), d)
	}
	c.known[got.ID] = clone(got)
	return got
}

// create stores new entries.
func (c *catalogRun) create(es ...holdall.Entry) []holdall.Entry {
	c.Helper()
	out := make([]holdall.Entry, len(es))
	for i, e := range es {
		out[i] = c.put(e, holdall.IfAbsent)
	}
	return out
}

// refuse puts e, which must fail with want, and checks that everything this
// case has stored is as it was.
func (c *catalogRun) refuse(e holdall.Entry, cond holdall.Condition, want error) {
	c.Helper()
	_, err := c.cat.Put(c.ctx, e, cond)
	if class(err) != class(want) {
		c.Fatalf("Put(%s, %s): %v; want %v", label(e), condition(cond), err, want)
	}
	c.unchanged()
	if _, known := c.known[e.ID]; e.ID != "" && !known {
		c.gone(e.Tenant, e.ID)
	}
}

// unchanged checks every known entry.
func (c *catalogRun) unchanged() {
	c.Helper()
	for id, want := range c.known {
		if d := diff(want, c.byID(want.Tenant, id)); d != "" {
			c.Fatalf("%s has changed: %s", label(want), d)
		}
	}
}

// byID gets an entry that must be there.
func (c *catalogRun) byID(tenant, id string) holdall.Entry {
	c.Helper()
	e, err := c.cat.Get(c.ctx, holdall.Ref{Tenant: tenant, ID: id})
	if err != nil {
		c.Fatalf("Get by id %s: %v; it must be there", id, err)
	}
	return e
}

// at gets the live entry at a place, which must be there.
func (c *catalogRun) at(place holdall.Ref) holdall.Entry {
	c.Helper()
	e, err := c.cat.Get(c.ctx, place)
	if err != nil {
		c.Fatalf("Get by place %+v: %v; it must be there", place, err)
	}
	return e
}

// gone checks that no entry has this id in the tenant.
func (c *catalogRun) gone(tenant, id string) {
	c.Helper()
	c.nothing(holdall.Ref{Tenant: tenant, ID: id})
}

// nothing checks that a Ref leads nowhere.
func (c *catalogRun) nothing(r holdall.Ref) {
	c.Helper()
	if e, err := c.cat.Get(c.ctx, r); class(err) != class(holdall.ErrNotFound) {
		c.Fatalf("Get(%+v) = %s, %v; want %v", r, label(e), err, holdall.ErrNotFound)
	}
}

// remove removes an entry at its version.
func (c *catalogRun) remove(e holdall.Entry) {
	c.Helper()
	if err := c.cat.Remove(c.ctx, e.Tenant, e.ID, e.Version); err != nil {
		c.Fatalf("Remove(%s): %v; it must succeed", label(e), err)
	}
	delete(c.known, e.ID)
}

// moved returns e in another state.
func moved(e holdall.Entry, s holdall.State) holdall.Entry {
	e.State = s
	return e
}

// inTier returns e in a tier.
func inTier(e holdall.Entry, t holdall.Tier, owner string) holdall.Entry {
	e.Tier, e.Owner = t, owner
	return e
}

// in returns e in another tenant.
func in(tenant string, e holdall.Entry) holdall.Entry {
	e.Tenant = tenant
	return e
}

func valued(e holdall.Entry, value string) holdall.Entry {
	e.Value = json.RawMessage(value)
	return e
}

func label(e holdall.Entry) string {
	return fmt.Sprintf("%s %s %q in %q, %s, version %d", e.Kind, e.ID, shorten(e.Name), e.Container, e.State, e.Version)
}

func condition(c holdall.Condition) string {
	switch c {
	case holdall.Always:
		return "Always"
	case holdall.IfAbsent:
		return "IfAbsent"
	}
	return fmt.Sprintf("IfVersion(%d)", int64(c))
}
