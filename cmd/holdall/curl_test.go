package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall/internal/s3test"
)

// curl sends requests as people do.
type curl struct {
	*program
	base  string
	token map[string]string // by user
}

// answered is what came back: of the JSON what the tests look at.
type answered struct {
	status       int
	header, body string
	link
	Checksum, Code string
	Size           int
	ContentType    string `json:"content_type"`
}

// link is the answer to sign and sign-upload.
type link struct {
	URL, Method, ID string
	Headers, Fields map[string]string
}

func (c curl) do(args ...string) (a answered) {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), "curl", append([]string{"-sS", "--noproxy", "*", "-m", "300", "--expect100-timeout", "300", "-o", "body", "-D", "head", "-w", "%{http_code}"}, args...)...)
	cmd.Dir = c.dir
	c.write("body", "") // curl writes no empty one
	out, err := cmd.CombinedOutput()
	require.NoError(c.t, err, "curl %s\n%s", strings.Join(args, " "), out)
	_, err = fmt.Sscan(string(out), &a.status)
	require.NoError(c.t, err, "%s", out)
	a.body, a.header = c.read("body"), c.read("head")
	_ = json.Unmarshal([]byte(a.body), &a) // where it is JSON
	return a
}

// api calls the server in a user's name, "" is nobody, with a body of JSON.
func (c curl) api(user, path, text string) answered {
	c.t.Helper()
	args := []string{"-X", "POST", c.base + "/objects/" + path}
	if user != "" {
		args = append(args, "-H", "Authorization: Bearer "+c.token[user])
	}
	if text != "" {
		args = append(args, "-H", "Content-Type: application/json", "-d", text)
	}
	return c.do(args...)
}

func (c curl) signUpload(members string) link {
	c.t.Helper()
	a := c.api("ann", "default/sign-upload", `{"direct":true,`+members+`}`)
	require.Equal(c.t, 200, a.status, a.body)
	return a.link
}

func (c curl) complete(user string, l link) answered {
	c.t.Helper()
	return c.api(user, "default/"+l.ID+"/complete", "")
}

// put follows a link with a file.
func (c curl) put(l link, file string, change ...string) answered {
	c.t.Helper()
	args := []string{"-X", l.Method, "--data-binary", "@" + file, l.URL}
	for name, value := range l.Headers {
		args = append(args, "-H", name+": "+value)
	}
	return c.do(append(args, change...)...) // a header that comes last is added
}

// post sends a form as a browser does: the link's fields, then the file.
func (c curl) post(l link, file string, change map[string]string) answered {
	c.t.Helper()
	args := []string{l.URL}
	for name, value := range l.Fields {
		if other, ok := change[name]; ok {
			value = other
		}
		args = append(args, "--form-string", name+"="+value)
	}
	return c.do(append(args, "-F", "file=@"+file)...)
}

func sha256Of(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// newCurl starts a server over MinIO whose links name the store's public address.
func newCurl(t *testing.T, env ...string) curl {
	t.Helper()
	s3 := s3test.Start(t, s3test.MinIO)
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("this test needs curl")
		}
		t.Skip("curl is not installed")
	}
	public := strings.Replace(s3.Addr, "127.0.0.1", "localhost", 1)
	p := newProgram(t, "HOLDALL_JWT_SECRET="+testSecret, "HOLDALL_BLOBS="+s3.URL(s3.Bucket(t), "&public=http://"+public))
	p.env = append(p.env, env...)
	c := curl{program: p, base: p.serve().url + apiPath, token: map[string]string{}}
	for _, user := range []string{"ann", "bob"} {
		c.token[user] = strings.TrimSpace(p.ok("", "token", "--user", user))
	}
	return c
}

func TestDirectPutByCurl(t *testing.T) {
	c := newCurl(t)
	data := strings.Repeat("0123456789abcdef", 100_000)
	c.write("file", data)
	c.write("short", data[1:])
	c.write("other", "x"+data[1:])
	l := c.signUpload(fmt.Sprintf(`"expires_in":600,"path":"dir/file.bin","content_type":"application/x-thing","size":%d,"checksum":"%s"`, len(data), sha256Of(data)))
	require.Equal(t, "PUT", l.Method)
	require.Contains(t, l.URL, "http://localhost:")
	require.Equal(t, "invalid_request", c.complete("ann", l).Code)

	require.GreaterOrEqual(t, c.put(l, "other").status, 400, "other bytes")
	require.GreaterOrEqual(t, c.put(l, "short").status, 400, "another size")
	require.GreaterOrEqual(t, c.put(l, "file", "-H", "Content-Type: text/html").status, 400, "another type")
	require.Equal(t, "invalid_request", c.complete("ann", l).Code, "nothing has arrived")
	a := c.put(l, "file")
	require.Equal(t, 200, a.status, a.body)
	require.Equal(t, 412, c.put(l, "file").status, "a link is for once")

	require.Equal(t, 401, c.complete("", l).status)
	require.Equal(t, "object_not_found", c.complete("bob", l).Code)
	for range 2 {
		a = c.complete("ann", l)
		require.Equal(t, 201, a.status, a.body)
		require.Equal(t, sha256Of(data), a.Checksum)
		require.Equal(t, len(data), a.Size)
		require.Equal(t, "application/x-thing", a.ContentType)
	}
	a = c.do("-H", "Authorization: Bearer "+c.token["bob"], c.base+"/files/default/dir/file.bin")
	require.Equal(t, data, a.body)

	get := c.api("bob", "default/"+l.ID+"/sign", `{"direct":true,"expires_in":600}`)
	require.Equal(t, 200, get.status, get.body)
	a = c.do(get.URL)
	require.Equal(t, data, a.body)
	require.Contains(t, a.header, `Content-Disposition: attachment; filename="file.bin"; filename*=UTF-8''file.bin`)
	a = c.do("-r", "5-9", get.URL)
	require.Equal(t, 206, a.status)
	require.Equal(t, "56789", a.body)
	require.Equal(t, 403, c.do(strings.Replace(get.URL, "attachment", "inline", 1)).status)

	empty := c.signUpload(`"expires_in":600,"path":"empty","size":0,"checksum":"` + sha256Of("") + `"`)
	c.write("nothing", "")
	a = c.put(empty, "nothing")
	require.Equal(t, 200, a.status, a.body)
	a = c.complete("ann", empty)
	require.Equal(t, 201, a.status, a.body)
	require.Zero(t, a.Size)
}

