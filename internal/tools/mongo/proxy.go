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
	socket string
	mu     sync.Mutex
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
	defer client.Close()
	server, err := net.Dial("unix", p.socket)
	if err != nil {
		return
	}
	defer server.Close()
	for {
		request, err := readMessage(client)
		if err != nil {
			return
		}
		reply, err := p.exchange(server, withoutFields(request))
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
	return readMessage(server)
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

// withoutFields takes the member "fields" out of a findAndModify: it asks for a
// part of the document, which FerretDB refuses to do; it then returns the
// whole document.
func withoutFields(m []byte) []byte {
	const at = headerSize + 4 + 1 // flags and the kind of the first section
	if len(m) < at+4 || binary.LittleEndian.Uint32(m[12:]) != opMsg || !bytes.HasPrefix(m[at+4:], []byte("\x02findAndModify\x00")) {
		return m
	}
	for i := at + 4; i < len(m); {
		kind := m[i]
		name, _, ok := bytes.Cut(m[i+1:], []byte{0})
		if !ok || kind == 0 {
			return m
		}
		if string(name) == "fields" {
			m = bytes.Clone(m)
			return without(m, i, len(name), valueSize(kind, m[i+1+len(name)+1:]))
		}
		size := valueSize(kind, m[i+1+len(name)+1:])
		if size < 0 {
			return m
		}
		i += 1 + len(name) + 1 + size
	}
	return m
}

// without takes the element at i out of the message.
func without(m []byte, i, name, size int) []byte {
	const at = headerSize + 4 + 1
	if size < 0 {
		return m
	}
	cut := 1 + name + 1 + size
	m = append(m[:i], m[i+cut:]...)
	binary.LittleEndian.PutUint32(m, uint32(len(m)))
	binary.LittleEndian.PutUint32(m[at:], binary.LittleEndian.Uint32(m[at:])-uint32(cut))
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
