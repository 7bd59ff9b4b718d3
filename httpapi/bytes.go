package httpapi

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/holdall-go/holdall"
)

// delivery says how bytes are handed out.
type delivery struct {
	inline bool // as far as the type allows it
	public bool // caches may share it
}

func (a *api) download(w http.ResponseWriter, r *http.Request) error {
	bucket, id := r.PathValue("bucket"), r.PathValue("id")
	values, err := url.ParseQuery(r.URL.RawQuery)
	if isLink(r, values) {
		return a.downloadSigned(w, r, values, err)
	}
	q := newQuery(r)
	how := delivery{inline: q.bool("inline", false)}
	if q.err != nil {
		return q.err
	}
	if !callOf(r).known {
		return a.downloadPublic(w, r, bucket, "", id, how)
	}
	return a.deliver(w, r, a.workspace(r).Bucket(bucket).ObjectID(id), how)
}

func (a *api) downloadByPath(w http.ResponseWriter, r *http.Request) error {
	bucket, path := r.PathValue("bucket"), r.PathValue("path")
	q := newQuery(r)
	how, tier := delivery{inline: q.bool("inline", false)}, holdall.Tier(q.text("tier"))
	if q.err != nil {
		return q.err
	}
	if tier == "" {
		tier = holdall.Shared
	}
	switch known := callOf(r).known; {
	case known:
		return a.deliver(w, r, a.workspace(r).Bucket(bucket).Tier(tier).Object(path), how)
	case tier == holdall.Shared:
		return a.downloadPublic(w, r, bucket, path, "", how)
	}
	return errAnonymous
}

// downloadPublic answers a request without credentials. What is not public
// asks for some, whether it is there or not.
func (a *api) downloadPublic(w http.ResponseWriter, r *http.Request, bucket, path, id string, how delivery) error {
	tenant := ""
	if a.publicTenant != nil {
		tenant = a.publicTenant(r)
	}
	file, err := a.store.OpenPublic(r.Context(), holdall.PublicObject{Tenant: tenant, Bucket: bucket, Path: path, ID: id})
	if errors.Is(err, holdall.ErrNotFound) {
		return errAnonymous
	}
	if err != nil {
		return err
	}
	how.public = true
	return serveBytes(w, r, file, how)
}

// deliver answers a caller who is known.
func (a *api) deliver(w http.ResponseWriter, r *http.Request, o *holdall.Object, how delivery) error {
	file, err := o.Open(r.Context())
	if err != nil {
		return err
	}
	if info := file.Info(); info.Tier == holdall.Shared {
		b, err := a.workspace(r).Bucket(info.Bucket).Stat(r.Context())
		how.public = err == nil && b.Public
	}
	return serveBytes(w, r, file, how)
}

