package minio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	miniogo "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Open returns a Backend with a client of its own, and has called
// [Backend.Setup]. The host closes it. The URL is
//
//	minio://KEY:SECRET@host:port/bucket?region=us-east-1&prefix=files
//
// Several nodes of one MinIO cluster are given as host:port,host:port: a
// connection goes to the first that can be reached. Without KEY:SECRET the
// environment decides: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and
// AWS_SESSION_TOKEN), or MINIO_ACCESS_KEY and MINIO_SECRET_KEY, or
// MINIO_ROOT_USER and MINIO_ROOT_PASSWORD. Parameters, all optional:
//
//	secure=false           speak HTTP, not HTTPS
//	region=us-east-1       the bucket's region; us-east-1 unless given
//	prefix=some/folder     Options.Prefix
//	create=true            Options.CreateBucket
//	public=https://host    the address that links are for: Options.Public
//	max_size=bytes         Options.MaxSize
//	buffers=number         Options.Buffers
//	timeout=10s            Options.Timeout
//
// No error of it contains the secret.
func Open(ctx context.Context, rawURL string) (*Backend, error) {
	t, err := parseURL(rawURL)
	if err != nil {
		return nil, fmt.Errorf("minio: %w", err)
	}
	transport := newTransport(t.dialed())
	client, err := t.client(t.nodes[0], t.secure, transport)
	if err != nil {
		return nil, fmt.Errorf("minio: %w", err)
	}
	if t.public != nil {
		// It only signs, which needs no connection.
		if t.opts.Public, err = t.client(t.public.Host, t.public.Scheme == "https", transport); err != nil {
			return nil, fmt.Errorf("minio: public: %w", err)
		}
	}
	b, err := New(client, t.bucket, &t.opts)
	if err != nil {
		return nil, err
	}
	b.transport = transport
	if err := b.Setup(ctx); err != nil {
		_ = b.Close()
		return nil, err
	}
	return b, nil
}

// target is what a URL says.
type target struct {
	nodes          []string // host:port
	creds          *credentials.Credentials
	bucket, region string
	secure         bool
	public         *url.URL
	opts           Options
}

// dialed returns the nodes with their ports.
func (t *target) dialed() []string {
	list := slices.Clone(t.nodes)
	for i, n := range list {
		if _, _, err := net.SplitHostPort(n); err != nil {
			list[i] = net.JoinHostPort(strings.Trim(n, "[]"), map[bool]string{true: "443", false: "80"}[t.secure])
		}
	}
	return list
}

func (t *target) client(endpoint string, secure bool, transport *http.Transport) (*miniogo.Client, error) {
	return miniogo.New(endpoint, &miniogo.Options{Creds: t.creds, Secure: secure, Region: t.region, Transport: transport, MaxRetries: 3})
}

var errURL = errors.New("want a URL of the form minio://KEY:SECRET@host:port/bucket")

func parseURL(rawURL string) (*target, error) {
	// package net/url takes one host only.
	rest, ok := strings.CutPrefix(rawURL, "minio://")
	authority, path, slash := strings.Cut(rest, "/")
	hosts := authority[strings.LastIndex(authority, "@")+1:]
	if !ok || !slash || hosts == "" {
		return nil, errURL
	}
	t := &target{nodes: strings.Split(hosts, ",")}
	u, err := url.Parse("minio://" + strings.TrimSuffix(authority, hosts) + t.nodes[0] + "/" + path)
	if err != nil {
		return nil, errURL // the cause would repeat the secret
	}
	for _, n := range t.nodes {
		if h, err := url.Parse("http://" + n); err != nil || h.Host != n {
			return nil, errors.New("the URL's hosts are not of the form host:port,host:port")
		}
	}
	if t.bucket = strings.Trim(u.Path, "/"); t.bucket == "" || strings.Contains(t.bucket, "/") {
		return nil, errURL
	}
	if t.creds, err = urlCredentials(u); err != nil {
		return nil, err
	}
	return t, t.parseQuery(u.RawQuery)
}

func urlCredentials(u *url.URL) (*credentials.Credentials, error) {
	if u.User != nil {
		secret, ok := u.User.Password()
		if !ok || secret == "" || u.User.Username() == "" {
			return nil, errors.New("the URL has a key without a secret, or the other way round")
		}
		return credentials.NewStaticV4(u.User.Username(), secret, ""), nil
	}
	creds := credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.EnvMinio{}})
	if v, err := creds.GetWithContext(nil); err != nil || v.AccessKeyID == "" || v.SecretAccessKey == "" {
		return nil, errors.New("no credentials: neither in the URL nor in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	return creds, nil
}

func (t *target) parseQuery(raw string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return errors.New("the URL's parameters do not parse")
	}
	t.secure, t.region = true, "us-east-1"
	for name, values := range query {
		v := values[len(values)-1]
		switch name {
		case "secure":
			t.secure, err = strconv.ParseBool(v)
		case "create":
			t.opts.CreateBucket, err = strconv.ParseBool(v)
		case "region":
			t.region = v
		case "prefix":
			t.opts.Prefix = v
		case "max_size":
			t.opts.MaxSize, err = strconv.ParseInt(v, 10, 64)
		case "buffers":
			t.opts.Buffers, err = strconv.Atoi(v)
		case "timeout":
			t.opts.Timeout, err = time.ParseDuration(v)
		case "public":
			t.public, err = url.Parse(v)
			if err == nil && (t.public.Host == "" || t.public.Scheme != "http" && t.public.Scheme != "https" || strings.Trim(t.public.Path, "/") != "") {
				err = errors.New("want http://host or https://host")
			}
		default:
			return fmt.Errorf("the URL has an unknown parameter %q", name)
		}
		if err != nil {
			return fmt.Errorf("the URL's parameter %s: %w", name, err)
		}
	}
	return nil
}

// newTransport returns a transport whose connections go to the first of the
// nodes that can be reached, beginning with the one that answered last.
func newTransport(nodes []string) *http.Transport {
	d := &failover{nodes: nodes, dialer: net.Dialer{Timeout: 3 * time.Second, KeepAlive: 15 * time.Second}}
	tr := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     time.Minute,
		TLSHandshakeTimeout: 10 * time.Second,
		DisableCompression:  true,
		WriteBufferSize:     64 << 10,
		ReadBufferSize:      64 << 10,
	}
	tr.DialContext = d.dial
	return tr
}

// failover dials the nodes of one cluster, any of which can serve a request.
type failover struct {
	nodes  []string
	dialer net.Dialer
	last   atomic.Int32 // the node that answered last
}

func (f *failover) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if len(f.nodes) == 1 || !slices.Contains(f.nodes, addr) { // that of an HTTP proxy
		return f.dialer.DialContext(ctx, network, addr)
	}
	var errs []error
	first := int(f.last.Load())
	for i := range f.nodes {
		n := (first + i) % len(f.nodes)
		conn, err := f.dialer.DialContext(ctx, network, f.nodes[n])
		if err == nil {
			f.last.Store(int32(n))
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}
