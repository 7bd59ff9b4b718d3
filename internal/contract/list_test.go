package contract

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestObjectListParameters(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	put := func(path, ct, text string) {
		s.do("POST", "/storage/objects/b?path="+url.QueryEscape(path), as(ann), body(ct, text)).must(201)
		s.advance(time.Second)
	}
	put("a/1.png", "image/png", "1")
	put("a/2.txt", "text/plain", "22")
	put("A/x", "text/plain", "333")
	put("100%_x", "text/plain", "4444")
	put("100", "image/jpeg", "55555")
	put("b/c/d", "application/pdf", "666666")
	s.do("POST", "/storage/objects/b?path=mine&tier=user", as(ann), body("text/plain", "x")).must(201)
	const all = "100 100%_x A/x a/1.png a/2.txt b/c/d mine"
	esc := url.QueryEscape
	for query, want := range map[string]string{
		"":                               all,
		"prefix=a/":                      "a/1.png a/2.txt",
		"prefix=A":                       "A/x",
		"prefix=" + esc("100%"):          "100%_x",
		"prefix=%25":                     "",
		"prefix=_":                       "",
		"prefix=10_":                     "",
		"prefix=":                        all,
		"q=_X":                           "100%_x",
		"q=" + esc("%"):                  "100%_x",
		"q=_":                            "100%_x",
		"q=*":                            "",
		"q=.PNG":                         "a/1.png",
		"prefix=a/&q=txt":                "a/2.txt",
		"tier=user":                      "mine",
		"tier=shared&prefix=1":           "100 100%_x",
		"content_type=" + esc("image/*"): "100 a/1.png",
		"content_type=image/png":         "a/1.png",
		"content_type=IMAGE/PNG":         "a/1.png",
		"content_type=image/p":           "",
		"sort=path":                      all,
		"sort=-path":                     "mine b/c/d a/2.txt a/1.png A/x 100%_x 100",
		"sort=created_at":                "a/1.png a/2.txt A/x 100%_x 100 b/c/d mine",
		"sort=-created_at":               "mine b/c/d 100 100%_x A/x a/2.txt a/1.png",
		"sort=size&tier=shared":          "a/1.png a/2.txt A/x 100%_x 100 b/c/d",
		"sort=-size&tier=shared":         "b/c/d 100 100%_x A/x a/2.txt a/1.png",
		"limit=2":                        "100 100%_x",
		"limit=2&offset=2":               "A/x a/1.png",
		"offset=6":                       "mine",
		"offset=7":                       "",
		"offset=1000000":                 "",
		"deleted=true":                   "",
		"deleted=false&limit=1":          "100",
		"created_after=" + esc("2026-03-01T12:00:03.123456Z"):                                   "100 b/c/d mine",
		"created_before=" + esc("2026-03-01T12:00:01.123456Z"):                                  "a/1.png",
		"created_before=" + esc("2026-03-01T13:00:01.123457+01:00"):                             "a/1.png a/2.txt",
		"created_after=" + esc("2026-03-01T12:00:00Z") + "&created_before=2026-03-01T12:00:01Z": "a/1.png",
	} {
		s.sub(query, func(s *server) {
			s.do("GET", "/storage/objects/b?"+query, as(ann)).lists("path", want)
			s.do("GET", "/storage/objects?bucket=b&"+query, as(ann)).lists("path", want)
		})
	}
	s.do("GET", "/storage/objects/b?limit=2", as(ann)).has("total", "7").has("folders", "<missing>")
	s.do("GET", "/storage/objects/b?limit=2&total=false", as(ann)).has("total", "null")
	s.do("GET", "/storage/objects/b?limit=2&total=true", as(ann)).has("total", "7")
	s.do("GET", "/storage/objects/b", as(ann)).has("next_cursor", "null")
	for _, query := range []string{"limit=0", "limit=1001", "limit=-1", "limit=x", "limit=1.0", "offset=-1", "offset=x", "sort=name", "sort=-", "sort=Path", "sort=path,size",
		"delimiter=x", "delimiter=//", "total=maybe", "deleted=1x", "created_after=yesterday", "created_before=2026-03-01", "tier=all", "content_type=image", "content_type=*/png", "prefix=%ff", "limit=1&limit=2", "offset=1&cursor=x"} {
		a := s.do("GET", "/storage/objects/b?"+query, as(ann)).want(400)
		if c := a.get("code"); c != "invalid_request" && !(strings.Contains(query, "cursor") && c == "invalid_cursor") && !(query == "prefix=%ff" && c == "invalid_path") {
			t.Errorf("%s: %s", a.what, c)
		}
	}
	s.do("GET", "/storage/objects/b?limit=1000", as(ann)).want(200)
	s.do("GET", "/storage/objects/b?cursor=rubbish", as(ann)).code(400, "invalid_cursor")
	s.do("GET", "/storage/objects/b?cursor=", as(ann)).want(200)
	s.do("GET", "/storage/objects/none", as(ann)).code(404, "bucket_not_found")
	s.do("GET", "/storage/objects?bucket=a.b", as(ann)).code(400, "invalid_name")
	s.do("GET", "/storage/objects?bucket=b", as(with("storage:c:read"))).code(403, "permission_denied")
}