func TestDirectFormByCurl(t *testing.T) {
	c := newCurl(t, "HOLDALL_CATALOG="+newDatabase(t, "form_test"))
	c.write("page.html", "<script>alert(1)</script>")
	c.write("large", strings.Repeat("x", 101))
	png := "\x89PNG\r\n\x1a\n" + strings.Repeat("x", 92)
	c.write("a ü.png", png)
	l := c.signUpload(`"expires_in":600,"path":"a ü.png","content_type":"image/png","max_size":100`)
	require.Equal(t, "POST", l.Method)
	require.GreaterOrEqual(t, c.post(l, "large", nil).status, 400, "over max_size")
	require.GreaterOrEqual(t, c.post(l, "page.html", map[string]string{"Content-Type": "text/html"}).status, 400, "another type")
	require.GreaterOrEqual(t, c.post(l, "page.html", map[string]string{"key": "elsewhere"}).status, 400, "another key")
	require.Equal(t, "invalid_request", c.complete("ann", l).Code, "nothing has arrived")

	a := c.post(l, "page.html", nil)
	require.Equal(t, 204, a.status, a.body)
	a = c.post(l, "a ü.png", nil)
	require.Equal(t, 204, a.status, "a form can be sent again: %s", a.body)
	require.Equal(t, 401, c.complete("", l).status)
	require.Equal(t, "object_not_found", c.complete("bob", l).Code)
	a = c.complete("ann", l)
	require.Equal(t, 201, a.status, a.body)
	require.Equal(t, sha256Of(png), a.Checksum)
	require.Equal(t, 204, c.post(l, "page.html", nil).status)
	require.Equal(t, a, withHeader(c.complete("ann", l), a.header))
	a = c.do("-H", "Authorization: Bearer "+c.token["bob"], c.base+"/objects/default/"+l.ID)
	require.Equal(t, png, a.body, "what is live does not change")

	page := c.signUpload(`"expires_in":600,"path":"page.html","content_type":"text/html"`)
	require.Equal(t, 204, c.post(page, "page.html", nil).status)
	require.Equal(t, 201, c.complete("ann", page).status)
	for id, want := range map[string]string{l.ID: "Content-Disposition: inline;", page.ID: "Content-Disposition: attachment;"} {
		get := c.api("ann", "default/"+id+"/sign", `{"direct":true,"expires_in":600,"inline":true}`)
		require.Contains(t, c.do(get.URL).header, want)
	}
	taken := c.api("ann", "default/sign-upload", `{"direct":true,"expires_in":600,"path":"page.html"}`)
	require.Equal(t, "object_exists", taken.Code)
}

// withHeader is a with another header: the request's id and the time differ.
func withHeader(a answered, header string) answered {
	a.header = header
	return a
}

// A link that has expired is refused by the store, and what came by it before
// can be completed.
func TestDirectLinksExpire(t *testing.T) {
	c := newCurl(t)
	c.write("file", "hello")
	seen := c.signUpload(`"expires_in":600,"path":"seen"`)
	require.Equal(t, 204, c.post(seen, "file", nil).status)
	require.Equal(t, 201, c.complete("ann", seen).status)
	hello := `"size":5,"checksum":"` + sha256Of("hello") + `"`
	put, form := c.signUpload(`"expires_in":1,"path":"put",`+hello), c.signUpload(`"expires_in":1,"path":"form"`)
	var waiting link
	lifetime := 2
	for ; ; lifetime *= 2 { // long enough for this machine
		waiting = c.signUpload(fmt.Sprintf(`"expires_in":%d,"path":"waiting",`, lifetime) + hello)
		status := c.put(waiting, "file").status
		if status == 200 {
			break
		}
		require.Equal(t, 403, status)
	}
	get := c.api("ann", "default/"+seen.ID+"/sign", fmt.Sprintf(`{"direct":true,"expires_in":%d}`, lifetime+1))
	for c.do(get.URL).status != 403 { // a whole second's fraction may be cut off: the others have expired too
		time.Sleep(50 * time.Millisecond)
	}
	require.Equal(t, 403, c.put(put, "file").status)
	require.Equal(t, 403, c.post(form, "file", nil).status)
	require.Equal(t, "invalid_request", c.complete("ann", put).Code)
	require.Equal(t, "invalid_request", c.complete("ann", form).Code)
	require.Equal(t, 201, c.complete("ann", waiting).status, "it had arrived in time")
}
