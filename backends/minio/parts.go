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

// parts is an upload in parts on its way.
type parts struct {
	b        *Backend
	key      string
	id       string
	repeated bool // the request that began it was sent more than once
	cut      bool // a part broke off, and may still be on its way into the store
	n        int64
	crc      uint32 // of all n bytes
	crcs     []byte // of the parts
	done     []miniogo.CompletePart
	ring     []*slot
}

// slot is a buffer and what is being done with it.
type slot struct {
	buf      []byte
	underway chan sentPart // nil: nothing
}

type sentPart struct {
	number int
	etag   string
	err    error
}

// putParts stores first, next and the rest of r. It holds first and, if one
// is free, a second buffer: then one can be filled while the other is sent,
// and both be on their way when the store is slower than r.
func (b *Backend) putParts(ctx context.Context, key string, r io.Reader, first []byte, next byte, size int64) (int64, error) {
	p, err := b.begin(ctx, key)
	if err != nil {
		return 0, err
	}
	p.ring = []*slot{{buf: first}}
	second := b.buffers.try()
	defer b.buffers.free(second)
	if second != nil {
		p.ring = append(p.ring, &slot{buf: *second})
	}
	if err := p.sendAll(ctx, r, next, size); err != nil {
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

// sendAll sends the first buffer, which is full, then next and the rest of r.
// No part is under way on return.
func (p *parts) sendAll(ctx context.Context, r io.Reader, next byte, size int64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := p.fillAndSend(ctx, r, next, size)
	if err != nil {
		cancel()
	}
	for _, s := range p.ring {
		if e := p.wait(s); err == nil && e != nil {
			err = e
			cancel()
		}
	}
	return err
}

func (p *parts) fillAndSend(ctx context.Context, r io.Reader, next byte, size int64) error {
	if err := p.start(ctx, p.ring[0], len(p.ring[0].buf)); err != nil {
		return err
	}
	carry := []byte{next}
	for turn := 1; ; turn++ {
		s := p.ring[turn%len(p.ring)]
		if err := p.wait(s); err != nil {
			return err
		}
		have := copy(s.buf, carry)
		carry = nil
		m, err := body.Fill(ctx, r, s.buf[have:])
		if err != nil && err != io.EOF {
			return err
		}
		have += m
		if total := p.n + int64(have); size >= 0 && total > size {
			return body.Size(total, size)
		}
		if have > 0 {
			if err := p.start(ctx, s, have); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// start sends the first n bytes of a slot as the next part. The slot belongs to
// it until wait returns.
func (p *parts) start(ctx context.Context, s *slot, n int) error {
	number := len(p.done) + 1
	if number > maxParts {
		return p.b.tooLarge()
	}
	data := s.buf[:n]
	crc := sumCRC(0, data)
	p.crc = sumCRC(p.crc, data)
	p.crcs = appendCRC(p.crcs, crc)
	p.n += int64(n)
	p.done = append(p.done, miniogo.CompletePart{PartNumber: number, ChecksumCRC32C: encodeCRC(crc)})
	underway := make(chan sentPart, 1)
	s.underway = underway
	go func() { underway <- p.send(ctx, number, data, encodeCRC(crc)) }()
	return nil
}

// wait waits for the part of a slot that is under way, and notes it.
func (p *parts) wait(s *slot) error {
	if s.underway == nil {
		return nil
	}
	sent := <-s.underway
	s.underway = nil
	p.cut = p.cut || sent.err != nil
	p.done[sent.number-1].ETag = sent.etag
	return sent.err
}

// send sends one part. A repeated part replaces the one before.
func (p *parts) send(ctx context.Context, number int, data []byte, crc string) sentPart {
	sent := sentPart{number: number}
	sent.err = p.b.send(ctx, data, func(ctx context.Context, body io.Reader) error {
		part, err := p.b.core.PutObjectPart(ctx, p.b.bucket, p.b.name(p.key), p.id, number, body, int64(len(data)), miniogo.PutObjectPartOptions{
			DisableContentSha256: true, // the CRC is what the server verifies
			CustomHeader:         http.Header{miniogo.ChecksumCRC32C.Key(): {crc}},
		})
		sent.etag = part.ETag
		return err
	})
	return sent
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
		detached, cancel := b.detach(ctx)
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
// has gone, too. What could not be aborted goes with DeleteBlob.
func (p *parts) abort(ctx context.Context, why error) error {
	ctx, cancel := p.b.detach(ctx)
	defer cancel()
	if p.repeated {
		_ = p.b.abortAll(ctx, p.key)
	}
	// A part that arrives during an abort may outlive it, so that S3 has it
	// repeated until the upload is gone ("AbortMultipartUpload").
	for try := 1; ; try++ {
		err := p.b.core.AbortMultipartUpload(ctx, p.b.bucket, p.b.name(p.key), p.id)
		if !p.cut || try == attempts || response(err).Code == miniogo.NoSuchUpload {
			return why
		}
		select {
		case <-ctx.Done():
			return why
		case <-time.After(backoff(try)):
		}
	}
}

// detach outlives the caller's context for a moment.
func (b *Backend) detach(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), b.cleanup)
}
