package local

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"sync"
	"time"

	"github.com/holdall-go/holdall/internal/body"
	"github.com/holdall-go/holdall/internal/kv"
)

// maxSmall is the size in bytes up to which a blob lives in the database: its
// commit costs less than a file's sync and names there, and more above that.
const maxSmall = 64 << 10

// buffers are what bodies are read into, one for each upload under way.
var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// incoming is a blob whose bytes are in, but whose row is not.
type incoming struct {
	key   string
	size  int64
	small []byte   // the row of a small blob
	file  *os.File // in tmp
	sum   uint32   // CRC-32C of the file, while that is worth its time
	safe  bool     // the file is durable
}

// receive reads r to its end: into memory when it is small, else into a file.
func (b *blobs) receive(ctx context.Context, key string, r io.Reader, size int64) (*incoming, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	in := &incoming{key: key}
	if size > maxSmall {
		if err := b.begin(in); err != nil {
			return nil, err
		}
	}
	if err := b.fill(ctx, in, r, size); err != nil {
		b.files.drop(in)
		return nil, err
	}
	return in, nil
}

// begin creates the file. One in tmp that has a row is whole, so there must be
// no row yet.
func (b *blobs) begin(in *incoming) error {
	f := b.files
	if err := f.reserve(in.key); err != nil {
		return err
	}
	err := b.db.View(func(tx kv.Tx) error { return absent(tx, in.key) })
	if err == nil {
		if in.file, err = f.root.OpenFile(tmpPath(in.key), os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600); err != nil {
			err = unavailable(err)
		}
	}
	if err != nil {
		f.release(in.key)
		return err
	}
	f.at("created", in.key)
	return nil
}

func (b *blobs) fill(ctx context.Context, in *incoming, r io.Reader, size int64) error {
	buf := buffers.Get().(*[256 << 10]byte)
	defer buffers.Put(buf)
	for {
		n, err := body.Fill(ctx, r, buf[:])
		in.size += int64(n)
		ended := err == io.EOF
		if err != nil && !ended {
			return err
		}
		if ended || size >= 0 && in.size > size {
			if err := body.Size(in.size, size); err != nil {
				return err
			}
		}
		if ended && in.file == nil && n <= maxSmall {
			in.small = smallRow(buf[:n])
			return nil
		}
		if in.file == nil {
			if err := b.begin(in); err != nil {
				return err
			}
		}
		if err := in.write(buf[:n]); err != nil || ended {
			return err
		}
	}
}

func (in *incoming) write(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if _, err := in.file.Write(p); err != nil {
		return unavailable(err)
	}
	if in.size <= maxAlongside {
		in.sum = crc32.Update(in.sum, castagnoli, p)
	}
	startWriteback(in.file, in.size-int64(len(p)), int64(len(p)))
	return nil
}

// persist makes the bytes and the name of the file durable, and closes it.
// The two syncs at once cost little more than one: a journaling file system
// commits its journal once for both.
func (f *files) persist(in *incoming) error {
	if in.file == nil || in.safe {
		return nil
	}
	f.at("written", in.key)
	names := make(chan error, 1)
	go func() { names <- f.syncTmp() }()
	err := errors.Join(f.syncFile(in), <-names, in.file.Close())
	if err != nil {
		return unavailable(err)
	}
	in.safe = true
	return nil
}

func (f *files) syncFile(in *incoming) error {
	err := in.file.Sync()
	f.at("synced", in.key)
	return err
}

// drop forgets a blob whose row is certainly not committed.
func (f *files) drop(in *incoming) {
	if in.file == nil {
		return
	}
	_ = in.file.Close() // persist may have done so
	f.release(in.key)
	_ = f.discard(in.key) // else recover does
}

// A small blob's row is the time when it was stored and its bytes, a file's
// the time and the size.

func smallRow(p []byte) []byte {
	row := make([]byte, 8+len(p))
	binary.BigEndian.PutUint64(row, uint64(time.Now().UnixMicro()))
	copy(row[8:], p)
	return row
}

func fileRow(size int64) []byte {
	row := binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixMicro()))
	return binary.BigEndian.AppendUint64(row, uint64(size))
}

func rowTime(row []byte) time.Time {
	return time.UnixMicro(int64(binary.BigEndian.Uint64(row))).UTC()
}

func rowSize(row []byte) int64 { return int64(binary.BigEndian.Uint64(row[8:])) }
