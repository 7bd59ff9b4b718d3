package storagetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdall-go/holdall"
)

// simulation does random operations on a catalog and on a model of it. The
// model's entries are the case's known ones.
type simulation struct {
	*catalogRun
	trace []string
}

func newSimulation(c *catalogRun) *simulation { return &simulation{catalogRun: c} }

var simulationCases = []catalogCase{
	{"simulation/operations", "random operations answer as a simple model of the contract does", func(c *catalogRun) {
		s := newSimulation(c)
		for i := range scale(1500, 300) {
			s.step()
			if i%100 == 99 && !c.Failed() {
				c.unchanged()
			}
			if c.Failed() {
				c.Logf("step %d; the last ones were\n%s", i, strings.Join(s.trace, "\n"))
				return
			}
		}
	}},
}

func (s *simulation) step() {
	switch s.rnd.intn(10) {
	default:
		s.stepPut()
	case 6:
		s.stepGet()
	case 7:
		s.stepRemove()
	case 8, 9:
		s.stepQuery()
	}
}

func (s *simulation) note(format string, args ...any) {
	s.trace = append(s.trace[max(0, len(s.trace)-11):], fmt.Sprintf(format, args...))
}

func (s *simulation) stepPut() {
	e, cond := s.randomPut()
	m := &model{entries: s.known}
	old, errs := m.verdict(e, cond)
	ranOut := s.expired(e)
	got, err := s.cat.Put(s.ctx, e, cond)
	s.note("Put(%s, %s) = version %d, %v", label(e), condition(cond), got.Version, err)
	switch {
	case len(errs) > 0 && !slices.ContainsFunc(errs, func(want error) bool { return class(want) == class(err) }):
		s.Errorf("Put(%s, %s): %v, want %v", label(e), condition(cond), err, errs)
	case len(errs) == 0 && err != nil:
		s.Errorf("Put(%s, %s): %v, want success", label(e), condition(cond), err)
	case len(errs) == 0:
		if d := diff(m.apply(old, e), got); d != "" {
			s.Errorf("Put(%s, %s): %s", label(e), condition(cond), d)
		}
	}
	for _, e := range ranOut {
		s.settle(e)
	}
}

// expired lists the entries that a Put of e may take for absent, and remove.
func (s *simulation) expired(e holdall.Entry) []holdall.Entry {
	var out []holdall.Entry
	for _, o := range s.known {
		if o.Tenant == e.Tenant && o.State == holdall.StateLive && o.Expired(e.UpdatedAt) {
			out = append(out, o)
		}
	}
	return out
}

// settle removes an entry that the catalog was free to remove or not.
func (s *simulation) settle(e holdall.Entry) {
	err := s.cat.Remove(s.ctx, e.Tenant, e.ID, e.Version)
	if err != nil && class(err) != class(holdall.ErrNotFound) {
		s.Errorf("Remove of the expired %s: %v", label(e), err)
	}
	delete(s.known, e.ID)
}

func (s *simulation) stepGet() {
	m := &model{entries: s.known}
	ref := s.randomEntry().Place()
	if e, ok := s.someone(); ok && s.rnd.chance(2) {
		ref = holdall.Ref{Tenant: pick(s.rnd, []string{s.tenant, s.other}), ID: e.ID}
	}
	want, wantErr := m.Get(s.ctx, ref)
	got, err := s.cat.Get(s.ctx, ref)
	s.note("Get(%+v) = %s, %v", ref, label(got), err)
	if class(err) != class(wantErr) || err == nil && diff(want, got) != "" {
		s.Errorf("Get(%+v) = %s, %v; want %s, %v; %s", ref, label(got), err, label(want), wantErr, diff(want, got))
	}
}

func (s *simulation) stepRemove() {
	e, ok := s.someone()
	if !ok || e.Kind == holdall.KindBucket && e.State == holdall.StateLive {
		return // Remove is never called for a live bucket
	}
	m := &model{entries: s.known}
	tenant, version := e.Tenant, e.Version+int64(s.rnd.intn(4)/3)
	if s.rnd.chance(8) {
		tenant = s.other
	}
	want := m.Remove(s.ctx, tenant, e.ID, version)
	err := s.cat.Remove(s.ctx, tenant, e.ID, version)
	s.note("Remove(%s) at version %d: %v", label(e), version, err)
	if class(err) != class(want) {
		s.Errorf("Remove(%s) at version %d: %v, want %v", label(e), version, err, want)
	}
}

