package storagetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdall-go/holdall"
)

var storeListCases = []storeCase{
	{"list/folders", "lists by delimiter show the same folders and objects at every page size, whoever computes them", func(s *storeRun) {
		st := s.over(s.inner)
		w := st.As(s.principal(s.tenant, "ann", "app"))
		s.bucket("b", nil)
		var all []holdall.Entry
		for i, name := range treeNames {
			if strings.Contains(name, `\`) {
				continue // no path of an object
			}
			scope := []holdall.Scope{team, ann, {Tier: holdall.Private, Owner: "app"}}[i%3]
			info := s.put(w.Bucket("b").Tier(scope.Tier).Object(name), []byte("x"), nil)
			all = append(all, holdall.Entry{ID: info.ID, Tenant: s.tenant, Kind: holdall.KindObject, State: holdall.StateLive, Container: "b", Tier: scope.Tier, Owner: scope.Owner, Name: name})
			s.put(s.as("bob", "app2").Bucket("b").Tier(holdall.User).Object(name+"/of bob"), []byte("x"), nil)
		}
		for _, prefix := range []string{"", "a", "a/", "a/b", "d/", "nothing/", "\U0010ffff"} {
			for _, desc := range []bool{false, true} {
				q := holdall.Query{Tenant: s.tenant, Kind: holdall.KindObject, State: holdall.StateLive, Prefix: prefix, Sort: holdall.Sort{Desc: desc}}
				var want []string
				for _, r := range selectFolder(q, all, false) {
					want = append(want, r.at.Name)
				}
				for _, limit := range []int{1, 2, 3, 7, 1000} {
					if got := s.folderWalk(w.Bucket("b"), prefix, desc, limit); !slices.Equal(got, want) {
						s.Errorf("prefix %+q, descending %t, in pages of %d:\n got %+q\nwant %+q", prefix, desc, limit, got, want)
						return
					}
				}
			}
		}
	}},
	{"list/pages", "cursors and offsets go through every list in every order, and the total counts it", func(s *storeRun) {
		s.bucket("b", nil)
		w := s.as("ann", "app")
		const n = 17
		for i := range n {
			tier := []holdall.Tier{holdall.Shared, holdall.User, holdall.Private}[i%3]
			s.put(w.Bucket("b").Tier(tier).Object(fmt.Sprintf("p%02d", i*7%n)), s.rnd.bytes(i%4), nil)
			s.put(s.as("bob", "app2").Bucket("b").Tier(holdall.User).Object(fmt.Sprint("bob", i)), nil, nil)
		}
		for _, sort := range []string{"", "path", "-path", "created_at", "-created_at", "size", "-size"} {
			whole, err := w.Bucket("b").ListPage(s.ctx, &holdall.ListOptions{Sort: sort, Limit: 1000})
			if err != nil || len(whole.Items) != n || whole.Total != n || whole.NextCursor != "" {
				s.Fatalf("sort %q: %d of %d, %v", sort, len(whole.Items), whole.Total, err)
			}
			for _, limit := range []int{1, 2, 5, n - 1, n, n + 1} {
				for _, byOffset := range []bool{false, true} {
					got := s.pageWalk(w.Bucket("b"), holdall.ListOptions{Sort: sort, Limit: limit}, byOffset)
					if !slices.Equal(got, ids(whole.Items)) {
						s.Errorf("sort %q, in pages of %d, by offset %t: %v, want %v", sort, limit, byOffset, got, ids(whole.Items))
					}
				}
			}
		}
	}},
}

func ids(items []holdall.ObjectInfo) []string {
	var out []string
	for _, o := range items {
		out = append(out, o.ID)
	}
	return out
}

func (s *storeRun) pageWalk(b *holdall.Bucket, opts holdall.ListOptions, byOffset bool) []string {
	s.Helper()
	var all []string
	for range 1000 {
		page, err := b.ListPage(s.ctx, &opts)
		if err != nil || len(page.Items) > opts.Limit {
			s.Fatalf("ListPage(%+v): %d items, %v", opts, len(page.Items), err)
		}
		all = append(all, ids(page.Items)...)
		if page.NextCursor == "" {
			return all
		}
		if byOffset {
			opts.Offset += len(page.Items)
		} else {
			opts.Cursor = page.NextCursor
		}
	}
	s.Fatalf("the list %+v does not come to an end", opts)
	return nil
}

// folderWalk lists a folder by cursor and returns names and folders in order.
func (s *storeRun) folderWalk(b *holdall.Bucket, prefix string, desc bool, limit int) []string {
	s.Helper()
	opts := holdall.ListOptions{Prefix: prefix, Delimiter: "/", Limit: limit, NoTotal: true}
	if desc {
		opts.Sort = "-path"
	}
	var all []string
	for range 1000 {
		page, err := b.ListPage(s.ctx, &opts)
		if err != nil || len(page.Items)+len(page.Folders) > limit {
			s.Fatalf("ListPage(%+v): %d items and %d folders, %v", opts, len(page.Items), len(page.Folders), err)
		}
		names := slices.Clone(page.Folders)
		for _, o := range page.Items {
			names = append(names, o.Path)
		}
		slices.Sort(names)
		if desc {
			slices.Reverse(names)
		}
		all = append(all, names...)
		if opts.Cursor = page.NextCursor; opts.Cursor == "" {
			return all
		}
	}
	s.Fatalf("the list %+v does not come to an end", opts)
	return nil
}
