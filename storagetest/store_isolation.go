package storagetest

import (
	"fmt"
	"strings"

	"github.com/holdall-go/holdall"
)

// strangers are callers who must not see what ann put through app, by tier.
func (s *storeRun) strangers(tier holdall.Tier) map[string]*holdall.Workspace {
	all := map[string]*holdall.Workspace{
		"another tenant, the same user and app": s.store.As(s.principal("tenant-"+unique(), "ann", "app")),
		"a tenant whose name begins so":         s.store.As(s.principal(s.tenant+"x", "ann", "app")),
		"a tenant in other letter case":         s.store.As(s.principal(strings.ToLower(s.tenant), "ann", "app")),
	}
	switch tier {
	case holdall.Private:
		all["another app"] = s.as("ann", "app2")
		all["an app in other letter case"] = s.as("ann", "APP")
		all["no app"] = s.as("ann", "")
		all["an app named like the user"] = s.as("app", "ann")
	case holdall.User:
		all["another user"] = s.as("bob", "app")
		all["a user in other letter case"] = s.as("Ann", "app")
		all["a user named like the app"] = s.as("app", "ann")
	}
	return all
}

var isolationCases = []storeCase{
	{"isolation/objects", "what a caller may not see is not found, on every path, with the same words as for an id that nobody has", func(s *storeRun) {
		s.bucket("b", nil)
		for _, tier := range []holdall.Tier{holdall.Private, holdall.User, holdall.Shared} {
			data := []byte("the secret of tier " + tier)
			o := s.as("ann", "app").Bucket("b").Tier(tier).Object("secret")
			info := s.put(o, data, nil)
			nobody := "obj_" + unique()
			for who, w := range s.strangers(tier) {
				if _, err := w.Bucket("b").Create(s.ctx, nil); err != nil && class(err) != class(holdall.ErrExists) {
					s.Fatalf("Create: %v", err)
				}
				real, none := s.byID(w, info.ID), s.byID(w, nobody)
				for what, err := range real {
					s.want(fmt.Sprintf("%s: %s of tier %s", who, what, tier), err, holdall.ErrNotFound)
					if got, want := words(err, info.ID), words(none[what], nobody); got != want {
						s.Errorf("%s: %s says %q of what is there and %q of what is not", who, what, got, want)
					}
				}
				s.listsNothing(who, w, info.ID)
			}
			s.holds(o, data)
			if got, err := o.Stat(s.ctx); err != nil || got.Version != 1 {
				s.Errorf("somebody changed it: %+v, %v", got, err)
			}
			if _, err := o.Delete(s.ctx, nil); err != nil {
				s.Fatalf("Delete: %v", err)
			}
			for who, w := range s.strangers(tier) {
				_, err := w.ObjectID(info.ID).Restore(s.ctx)
				s.want(who+": Restore", err, holdall.ErrNotFound)
				_, err = w.ObjectID(info.ID).Delete(s.ctx, &holdall.DeleteOptions{Purge: true})
				s.want(who+": purge of the deleted", err, holdall.ErrNotFound)
				s.listsNothing(who, w, info.ID)
			}
			if _, err := o.Restore(s.ctx); err != nil {
				s.Errorf("Restore: %v", err)
			}
		}
	}},
	{"isolation/records", "records keep to their tenant, tier and owner on every path", func(s *storeRun) {
		for _, tier := range []holdall.Tier{holdall.Private, holdall.User, holdall.Shared} {
			r := s.as("ann", "app").Collection("c").Tier(tier).Record("secret")
			info, err := r.Put(s.ctx, "the secret", nil)
			if err != nil {
				s.Fatalf("Put: %v", err)
			}
			for who, w := range s.strangers(tier) {
				byID := w.RecordID(info.ID)
				_, get := byID.Get(s.ctx)
				_, patch := byID.Patch(s.ctx, []byte(`{"a":1}`), nil)
				_, del := byID.Delete(s.ctx, nil)
				_, restore := byID.Restore(s.ctx)
				_, purge := byID.Delete(s.ctx, &holdall.DeleteOptions{Purge: true})
				for what, err := range map[string]error{"Get": get, "Patch": patch, "Delete": del, "Restore": restore, "purge": purge} {
					s.want(who+": "+what, err, holdall.ErrNotFound)
				}
				s.listsNothing(who, w, info.ID)
			}
			got, err := r.Get(s.ctx)
			if err != nil || string(got.Value) != `"the secret"` || got.Version != 1 {
				s.Errorf("somebody changed it: %+v, %v", got, err)
			}
		}
	}},
	{"isolation/one name for all", "every tenant, app and user has its own object and record of one name", func(s *storeRun) {
		type cell struct {
			user, app string
			tier      holdall.Tier
		}
		s.bucket("b", nil)
		mine := map[string]string{} // what each tier's owner put
		for _, user := range []string{"ann", "bob"} {
			for _, app := range []string{"app", "ann"} {
				for _, tier := range []holdall.Tier{holdall.Private, holdall.User, holdall.Shared} {
					c := cell{user, app, tier}
					owner := map[holdall.Tier]string{holdall.Private: "app " + app, holdall.User: "user " + user, holdall.Shared: "all"}[tier]
					value := fmt.Sprint(c)
					s.put(s.as(user, app).Bucket("b").Tier(tier).Object("x"), []byte(value), &holdall.PutOptions{Replace: true})
					if _, err := s.as(user, app).Collection("c").Tier(tier).Record("x").Put(s.ctx, value, nil); err != nil {
						s.Fatalf("Put: %v", err)
					}
					mine[owner] = value
				}
			}
		}
		for _, user := range []string{"ann", "bob"} {
			for _, app := range []string{"app", "ann"} {
				w := s.as(user, app)
				for tier, owner := range map[holdall.Tier]string{holdall.Private: "app " + app, holdall.User: "user " + user, holdall.Shared: "all"} {
					s.holds(w.Bucket("b").Tier(tier).Object("x"), []byte(mine[owner]))
					var got string
					if r, err := w.Collection("c").Tier(tier).Record("x").Get(s.ctx); err != nil || r.Decode(&got) != nil || got != mine[owner] {
						s.Errorf("the record of %s is %q, %v; want %q", owner, got, err, mine[owner])
					}
				}
				page, err := w.Bucket("b").ListPage(s.ctx, nil)
				if err != nil || len(page.Items) != 3 || page.Total != 3 {
					s.Errorf("%s through %s sees %d of %d objects, %v; want 3", user, app, len(page.Items), page.Total, err)
				}
			}
		}
	}},
	{"isolation/app removal", "removing an app's data erases what is private to it, of every user, with its bytes, and nothing else", func(s *storeRun) {
		s.bucket("b", nil)
		for _, user := range []string{"ann", "bob"} {
			for _, app := range []string{"app", "app2", "APP"} {
				for _, tier := range []holdall.Tier{holdall.Private, holdall.User, holdall.Shared} {
					w, name := s.as(user, app), user+app
					s.put(w.Bucket("b").Tier(tier).Object(name), []byte(name), nil)
					if _, err := w.Collection("c").Tier(tier).Record(name).Put(s.ctx, name, nil); err != nil {
						s.Fatalf("Put: %v", err)
					}
				}
			}
		}
		_, err := s.as("ann", "app2").DeleteApp(s.ctx, "app")
		s.want("DeleteApp through another app", err, holdall.ErrNotFound)
		data, err := s.as("ann", "").DeleteApp(s.ctx, "app")
		if err != nil || data.Objects != 2 || data.Records != 2 {
			s.Errorf("DeleteApp = %+v, %v; want 2 objects and 2 records", data, err)
		}
		for _, kind := range []holdall.Kind{holdall.KindObject, holdall.KindRecord} {
			left := s.entries(kind, holdall.StateLive)
			for _, e := range left {
				if e.Tier == holdall.Private && e.Owner == "app" {
					s.Errorf("%s is still there", label(e))
				}
			}
			if len(left) != 16 {
				s.Errorf("%d of kind %s are left, want 16", len(left), kind)
			}
		}
		s.sweep(2 * grace)
		s.tidy()
	}},
	{"isolation/permissions", "a permission for one bucket or collection opens no other, by id or in a list", func(s *storeRun) {
		s.bucket("b", nil)
		s.bucket("b2", nil)
		a := s.put(s.as("ann", "").Bucket("b").Object("x"), []byte("x"), nil)
		b := s.put(s.as("ann", "").Bucket("b2").Object("x"), []byte("x"), nil)
		w := s.store.As(holdall.Principal{Tenant: s.tenant, User: "bob", Permissions: []string{"storage:b:read"}})
		s.holds(w.ObjectID(a.ID), []byte("x"))
		_, err := w.ObjectID(b.ID).Stat(s.ctx)
		s.want("Stat of another bucket's object by id", err, holdall.ErrNotFound)
		_, err = w.Bucket("b2").Object("x").Stat(s.ctx)
		s.want("Stat in another bucket", err, holdall.ErrForbidden)
		_, err = w.Bucket("b").Object("y").Put(s.ctx, strings.NewReader("x"), nil)
		s.want("an upload", err, holdall.ErrForbidden)
		page, err := w.ObjectsPage(s.ctx, nil)
		if err != nil || len(page.Items) != 1 || page.Items[0].ID != a.ID || page.Total != 1 {
			s.Errorf("Objects = %+v, %v; want the one of bucket b", page, err)
		}
	}},
}

