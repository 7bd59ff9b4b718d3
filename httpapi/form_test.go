package httpapi

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const boundary = "----test-boundary"

const formType = "multipart/form-data; boundary=" + boundary

// part is one part of a form; file true gives it a filename.
type part struct {
	name, value string
	file        bool
	contentType string
	filename    string
}

func formBody(parts ...part) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=%q", boundary, p.name)
		if p.file {
			fmt.Fprintf(&b, "; filename=\"%s\"", p.filename)
		}
		if b.WriteString("\r\n"); p.contentType != "" {
			b.WriteString("Content-Type: " + p.contentType + "\r\n")
		}
		b.WriteString("\r\n" + p.value + "\r\n")
	}
	return b.String() + "--" + boundary + "--\r\n"
}

func field(name, value string) part { return part{name: name, value: value} }

func file(value string) part { return part{name: "f", value: value, file: true, filename: "local.txt"} }

func (e *env) form(path, token string, parts ...part) *answer {
	e.t.Helper()
	return e.do("POST", path, token, []byte(formBody(parts...)), "Content-Type", formType)
}

// Fields mean the same wherever they stand.
func TestFormFieldOrder(t *testing.T) {
	for _, size := range []int{0, 10, 70_000, 200_000} {
		e := newEnv(t)
		e.do("POST", "/buckets", root, `{"name":"b2"}`).want(201)
		data := strings.Repeat("z", size)
		fields := []part{
			field("path", "dir/é.txt"), field("tier", "user"), field("bucket", "b2"), field("metadata", `{"k":"v"}`), field("source", "crm"),
			field("source_type", "backend"), field("checksum", sumOf(data)), field("tenant_id", "other"), field("path2", ""), field("", "x"),
		}
		for cut := range len(fields) + 1 {
			rand.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
			parts := append(append(append([]part{}, fields[:cut]...), file(data)), fields[cut:]...)
			a := e.form("/objects", root, parts...)
			m := a.want(201)
			for name, want := range map[string]any{
				"bucket": "b2", "path": "dir/é.txt", "tier": "user", "user_id": "ann", "source": "crm", "source_type": "backend", "tenant_id": "acme",
				"checksum": sumOf(data), "metadata": map[string]any{"k": "v"}, "size": number(size),
			} {
				require.Equal(t, want, m[name], "%s, %v", name, parts)
			}
			got := e.do("GET", "/objects/b2/"+m["id"].(string), root, nil)
			require.Equal(t, data, string(got.body))
			e.do("DELETE", "/objects/"+m["id"].(string)+"?purge=true", root, nil).want(200)
		}
	}
}

func TestFormFile(t *testing.T) {
	e := newEnv(t)
	for filename, want := range map[string]string{`a.txt`: "a.txt", `C:\dir\b.txt`: "b.txt", `/etc/c.txt`: "c.txt", `é.txt`: "é.txt", `d e.txt`: "d e.txt"} {
		m := e.form("/objects/default", root, part{name: "any", file: true, filename: strings.ReplaceAll(filename, `\`, `\\`), value: "x"}).want(201)
		require.Equal(t, want, m["path"])
	}
	m := e.form("/objects/default", root, part{name: "f", file: true, filename: "p", value: "\x89PNG\r\n\x1a\n", contentType: "application/octet-stream"}).want(201)
	require.Equal(t, "image/png", m["content_type"])
	m = e.form("/objects/default", root, part{name: "f", file: true, filename: "q", value: "x", contentType: "text/x-own"}).want(201)
	require.Equal(t, "text/x-own", m["content_type"])
	m = e.form("/objects/default?path=from/query", root, file("x")).want(201)
	require.Equal(t, "from/query", m["path"])

	for name, c := range map[string]struct {
		parts []part
		code  string
	}{
		"no file":        {[]part{field("path", "x")}, "invalid_request"},
		"two files":      {[]part{file("x"), file("y")}, "invalid_request"},
		"no name":        {[]part{{name: "f", file: true, value: "x"}}, "invalid_path"},
		"bad name":       {[]part{{name: "f", file: true, filename: "..", value: "x"}}, "invalid_path"},
		"not UTF-8 name": {[]part{{name: "f", file: true, filename: "\xff", value: "x"}}, "invalid_path"},
		"path twice":     {[]part{field("path", "x"), file("x"), field("path", "x")}, "invalid_request"},
		"not UTF-8":      {[]part{field("path", "\xff"), file("x")}, "invalid_path"},
		"nor this":       {[]part{field("source", "\xff"), file("x")}, "invalid_request"},
		"metadata":       {[]part{file("x"), field("metadata", `{"a":"b","a":"c"}`)}, "invalid_json"},
		"metadata first": {[]part{field("metadata", `7`), file("x")}, "invalid_request"},
		"checksum":       {[]part{file("x"), field("checksum", sumOf("y"))}, "checksum_mismatch"},
		"tier":           {[]part{file("x"), field("tier", "none")}, "invalid_request"},
		"other bucket":   {[]part{file("x"), field("bucket", "b2")}, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			e.form("/objects/default", root, c.parts...).problem(400, c.code)
			c.parts = append(c.parts, part{name: "pad", value: strings.Repeat("x", 20_000)})
			e.form("/objects/default", root, c.parts...).problem(400, c.code)
			nothingStored(t, e)
		})
	}
	good := formBody(field("tier", "user"), file("data"), field("path", "x"))
	for cut := range strings.LastIndex(good, "--") + 2 {
		for _, body := range []string{good[:cut], strings.ReplaceAll(good[:cut], "\r\n", "\n")} {
			e.do("POST", "/objects/default", root, []byte(body), "Content-Type", formType).problem(400, "invalid_request")
		}
	}
	for _, body := range []string{strings.TrimSuffix(good, "\r\n"), "preamble\r\n" + good + "epilogue", strings.ReplaceAll(good, "\r\n", "\n")} {
		id := e.do("POST", "/objects/default", root, []byte(body), "Content-Type", formType).want(201)["id"].(string)
		e.do("DELETE", "/objects/"+id, root, nil).want(200)
	}
	many := []part{}
	for range maxParts {
		many = append(many, field("x", "y"))
	}
	require.Contains(t, e.form("/objects/default", root, append(many, file("x"))...).problem(400, "invalid_request"), "100 parts")
	e.form("/objects/default", root, append(many[:maxParts-1:maxParts-1], field("path", "many"))...).problem(400, "invalid_request")
	e.form("/objects/default", root, append(many[:maxParts-1:maxParts-1], file("100 parts"))...).want(201)
	big := field("x", strings.Repeat("y", maxFields))
	e.form("/objects/default", root, big, file("x")).problem(413, "too_large")
	e.form("/objects/default", root, file("x"), big).problem(413, "too_large")
	e.form("/objects/default", root, file(strings.Repeat("x", 100_000)), big).problem(413, "too_large")
	long := strings.Repeat("x", 3<<20)
	for _, body := range []string{long + formBody(file("x")), strings.Replace(formBody(file("x")), "\r\n\r\n", "\r\nX-Pad: "+long+"\r\n\r\n", 1)} {
		a := e.do("POST", "/objects/default?path=pad", root, []byte(body), "Content-Type", formType)
		require.Contains(t, []int{400, 413}, a.status)
	}
	for _, contentType := range []string{"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + strings.Repeat("x", 71), "multipart/form-data; boundary=other"} {
		e.do("POST", "/objects/default?path=nope", root, []byte(formBody(file("x"))), "Content-Type", contentType).problem(400, "invalid_request")
	}
}
