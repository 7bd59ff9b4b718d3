package local

import (
	"bytes"
	"context"
	"io"
	"os"
)

// fileReader reads the next bytes of a file.
type fileReader struct {
	ctx  context.Context
	f    *os.File
	left int64
}

func (r *fileReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.f.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // the file is shorter than its row says
	}
	return n, err
}

// WriteTo implements io.WriterTo.
func (r *fileReader) WriteTo(w io.Writer) (int64, error) {
	n, err := copyFile(r.ctx, w, r.f, r.left)
	r.left -= n
	return n, err
}

func (r *fileReader) Close() error { return r.f.Close() }

// smallReader reads bytes in memory.
type smallReader struct {
	ctx context.Context
	r   *bytes.Reader
}

func newSmallReader(ctx context.Context, p []byte) io.ReadCloser {
	return &smallReader{ctx, bytes.NewReader(p)}
}

func (r *smallReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

func (r *smallReader) WriteTo(w io.Writer) (int64, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.WriteTo(w)
}

func (r *smallReader) Close() error { return nil }
