// Package body reads the bytes of an upload up to their proven end.
package body

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/holdall-go/holdall"
)

// maxEmpty is how many reads in a row may return nothing.
const maxEmpty = 100

var errCount = errors.New("a reader returned an impossible count")

// Fill reads into buf until it is full, and then returns nil. It returns
// io.EOF when r ended before that, in io.EOF and nothing else, and any other
// error of r or of ctx as it is. n is the number of bytes in buf in each case.
func Fill(ctx context.Context, r io.Reader, buf []byte) (n int, err error) {
	for empty := 0; n < len(buf); {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		p := buf[n:]
		m, err := r.Read(p)
		if m < 0 || m > len(p) {
			return n, errCount
		}
		n += m
		if err != nil {
			return n, err
		}
		if empty++; m > 0 {
			empty = 0
		}
		if empty == maxEmpty {
			return n, io.ErrNoProgress
		}
	}
	return n, nil
}

// End returns nil when r has nothing left but io.EOF.
func End(ctx context.Context, r io.Reader) error {
	var one [1]byte
	switch _, err := Fill(ctx, r, one[:]); err {
	case nil:
		return fmt.Errorf("%w: the body is longer than announced", holdall.ErrInvalid)
	case io.EOF:
		return nil
	default:
		return err
	}
}

// Size checks the number of bytes that came against the announced one, which
// is negative when there is none.
func Size(n, want int64) error {
	if want >= 0 && n != want {
		return fmt.Errorf("%w: the body has %d bytes, %d were announced", holdall.ErrInvalid, n, want)
	}
	return nil
}

// Range cuts the n bytes from off, or all from there when n is negative, to
// what a blob of that size has.
func Range(off, n, size int64) (int64, error) {
	if off < 0 || off > size {
		return 0, fmt.Errorf("%w: offset %d of %d bytes", holdall.ErrInvalid, off, size)
	}
	if n < 0 || n > size-off {
		n = size - off
	}
	return n, nil
}
