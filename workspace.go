package holdall

const (
	objectPrefix = "obj_"
	recordPrefix = "rec_"
)

// Workspace is a store as one caller sees it. It is safe for concurrent use;
// it and the handles that hang off it do no I/O by themselves.
type Workspace struct {
	s      *Store
	p      Principal
	grants grants
	bad    error // why the principal is nobody
}

func newWorkspace(s *Store, p Principal) *Workspace {
	w := &Workspace{s: s, p: p, grants: newGrants(p, s.cfg.Roles)}
	return w
}

func (w *Workspace) identified(op string) error { return w.bad }