func (s *simulation) stepQuery() {
	q := holdall.Query{Tenant: pick(s.rnd, []string{s.tenant, s.other})}
	like := s.randomEntry()
	q.Kind, q.State, q.Sort = like.Kind, like.State, pick(s.rnd, sorts)
	for range s.rnd.intn(3) {
		switch s.rnd.intn(6) {
		case 0:
			q.Prefix = like.Name[:1]
		case 1:
			q.Containers = []string{like.Container}
		case 2:
			q.Scopes = []holdall.Scope{{Tier: like.Tier, Owner: like.Owner}, team}
		case 3:
			q.AliveAt = s.clock
		case 4:
			q.Where = mustFilter(`{"n":{"gt":4}}`)
		case 5:
			q.CreatedAfter = s.clock.Add(-20 * time.Second)
		}
	}
	s.note("Query(%s)", describe(q))
	s.same(q, 1+s.rnd.intn(9))
}

// someone is any known entry.
func (s *simulation) someone() (holdall.Entry, bool) {
	if len(s.known) == 0 {
		return holdall.Entry{}, false
	}
	all := s.all()
	slices.SortFunc(all, byID) // a map's order is not the seed's
	return clone(pick(s.rnd, all)), true
}

var (
	simNames  = []string{"a", "a/b", "a%", "b"}
	simStates = []holdall.State{
		holdall.StateLive, holdall.StateLive, holdall.StateLive, holdall.StatePending, holdall.StateDeleted, holdall.StatePurging,
	}
)

// randomEntry is a new entry at one of a few places.
func (s *simulation) randomEntry() holdall.Entry {
	var e holdall.Entry
	container := pick(s.rnd, []string{"x", "y"})
	scope := pick(s.rnd, []holdall.Scope{team, ann})
	switch s.rnd.intn(5) {
	case 0:
		e = s.bucket(container)
	case 1, 2:
		e = inTier(s.object(container, pick(s.rnd, simNames)), scope.Tier, scope.Owner)
	default:
		e = inTier(s.record(container, pick(s.rnd, simNames)), scope.Tier, scope.Owner)
		if s.rnd.chance(4) {
			e.ExpiresAt = e.UpdatedAt.Add(time.Duration(1+s.rnd.intn(40)) * time.Second)
		}
	}
	if s.rnd.chance(5) {
		e.Tenant = s.other
	}
	e.State = pick(s.rnd, simStates)
	return valued(e, fmt.Sprintf(`{"n":%d}`, s.rnd.intn(10)))
}

// randomPut makes a Put that often succeeds and often meets what is there.
func (s *simulation) randomPut() (holdall.Entry, holdall.Condition) {
	e := s.randomEntry()
	switch s.rnd.intn(6) {
	case 0:
		e.State = holdall.StateLive
		return e, holdall.Always
	case 1:
		holder := (&model{entries: s.known}).holder(e)
		e.ID = ""
		if holder == nil {
			return e, holdall.IfVersion(1)
		}
		return e, holdall.IfVersion(holder.Version + int64(s.rnd.intn(4)/3))
	case 2, 3, 4:
		if old, ok := s.someone(); ok {
			return s.change(old, e)
		}
	}
	if old, ok := s.someone(); ok && s.rnd.chance(20) && !old.Expired(e.UpdatedAt) {
		e.ID = old.ID
	}
	return e, holdall.IfAbsent
}

// change is a Put by id: old in another state, with another value or at the
// place of e, at its version or a wrong one.
func (s *simulation) change(old, e holdall.Entry) (holdall.Entry, holdall.Condition) {
	version := old.Version + int64(s.rnd.intn(5)/4)
	old.UpdatedAt, old.Value, old.State = e.UpdatedAt, e.Value, e.State
	if s.rnd.chance(3) && old.Kind != holdall.KindBucket {
		old.Container, old.Tier, old.Owner, old.Name = pick(s.rnd, []string{"x", "y"}), e.Tier, e.Owner, pick(s.rnd, simNames)
	}
	if s.rnd.chance(10) {
		old.Tenant = s.other
	}
	return old, holdall.IfVersion(version)
}
