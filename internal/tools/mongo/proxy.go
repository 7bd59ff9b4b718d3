package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
)

// The wire protocol: a header of four 32-bit numbers (length, request, the
// request answered, operation), then, in OP_MSG, flags and sections.
const (
	headerSize = 16
	maxMessage = 48 << 20
	opMsg      = 2013
	moreToCome = 1 << 1 // the sender wants no reply
)

// proxy passes one message and its reply at a time, over all connections.
type proxy struct {
	mu sync.Mutex
}

func (p *proxy) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go p.connection(c)
	}
}

func (p *proxy) connection(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	for {
		request, err := readMessage(client)
		if err != nil {
			return
		}
		reply, err := p.exchange(server, understood(request))
		if err != nil {
			return
		}
		if wantsNoReply(request) {
			continue
		}
		if _, err := client.Write(reply); err != nil {
			return
		}
	}
}

func (p *proxy) exchange(server net.Conn, request []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := server.Write(request); err != nil {
		return nil, err
	}
	reply, err := readMessage(server)
	return duplicate(reply), err
}

// duplicate gives the error of an update that meets a unique index the code
// that MongoDB gives it, 11000: FerretDB takes it for an internal error, 1.
func duplicate(reply []byte) []byte {
	if bytes.Contains(reply, []byte("UNIQUE constraint failed")) {
		internal, known := []byte("\x10code\x00\x01\x00\x00\x00"), []byte("\x10code\x00\xf8\x2a\x00\x00")
		return bytes.Replace(reply, internal, known, 1)
	}
	return reply
}

func readMessage(r io.Reader) ([]byte, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(header[:])
	if n < headerSize || n > maxMessage {
		return nil, fmt.Errorf("a message of %d bytes", n)
	}
	message := make([]byte, n)
	copy(message, header[:])
	_, err := io.ReadFull(r, message[headerSize:])
	return message, err
}

func wantsNoReply(m []byte) bool {
	return len(m) >= headerSize+4 && binary.LittleEndian.Uint32(m[12:]) == opMsg &&
		binary.LittleEndian.Uint32(m[headerSize:])&moreToCome != 0
}

// unknown are members of commands that FerretDB refuses. It may do without
// them: it then returns whole documents, and takes as long as it takes.
var unknown = map[string]string{"findAndModify": "fields", "distinct": "maxTimeMS"}

// understood returns the message without the member that FerretDB refuses.
func understood(m []byte) []byte {
	const at = headerSize + 4 + 1 // flags and the kind of the first section
	if len(m) < at+4 || binary.LittleEndian.Uint32(m[12:]) != opMsg {
		return m
	}
	member := ""
	for i := at + 4; i < len(m); {
		kind := m[i]
		name, value, ok := bytes.Cut(m[i+1:], []byte{0})
		size := valueSize(kind, value)
		if !ok || kind == 0 || size < 0 {
			return m
		}
		switch {
		case i == at+4:
			member = unknown[string(name)]
		case string(name) == member:
			return without(bytes.Clone(m), i, 1+len(name)+1+size)
		}
		i += 1 + len(name) + 1 + size
	}
	return m
}

// without takes n bytes at i out of the first document of the message.
func without(m []byte, i, n int) []byte {
	const at = headerSize + 4 + 1
	m = append(m[:i], m[i+n:]...)
	binary.LittleEndian.PutUint32(m, uint32(len(m)))
	binary.LittleEndian.PutUint32(m[at:], binary.LittleEndian.Uint32(m[at:])-uint32(n))
	return m
}

// valueSize is the size of a BSON value of the kinds that commands have at
// their top, negative for others (bsonspec.org, version 1.1).
func valueSize(kind byte, value []byte) int {
	switch kind {
	case 0x01, 0x09, 0x11, 0x12: // double, date, timestamp, int64
		return 8
	case 0x08: // boolean
		return 1
	case 0x0A: // null
		return 0
	case 0x10: // int32
		return 4
	case 0x02, 0x03, 0x04, 0x05: // string, document, array, binary
		if len(value) < 4 {
			return -1
		}
		n := int(binary.LittleEndian.Uint32(value))
		switch kind {
		case 0x02:
			return 4 + n
		case 0x05:
			return 5 + n
		}
		return n
	}
	return -1
}