// byID does with an id all that a caller can.
func (s *storeRun) byID(w *holdall.Workspace, id string) map[string]error {
	errs := map[string]error{}
	for how, o := range map[string]*holdall.Object{"by id": w.ObjectID(id), "by bucket and id": w.Bucket("b").ObjectID(id)} {
		_, errs["Stat "+how] = o.Stat(s.ctx)
		_, errs["Open "+how] = o.Open(s.ctx)
		_, errs["Update "+how] = o.Update(s.ctx, holdall.ObjectUpdate{Metadata: map[string]string{"mine": "now"}})
		_, errs["Copy "+how] = o.Copy(s.ctx, w.Bucket("b").Tier(holdall.User).Object("stolen"))
		_, errs["Delete "+how] = o.Delete(s.ctx, nil)
		_, errs["purge "+how] = o.Delete(s.ctx, &holdall.DeleteOptions{Purge: true})
		_, errs["Restore "+how] = o.Restore(s.ctx)
	}
	results, err := w.Bucket("b").DeleteObjects(s.ctx, []string{id})
	if err == nil {
		err = results[0].Err
	}
	errs["bulk delete"] = err
	return errs
}

func words(err error, id string) string {
	if err == nil {
		return "no error"
	}
	return strings.ReplaceAll(err.Error(), id, "ID")
}

// listsNothing checks that no list of the caller's shows the id.
func (s *storeRun) listsNothing(who string, w *holdall.Workspace, id string) {
	s.Helper()
	for _, opts := range []holdall.ListOptions{{}, {Deleted: true}, {Search: "secret"}, {Prefix: "secret"}, {Delimiter: "/"}} {
		for o, err := range w.Objects(s.ctx, &opts) {
			if err != nil {
				s.Errorf("%s: Objects: %v", who, err)
			}
			if o.ID == id {
				s.Errorf("%s: %+v is in the list %+v", who, o, opts)
			}
		}
		for r, err := range w.Records(s.ctx, &opts) {
			if err != nil {
				s.Errorf("%s: Records: %v", who, err)
			}
			if r.ID == id {
				s.Errorf("%s: %+v is in the list %+v", who, r, opts)
			}
		}
	}
}
