package minio

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall/internal/s3test"
)

// A store that hangs once, in the middle of the bytes or after the last one,
// is asked again over another connection.
func TestHangsOnce(t *testing.T) {
	s := s3test.Shared(t, s3test.MinIO)
	for what, take := range map[string]func(body io.Reader){
		"at the first byte":  func(io.Reader) {},
		"in the middle":      func(body io.Reader) { _, _ = io.CopyN(io.Discard, body, 100) },
		"after the last one": func(body io.Reader) { _, _ = io.Copy(io.Discard, body) },
	} {
		for name, size := range bodies {
			t.Run(what+"/"+name, func(t *testing.T) {
				t.Parallel() // it waits, mostly
				b, direct, l := faultyBackend(t, s, nil)
				b.stall, b.timeout = 300*time.Millisecond, 5*time.Second
				if size < slowest {
					b.timeout = time.Hour // which is the deadline of all attempts here
				}
				if size < slowest && what == "after the last one" {
					t.Skip("it may take as long as all attempts together")
				}
				l.fault = func(req *http.Request, try int) (*http.Response, error, bool) {
					if k := kind(req); k != "put" && k != "part" || try > 1 {
						return nil, nil, false
					}
					take(req.Body)
					<-req.Context().Done()
					return nil, req.Context().Err(), true
				}
				data := random(size)
				_, err := b.PutBlob(t.Context(), "aa/x", bytes.NewReader(data), -1)
				require.NoError(t, err)
				requireBlob(t, direct, "aa/x", data)
			})
		}
	}
}
