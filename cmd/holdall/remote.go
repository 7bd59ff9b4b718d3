package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const apiPath = "/api/v1/storage"

// remote is the files behind a server.
type remote struct {
	base   string
	token  string
	client *http.Client
}

func newRemote(address, token string) (*remote, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, usagef("--url: %q is not the http or https address of a server", address)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = 0 // an upload is answered when all of it is stored
	return &remote{base: strings.TrimRight(address, "/") + apiPath, token: token, client: &http.Client{Transport: transport}}, nil
}

// do sends a request and returns the answer of a success. The caller closes
// its body.
func (r *remote) do(ctx context.Context, method, path string, query url.Values, body io.Reader, size int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.base+path+"?"+query.Encode(), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.ContentLength = size
		req.Header.Set("Content-Type", "application/octet-stream") // the server looks closer
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("User-Agent", "holdall")
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, problem(resp)
}

// problem reads the error that a server answered (RFC 9457).
func problem(resp *http.Response) error {
	var p struct{ Title, Detail, Code string }
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if json.Unmarshal(data, &p) != nil || p.Code == "" {
		return fmt.Errorf("the server answered %s", resp.Status)
	}
	if p.Detail == "" {
		p.Detail = p.Title
	}
	return fmt.Errorf("%s (%s)", p.Detail, p.Code)
}

func (r *remote) fetch(ctx context.Context, path string, query url.Values, into any) error {
	resp, err := r.do(ctx, http.MethodGet, path, query, nil, 0)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(into)
}

func (at place) query() url.Values {
	q := url.Values{}
	if at.tier != "" {
		q.Set("tier", at.tier)
	}
	return q
}

func (r *remote) put(ctx context.Context, at place, body io.Reader, opts putOptions) (string, error) {
	q := at.query()
	q.Set("path", at.path)
	if opts.replace {
		q.Set("replace", "true")
	}
	size := opts.size
	if size == 0 {
		body = http.NoBody
	}
	resp, err := r.do(ctx, http.MethodPost, "/objects/"+url.PathEscape(at.bucket), q, body, size)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var o struct{ Checksum string }
	err = json.NewDecoder(resp.Body).Decode(&o)
	return o.Checksum, err
}

func (r *remote) get(ctx context.Context, at place) (*download, error) {
	var path strings.Builder
	path.WriteString("/files/" + url.PathEscape(at.bucket))
	for s := range strings.SplitSeq(at.path, "/") {
		path.WriteString("/" + url.PathEscape(s))
	}
	resp, err := r.do(ctx, http.MethodGet, path.String(), at.query(), nil, 0) //nolint:bodyclose // the download owns it
	if err != nil {
		return nil, err
	}
	return &download{ReadCloser: resp.Body, size: resp.ContentLength, sum: strings.Trim(resp.Header.Get("ETag"), `"`)}, nil
}

func (r *remote) buckets(ctx context.Context) ([]string, error) {
	var answer struct{ Data []struct{ Name string } }
	err := r.fetch(ctx, "/buckets", nil, &answer)
	var names []string
	for _, b := range answer.Data {
		names = append(names, b.Name)
	}
	return names, err
}

func (r *remote) list(ctx context.Context, at place, recursive bool) iter.Seq2[item, error] {
	q := at.query()
	q.Set("prefix", at.path)
	q.Set("limit", "1000")
	q.Set("total", "false")
	if !recursive {
		q.Set("delimiter", "/")
	}
	return func(yield func(item, error) bool) {
		for {
			var page struct {
				Data []struct {
					Path, Checksum string
					Size           int64
					CreatedAt      time.Time `json:"created_at"`
				}
				Folders    []string
				NextCursor string `json:"next_cursor"`
			}
			if err := r.fetch(ctx, "/objects/"+url.PathEscape(at.bucket), q, &page); err != nil {
				yield(item{}, err)
				return
			}
			var items []item
			for _, o := range page.Data {
				items = append(items, item{o.Path, o.Size, o.Checksum, o.CreatedAt})
			}
			if !yieldMerged(page.Folders, items, yield) || page.NextCursor == "" {
				return
			}
			q.Set("cursor", page.NextCursor)
		}
	}
}

func (r *remote) close() error {
	r.client.CloseIdleConnections()
	return nil
}
