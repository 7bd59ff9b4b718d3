package postgres

import (
	"encoding/binary"
	"io"
)

// chunkRows is a window as COPY takes it (PostgreSQL documentation, COPY,
// binary format).
type chunkRows struct {
	blob  int64
	seq   int
	data  []byte // that is left
	chunk int
	out   []byte // that is ready to be read
	head  [64]byte
	state int
}

const (
	copySignature = "PGCOPY\n\xff\r\n\x00" // then flags and the length of an extension, both 0
	copyEnd       = "\xff\xff"
)

// Read implements io.Reader.
func (c *chunkRows) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(c.out) == 0 && !c.next() {
			if n == 0 {
				return 0, io.EOF
			}
			break
		}
		m := copy(p[n:], c.out)
		n, c.out = n+m, c.out[m:]
	}
	return n, nil
}

// next readies what comes next: the signature, then for each row its head and
// its data, then the end.
func (c *chunkRows) next() bool {
	n := min(c.chunk, len(c.data))
	switch {
	case c.state == 0:
		c.out = append(append(c.head[:0], copySignature...), 0, 0, 0, 0, 0, 0, 0, 0)
		c.state = 1
	case c.state == 1 && n > 0:
		h := binary.BigEndian.AppendUint16(c.head[:0], 3) // fields
		h = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(h, 8), uint64(c.blob))
		h = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(h, 4), uint32(c.seq))
		c.out = binary.BigEndian.AppendUint32(h, uint32(n))
		c.state = 2
	case c.state == 1:
		c.out = append(c.head[:0], copyEnd...)
		c.state = 3
	case c.state == 2:
		c.out, c.data = c.data[:n], c.data[n:]
		c.seq++
		c.state = 1
	default:
		return false
	}
	return true
}
