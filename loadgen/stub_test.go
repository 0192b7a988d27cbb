package loadgen

import (
	"encoding/binary"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"bellwether/engine/wire"
)

// stub is a server that answers every request at once with what looks like success, unless a test interferes. It keeps
// no znodes.
type stub struct {
	listener  net.Listener
	valueSize int
	sessions  atomic.Int64 // sessions given out
	requests  atomic.Int64 // requests of clients, but for pings
	creates   atomic.Int64
	deletes   atomic.Int64

	// code, if not nil, says how a request is answered. Called on the connections' goroutines.
	code func(h wire.RequestHeader) wire.Code
	// before, if not nil, is called with every batch of replies and says what becomes of it.
	before func(c *stubConn) verb
	// seen, if not nil, gets every request but pings and creates.
	seen func(h wire.RequestHeader, path string)
}

// verb is what a stub does with the replies it has ready.
type verb int

const (
	write  verb = iota
	hold        // keep them, and read on
	hangUp      // without writing them
)

// stubConn is one connection of a stub.
type stubConn struct {
	stub    *stub
	conn    net.Conn
	number  int64
	out     []byte
	answers int // requests answered, those in out included
}

func newStub(t testing.TB, valueSize int) *stub {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &stub{listener: l, valueSize: valueSize}
}

// start accepts connections. The hooks must be set before.
func (s *stub) start() *stub {
	go func() {
		for n := int64(0); ; n++ {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			c := &stubConn{stub: s, conn: conn, number: n}
			go c.serve()
		}
	}()
	return s
}

func (s *stub) addr() string { return s.listener.Addr().String() }

func (c *stubConn) serve() {
	defer c.conn.Close()
	in, kept, greeted := make([]byte, 256<<10), 0, false
	for {
		n, err := c.conn.Read(in[kept:])
		if err != nil {
			return
		}
		data := in[:kept+n]
		if !greeted && string(data) == "srvr" {
			_, _ = c.conn.Write([]byte("Zookeeper version: 0.0.0-stub, built on today\nMode: standalone\n"))
			return
		}
		closing := false
		for {
			frame, rest, ok, err := wire.NextFrame(data, 1<<20)
			if err != nil {
				return
			}
			if data = rest; !ok {
				break
			}
			if !greeted {
				greeted = true
				c.welcome(frame)
				continue
			}
			closing = c.answer(frame)
		}
		kept = copy(in, data)
		if c.stub.before != nil {
			switch c.stub.before(c) {
			case hold:
				continue
			case hangUp:
				return
			}
		}
		if _, err := c.conn.Write(c.out); err != nil || closing {
			return
		}
		c.out = c.out[:0]
	}
}

func (c *stubConn) welcome(frame []byte) {
	var q wire.ConnectRequest
	r := wire.NewReader(frame)
	if q.Decode(&r) != nil {
		return
	}
	id := q.SessionID
	if id == 0 {
		id = c.stub.sessions.Add(1)
	}
	response := wire.ConnectResponse{Timeout: q.Timeout, SessionID: id, Passwd: make([]byte, 16), HasReadOnly: q.HasReadOnly}
	start := len(c.out)
	c.out = response.Append(wire.BeginFrame(c.out))
	wire.EndFrame(c.out, start)
}

// answer appends the reply to one request.
func (c *stubConn) answer(frame []byte) (closing bool) {
	r := wire.NewReader(frame)
	h := wire.RequestHeader{Xid: r.Int(), Op: wire.OpCode(r.Int())}
	if h.Op == wire.OpPing {
		c.out = wire.AppendReply(c.out, wire.XidPing, 1, wire.OK)
		return false
	}
	c.answers++
	s := c.stub
	s.requests.Add(1)
	if s.seen != nil && h.Op != wire.OpCreate {
		path := r
		s.seen(h, path.String())
	}
	if s.code != nil {
		if code := s.code(h); code != wire.OK {
			c.out = wire.AppendReply(c.out, h.Xid, 1, code)
			return false
		}
	}
	start := len(c.out)
	out := wire.AppendReplyHeader(wire.BeginFrame(c.out), h.Xid, 1, wire.OK)
	switch h.Op {
	case wire.OpGetData:
		out = binary.BigEndian.AppendUint32(out, uint32(s.valueSize))
		out = append(out, zeros[:s.valueSize+statSize]...)
	case wire.OpSetData, wire.OpExists:
		out = append(out, zeros[:statSize]...)
	case wire.OpCreate:
		s.creates.Add(1)
		out = wire.AppendString(out, r.String())
	case wire.OpDelete:
		s.deletes.Add(1)
	case wire.OpSync:
		out = wire.AppendString(out, r.String())
	case wire.OpGetChildren2, wire.OpGetACL:
		out = append(out, zeros[:4+statSize]...)
	case wire.OpMulti:
		out = c.answerMulti(out, wire.NewMultiReader(r))
	}
	wire.EndFrame(out, start)
	c.out = out
	return h.Op == wire.OpCloseSession
}

func (c *stubConn) answerMulti(out []byte, m wire.MultiReader) []byte {
	for {
		op, done, err := m.Next()
		if done || err != nil || m.Skip(op) != nil {
			return wire.AppendMultiEnd(out)
		}
		out = append(wire.AppendMultiResult(out, op), zeros[:statSize]...)
	}
}

const statSize = 68

var zeros [1 << 20]byte

// quick is a short run against a stub.
func quick(s *stub) Config {
	c := DefaultConfig()
	c.Servers = []string{s.addr()}
	c.Sessions, c.Keys, c.ValueSize = 4, 50, s.valueSize
	c.Warmup, c.Duration, c.Count = 0, 0, 2000
	c.SessionTimeout, c.Patience = 10*time.Second, 20*time.Second
	return c
}
