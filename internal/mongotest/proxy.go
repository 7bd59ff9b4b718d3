package mongotest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Proxy stands between a client and a server and does to single commands what
// its plan says. It is safe for concurrent use.
type Proxy struct {
	// URI leads to the server through the proxy.
	URI string
	// Addr is the proxy's host and port.
	Addr string

	mu     sync.Mutex
	server string
	plan   func(Call) Fate
	conns  map[net.Conn]bool
}

// Call is one command.
type Call struct {
	Name string // of the command: "find"
	Body bson.D // without the documents that a message carries beside it
}

// Fate is what becomes of a call; the zero value passes it and its reply.
type Fate struct {
	Drop    bool                // the connection is cut before the server sees it
	Cut     bool                // the connection is cut in place of the reply
	Hang    bool                // there is no reply, ever
	Reply   bson.D              // is the reply; the server does not see the call
	Request bson.D              // is what the server gets in place of the body
	Change  func(bson.D) bson.D // makes the reply of the server's, also where nobody gets it
}

// NewProxy starts a proxy in front of the server at a host and port. It ends
// with the test.
func NewProxy(t testing.TB, server string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{server: server, Addr: l.Addr().String(), conns: map[net.Conn]bool{}}
	p.URI = uriTo(p.Addr)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		p.CutAll()
	})
	return p
}

// Plan asks plan about every call from now on, one at a time; nil lets all pass.
func (p *Proxy) Plan(plan func(Call) Fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan = plan
}

// Forward leads new connections to the server at another host and port.
func (p *Proxy) Forward(server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server = server
}

func (p *Proxy) dial() (net.Conn, error) {
	p.mu.Lock()
	addr := p.server
	p.mu.Unlock()
	return net.Dial("tcp", addr)
}

// CutAll cuts all connections.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *Proxy) note(c net.Conn, open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if open {
		p.conns[c] = true
	} else {
		delete(p.conns, c)
	}
}

func (p *Proxy) fate(c Call) Fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.plan == nil {
		return Fate{}
	}
	return p.plan(c)
}

func (p *Proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	p.note(client, true)
	defer p.note(client, false)
	server, err := p.dial()
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	for {
		request, err := readMessage(client)
		if err != nil {
			return
		}
		if !p.pass(client, server, request) {
			return
		}
	}
}

// pass carries out one call and reports whether the connection goes on.
func (p *Proxy) pass(client net.Conn, server io.ReadWriter, request *message) bool {
	f := p.fate(Call{Name: request.command(), Body: request.body})
	switch {
	case f.Drop:
		return false
	case f.Reply != nil:
		reply := request.reply(f.Reply)
		return reply.write(client) == nil
	case f.Request != nil:
		request.body = f.Request
	}
	if request.write(server) != nil {
		return false
	}
	if request.flags&moreToCome != 0 {
		return true
	}
	reply, err := readMessage(server)
	if err == nil && f.Change != nil {
		reply.body = f.Change(reply.body)
	}
	switch {
	case err != nil, f.Cut:
		return false
	case f.Hang:
		_, _ = io.Copy(io.Discard, client) // until the client gives up
		return false
	}
	return reply.write(client) == nil
}

// The wire protocol (MongoDB manual, Wire Protocol): OP_MSG, and for the first
// hello of a connection OP_QUERY and OP_REPLY.
const (
	headerSize = 16
	maxMessage = 48 << 20
	opReply    = 1
	opQuery    = 2004
	opMsg      = 2013
	moreToCome = 1 << 1 // the sender wants no reply
)

// message is a message taken apart: what is before the body, and behind it.
type message struct {
	id, to, op    uint32
	flags         uint32
	before, after []byte
	body          bson.D
}

func readMessage(r io.Reader) (*message, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(header[:])
	if n < headerSize+5 || n > maxMessage {
		return nil, fmt.Errorf("a message of %d bytes", n)
	}
	m := &message{id: binary.LittleEndian.Uint32(header[4:]), to: binary.LittleEndian.Uint32(header[8:]), op: binary.LittleEndian.Uint32(header[12:])}
	rest := make([]byte, n-headerSize)
	if _, err := io.ReadFull(r, rest); err != nil {
		return nil, err
	}
	at, err := m.bodyAt(rest)
	if err != nil {
		return nil, err
	}
	m.flags = binary.LittleEndian.Uint32(rest)
	size := binary.LittleEndian.Uint32(rest[at:])
	if uint64(at)+uint64(size) > uint64(len(rest)) {
		return nil, errors.New("a message that is cut short")
	}
	m.before, m.after = rest[:at], rest[at+int(size):]
	return m, bson.Unmarshal(rest[at:at+int(size)], &m.body)
}

// bodyAt returns where the first document begins.
func (m *message) bodyAt(rest []byte) (int, error) {
	at := -1
	switch m.op {
	case opMsg: // flags and the kind of a section: the driver puts the body first
		if rest[4] == 0 {
			at = 5
		}
	case opReply: // flags, cursor, first, number
		at = 20
	case opQuery: // flags, the collection's name, skip, number
		for i := 4; i < len(rest); i++ {
			if rest[i] == 0 {
				at = i + 1 + 8
				break
			}
		}
	}
	if at < 0 || at+5 > len(rest) {
		return 0, fmt.Errorf("a message of operation %d that this does not understand", m.op)
	}
	return at, nil
}

func (m *message) command() string {
	if len(m.body) == 0 {
		return ""
	}
	return m.body[0].Key
}

// reply makes a reply to an OP_MSG.
func (m *message) reply(body bson.D) *message {
	return &message{to: m.id, op: opMsg, before: make([]byte, 5), body: body}
}

func (m *message) write(w io.Writer) error {
	body, err := bson.Marshal(m.body)
	if err != nil {
		return err
	}
	out := make([]byte, headerSize, headerSize+len(m.before)+len(body)+len(m.after))
	out = append(append(append(out, m.before...), body...), m.after...)
	for i, n := range []uint32{uint32(len(out)), m.id, m.to, m.op} {
		binary.LittleEndian.PutUint32(out[4*i:], n)
	}
	_, err = w.Write(out)
	return err
}