func TestDefaultLimitIs50(t *testing.T) {
	s := newServer(t)
	for i := range 51 {
		s.uploadID(ann, "default", fmt.Sprintf("%03d", i), "x")
		s.put(ann, "c", fmt.Sprintf("%03d", i), `"value":1`)
	}
	for _, target := range []string{"/storage/objects/default", "/storage/objects", "/storage/records/c", "/storage/records"} {
		a := s.do("GET", target, as(ann)).must(200).has("total", "51")
		if n := strings.Count(string(a.body), `"id":`); n != 50 || a.get("next_cursor") == "null" {
			t.Errorf("%s: %d and the cursor %s", target, n, a.get("next_cursor"))
		}
	}
}

func TestFolders(t *testing.T) {
	s := newServer(t)
	for _, p := range []string{"a", "a/b", "a/c/d", "a/c/e", "b/x", "c"} {
		s.uploadID(ann, "default", p, "x")
	}
	s.do("GET", "/storage/objects/default?delimiter=/", as(ann)).lists("path", "a c").has("folders", `["a/","b/"]`)
	s.do("GET", "/storage/objects/default?delimiter=%2F&prefix=a/", as(ann)).lists("path", "a/b").has("folders", `["a/c/"]`)
	s.do("GET", "/storage/objects/default?delimiter=/&prefix=a/c/", as(ann)).lists("path", "a/c/d a/c/e").has("folders", `[]`)
	s.do("GET", "/storage/objects/default?delimiter=/&prefix=a", as(ann)).lists("path", "a").has("folders", `["a/"]`)
	s.do("GET", "/storage/objects/default?delimiter=/&prefix=none/", as(ann)).lists("path", "").has("folders", `[]`)
	for limit := 1; limit < 5; limit++ {
		var got []string
		cursor := ""
		for range 9 {
			a := s.do("GET", fmt.Sprintf("/storage/objects/default?delimiter=/&limit=%d&cursor=%s", limit, url.QueryEscape(cursor)), as(ann)).must(200)
			got = append(append(got, strings.Fields(a.column("path"))...), strings.Fields(strings.NewReplacer(`"`, "", "[", "", "]", "", ",", " ").Replace(a.get("folders")))...)
			if cursor = a.get("next_cursor"); cursor == "null" {
				break
			}
		}
		if len(got) != 4 {
			t.Errorf("pages of %d: %q", limit, got)
		}
	}
}

