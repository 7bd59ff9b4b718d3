package minio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync/atomic"
	"time"

	miniogo "github.com/minio/minio-go/v7"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/body"
)

// parts is an upload in parts on its way. One part at a time is being sent.
type parts struct {
	b         *Backend
	key       string
	id        string
	repeated  bool // the request that began it was sent more than once
	n         int64
	crc       uint32 // of all n bytes
	crcs      []byte // of the parts
	done      []miniogo.CompletePart
	underway  chan error // the outcome of the part that is being sent; nil: there is none
	cancelAll context.CancelFunc
}

// putParts stores first, next and the rest of r. It holds first and, if one
// is free, a second buffer: then one part is sent while the other is filled.
func (b *Backend) putParts(ctx context.Context, key string, r io.Reader, first []byte, next byte, size int64) (int64, error) {
	p, err := b.begin(ctx, key)
	if err != nil {
		return 0, err
	}
	sending, cancel := context.WithCancel(ctx)
	p.cancelAll = cancel
	defer cancel()
	second := b.buffers.try()
	defer b.buffers.free(second)
	buf, other := first, first
	if second != nil {
		other = *second
	}
	if err := p.fillAndSend(sending, r, buf, other, next, size); err != nil {
		return 0, p.abort(ctx, err)
	}
	if err := body.Size(p.n, size); err != nil {
		return 0, p.abort(ctx, err)
	}
	if err := p.complete(ctx); err != nil {
		return 0, p.abort(ctx, err)
	}
	if p.repeated {
		_ = b.abortAll(ctx, key) // what was begun by an attempt whose answer was lost
	}
	return p.n, nil
}

// fillAndSend sends buf, which is full, then next and the rest of r, and
// waits for the last part. No part is under way on return.
func (p *parts) fillAndSend(ctx context.Context, r io.Reader, buf, other []byte, next byte, size int64) (err error) {
	defer func() {
		if err != nil {
			p.cancelAll()
			_ = p.wait()
		}
	}()
	have, end := len(buf), false
	for carry := []byte{next}; have > 0; carry = nil {
		if err := p.start(ctx, buf[:have]); err != nil {
			return err
		}
		if end {
			break
		}
		if same := &buf[0] == &other[0]; same {
			if err := p.wait(); err != nil {
				return err
			}
		}
		buf, other = other, buf
		have = copy(buf, carry)
		m, err := body.Fill(ctx, r, buf[have:])
		if err != nil && err != io.EOF {
			return err
		}
		have, end = have+m, err == io.EOF
		if total := p.n + int64(have); size >= 0 && total > size {
			return body.Size(total, size)
		}
	}
	return p.wait()
}

// start sends a part, once the one before has arrived. data belongs to it
// until wait returns.
func (p *parts) start(ctx context.Context, data []byte) error {
	if err := p.wait(); err != nil {
		return err
	}
	number := len(p.done) + 1
	if number > maxParts {
		return p.b.tooLarge()
	}
	crc := sumCRC(0, data)
	p.crc = sumCRC(p.crc, data)
	p.crcs = appendCRC(p.crcs, crc)
	p.n += int64(len(data))
	p.done = append(p.done, miniogo.CompletePart{PartNumber: number, ChecksumCRC32C: encodeCRC(crc)})
	p.underway = make(chan error, 1)
	go func() { p.underway <- p.send(ctx, number, data, encodeCRC(crc)) }()
	return nil
}

// wait returns the outcome of the part that is under way.
func (p *parts) wait() error {
	if p.underway == nil {
		return nil
	}
	err := <-p.underway
	p.underway = nil
	return err
}

// send sends one part. A repeated part replaces the one before.
func (p *parts) send(ctx context.Context, number int, data []byte, crc string) error {
	return p.b.send(ctx, data, func(ctx context.Context, body io.Reader) error {
		part, err := p.b.core.PutObjectPart(ctx, p.b.bucket, p.b.name(p.key), p.id, number, body, int64(len(data)), miniogo.PutObjectPartOptions{
			DisableContentSha256: true, // the CRC is what the server verifies
			CustomHeader:         http.Header{miniogo.ChecksumCRC32C.Key(): {crc}},
		})
		p.done[number-1].ETag = part.ETag
		return err
	})
}

// begin asks the store for an upload in parts.
func (b *Backend) begin(ctx context.Context, key string) (*parts, error) {
	p := &parts{b: b, key: key}
	var sent atomic.Int32
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { sent.Add(1) },
	})
	err := b.do(traced, func(ctx context.Context) (err error) {
		p.id, err = b.core.NewMultipartUpload(ctx, b.bucket, b.name(key), miniogo.PutObjectOptions{UserMetadata: map[string]string{
			"X-Amz-Checksum-Algorithm": miniogo.ChecksumCRC32C.String(),
			"X-Amz-Checksum-Type":      miniogo.ChecksumFullObjectMode.String(),
		}})
		return err
	})
	p.repeated = sent.Load() > 1
	if err != nil && sent.Load() > 0 {
		detached, cancel := detach(ctx)
		defer cancel()
		_ = b.abortAll(detached, key) // it may have begun all the same
	}
	return p, err
}

// complete makes the parts one object. The answer may be lost, and then the
// client has asked again: that the upload is no more, or that the key is
// taken, is what its own success looks like.
func (p *parts) complete(ctx context.Context) error {
	sum := encodeCRC(p.crc)
	opts := miniogo.PutObjectOptions{UserMetadata: map[string]string{
		miniogo.ChecksumCRC32C.Key(): sum,
		"X-Amz-Checksum-Type":        miniogo.ChecksumFullObjectMode.String(),
	}}
	opts.SetMatchETagExcept("*")
	err := within(ctx, p.b.limit(p.n, slowestComplete), func(ctx context.Context) error {
		_, err := p.b.core.CompleteMultipartUpload(ctx, p.b.bucket, p.b.name(p.key), p.id, p.done, opts)
		return err
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	gone := response(err).Code == miniogo.NoSuchUpload
	if !gone && !errors.Is(err, holdall.ErrExists) && !errors.Is(err, holdall.ErrUnavailable) {
		return err
	}
	composite := encodeCRC(sumCRC(0, p.crcs)) + "-" + strconv.Itoa(len(p.done))
	found := p.b.do(ctx, func(ctx context.Context) error { return p.b.confirm(ctx, p.key, p.n, sum, composite) })
	switch {
	case !errors.Is(found, errNothingThere):
		return found
	case gone: // somebody has aborted it: upkeep, or a lifecycle rule of the bucket
		return fmt.Errorf("%w: the upload in parts is gone: %w", holdall.ErrUnavailable, err)
	}
	return err
}

// abort throws the parts away and returns why. It does so after the caller
// has gone, too.
func (p *parts) abort(ctx context.Context, why error) error {
	ctx, cancel := detach(ctx)
	defer cancel()
	if p.repeated {
		_ = p.b.abortAll(ctx, p.key)
	} else {
		_ = p.b.core.AbortMultipartUpload(ctx, p.b.bucket, p.b.name(p.key), p.id)
	}
	return why // what could not be aborted goes with DeleteBlob
}

// detach outlives the caller's context for a moment.
func detach(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
}
