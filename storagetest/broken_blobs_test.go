package storagetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/holdall-go/holdall"
)

// badBlobs is a store of blobs with a bug.
type badBlobs struct {
	*blobModel
	put  func(m *blobModel, ctx context.Context, key string, r io.Reader, size int64) (int64, error)
	open func(m *blobModel, ctx context.Context, key string, off, n int64) (io.ReadCloser, error)
	list func(m *blobModel, all []holdall.BlobInfo, after string, limit int) []holdall.BlobInfo
	del  func(m *blobModel, key string) error
}

func (b badBlobs) PutBlob(ctx context.Context, key string, r io.Reader, size int64) (int64, error) {
	if b.put != nil {
		return b.put(b.blobModel, ctx, key, r, size)
	}
	return b.blobModel.PutBlob(ctx, key, r, size)
}

func (b badBlobs) OpenBlob(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if b.open != nil {
		return b.open(b.blobModel, ctx, key, off, n)
	}
	return b.blobModel.OpenBlob(ctx, key, off, n)
}

func (b badBlobs) ListBlobs(ctx context.Context, after string, limit int) ([]holdall.BlobInfo, error) {
	if b.list == nil {
		return b.blobModel.ListBlobs(ctx, after, limit)
	}
	all, err := b.blobModel.ListBlobs(ctx, "", 1<<30)
	return b.list(b.blobModel, all, after, limit), err
}

func (b badBlobs) DeleteBlob(ctx context.Context, key string) error {
	if b.del != nil {
		return b.del(b.blobModel, key)
	}
	return b.blobModel.DeleteBlob(ctx, key)
}

// slurp stores what read makes of a reader.
func slurp(read func(r io.Reader, size int64) ([]byte, error)) badBlobs {
	return badBlobs{put: func(m *blobModel, ctx context.Context, key string, r io.Reader, size int64) (int64, error) {
		data, err := read(r, size)
		if err != nil {
			return 0, err
		}
		return m.PutBlob(ctx, key, bytes.NewReader(data), -1)
	}}
}

