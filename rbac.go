package holdall

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Principal is a verified caller. The host, or an authenticator such as
// httpapi/jwtauth, makes it from credentials that it has checked; nothing
// that a client can write freely may end up in it.
type Principal struct {
	// Tenant is the hard partition: nothing outside it exists for this caller.
	Tenant string
	// User is the person, agent or service that calls. It is stamped as
	// created_by, updated_by and deleted_by, and owns what is in tier [User].
	User string
	// App is the application whose token the caller uses, or "" for a caller
	// outside any app. It owns what is in tier [Private].
	App string
	// Permissions are permission keys such as "storage:read".
	Permissions []string
	// Roles are names that [Config.Roles] resolves to permission keys. A name
	// that is not in that table grants nothing.
	Roles []string
}

// Roles maps a role's name to the permission keys that it grants.
type Roles map[string][]string

// check refuses keys that could never grant anything: in a table written by
// the host they are slips.
func (r Roles) check() error {
	for name, keys := range r {
		for _, k := range keys {
			if _, ok := parsePermission(k); !ok {
				return fmt.Errorf("holdall: role %q: %q is not a permission key", name, k)
			}
		}
	}
	return nil
}

// Action is what a permission allows.
type Action string

// The actions.
const (
	Read   Action = "read"
	Write  Action = "write"
	Delete Action = "delete"
	Admin  Action = "admin"
)

var actions = []Action{Read, Write, Delete, Admin}

// Resource is what an action is about: a bucket, a collection, or the whole
// store of the tenant.
type Resource struct {
	kind Kind
	name string
}

// BucketResource is the bucket of that name; "" stands for all of them.
func BucketResource(name string) Resource { return Resource{KindBucket, name} }

// CollectionResource is the collection of that name; "" stands for all of them.
func CollectionResource(name string) Resource { return Resource{KindRecord, name} }

// StoreResource is everything that the tenant has.
func StoreResource() Resource { return Resource{} }

const recordsSegment = "records"

// keys returns the permission keys that allow action on r, the narrowest
// first. A key grants by being one of them, letter for letter, so nothing is
// ever matched by pattern.
func (r Resource) keys(action Action) []string {
	keys := make([]string, 0, 7)
	if r.kind == KindRecord {
		if r.name != "" {
			p := "storage:" + recordsSegment + ":" + r.name + ":"
			keys = append(keys, p+string(action), p+"*")
		}
		keys = append(keys, "storage:"+recordsSegment+":"+string(action), "storage:"+recordsSegment+":*")
	}
	if r.kind == KindBucket && r.name != "" {
		keys = append(keys, "storage:"+r.name+":"+string(action), "storage:"+r.name+":*")
	}
	return append(keys, "storage:"+string(action), "storage:*", "*")
}

// permission is a parsed permission key.
type permission struct {
	records bool   // about collections; else about buckets
	name    string // the bucket or collection; "" is all
	action  Action // "" is every action
	all     bool   // "*" or "storage:*"
}

// parsePermission reads a key. What does not parse grants nothing.
func parsePermission(key string) (permission, bool) {
	if key == "*" || key == "storage:*" {
		return permission{all: true}, true
	}
	seg := strings.Split(key, ":")
	if len(seg) < 2 || len(seg) > 4 || seg[0] != "storage" {
		return permission{}, false
	}
	p := permission{}
	last := seg[len(seg)-1]
	if last != "*" {
		if p.action = Action(last); !slices.Contains(actions, p.action) {
			return permission{}, false
		}
	}
	middle := seg[1 : len(seg)-1]
	if len(middle) > 0 && middle[0] == recordsSegment {
		p.records, middle = true, middle[1:]
	}
	switch {
	case len(middle) == 0:
		return p, true
	case len(middle) > 1:
		return permission{}, false
	}
	p.name = middle[0]
	if p.records {
		return p, validCollection(p.name) == nil
	}
	return p, validBucketName(p.name) == nil
}

// grants are the permission keys of one caller, roles resolved.
type grants map[string]struct{}

func newGrants(p Principal, roles Roles) grants {
	g := grants{}
	for _, k := range p.Permissions {
		g[k] = struct{}{}
	}
	for _, role := range p.Roles {
		for _, k := range roles[role] {
			g[k] = struct{}{}
		}
	}
	return g
}

// decide returns the key that allows action on r.
func (g grants) decide(action Action, r Resource) (key string, ok bool) {
	for _, k := range r.keys(action) {
		if _, ok := g[k]; ok {
			return k, true
		}
	}
	return "", false
}

// reach returns the buckets (or collections) in which the caller may do
// action; nil is all of them, an empty list none.
func (g grants) reach(action Action, kind Kind) []string {
	if _, ok := g.decide(action, Resource{kind: kind}); ok {
		return nil
	}
	names := []string{}
	for k := range g {
		p, ok := parsePermission(k)
		if ok && p.name != "" && p.records == (kind == KindRecord) && (p.action == "" || p.action == action) {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Explanation says why an action is allowed or denied.
type Explanation struct {
	Allowed bool
	// Key is the permission key that allowed it, "" when denied.
	Key string
	// Needed are the keys any one of which would have allowed it, narrowest
	// first; nil when allowed.
	Needed []string
	// Reason is one sentence for people.
	Reason string
}

// Explain says which permission key lets the caller do action on r, or which
// would be needed. It looks nothing up: tiers are isolation, not permission,
// so an allowed action can still find nothing. ErrUnauthenticated for a
// caller without identity, ErrInvalid for a name or an action that cannot be.
func (w *Workspace) Explain(_ context.Context, action Action, r Resource) (Explanation, error) {
	if err := w.identified("explain"); err != nil {
		return Explanation{}, err
	}
	if err := r.valid(); r.name != "" && err != nil {
		return Explanation{}, invalid("explain", r.kind, r.name, CodeInvalidName, err)
	}
	if !slices.Contains(actions, action) {
		return Explanation{}, fail("explain", r.kind, r.name, CodeInvalidRequest, "an action is one of read, write, delete, admin, not "+quote(string(action)))
	}
	if key, ok := w.grants.decide(action, r); ok {
		return Explanation{Allowed: true, Key: key, Reason: fmt.Sprintf("%s is granted by %q", action, key)}, nil
	}
	keys := r.keys(action)
	return Explanation{Needed: keys, Reason: fmt.Sprintf("%s needs one of %s", action, strings.Join(keys, ", "))}, nil
}

func (r Resource) valid() error {
	switch {
	case r.kind == KindRecord:
		return validCollection(r.name)
	}
	return validBucketName(r.name)
}

// authorize is the one place that decides. It comes before every look-up, so
// a denial is the same for what exists and what does not.
func (w *Workspace) authorize(op string, action Action, r Resource) error {
	if err := w.identified(op); err != nil {
		return err
	}
	if _, ok := w.grants.decide(action, r); ok {
		return nil
	}
	return fail(op, r.kind, r.name, CodePermissionDenied, "this needs the permission "+r.keys(action)[0])
}
