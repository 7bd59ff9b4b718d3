package contract

import (
	"net/http"
	"strings"
	"testing"
)

// TestCheckerSeesFaults breaks good answers in one way each: the checker is
// worth something only if it notices every one of them.
func TestCheckerSeesFaults(t *testing.T) {
	s, err := loadSpec()
	if err != nil {
		t.Fatal(err)
	}
	const bucket = `{"name":"b","public":false,"max_file_size":null,"allowed_types":null,"created_at":"2026-03-01T12:00:00.000000Z","updated_at":"2026-03-01T12:00:00.000000Z","created_by":"ann"}`
	const problem = `{"type":"about:blank","title":"Not Found","status":404,"detail":"no such bucket","code":"bucket_not_found"}`
	for _, c := range []struct {
		name, method, path string
		status             int
		header, body       string
		ok                 bool
	}{
		{"a bucket", "GET", "/storage/buckets/b", 200, "Content-Type: application/json|X-Request-Id: r", bucket, true},
		{"a charset", "GET", "/storage/buckets/b", 200, "Content-Type: application/json; charset=utf-8|X-Request-Id: r", bucket, true},
		{"no request id", "GET", "/storage/buckets/b", 200, "Content-Type: application/json", bucket, false},
		{"another type", "GET", "/storage/buckets/b", 200, "Content-Type: text/plain|X-Request-Id: r", bucket, false},
		{"undescribed status", "GET", "/storage/buckets/b", 202, "Content-Type: application/json|X-Request-Id: r", bucket, false},
		{"missing member", "GET", "/storage/buckets/b", 200, "Content-Type: application/json|X-Request-Id: r", strings.Replace(bucket, `"max_file_size":null,`, "", 1), false},
		{"extra member", "GET", "/storage/buckets/b", 200, "Content-Type: application/json|X-Request-Id: r", strings.Replace(bucket, "{", `{"tenant_id":"t",`, 1), false},
		{"zero for null", "GET", "/storage/buckets/b", 200, "Content-Type: application/json|X-Request-Id: r", strings.Replace(bucket, `"max_file_size":null`, `"max_file_size":0`, 1), false},
		{"nanoseconds", "GET", "/storage/buckets/b", 200, "Content-Type: application/json|X-Request-Id: r", strings.Replace(bucket, ".000000Z", ".000000000Z", 1), false},
		{"a problem", "GET", "/storage/buckets/b", 404, "Content-Type: application/problem+json|X-Request-Id: r", problem, true},
		{"problem as json", "GET", "/storage/buckets/b", 404, "Content-Type: application/json|X-Request-Id: r", problem, false},
		{"unknown code", "GET", "/storage/buckets/b", 404, "Content-Type: application/problem+json|X-Request-Id: r", strings.Replace(problem, "bucket_not", "thing_not", 1), false},
		{"code of another status", "GET", "/storage/buckets/b", 404, "Content-Type: application/problem+json|X-Request-Id: r", strings.Replace(problem, "bucket_not_found", "too_large", 1), false},
		{"code of another thing", "GET", "/storage/buckets/b", 404, "Content-Type: application/problem+json|X-Request-Id: r", strings.Replace(problem, "bucket_not", "record_not", 1), false},
		{"other status in the body", "GET", "/storage/buckets/b", 404, "Content-Type: application/problem+json|X-Request-Id: r", strings.Replace(problem, "404", "400", 1), false},
		{"extra problem member", "GET", "/storage/buckets/b", 404, "Content-Type: application/problem+json|X-Request-Id: r", strings.Replace(problem, "{", `{"stack":"x",`, 1), false},
		{"nowhere", "GET", "/storage/nowhere", 404, "Content-Type: application/problem+json|X-Request-Id: r", strings.Replace(problem, "bucket_", "", 1), true},
		{"plain nowhere", "GET", "/storage/nowhere", 404, "Content-Type: text/plain|X-Request-Id: r", "404 page not found", false},
		{"success nowhere", "GET", "/storage/nowhere", 200, "Content-Type: application/json|X-Request-Id: r", "{}", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequest(c.method, "http://host"+base+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			header := http.Header{}
			for line := range strings.SplitSeq(c.header, "|") {
				name, value, _ := strings.Cut(line, ": ")
				header.Set(name, value)
			}
			if _, err := s.check(req, c.path, c.status, header, []byte(c.body)); (err == nil) != c.ok {
				t.Errorf("want %v: %v", c.ok, err)
			}
		})
	}
}

func TestUnsoundDescriptionsAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"not YAML":     "openapi: [",
		"no info":      "openapi: 3.1.0\npaths: {}\n",
		"dangling ref": "openapi: 3.1.0\ninfo: {title: t, version: v}\npaths: {/a: {get: {responses: {'200': {$ref: '#/components/responses/None'}}}}}\n",
		"bad type":     "openapi: 3.1.0\ninfo: {title: t, version: v}\npaths: {/a: {get: {responses: {'200': {description: d, content: {a/b: {schema: {type: text}}}}}}}}\n",
		"no parameter": "openapi: 3.1.0\ninfo: {title: t, version: v}\npaths: {'/a/{b}': {get: {responses: {'200': {description: d}}}}}\n",
	} {
		if _, err := parseSpec([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