func TestCatchesBrokenBlobs(t *testing.T) {
	takesMinutes(t)
	for _, tc := range []struct {
		bug, group string
		b          badBlobs
	}{
		{"short is fine", "put/another", slurp(func(r io.Reader, size int64) ([]byte, error) {
			data, err := io.ReadAll(r)
			if size >= 0 && int64(len(data)) > size {
				return nil, holdall.ErrInvalid
			}
			return data, err
		})},
		{"long is cut", "put/another", slurp(func(r io.Reader, size int64) ([]byte, error) {
			if size < 0 {
				return io.ReadAll(r)
			}
			data := make([]byte, size)
			_, err := io.ReadFull(r, data)
			return data, err
		})},
		{"unexpected EOF is an end", "reader/fails", slurp(func(r io.Reader, size int64) ([]byte, error) {
			data, err := io.ReadAll(r)
			if err == io.ErrUnexpectedEOF {
				err = nil
			}
			return data, err
		})},
		{"any EOF is an end", "reader/fails", slurp(func(r io.Reader, size int64) ([]byte, error) {
			data, err := io.ReadAll(r)
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return data, err
		})},
		{"an error after all bytes is missed", "reader/fails", slurp(func(r io.Reader, size int64) ([]byte, error) {
			if size < 0 {
				return io.ReadAll(r)
			}
			data := make([]byte, size)
			if _, err := io.ReadFull(r, data); err != nil {
				return nil, err
			}
			more, _ := io.ReadAll(r)
			return append(data, more...), nil
		})},
		{"no bytes are an end", "reader/kinds", slurp(func(r io.Reader, size int64) ([]byte, error) {
			var data []byte
			buf := make([]byte, 4096)
			for {
				n, err := r.Read(buf)
				data = append(data, buf[:n]...)
				if n == 0 {
					if err == io.EOF {
						err = nil
					}
					return data, err
				}
			}
		})},
		{"bytes along with EOF are lost", "reader/kinds", slurp(func(r io.Reader, size int64) ([]byte, error) {
			var data []byte
			buf := make([]byte, 4096)
			for {
				n, err := r.Read(buf)
				if err == io.EOF {
					return data, nil
				}
				if err != nil {
					return nil, err
				}
				data = append(data, buf[:n]...)
			}
		})},
		{"a broken put leaves its bytes", "reader/fails", badBlobs{put: func(m *blobModel, ctx context.Context, key string, r io.Reader, size int64) (int64, error) {
			data, err := io.ReadAll(r)
			if err == nil && size >= 0 && int64(len(data)) != size {
				err = holdall.ErrInvalid
			}
			m.mu.Lock()
			m.blobs[key] = data
			m.mu.Unlock()
			return int64(len(data)), err
		}}},
		{"a second put is appended", "put/twice", badBlobs{put: func(m *blobModel, ctx context.Context, key string, r io.Reader, size int64) (int64, error) {
			data, err := io.ReadAll(r)
			m.mu.Lock()
			defer m.mu.Unlock()
			m.blobs[key] = append(m.blobs[key], data...)
			return int64(len(data)), err
		}}},
		{"n 0 is all", "read/ranges", badBlobs{open: func(m *blobModel, ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
			if n == 0 {
				n = -1
			}
			return m.OpenBlob(ctx, key, off, n)
		}}},
		{"one byte too many", "read/ranges", badBlobs{open: func(m *blobModel, ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
			if n > 0 {
				n++
			}
			return m.OpenBlob(ctx, key, off, n)
		}}},
		{"past the end is empty", "read/beyond", badBlobs{open: func(m *blobModel, ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
			r, err := m.OpenBlob(ctx, key, off, n)
			if errors.Is(err, holdall.ErrInvalid) && off > 0 {
				return blobReader{bytes.NewReader(nil)}, nil
			}
			return r, err
		}}},
		{"a short end under cancellation", "read/context", badBlobs{open: func(m *blobModel, ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
			r, err := m.OpenBlob(ctx, key, off, n)
			if err != nil {
				return nil, err
			}
			return io.NopCloser(readerFunc(func(p []byte) (int, error) {
				if ctx.Err() != nil {
					return 0, io.EOF
				}
				return r.Read(p)
			})), nil
		}}},
		{"keys ignore case", "put/keys", badBlobs{
			put: func(m *blobModel, ctx context.Context, key string, r io.Reader, size int64) (int64, error) {
				return m.PutBlob(ctx, strings.ToLower(key), r, size)
			},
			open: func(m *blobModel, ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
				return m.OpenBlob(ctx, strings.ToLower(key), off, n)
			},
		}},
		{"deleting the absent fails", "delete/", badBlobs{del: func(m *blobModel, key string) error {
			if _, ok := m.blobs[key]; !ok {
				return holdall.ErrNotFound
			}
			delete(m.blobs, key)
			return nil
		}}},
		{"deleting a prefix", "put/keys", badBlobs{del: func(m *blobModel, key string) error {
			for k := range m.blobs {
				if strings.HasPrefix(k, key) {
					delete(m.blobs, k)
				}
			}
			return nil
		}}},
		{"list includes after", "list/pages", badBlobs{list: func(m *blobModel, all []holdall.BlobInfo, after string, limit int) []holdall.BlobInfo {
			all = slices.DeleteFunc(all, func(i holdall.BlobInfo) bool { return i.Key < after })
			return all[:min(limit, len(all))]
		}}},
		{"list without empty ones", "list/", badBlobs{list: func(m *blobModel, all []holdall.BlobInfo, after string, limit int) []holdall.BlobInfo {
			all = slices.DeleteFunc(all, func(i holdall.BlobInfo) bool { return i.Key <= after || i.Size == 0 })
			return all[:min(limit, len(all))]
		}}},
	} {
		t.Run(tc.bug, func(t *testing.T) {
			mustCatchBlobs(t, tc.group, func() holdall.Blobs {
				b := tc.b
				b.blobModel = newBlobModel()
				return b
			})
		})
	}
}
