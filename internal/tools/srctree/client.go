package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/holdall-go/holdall/internal/check"
)

// client speaks to the REST API. It is a check.View of the bucket default.
type client struct {
	base, token string
	http        *http.Client
	err         error // what ended the last List
}

func newClient(s *server, workers int) *client {
	return &client{base: s.url + "/api/v1/storage", token: s.token,
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}}}
}

// errRefused is in the error of a request that the server said no to. After
// any other error it is not known what happened.
var errRefused = errors.New("refused")

// do sends a request. The caller closes the body of the answer, which is a
// success.
func (c *client) do(ctx context.Context, method, path string, q url.Values, body io.Reader, size int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path+"?"+q.Encode(), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.ContentLength = size
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		resp.Body.Close()
		return nil, fmt.Errorf("%w: %s %s?%s: %s: %s", errRefused, method, path, q.Encode(), resp.Status, text)
	}
	return resp, nil
}

// answered does what do does and reads the answer as JSON.
func (c *client) answered(ctx context.Context, method, path string, q url.Values, body io.Reader, size int64, into any) error {
	resp, err := c.do(ctx, method, path, q, body, size)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(into)
}

// stored is what the server says about an object.
type stored struct {
	ID       string
	Path     string
	Size     int64
	Checksum string
}

func (o stored) content() check.Content { return check.Content{Size: o.Size, SHA256: o.Checksum} }

func (c *client) put(ctx context.Context, path string, body io.Reader, size int64, replace bool) (stored, error) {
	q := url.Values{"path": {path}}
	if replace {
		q.Set("replace", "true")
	}
	if size == 0 {
		body = http.NoBody
	}
	var o stored
	err := c.answered(ctx, http.MethodPost, "/objects/default", q, body, size, &o)
	return o, err
}

func (c *client) delete(ctx context.Context, id string) error {
	var o stored
	return c.answered(ctx, http.MethodDelete, "/objects/default/"+id, nil, nil, 0, &o)
}

// listPage is one page of a list.
type listPage struct {
	Data       []stored
	Folders    []string
	NextCursor string `json:"next_cursor"`
}

// pages lists what begins with prefix, or one level of it.
func (c *client) pages(ctx context.Context, prefix, delimiter string) iter.Seq2[listPage, error] {
	q := url.Values{"prefix": {prefix}, "limit": {"1000"}, "total": {"false"}}
	if delimiter != "" {
		q.Set("delimiter", delimiter)
	}
	return func(yield func(listPage, error) bool) {
		for {
			var p listPage
			err := c.answered(ctx, http.MethodGet, "/objects/default", q, nil, 0, &p)
			if !yield(p, err) || err != nil || p.NextCursor == "" {
				return
			}
			q.Set("cursor", p.NextCursor)
		}
	}
}

// List is that of check.View.
func (c *client) List(ctx context.Context) iter.Seq2[string, check.Content] {
	return func(yield func(string, check.Content) bool) {
		for p, err := range c.pages(ctx, "", "") {
			if c.err = err; err != nil {
				return
			}
			for _, o := range p.Data {
				if !yield(o.Path, o.content()) {
					return
				}
			}
		}
	}
}

// Err is that of check.View.
func (c *client) Err() error { return c.err }

// Open is that of check.View.
func (c *client) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	resp, err := c.do(ctx, http.MethodGet, "/files/default/"+strings.Join(segments, "/"), nil, nil, 0)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}