// serveBytes answers with the object's bytes or a part of them, under the
// conditions of the request in the order of RFC 9110, section 13.2.2. It
// closes file.
func serveBytes(w http.ResponseWriter, r *http.Request, file *holdall.Reader, how delivery) error {
	defer file.Close()
	info := file.Info()
	h := w.Header()
	describe(h, info, how)
	done, err := bytesConditions(r, info)
	switch {
	case err != nil:
		return err
	case done:
		for _, name := range []string{"Content-Type", "Content-Disposition"} {
			h.Del(name)
		}
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	ranges, err := wantedRanges(r, info)
	if err != nil {
		h.Set("Content-Range", fmt.Sprintf("bytes */%d", info.Size))
		return err
	}
	switch {
	case r.Method == http.MethodHead:
		h.Set("Content-Length", strconv.FormatInt(info.Size, 10))
		w.WriteHeader(http.StatusOK)
		return nil
	case len(ranges) > 1:
		return sendRanges(w, file, ranges)
	case len(ranges) == 1:
		h.Set("Content-Range", ranges[0].contentRange(info.Size))
		return sendRange(w, file, http.StatusPartialContent, ranges[0])
	}
	return sendRange(w, file, http.StatusOK, byteRange{0, info.Size})
}

// describe sets the headers that every answer about an object's bytes carries.
func describe(h http.Header, info holdall.ObjectInfo, how delivery) {
	h.Set("Content-Type", info.ContentType)
	h.Set("Content-Disposition", contentDisposition(how.inline && inlineSafe(info.ContentType), info.Name()))
	h.Set("ETag", `"`+info.ETag()+`"`)
	h.Set("Last-Modified", info.UpdatedAt.UTC().Format(http.TimeFormat))
	h.Set("Accept-Ranges", "bytes")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	if how.public {
		h.Set("Cache-Control", "public, max-age=3600")
	} else {
		h.Set("Cache-Control", "private, no-cache")
	}
}

// bytesConditions decides whether to go on, to answer 304 (done) or 412.
func bytesConditions(r *http.Request, info holdall.ObjectInfo) (done bool, err error) {
	modified := info.UpdatedAt.Truncate(time.Second)
	if len(r.Header.Values("If-Match")) == 0 {
		if since, err := http.ParseTime(r.Header.Get("If-Unmodified-Since")); err == nil && modified.After(since) {
			return false, &failure{code: holdall.CodePrecondition, detail: "it has been modified since"}
		}
	}
	if done, err = readConditions(r, info.ETag()); done || err != nil {
		return done, err
	}
	if len(r.Header.Values("If-None-Match")) == 0 {
		if since, err := http.ParseTime(r.Header.Get("If-Modified-Since")); err == nil && !modified.After(since) {
			return true, nil
		}
	}
	return false, nil
}

// wantedRanges returns the ranges to answer with, none for the whole.
func wantedRanges(r *http.Request, info holdall.ObjectInfo) ([]byteRange, error) {
	header := r.Header.Values("Range")
	if r.Method != http.MethodGet || len(header) != 1 || !rangeHolds(r, info) {
		return nil, nil
	}
	ranges, ok := parseRange(header[0], info.Size)
	if !ok {
		return nil, &failure{code: codeRangeNotSatisfiable, detail: fmt.Sprintf("the object has %d bytes; the range lies outside of them", info.Size)}
	}
	return ranges, nil
}

// rangeHolds evaluates If-Range (RFC 9110, section 13.1.5): its ETag or date
// must be the object's, exactly. A date is strong only a second later.
func rangeHolds(r *http.Request, info holdall.ObjectInfo) bool {
	values := r.Header.Values("If-Range")
	if len(values) == 0 {
		return true
	}
	if tags, _, ok := parseETags(values); ok && len(tags) == 1 {
		return !tags[0].weak && tags[0].tag == info.ETag()
	}
	date, err := http.ParseTime(values[0])
	modified := info.UpdatedAt.Truncate(time.Second)
	return err == nil && len(values) == 1 && date.Equal(modified) && time.Since(modified) > time.Second
}

// sendRange answers with one range, which is opened before the status is
// written: bytes that are not there are a 500, not a broken 200.
func sendRange(w http.ResponseWriter, file *holdall.Reader, status int, b byteRange) error {
	w.Header().Set("Content-Length", strconv.FormatInt(b.n, 10))
	if b.n == 0 {
		w.WriteHeader(status)
		return nil
	}
	src, err := file.Range(b.off, b.n)
	if err != nil {
		return err
	}
	defer src.Close()
	w.WriteHeader(status)
	return copyAll(w, src, b.n)
}

// copyAll copies n bytes, all there are in src.
func copyAll(w io.Writer, src io.Reader, n int64) error {
	got, err := io.Copy(w, src)
	if err == nil && got != n {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// sendRanges answers with several ranges as multipart/byteranges (RFC 9110,
// section 14.6). Each is opened when its turn comes.
func sendRanges(w http.ResponseWriter, file *holdall.Reader, ranges []byteRange) error {
	info, h := file.Info(), w.Header()
	first, err := file.Range(ranges[0].off, ranges[0].n)
	if err != nil {
		return err
	}
	size, boundary := multipartSize(info, ranges)
	h.Set("Content-Type", "multipart/byteranges; boundary="+boundary)
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	w.WriteHeader(http.StatusPartialContent)
	parts := multipart.NewWriter(w)
	_ = parts.SetBoundary(boundary) // one that it made itself
	for i, b := range ranges {
		src := first
		if i > 0 {
			if src, err = file.Range(b.off, b.n); err != nil {
				return err
			}
		}
		part, err := parts.CreatePart(partHeader(info, b))
		if err == nil {
			err = copyAll(part, src, b.n)
		}
		if err = errors.Join(err, src.Close()); err != nil {
			return err
		}
	}
	return parts.Close()
}

func partHeader(info holdall.ObjectInfo, b byteRange) textproto.MIMEHeader {
	return textproto.MIMEHeader{"Content-Type": {info.ContentType}, "Content-Range": {b.contentRange(info.Size)}}
}

// multipartSize makes a boundary and counts what the ranges take with it.
func multipartSize(info holdall.ObjectInfo, ranges []byteRange) (size int64, boundary string) {
	var count counter
	parts := multipart.NewWriter(&count)
	for _, b := range ranges {
		_, _ = parts.CreatePart(partHeader(info, b)) // a counter does not fail
		count += counter(b.n)
	}
	_ = parts.Close()
	return int64(count), parts.Boundary()
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// contentDisposition says what to do with a file and what it is called (RFC
// 6266): once in plain ASCII, once in full.
func contentDisposition(inline bool, name string) string {
	kind := "attachment"
	if inline {
		kind = "inline"
	}
	plain := strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' || c == '"' || c == '\\' || c == '%' {
			return '_'
		}
		return c
	}, name)
	return kind + `; filename="` + plain + `"; filename*=UTF-8''` + encodeExtValue(name)
}

// encodeExtValue percent-encodes all but attr-char (RFC 8187, section 3.2.1).
func encodeExtValue(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("!#$&+-.^_`|~", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// inlineSafe reports whether a browser that shows the type cannot run script
// that is in it. It is a list of types that are known not to; PDF, SVG, XML,
// HTML and whatever is not known are not in it.
func inlineSafe(contentType string) bool {
	essence, _, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(essence)) {
	case "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/apng", "image/bmp", "image/tiff",
		"image/heic", "image/heif", "image/jxl", "image/x-icon", "image/vnd.microsoft.icon",
		"audio/mpeg", "audio/mp4", "audio/aac", "audio/ogg", "audio/flac", "audio/wav", "audio/wave", "audio/webm", "audio/basic", "audio/aiff", "audio/midi",
		"video/mp4", "video/webm", "video/ogg", "video/quicktime", "video/mpeg", "video/avi", "video/matroska",
		"text/plain", "text/csv", "application/json":
		return true
	}
	return false
}
