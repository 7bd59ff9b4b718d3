package httpapi

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/holdall-go/holdall"
)

const (
	maxParts  = 100
	maxFields = 64 << 10 // names and values of all fields, in bytes
	// maxOverhead bounds what a form holds besides the file and is read into
	// memory piece by piece: fields, part headers, boundaries, what stands
	// around them.
	maxOverhead = 1 << 20
)

var errFormTooLarge = &failure{code: holdall.CodeTooLarge, detail: "a form has at most 64 KiB of fields besides the file"}

// form reads a multipart form (RFC 7578) as it arrives: fields and one file,
// in any order.
type form struct {
	parts  *multipart.Reader
	meter  *meter
	labels fields
	count  int // parts so far
	size   int // bytes of fields so far
}

// brokenOff marks a part that is put behind the body. Nobody gets to see it
// behind a closing boundary; whoever does has a form without one.
// multipart.Reader alone takes a body that ends within the headers of a part
// for complete.
const brokenOff = "broken-off"

// receiveForm stores the file of a form. What its fields say is checked before
// the file's bytes where they stand before it, and at the end in any case.
func (a *api) receiveForm(r *http.Request, boundary string, opts holdall.PutOptions, labels fields) (holdall.ObjectInfo, error) {
	if boundary == "" || len(boundary) > 70 { // RFC 2046, section 5.1.1
		return holdall.ObjectInfo{}, badRequest("a multipart/form-data body needs a boundary of 1 to 70 characters in its Content-Type")
	}
	m := &meter{r: r.Body}
	end := strings.NewReader("\r\n--" + boundary + "\r\nContent-Disposition: " + brokenOff + "\r\n\r\n")
	f := &form{parts: multipart.NewReader(io.MultiReader(m, end), boundary), meter: m, labels: labels}
	file, err := f.nextFile()
	if err != nil {
		return holdall.ObjectInfo{}, err
	}
	if file == nil {
		return holdall.ObjectInfo{}, badRequest("the form has no file: a part with a filename is expected")
	}
	if err := f.labels.apply(&opts); err != nil {
		return holdall.ObjectInfo{}, err
	}
	ws := a.workspace(r) // file stays open: closing a part means to read it to its end
	opts.ContentType = file.Header.Get("Content-Type")
	opts.Late = func() (*holdall.Object, *holdall.PutOptions, error) { return f.finish(ws, file, opts) }
	known := ws.Bucket(f.labels.bucket()).Tier(f.labels.tier()).Object(f.labels.text["path"])
	return known.Put(r.Context(), m.file(file), &opts)
}

// finish reads what follows the file, to the end of the body, and returns where
// the file goes.
func (f *form) finish(ws *holdall.Workspace, file *multipart.Part, opts holdall.PutOptions) (*holdall.Object, *holdall.PutOptions, error) {
	second, err := f.nextFile()
	if err != nil {
		return nil, nil, err
	}
	if second != nil {
		return nil, nil, badRequest("the form has more than one file; send one request for each")
	}
	// The closing boundary is not the end: a request that breaks off behind it
	// is as incomplete as any (RFC 9112, section 8).
	if _, err := io.Copy(io.Discard, f.meter); err != nil {
		return nil, nil, formBroken(err)
	}
	if f.labels.text["path"] == "" {
		f.labels.text["path"] = fileName(file)
	}
	if err := f.labels.apply(&opts); err != nil {
		return nil, nil, err
	}
	return f.labels.object(ws), &opts, nil
}

// nextFile reads fields up to the next file, and returns nil at the end.
func (f *form) nextFile() (*multipart.Part, error) {
	for {
		part, err := f.parts.NextRawPart() // raw: the bytes as sent, whatever the part calls its encoding
		if err == io.EOF {
			return nil, nil // the closing boundary
		}
		if err != nil || part.Header.Get("Content-Disposition") == brokenOff {
			return nil, formBroken(err)
		}
		if f.count++; f.count > maxParts {
			return nil, badRequest("a form has at most %d parts", maxParts)
		}
		if _, isFile := disposition(part)["filename"]; isFile {
			return part, nil
		}
		if err := f.field(part); err != nil {
			return nil, err
		}
	}
}

// field reads one field. Those that are not an upload's are ignored.
func (f *form) field(part *multipart.Part) error {
	name := disposition(part)["name"]
	value, err := io.ReadAll(io.LimitReader(part, int64(maxFields-f.size)+1))
	if err != nil {
		return formBroken(err)
	}
	if f.size += len(name) + len(value); f.size > maxFields {
		return errFormTooLarge
	}
	known := false
	for _, n := range fieldNames {
		known = known || n == name
	}
	switch {
	case !known || len(value) == 0:
		return nil
	case f.labels.text[name] != "":
		return badRequest("the field %s is given more than once", name)
	case !utf8.Valid(value):
		return notUTF8("field", name)
	}
	f.labels.text[name] = string(value)
	return nil
}

// disposition returns the parameters of a part's Content-Disposition.
func disposition(part *multipart.Part) map[string]string {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return nil
	}
	return params
}

// fileName returns the last segment of the file's name: some clients send a
// path of their own machine.
func fileName(part *multipart.Part) string {
	name := disposition(part)["filename"]
	return name[strings.LastIndexAny(name, `/\`)+1:]
}

func formBroken(err error) error {
	var f *failure
	var tooLarge *http.MaxBytesError
	if errors.As(err, &f) || errors.As(err, &tooLarge) {
		return err
	}
	return &failure{code: holdall.CodeInvalidRequest, detail: "the form broke off before its closing boundary, or is not one", cause: err}
}

// meter counts what a form holds besides the bytes of its file.
type meter struct {
	r        io.Reader
	overhead int64
}

func (m *meter) Read(p []byte) (int, error) {
	if m.overhead > maxOverhead {
		return 0, errFormTooLarge
	}
	n, err := m.r.Read(p)
	m.overhead += int64(n)
	return n, err
}

// file returns a reader of the part that takes its bytes off the count.
func (m *meter) file(part io.Reader) io.Reader { return &metered{part, m} }

type metered struct {
	part io.Reader
	m    *meter
}

func (f *metered) Read(p []byte) (int, error) {
	n, err := f.part.Read(p)
	f.m.overhead -= int64(n)
	return n, err
}
