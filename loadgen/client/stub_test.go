package client

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"bellwether/engine/wire"
)

// stub is a server whose every connection is played by a script.
type stub struct {
	t        *testing.T
	listener net.Listener
	ended    chan struct{} // one value for each connection that ended
}

// peer is one connection of a stub, from the server's side.
type peer struct {
	t    *testing.T
	conn net.Conn
}

// serve plays scripts[i] on the i-th connection, and the last one on all that follow. A script that returns hangs up.
func serve(t *testing.T, scripts ...func(p *peer)) *stub {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &stub{t: t, listener: l, ended: make(chan struct{}, 1024)}
	t.Cleanup(func() { l.Close() })
	go func() {
		for i := 0; ; i++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			script := scripts[min(i, len(scripts)-1)]
			go func() {
				defer func() { s.ended <- struct{}{} }()
				defer conn.Close()
				script(&peer{t: t, conn: conn})
			}()
		}
	}()
	return s
}

func (s *stub) addr() netip.AddrPort { return netip.MustParseAddrPort(s.listener.Addr().String()) }

// frame reads the content of the next frame, nil when the client has hung up.
func (p *peer) frame() []byte {
	var length [4]byte
	if _, err := io.ReadFull(p.conn, length[:]); err != nil {
		return nil
	}
	b := make([]byte, binary.BigEndian.Uint32(length[:]))
	if _, err := io.ReadFull(p.conn, b); err != nil {
		return nil
	}
	return b
}

// request reads the next request that is no ping; pings are answered. ok is false when the client has hung up.
func (p *peer) request() (h wire.RequestHeader, body wire.Reader, ok bool) {
	for {
		b := p.frame()
		if b == nil {
			return h, body, false
		}
		body = wire.NewReader(b)
		if h.Decode(&body) != nil {
			return h, body, false
		}
		if h.Op != wire.OpPing {
			return h, body, true
		}
		p.send(wire.AppendReply(nil, wire.XidPing, 1, wire.OK))
	}
}

// welcome answers the connect request with a session and returns what was asked.
func (p *peer) welcome(id int64, timeout time.Duration) wire.ConnectRequest {
	var q wire.ConnectRequest
	r := wire.NewReader(p.frame())
	if err := q.Decode(&r); err != nil {
		return q
	}
	p.answerConnect(id, timeout)
	return q
}

func (p *peer) answerConnect(id int64, timeout time.Duration) {
	response := wire.ConnectResponse{
		Timeout: int32(timeout / time.Millisecond), SessionID: id, Passwd: password(id), HasReadOnly: true,
	}
	out := response.Append(wire.BeginFrame(nil))
	wire.EndFrame(out, 0)
	p.send(out)
}

// password is what the stub gives a session: enough to see that it comes back.
func password(id int64) []byte { return bytes.Repeat([]byte{byte(id)}, 16) }

func (p *peer) send(b []byte) { _, _ = p.conn.Write(b) }

// ok answers xid with an empty body.
func (p *peer) ok(xid int32, zxid int64) { p.send(wire.AppendReply(nil, xid, zxid, wire.OK)) }

// echo answers every request with OK, a zxid that counts up and, as the body, the request's own.
func echo(p *peer) {
	p.welcome(7, 10*time.Second)
	p.echo()
}

func (p *peer) echo() {
	for zxid := int64(1); ; zxid++ {
		h, body, ok := p.request()
		if !ok {
			return
		}
		out := wire.AppendReplyHeader(wire.BeginFrame(nil), h.Xid, zxid, wire.OK)
		out = append(out, body.Rest()...)
		wire.EndFrame(out, 0)
		p.send(out)
		if h.Op == wire.OpCloseSession {
			return
		}
	}
}

// observer is a Handler that writes down what happened and does what the test wants.
type observer struct {
	resumed []bool
	replies []Pending
	codes   []wire.Code
	bodies  []string
	events  []Event
	log     []string // "event" and "reply", in order
	downs   []error
	onReady func(c *Conn)
	onReply func(c *Conn, p Pending, r Reply)
}

func (o *observer) Ready(c *Conn, resumed bool) {
	o.resumed = append(o.resumed, resumed)
	if o.onReady != nil {
		o.onReady(c)
	}
}

func (o *observer) Reply(c *Conn, p Pending, r Reply) {
	if o.onReply != nil {
		o.onReply(c, p, r)
		return
	}
	o.replies = append(o.replies, p)
	o.codes = append(o.codes, r.Code)
	o.bodies = append(o.bodies, string(r.Body))
	o.log = append(o.log, "reply")
}

func (o *observer) Event(_ *Conn, e Event) {
	e.Path = string([]byte(e.Path))
	o.events = append(o.events, e)
	o.log = append(o.log, "event")
}

func (o *observer) Down(_ *Conn, err error) { o.downs = append(o.downs, err) }

// rig is a loop with one session on the given servers.
type rig struct {
	*observer
	t    *testing.T
	loop *Loop
	conn *Conn
}

func newRig(t *testing.T, o Options) *rig {
	t.Helper()
	r := &rig{observer: &observer{}, t: t}
	loop, err := NewLoop(o, r.observer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(loop.Close)
	r.loop, r.conn = loop, loop.Open(0)
	return r
}

// until turns the loop until the condition holds.
func (r *rig) until(what string, condition func() bool) {
	r.t.Helper()
	for giveUp := Now() + int64(20*time.Second); !condition(); {
		if Now() > giveUp {
			r.t.Fatalf("waited in vain for: %s (downs: %v; tried %s)", what, r.downs, r.loop.Tried())
		}
		if err := r.loop.Turn(Now() + int64(10*time.Millisecond)); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *rig) untilReady(times int) {
	r.t.Helper()
	r.until("session ready", func() bool { return len(r.resumed) >= times })
}

// get sends a getData with a tag that comes back in the reply's Pending.
func (r *rig) get(path string, tag uint32) {
	request := wire.GetDataRequest{Path: path}
	r.conn.Commit(request.Append(r.conn.Begin(wire.OpGetData))).Aux = tag
}
