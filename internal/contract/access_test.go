package contract

import (
	"strings"
	"testing"
)

// TestPermissionKeys holds the table of permissions: for each set of keys,
// which of the actions it allows.
func TestPermissionKeys(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"invoices"}`)
	s.bucket(`{"name":"other"}`)
	id := s.uploadID(root, "invoices", "a", "hello")
	s.put(root, "settings", "k", `"value":1`).must(201)
	actions := []struct {
		name string
		call func(s *server, c caller) answer
	}{
		{"list buckets", func(s *server, c caller) answer { return s.do("GET", "/storage/buckets", as(c)) }},
		{"list", func(s *server, c caller) answer { return s.do("GET", "/storage/objects/invoices", as(c)) }},
		{"list other", func(s *server, c caller) answer { return s.do("GET", "/storage/objects/other", as(c)) }},
		{"download", func(s *server, c caller) answer { return s.do("GET", "/storage/objects/invoices/"+id, as(c)) }},
		{"upload", func(s *server, c caller) answer { return s.upload(c, "invoices", "b/new", "x") }},
		{"upload other", func(s *server, c caller) answer { return s.upload(c, "other", "b/new", "x") }},
		{"delete", func(s *server, c caller) answer {
			return s.do("DELETE", "/storage/objects/invoices/"+randomObject, as(c))
		}},
		{"create bucket", func(s *server, c caller) answer {
			return s.do("POST", "/storage/buckets", as(c), js(`{"name":"invoices"}`))
		}},
		{"read record", func(s *server, c caller) answer { return s.do("GET", "/storage/records/settings/k", as(c)) }},
		{"read other record", func(s *server, c caller) answer { return s.do("GET", "/storage/records/misc/k", as(c)) }},
		{"write record", func(s *server, c caller) answer { return s.put(c, "settings", "k", `"value":1`) }},
		{"delete record", func(s *server, c caller) answer { return s.do("DELETE", "/storage/records/settings/none", as(c)) }},
	}
	const all = "list buckets,list,list other,download,upload,upload other,delete,create bucket,read record,read other record,write record,delete record"
	const bucketOnly = "list buckets,list,download,upload,delete,create bucket"
	for keys, allowed := range map[string]string{
		"storage:read":                  "list buckets,list,list other,download,read record,read other record",
		"storage:write":                 "upload,upload other,write record",
		"storage:delete":                "delete,delete record",
		"storage:admin":                 "list buckets,create bucket",
		"storage:invoices:read":         "list buckets,list,download",
		"storage:invoices:write":        "upload",
		"storage:invoices:delete":       "delete",
		"storage:invoices:*":            bucketOnly,
		"storage:records:read":          "read record,read other record",
		"storage:records:write":         "write record",
		"storage:records:*":             "read record,read other record,write record,delete record",
		"storage:records:settings:read": "read record",
		"storage:records:settings:*":    "read record,write record,delete record",
		"storage:*":                     all,
		"*":                             all,
		"storage:invoices:read storage:records:settings:write": "list buckets,list,download,write record",
		// none of these parses, or none is of this place
		"":                             "",
		"storage":                      "",
		"storage:":                     "",
		":read":                        "",
		"storage:READ":                 "",
		"Storage:read":                 "",
		"storage:read ":                "",
		" storage:read":                "",
		"storage:reader":               "",
		"storage:rea*":                 "",
		"storage:inv*:read":            "",
		"storage:*:read":               "",
		"storage:Invoices:read":        "list buckets", // of another bucket, which need not be there
		"storage:invoices:":            "",
		"storage:invoices:read:x":      "",
		"storage:invoices":             "",
		"storage:records:*:read":       "",
		"storage:records:set*:read":    "",
		"storage:records:Settings:*":   "",
		"storage:records:settings":     "",
		"Records:read":                 "",
		"**":                           "",
		"*:*":                          "",
		"storage:**":                   "",
		"storage:records:a:settings:*": "",
	} {
		s.sub(keys, func(s *server) {
			c := with(strings.Split(keys, " ")...)
			if strings.Trim(keys, " ") != keys {
				c = with(keys)
			}
			var got []string
			for _, a := range actions {
				answer := a.call(s, c)
				if answer.status != 403 {
					got = append(got, a.name)
					continue
				}
				answer.code(403, "permission_denied")
			}
			if strings.Join(got, ",") != allowed {
				s.t.Errorf("allows %q, want %q", strings.Join(got, ","), allowed)
			}
		})
	}
	s.do("GET", "/storage/buckets", as(caller{tenant: "acme", user: "eve"})).code(403, "permission_denied")
}

// "Listing buckets shows the buckets in which the caller may read; an admin
// sees all of them."
func TestBucketListShowsWhatMayBeRead(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	s.bucket(`{"name":"a"}`)
	s.do("GET", "/storage/buckets", as(with("storage:read"))).lists("name", "a b default").has("total", "3")
	s.do("GET", "/storage/buckets", as(with("storage:admin"))).lists("name", "a b default")
	s.do("GET", "/storage/buckets", as(with("storage:b:read"))).lists("name", "b").has("total", "1")
	s.do("GET", "/storage/buckets", as(with("storage:b:*", "storage:gone:read"))).lists("name", "b")
	s.do("GET", "/storage/buckets", as(with("storage:b:write"))).code(403, "permission_denied")
	s.do("GET", "/storage/buckets", as(with("storage:records:read"))).code(403, "permission_denied")
}

func TestTierNotNamed(t *testing.T) {
	s := newServer(t)
	s.upload(appA, "default", "p", "x").must(201).has("tier", "private").has("app_id", "app-a").has("user_id", "null")
	s.upload(ann, "default", "p", "x").must(201).has("tier", "shared").has("app_id", "null").has("user_id", "null")
	s.put(appA, "c", "k", `"value":1`).must(201).has("tier", "private").has("app_id", "app-a")
	s.put(ann, "c", "k", `"value":1`).must(201).has("tier", "shared").has("app_id", "null")
	s.put(appA, "c", "u", `"value":1,"tier":"user"`).must(201).has("tier", "user").has("user_id", "ann").has("app_id", "null")
}

func TestPrivateTierNeedsAnApp(t *testing.T) {
	s := newServer(t)
	s.do("POST", "/storage/objects/default?path=p&tier=private", as(ann), body("text/plain", "x")).code(400, "tier_needs_app")
	s.do("PUT", "/storage/records/c/k", as(ann), js(`{"value":1,"tier":"private"}`)).code(400, "tier_needs_app")
	s.do("GET", "/storage/records/c/k?tier=private", as(ann)).code(400, "tier_needs_app")
	s.do("GET", "/storage/files/default/p?tier=private", as(ann)).code(400, "tier_needs_app")
	s.do("GET", "/storage/objects?tier=private", as(ann)).code(400, "tier_needs_app")
	s.do("GET", "/storage/records?tier=private", as(ann)).code(400, "tier_needs_app")
	for _, tier := range []string{"Shared", "public", "*", "shared%20"} {
		s.do("POST", "/storage/objects/default?path=p&tier="+tier, as(ann), body("text/plain", "x")).code(400, "invalid_request")
		s.do("GET", "/storage/objects?tier="+tier, as(ann)).code(400, "invalid_request")
	}
}

// TestTiersIsolate puts one object and one record in each tier and holds, for
// every other caller with every permission, that what it may not see is 404
// with the body of a random id, whatever it asks.
func TestTiersIsolate(t *testing.T) {
	s := newServer(t)
	owners := map[string]caller{"private": appA, "user": ann, "shared": ann}
	sees := map[string]map[string]bool{
		"private": {"appA": true},
		"user":    {"ann": true, "appA": true, "appB": true},
		"shared":  {"ann": true, "bob": true, "appA": true, "appB": true},
	}
	callers := map[string]caller{"ann": ann, "bob": bob, "appA": appA, "appB": appB, "rival": rival,
		"rival app": {tenant: "rival", user: "ann", app: "app-a", perms: []string{"*"}}}
	for tier, owner := range owners {
		id := s.do("POST", "/storage/objects/default?path=of-"+tier+"&tier="+tier, as(owner), body("text/plain", "x")).must(201).get("id")
		rec := s.do("PUT", "/storage/records/c/of-"+tier, as(owner), js(`{"value":{"a":1},"tier":"`+tier+`"}`)).must(201).get("id")
		for name, c := range callers {
			s.sub(tier+" by "+name, func(s *server) {
				s.knows(c, sees[tier][name], id, rec, tier)
			})
		}
	}
}

func (s *server) knows(c caller, visible bool, id, rec, tier string) {
	s.t.Helper()
	calls := []struct {
		method, target string
		more           []option
	}{
		{"GET", "/storage/objects/ID", nil},
		{"GET", "/storage/objects/default/ID", nil},
		{"POST", "/storage/objects/default/ID/sign", []option{js(`{"expires_in":9}`)}},
		{"GET", "/storage/records/ID", nil},
		{"PATCH", "/storage/objects/default/ID", []option{js(`{"metadata":{"by":"` + c.user + `"}}`)}},
	}
	if !visible {
		calls = append(calls, []struct {
			method, target string
			more           []option
		}{
			{"PATCH", "/storage/objects/default/ID", []option{js(`{"path":"of-` + tier + `"}`), header("If-Match", `"v1"`)}},
			{"POST", "/storage/objects/default/ID/copy", []option{js(`{"path":"copy"}`)}},
			{"POST", "/storage/objects/default/ID/restore", nil},
			{"DELETE", "/storage/objects/default/ID", nil},
			{"DELETE", "/storage/objects/default/ID?purge=true", nil},
			{"DELETE", "/storage/objects/ID", nil},
			{"DELETE", "/storage/records/ID", nil},
			{"DELETE", "/storage/records/ID?purge=true", nil},
		}...)
	}
	for _, call := range calls {
		real, random := id, randomObject
		if strings.Contains(call.target, "/records/") {
			real, random = rec, randomRecord
		}
		a := s.do(call.method, strings.Replace(call.target, "ID", real, 1), append(call.more, as(c))...)
		if visible {
			a.want(200)
			continue
		}
		a.want(404).sameAs(s.do(call.method, strings.Replace(call.target, "ID", random, 1), append(call.more, as(c))...))
	}
	if !visible {
		s.do("GET", "/storage/objects?q=of-"+tier, as(c)).lists("path", "").has("total", "0")
		s.do("GET", "/storage/records?prefix=of-"+tier, as(c)).lists("key", "").has("total", "0")
		a := s.do("POST", "/storage/objects/default/delete", as(c), js(`{"ids":["`+id+`","`+randomObject+`"]}`)).must(200)
		if a.get("deleted") != "[]" || strings.Count(string(a.body), "object_not_found") != 2 {
			s.t.Errorf("bulk deletion tells what is hidden: %s", a.body)
		}
	}
}

// The same place is free in every tier and for every owner.
func TestPlacesArePerTierAndOwner(t *testing.T) {
	s := newServer(t)
	up := func(c caller, tier string) answer {
		return s.do("POST", "/storage/objects/default?path=p&tier="+tier, as(c), body("text/plain", c.user+c.app+tier))
	}
	up(ann, "shared").want(201)
	up(ann, "user").want(201)
	up(bob, "user").want(201)
	up(appA, "private").want(201)
	up(appB, "private").want(201)
	up(rival, "shared").want(201)
	up(bob, "shared").code(409, "object_exists")
	up(appB, "user").code(409, "object_exists")
	s.do("GET", "/storage/files/default/p", as(appA)).want(200).text("annshared")
	s.do("GET", "/storage/files/default/p?tier=user", as(bob)).want(200).text("bobuser")
	s.do("GET", "/storage/files/default/p?tier=private", as(appB)).want(200).text("annapp-bprivate")
	s.do("GET", "/storage/objects?q=p", as(appA)).has("total", "3")
}

// "stamped by the server. A client that sends one of them has it ignored."
func TestStampsOfClientsAreIgnored(t *testing.T) {
	s := newServer(t)
	const lies = `"id":"x","tenant_id":"rival","app_id":"x","user_id":"x","created_by":"x","updated_by":"x","deleted_by":"x","minio_key":"x","checksum":"x","size":7,"created_at":"x","updated_at":"x","is_deleted":true,"version":9`
	s.do("POST", "/storage/buckets", as(ann), js(`{"name":"b",`+lies+`}`)).must(201).has("created_by", "ann")
	s.put(ann, "c", "k", `"value":1,`+lies).must(201).has("tenant_id", "acme").has("created_by", "ann").has("version", "1").has("is_deleted", "false")
	id := s.uploadID(ann, "b", "p", "hello")
	s.do("PATCH", "/storage/objects/b/"+id, as(ann), js(`{"path":"q",`+lies+`}`)).must(200).
		has("tenant_id", "acme").has("size", "5").has("checksum", sum("hello")).has("version", "2").has("created_by", "ann")
	s.do("POST", "/storage/objects/b?path=r&tenant_id=rival&created_by=x&size=1&minio_key=x&user_id=x", as(ann), body("text/plain", "hello")).must(201).
		has("tenant_id", "acme").has("size", "5").has("created_by", "ann")
	s.do("GET", "/storage/objects/b?tenant_id=rival", as(ann), header("X-Tenant-Id", "rival")).lists("path", "q r")
	form := newForm().field("tenant_id", "rival").field("size", "1").field("created_by", "x").field("minio_key", "x").file("f", "s", "text/plain", "hello")
	s.do("POST", "/storage/objects/b", as(ann), form.option()).must(201).has("tenant_id", "acme").has("size", "5").has("created_by", "ann")
}
