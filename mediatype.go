package holdall

import (
	"fmt"
	"mime"
	"net/http"
	"path"
	"strings"
)

// octetStream is the media type of bytes about which nothing is known.
const octetStream = "application/octet-stream"

// maxTypeLength bounds a media type with its parameters.
const maxTypeLength = 255

// parseType takes apart one media type (RFC 9110, section 8.3.1). The type and
// the parameter names come back in lower case.
func parseType(s string) (full string, params map[string]string, ok bool) {
	if len(s) > maxTypeLength {
		return "", nil, false
	}
	full, params, err := mime.ParseMediaType(s)
	if err != nil {
		return "", nil, false
	}
	main, sub, _ := strings.Cut(full, "/")
	return full, params, isToken(main) && isToken(sub)
}

// isToken reports whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	return s != "" && onlyOf(s, func(b byte) bool {
		return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
	})
}

// canonicalType returns type/subtype in lower case and without parameters, and
// false when s is not exactly one media type. A wildcard is not one.
func canonicalType(s string) (string, bool) {
	full, _, ok := parseType(s)
	if !ok || strings.HasPrefix(full, "*/") || strings.HasSuffix(full, "/*") {
		return "", false
	}
	return full, true
}

// validAllowedType checks an entry of a bucket's allowed types: type/subtype,
// type/* or */*. Parameters are allowed and mean nothing.
func validAllowedType(s string) error {
	full, _, ok := parseType(s)
	if !ok || strings.HasPrefix(full, "*/") && full != "*/*" {
		return fmt.Errorf("allowed type %.100q: type/subtype, type/* or */* is expected", s)
	}
	return nil
}

// typeAllowed reports whether a bucket that allows these types admits content of
// type ct; an empty list admits all. Letter case and parameters do not matter.
// image/* does not admit image/svg+xml, which can run script: only its own name
// or */* does. What is not a media type counts as application/octet-stream.
func typeAllowed(ct string, allowed []string) bool {
	if len(allowed) == 0 {
		return true
	}
	got, ok := canonicalType(ct)
	if !ok {
		got = octetStream
	}
	main, _, _ := strings.Cut(got, "/")
	for _, entry := range allowed {
		switch want, _, _ := parseType(entry); want {
		case got, "*/*":
			return true
		case main + "/*":
			if got != "image/svg+xml" {
				return true
			}
		}
	}
	return false
}

// sniffType returns the content type to store: the declared one, in normal form,
// unless it is missing, invalid or application/octet-stream; then the first
// bytes decide (512 are looked at), and where they say little, the extension of
// the path. The answer is always one media type without control characters.
func sniffType(declared string, head []byte, name string) string {
	if known := declaredType(declared); known != "" {
		return known
	}
	found := http.DetectContentType(head)
	base, params, _ := strings.Cut(found, ";")
	better := typeByExtension(base, strings.ToLower(path.Ext(name)))
	switch {
	case better == "":
		return found
	case params != "" && strings.HasPrefix(better, "text/"):
		return better + ";" + params
	}
	return better
}

// declaredType returns a declared content type in normal form, "" when it says
// nothing: missing, invalid or application/octet-stream.
func declaredType(declared string) string {
	full, params, ok := parseType(declared)
	if !ok || full == octetStream {
		return ""
	}
	if _, ok := canonicalType(full); !ok {
		return ""
	}
	if formatted := mime.FormatMediaType(full, params); formatted != "" && len(formatted) <= maxTypeLength {
		return formatted
	}
	return full
}

// typeByExtension refines what the first bytes say, "" when it cannot. It is a
// table of ours because mime.TypeByExtension differs from machine to machine; and
// a type that has its own mark in the first bytes is not in it, since a file
// without that mark is not of that type, whatever it is called.
func typeByExtension(base, ext string) string {
	switch base {
	case "text/plain":
		return textTypeByExtension(ext)
	case "text/xml":
		return xmlTypeByExtension(ext)
	case "application/zip":
		return zipTypeByExtension(ext)
	case octetStream:
		return binaryTypeByExtension(ext)
	}
	return ""
}

func textTypeByExtension(ext string) string {
	switch ext {
	case ".css":
		return "text/css"
	case ".csv":
		return "text/csv"
	case ".htm", ".html":
		return "text/html"
	case ".ics":
		return "text/calendar"
	case ".js", ".mjs":
		return "text/javascript"
	case ".json", ".map":
		return "application/json"
	case ".jsonl", ".ndjson":
		return "application/x-ndjson"
	case ".md", ".markdown":
		return "text/markdown"
	case ".rtf":
		return "application/rtf"
	case ".tsv":
		return "text/tab-separated-values"
	case ".vcf":
		return "text/vcard"
	case ".vtt":
		return "text/vtt"
	case ".xml":
		return "text/xml"
	case ".yaml", ".yml":
		return "application/yaml"
	case ".eml":
		return "message/rfc822"
	}
	return xmlTypeByExtension(ext)
}

func xmlTypeByExtension(ext string) string {
	switch ext {
	case ".atom":
		return "application/atom+xml"
	case ".gpx":
		return "application/gpx+xml"
	case ".kml":
		return "application/vnd.google-earth.kml+xml"
	case ".rss":
		return "application/rss+xml"
	case ".svg":
		return "image/svg+xml"
	case ".xhtml":
		return "application/xhtml+xml"
	}
	return ""
}

func zipTypeByExtension(ext string) string {
	const office, open = "application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument."
	switch ext {
	case ".docx":
		return office + "wordprocessingml.document"
	case ".xlsx":
		return office + "spreadsheetml.sheet"
	case ".pptx":
		return office + "presentationml.presentation"
	case ".odt":
		return open + "text"
	case ".ods":
		return open + "spreadsheet"
	case ".odp":
		return open + "presentation"
	case ".epub":
		return "application/epub+zip"
	case ".jar":
		return "application/java-archive"
	case ".apk":
		return "application/vnd.android.package-archive"
	}
	return ""
}

func binaryTypeByExtension(ext string) string {
	switch ext {
	case ".7z":
		return "application/x-7z-compressed"
	case ".aac":
		return "audio/aac"
	case ".avif":
		return "image/avif"
	case ".bz2":
		return "application/x-bzip2"
	case ".doc":
		return "application/msword"
	case ".flac":
		return "audio/flac"
	case ".heic":
		return "image/heic"
	case ".jxl":
		return "image/jxl"
	case ".m4a":
		return "audio/mp4"
	case ".mkv":
		return "video/matroska"
	case ".mov":
		return "video/quicktime"
	case ".mp3":
		return "audio/mpeg"
	case ".msg":
		return "application/vnd.ms-outlook"
	case ".parquet":
		return "application/vnd.apache.parquet"
	case ".ppt":
		return "application/vnd.ms-powerpoint"
	case ".sqlite":
		return "application/vnd.sqlite3"
	case ".tar":
		return "application/x-tar"
	case ".tif", ".tiff":
		return "image/tiff"
	case ".xls":
		return "application/vnd.ms-excel"
	case ".zst":
		return "application/zstd"
	}
	return ""
}