// A cursor goes through everything once, in order, whatever is written
// meanwhile behind it, and is of one query and one tenant.
func TestCursors(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	for _, c := range []caller{ann, rival} {
		for i := range 5 {
			s.uploadID(c, "default", fmt.Sprintf("p%d", i), strings.Repeat("x", 5-i))
			s.put(c, "c", fmt.Sprintf("p%d", i), `"value":1`).must(201)
		}
	}
	for target, member := range map[string]string{"/storage/objects/default?": "path", "/storage/objects?": "path", "/storage/records/c?": "key", "/storage/records?": "key"} {
		orders := []string{"", "-" + member, "created_at", "-created_at"}
		if member == "path" {
			orders = append(orders, "size", "-size")
		}
		for _, order := range orders {
			query := target + "limit=2"
			if order != "" {
				query += "&sort=" + order
			}
			whole := strings.Replace(query, "limit=2", "limit=99", 1)
			want := s.do("GET", whole, as(ann)).must(200).column(member)
			var got []string
			cursor := ""
			for range 5 {
				a := s.do("GET", query+"&cursor="+url.QueryEscape(cursor), as(ann)).must(200).has("total", "5")
				got = append(got, a.column(member))
				if cursor = a.get("next_cursor"); cursor == "null" {
					break
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
	}
	cursor := url.QueryEscape(s.do("GET", "/storage/objects/default?limit=2", as(ann)).must(200).get("next_cursor"))
	ok := func(target string, c caller) answer { return s.do("GET", target+"&cursor="+cursor, as(c)) }
	ok("/storage/objects/default?limit=2", ann).want(200)
	ok("/storage/objects/default?limit=3", ann).want(200) // the size of a page is not of the query
	for _, other := range []string{"/storage/objects/b?limit=2", "/storage/objects?limit=2", "/storage/records/c?limit=2", "/storage/records?limit=2",
		"/storage/objects/default?prefix=p&limit=2", "/storage/objects/default?q=p&limit=2", "/storage/objects/default?sort=-path&limit=2", "/storage/objects/default?sort=size&limit=2", "/storage/objects/default?tier=shared&limit=2",
		"/storage/objects/default?deleted=true&limit=2", "/storage/objects/default?content_type=text/plain&limit=2", "/storage/objects/default?delimiter=/&limit=2", "/storage/objects/default?created_after=2020-01-01T00:00:00Z&limit=2"} {
		ok(other, ann).code(400, "invalid_cursor")
	}
	ok("/storage/objects/default?limit=2", rival).code(400, "invalid_cursor")
	ok("/storage/objects/default?limit=2&offset=1", ann).want(400)
	for _, altered := range []string{cursor + "A", cursor[:len(cursor)-1], "%20" + cursor, cursor + "%0A", strings.ToLower(cursor), "null", "eyJ9", strings.Repeat("A", 5000)} {
		if altered != cursor {
			s.do("GET", "/storage/objects/default?limit=2&cursor="+altered, as(ann)).code(400, "invalid_cursor")
		}
	}
}

func TestDeletedLists(t *testing.T) {
	s := newServer(t)
	id := s.uploadID(ann, "default", "gone", "x")
	s.uploadID(ann, "default", "here", "x")
	s.put(ann, "c", "gone", `"value":1`)
	s.put(ann, "c", "here", `"value":1`)
	s.do("DELETE", "/storage/objects/"+id, as(ann)).must(200)
	s.do("DELETE", "/storage/records/c/gone", as(ann)).must(200)
	for _, target := range []string{"/storage/objects/default", "/storage/objects"} {
		s.do("GET", target, as(ann)).lists("path", "here").has("total", "1")
		s.do("GET", target+"?deleted=true", as(ann)).lists("path", "gone").lists("is_deleted", "true").lists("deleted_by", "ann")
		s.do("GET", target+"?deleted=true", as(with("storage:read"))).code(403, "permission_denied")
		s.do("GET", target+"?deleted=true", as(with("storage:delete"))).code(403, "permission_denied")
		s.do("GET", target+"?deleted=true", as(with("storage:read", "storage:delete"))).lists("path", "gone")
		s.do("GET", target+"?deleted=true", as(rival)).lists("path", "")
	}
	for _, target := range []string{"/storage/records/c", "/storage/records"} {
		s.do("GET", target, as(ann)).lists("key", "here")
		s.do("GET", target+"?deleted=true", as(ann)).lists("key", "gone")
		s.do("GET", target+"?deleted=true", as(with("storage:records:read"))).code(403, "permission_denied")
	}
}

// A list over all buckets is authorised bucket by bucket.
func TestListOverAllBucketsShowsWhatMayBeRead(t *testing.T) {
	s := newServer(t)
	for _, b := range []string{"a", "b"} {
		s.bucket(`{"name":"` + b + `"}`)
		s.uploadID(ann, b, "in-"+b, "x")
		s.put(ann, b, "in-"+b, `"value":1`)
	}
	s.do("GET", "/storage/objects", as(with("storage:a:read"))).lists("path", "in-a").has("total", "1")
	s.do("GET", "/storage/objects", as(with("storage:read"))).lists("path", "in-a in-b")
	s.do("GET", "/storage/objects", as(with("storage:a:write"))).code(403, "permission_denied")
	s.do("GET", "/storage/objects?deleted=true", as(with("storage:a:read", "storage:b:delete"))).lists("path", "")
	s.do("GET", "/storage/records", as(with("storage:records:b:read"))).lists("key", "in-b").has("total", "1")
	s.do("GET", "/storage/records?collection=a", as(with("storage:records:b:read"))).code(403, "permission_denied")
	s.do("GET", "/storage/records?collection=a", as(ann)).lists("key", "in-a")
}
