package holdall

import (
	"strings"
	"testing"
)

func TestCanonicalType(t *testing.T) {
	for in, want := range map[string]string{
		"text/html": "text/html", "Text/HTML; Charset=UTF-8": "text/html", " image/png ": "image/png",
		"image/svg+xml": "image/svg+xml", "application/vnd.x-y_z": "application/vnd.x-y_z", "text/plain;": "text/plain",
		"": "", "text": "", "text/": "", "/plain": "", "text/plain/x": "", "text/plain, text/html": "", "text /plain": "",
		"text/pl{a}in": "", "image/*": "", "*/*": "", "*/png": "", "téxt/plain": "", "text/html\r\nX: y": "", "text/plain; a": "",
		"text/plain; a=b; a=c": "", "text/" + strings.Repeat("a", 260): "",
	} {
		got, ok := canonicalType(in)
		if got != want || ok != (want != "") {
			t.Errorf("canonicalType(%q) = %q, %v, want %q", in, got, ok, want)
		}
	}
}

func TestValidAllowedType(t *testing.T) {
	checkAll(t, validAllowedType,
		[]string{"image/png", "IMAGE/*", "*/*", "text/html; charset=utf-8", "image/svg+xml"},
		[]string{"", "image", "*", "*/png", "image/", "image/png,image/gif", "image png", "a\x00/b"})
}

func TestTypeAllowed(t *testing.T) {
	cases := []struct {
		ct      string
		allowed []string
		want    bool
	}{
		{"image/png", nil, true},
		{"nonsense", nil, true},
		{"image/png", []string{}, true},
		{"image/png", []string{"image/png"}, true},
		{"image/PNG; x=y", []string{"Image/png; q=1"}, true},
		{"image/png", []string{"text/plain", "image/*"}, true},
		{"image/png", []string{"text/*"}, false},
		{"imagex/png", []string{"image/*"}, false},
		{"image/svg+xml", []string{"image/*"}, false},
		{"IMAGE/SVG+XML; charset=utf-8", []string{"IMAGE/*"}, false},
		{"image/svg+xml", []string{"image/*", "image/svg+xml"}, true},
		{"image/svg+xml", []string{"*/*"}, true},
		{"nonsense", []string{"image/*"}, false},
		{"nonsense", []string{"application/octet-stream"}, true},
		{"image/png", []string{"nonsense"}, false},
		{"*/*", []string{"image/*"}, false},
	}
	for _, c := range cases {
		if got := typeAllowed(c.ct, c.allowed); got != c.want {
			t.Errorf("typeAllowed(%q, %q) = %v", c.ct, c.allowed, got)
		}
	}
}

func TestSniffType(t *testing.T) {
	const png, zip, binary = "\x89PNG\r\n\x1a\n", "PK\x03\x04", "\x00\x01\x02\x03"
	cases := []struct{ declared, head, path, want string }{
		{"image/PNG", "<html>", "a.html", "image/png"},
		{"text/plain; Charset=UTF-8", "", "", "text/plain; charset=UTF-8"},
		{`text/x; a="b\"c"`, "", "", `text/x; a="b\"c"`},
		{"", png, "a.txt", "image/png"},
		{"application/octet-stream", png, "", "image/png"},
		{"Application/Octet-Stream; x=y", png, "", "image/png"},
		{"nonsense", png, "", "image/png"},
		{"image/*", png, "", "image/png"},
		{"text/html\r\nX-Evil: 1", png, "", "image/png"},
		{"", "a{}", "a/b.CSS", "text/css; charset=utf-8"},
		{"", `{"a":1}`, "x.json", "application/json"},
		{"", "hello", "x", "text/plain; charset=utf-8"},
		{"", "hello", "x.png", "text/plain; charset=utf-8"},
		{"", "\xff\xfea\x00", "x.csv", "text/csv; charset=utf-16le"},
		{"", "<svg xmlns=''>", "x.svg", "image/svg+xml"},
		{"", "<?xml version='1.0'?><svg>", "x.svg", "image/svg+xml"},
		{"", "<?xml version='1.0'?>", "x", "text/xml; charset=utf-8"},
		{"", zip, "x.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"", zip, "x.json", "application/zip"},
		{"", binary, "x.parquet", "application/vnd.apache.parquet"},
		{"", binary, "x.html", "application/octet-stream"},
		{"", binary, "json/x", "application/octet-stream"},
	}
	for _, c := range cases {
		if got := sniffType(c.declared, []byte(c.head), c.path); got != c.want {
			t.Errorf("sniffType(%q, %q, %q) = %q, want %q", c.declared, c.head, c.path, got, c.want)
		}
	}
}

func FuzzMediaType(f *testing.F) {
	f.Add("text/html; charset=utf-8", []byte("<html>"), "a.html")
	f.Add("image/*", []byte("PK\x03\x04"), "a.docx")
	f.Add("text/plain; a*0=b; a*1=\"c\x01\"", []byte{0}, "a")
	f.Fuzz(func(t *testing.T, declared string, head []byte, path string) {
		got := sniffType(declared, head, path)
		if _, ok := canonicalType(got); !ok {
			t.Fatalf("sniffType(%q) = %q: not a media type", declared, got)
		}
		for i := range len(got) {
			if got[i] < 0x20 || got[i] > 0x7e {
				t.Fatalf("sniffType(%q) = %q: a byte that a header cannot hold", declared, got)
			}
		}
		if again := sniffType(got, head, path); again != got && !strings.HasPrefix(got, octetStream) {
			t.Fatalf("sniffType(%q) = %q, then %q", declared, got, again)
		}
	})
}
