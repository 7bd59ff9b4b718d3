package storagetest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/holdall-go/holdall"
)

// linked makes any store of blobs a Presigner whose links are keys.
type linked struct{ holdall.Blobs }

func (l linked) Unwrap() any { return l.Blobs }

func (l linked) PresignGet(_ context.Context, key string, _ holdall.PresignedDownload) (string, error) {
	return key, nil
}

func (l linked) PresignPut(_ context.Context, key string, u holdall.PresignedUpload) (holdall.PresignedRequest, error) {
	if u.Checksum == "" {
		return holdall.PresignedRequest{Method: http.MethodPost, URL: key}, nil
	}
	return holdall.PresignedRequest{Method: http.MethodPut, URL: key}, nil
}

func (l linked) StatBlob(ctx context.Context, key string) (int64, string, error) {
	r, err := l.OpenBlob(ctx, key, 0, -1)
	if err != nil {
		return 0, "", err
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	return n, "", err
}

// direct is ann as a store with links sees her.
func (s *storeRun) direct() *holdall.Workspace {
	s.Helper()
	b := s.faulty.Backends()
	b.Blobs = linked{b.Blobs}
	return s.over(b).As(s.principal(s.tenant, "ann", ""))
}

// sent asks for a link to put data at a path, and follows it.
func (s *storeRun) sent(path string, data []byte, opts *holdall.PutOptions) holdall.UploadLink {
	s.Helper()
	link, err := s.direct().Bucket("b").Object(path).PresignPut(s.ctx, time.Minute, opts)
	if err != nil {
		s.Fatalf("PresignPut: %v", err)
	}
	if _, err := s.faulty.Backends().Blobs.PutBlob(s.ctx, link.URL, bytes.NewReader(data), int64(len(data))); err != nil {
		s.Fatalf("following a link: %v", err)
	}
	return link
}

// directScenarios complete an upload by a link.
var directScenarios = []scenario{
	directScenario("complete a put", func(data []byte) *holdall.PutOptions {
		return &holdall.PutOptions{Size: int64(len(data)), Checksum: checksum(data)}
	}),
	directScenario("complete a form", func([]byte) *holdall.PutOptions { return nil }),
}

func directScenario(name string, opts func(data []byte) *holdall.PutOptions) scenario {
	var id string
	return scenario{name: name, setup: func(s *storeRun, body func(int) []byte) {
		withBucket("other")(s, body)
		id = s.sent("new", body(1), opts(body(1))).ID
	}, run: func(s *storeRun, _ func(int) []byte) error {
		_, err := s.direct().ObjectID(id).CompletePut(s.ctx)
		return err
	}}
}
