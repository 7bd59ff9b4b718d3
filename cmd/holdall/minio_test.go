package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall/internal/s3test"
)

// TestServeMinIO keeps bytes in MinIO and the rest in a folder or a database,
// and kills the server amid uploads.
func TestServeMinIO(t *testing.T) {
	s3 := s3test.Start(t, s3test.MinIO)
	for _, catalog := range []string{"local", "postgres"} {
		t.Run(catalog, func(t *testing.T) {
			// The key comes from the environment. What is under way is cleared away soon, but not
			// by the sweep that a server begins with.
			p := newProgram(t, "HOLDALL_JWT_SECRET="+testSecret, "AWS_ACCESS_KEY_ID="+s3.Key, "AWS_SECRET_ACCESS_KEY="+s3.Secret, "HOLDALL_GRACE=3s",
				fmt.Sprintf("HOLDALL_BLOBS=minio://%s/%s?secure=false&create=true&prefix=%s", s3.Addr, "files-"+catalog, catalog))
			if catalog == "postgres" {
				p.env = append(p.env, "HOLDALL_CATALOG="+newDatabase(t, "minio_test"))
				p.ok("", "migrate")
			}
			s := p.serve()
			token := strings.TrimSpace(p.ok("", "token"))
			remote := newProgram(t, "HOLDALL_URL="+s.url, "HOLDALL_TOKEN="+token)
			transfers(t, remote)
			s.killAmidUploads(token)

			require.Equal(t, "again", p.ok("", "get", "default/piped", "-"))
			p.sweepUploads(3)
			require.Contains(t, p.ok("", "verify", "--read"), "0 problems found")

			s = p.serve()
			remote.env[0] = "HOLDALL_URL=" + s.url
			remote.ok("back", "put", "-", "default/cut0")
			require.Equal(t, "back", remote.ok("", "get", "default/cut0", "-"))
			require.Zero(t, s.stop())
			require.NotContains(t, s.errors.String(), s3.Secret)
			p.ok("by itself", "put", "-", "default/own")
			require.Equal(t, "by itself", p.ok("", "get", "default/own", "-"))
			require.Contains(t, p.ok("", "verify", "--read"), "0 problems found")
		})
	}
}

// sweepUploads sweeps until so many unfinished uploads, whose grace period may
// not be over yet, are cleared away.
func (p *program) sweepUploads(want int) {
	p.t.Helper()
	swept := 0
	for began := time.Now(); swept < want; {
		require.Less(p.t, time.Since(began), 5*time.Minute, "%d of %d", swept, want)
		var uploads int
		_, err := fmt.Sscanf(p.ok("", "sweep"), "%d unfinished uploads", &uploads)
		require.NoError(p.t, err)
		swept += uploads
	}
	require.Equal(p.t, want, swept)
}

// killAmidUploads kills the server when it has parts of three uploads.
func (s *serving) killAmidUploads(token string) {
	const size = 16 << 20 // more than two parts
	var bodies []*io.PipeWriter
	ends := make(chan error, 3)
	for i := range cap(ends) {
		r, w := io.Pipe()
		bodies = append(bodies, w)
		go func() {
			req, _ := http.NewRequestWithContext(s.t.Context(), http.MethodPost, fmt.Sprintf("%s%s/objects/default?path=cut%d", s.url, apiPath, i), r)
			req.Header.Set("Authorization", "Bearer "+token)
			resp, err := http.DefaultClient.Do(req)
			if err == nil {
				resp.Body.Close()
			}
			ends <- err
		}()
		_, err := w.Write(make([]byte, size)) // all has been read but what is in buffers
		require.NoError(s.t, err)
	}
	require.NoError(s.t, s.cmd.Process.Kill())
	for i := range bodies {
		_ = bodies[i].CloseWithError(io.ErrClosedPipe) // the client sends on until it has a reason to look
		require.Error(s.t, <-ends, "no answer came")
	}
	s.wait()
}

// A wrong address, bucket or key is told at once, in words, without the secret.
func TestMinIOThatCannotBe(t *testing.T) {
	s3 := s3test.Start(t, s3test.MinIO)
	bucket := s3.Bucket(t)
	const nobody = "127.0.0.1:1"
	for address, text := range map[string]string{
		"minio://KEY:topsecret@" + nobody + "/bucket?secure=false":                            "connection refused",
		"minio://KEY:topsecret@" + s3.Addr + "/" + bucket + "?secure=false":                   "InvalidAccessKeyId",
		"minio://" + s3.Key + ":topsecret@" + s3.Addr + "/" + bucket + "?secure=false":        "SignatureDoesNotMatch",
		"minio://" + s3.Key + ":" + s3.Secret + "@" + s3.Addr + "/no-bucket?secure=false":     "create=true in the address",
		"minio://" + s3.Key + ":" + s3.Secret + "@" + s3.Addr + "/" + bucket:                  "HTTP response to HTTPS",
		"minio://" + s3.Addr + "/" + bucket + "?secure=false":                                 "no credentials",
		"minio://KEY:topsecret@" + s3.Addr + "/" + bucket + "?secure=false&no-such-parameter": "unknown parameter",
		"minio:files": "minio://KEY:SECRET@host:port/bucket",
	} {
		p := newProgram(t, "HOLDALL_JWT_SECRET="+testSecret, "HOLDALL_BLOBS="+address, "AWS_ACCESS_KEY_ID=", "AWS_ACCESS_KEY=", "MINIO_ROOT_USER=", "MINIO_ACCESS_KEY=")
		for _, command := range []string{"serve --catalog memory:", "verify --catalog memory:"} {
			r := p.run("", strings.Fields(command)...)
			require.Equal(t, 1, r.code, "%s: %s", address, r.errors)
			require.Contains(t, r.errors, text)
			require.NotContains(t, r.errors, "topsecret")
			require.NotContains(t, r.errors, s3.Secret)
		}
	}
	r := newProgram(t, "HOLDALL_JWT_SECRET="+testSecret).run("", "serve", "--catalog", s3.URL(bucket, ""))
	require.Equal(t, 2, r.code)
	require.Contains(t, r.errors, "cannot keep that")
}
