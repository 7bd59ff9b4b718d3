package minio

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/s3test"
)

// answered is an answer with that status and body.
func answered(status int, body string) (*http.Response, error, bool) {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}, nil, true
}

// A store begins its answer to a copy, and to the end of an upload in parts,
// with status 200 before it knows how that will go.
func TestErrorBehindStatus200(t *testing.T) {
	const failure = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>`
	s := s3test.Shared(t, s3test.MinIO)
	b, direct, l := faultyBackend(t, s, nil)
	_, err := direct.PutBlob(t.Context(), "aa/x", strings.NewReader("x"), -1)
	require.NoError(t, err)
	for _, step := range []string{"put", "part", "complete"} {
		l.fault = func(req *http.Request, _ int) (*http.Response, error, bool) {
			if kind(req) == step {
				return answered(http.StatusOK, failure)
			}
			return nil, nil, false
		}
		switch step {
		case "put":
			err = b.CopyBlob(t.Context(), "aa/y", "aa/x")
		case "part":
			err = b.copyParts(t.Context(), "aa/y", "aa/x", 1)
		case "complete":
			_, err = b.PutBlob(t.Context(), "aa/y", bytes.NewReader(random(usualPart+1)), -1)
		}
		require.ErrorIs(t, err, holdall.ErrUnavailable, step)
		_, err = direct.OpenBlob(t.Context(), "aa/y", 0, -1)
		require.ErrorIs(t, err, holdall.ErrNotFound)
		requireNothingOpen(t, direct, "aa/y")
	}
}

// A copy of more than one request is the same bytes.
func TestCopyInParts(t *testing.T) {
	onEach(t, func(t *testing.T, s *s3test.Server) {
		b := backend(t, s, nil)
		data := random(usualPart + 1000)
		_, err := b.PutBlob(t.Context(), "aa/x", bytes.NewReader(data), -1)
		require.NoError(t, err)
		require.NoError(t, b.copyParts(t.Context(), "aa/y", "aa/x", int64(len(data))))
		requireBlob(t, b, "aa/y", data)
		require.Error(t, b.copyParts(t.Context(), "aa/z", "aa/none", int64(len(data))))
		requireNothingOpen(t, b, "aa/z")
	})
}
