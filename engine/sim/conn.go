package sim

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"bellwether/engine/replica"
	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/wire"
)

// conn is the server's end of a link: it takes requests in order, executes reads, hands over writes, and sends what comes
// back in the order of the requests.
type conn struct {
	p       *process
	link    *link // nil once it is closed; the number is free only when everything on its way has arrived
	number  uint32
	state   connState
	session int64
	live    *live
	ids     []replica.Identity
	timeout int32
	severed bool // one of its requests was given up: none behind it may be executed

	unread   [][]byte  // frames that have arrived and wait
	inflight []awaited // handed over and not answered, in order
}

type connState uint8

const (
	greeting connState = iota
	joining
	serving
	leaving
	gone
)

// awaited is a request in flight.
type awaited struct {
	xid int32
	op  wire.OpCode
}

// accept opens the server's end of a link.
func (p *process) accept(l *link) *conn {
	c := &conn{p: p, link: l, ids: identities(l.client.number)}
	if n := len(p.free); n > 0 {
		c.number = p.free[n-1]
		p.free = p.free[:n-1]
		p.conns[c.number] = c
	} else {
		c.number = uint32(len(p.conns))
		p.conns = append(p.conns, c)
	}
	return c
}

// consume takes the frames that have arrived, until one has to wait.
func (c *conn) consume() error {
	for len(c.unread) > 0 && c.link != nil {
		taken, err := c.take(c.unread[0])
		if err != nil || !taken || c.link == nil {
			return err
		}
		c.unread = c.unread[1:]
	}
	return nil
}

func (c *conn) take(frame []byte) (taken bool, err error) {
	switch c.state {
	case greeting:
		c.greet(frame[wire.FrameHeaderSize:])
		return true, nil
	case joining:
		return false, nil
	case serving:
		return c.request(frame[wire.FrameHeaderSize:])
	}
	return true, nil // nothing behind a closeSession is executed or answered
}

// greet takes the connect request, with the checks of client-protocol §1.6 in their order.
func (c *conn) greet(frame []byte) {
	p := c.p
	var q wire.ConnectRequest
	r := wire.NewReader(frame)
	if q.Decode(&r) != nil || !p.serving || q.LastZxidSeen > p.tree.Zxid() {
		p.w.note("s%d: turns a connection away", p.server.id)
		c.close()
		return
	}
	tick := int32(p.w.settings.tickMs)
	c.timeout = session.Negotiate(q.Timeout, 2*tick, 20*tick)
	op, what := wire.OpCreateSession, "new session"
	if q.SessionID != 0 {
		if l := p.lives[q.SessionID]; l != nil && l.conn != nil {
			l.conn.close() // before the password is looked at
		}
		if !session.CheckPassword(q.SessionID, q.Passwd) {
			c.turnAway()
			return
		}
		op, what, c.session = replica.OpResume, "resumed session", q.SessionID
	} else {
		c.session = p.ids.Next()
		p.w.stats.Sessions++
	}
	p.w.note("s%d: conn %d, %s %#x with %d ms", p.server.id, c.number, what, c.session, c.timeout)
	c.state = joining
	c.handOver(0, op, wire.AppendInt(nil, c.timeout))
}

func (c *conn) handOver(xid int32, op wire.OpCode, body []byte) {
	c.inflight = append(c.inflight, awaited{xid, op})
	c.p.inbox.requests = append(c.p.inbox.requests, replica.Request{
		Session: c.session, Cxid: xid, Op: op, Origin: replica.Origin{Loop: 1, Conn: c.number}, Body: body, IDs: c.ids,
	})
}

// request executes a read, or hands a request over; not taken means that it has to wait.
func (c *conn) request(frame []byte) (taken bool, err error) {
	xid := int32(binary.BigEndian.Uint32(frame))
	op := wire.OpCode(binary.BigEndian.Uint32(frame[4:]))
	body := frame[8:]
	write := op.IsWrite()
	behind := len(c.inflight) > 0 && !c.p.w.bugs.readsOvertake
	if !write && behind && c.p.w.settings.readsWait {
		return false, nil
	}
	c.live.heardMs = c.p.monoMs()
	if write || behind {
		if op == wire.OpCloseSession {
			c.state = leaving
		}
		c.handOver(xid, op, body)
		return true, nil
	}
	q := replica.Request{Session: c.session, Cxid: xid, Op: op, Body: body, IDs: c.ids}
	reply, err := c.p.read(&q)
	if err == nil {
		c.link.sendDown(reply)
	}
	return true, err
}

// read executes a read on the tree, and compares the reply with what the model says.
func (p *process) read(q *replica.Request) ([]byte, error) {
	p.w.stats.Reads++
	reply := p.execute(q)
	if want := p.model.Read(q); !bytes.Equal(reply, want) {
		return nil, fmt.Errorf("%s of %#x is answered\n%x, want\n%x", describe(q), q.Session, reply, want)
	}
	return reply, nil
}

func (p *process) execute(q *replica.Request) []byte {
	zxid := p.tree.Zxid()
	r := wire.NewReader(q.Body)
	switch q.Op {
	case wire.OpPing:
		return wire.AppendReply(nil, wire.XidPing, zxid, wire.OK)
	case wire.OpSync:
		var path wire.PathOnly
		if path.Decode(&r) != nil {
			return wire.AppendReply(nil, q.Cxid, zxid, wire.MarshallingError)
		}
		return wire.AppendResponse(nil, q.Cxid, zxid, &wire.CreateResponse{Path: path.Path})
	}
	var pw wire.PathWatch
	if pw.Decode(&r) != nil || pw.NullPath {
		return wire.AppendReply(nil, q.Cxid, zxid, wire.MarshallingError)
	}
	v := p.tree.View(pw.Path)
	defer v.Close()
	if code := p.mayRead(&v, q, pw.Path); code != wire.OK {
		return wire.AppendReply(nil, q.Cxid, zxid, code)
	}
	frame := wire.AppendReplyHeader(wire.BeginFrame(nil), q.Cxid, zxid, wire.OK)
	switch q.Op {
	case wire.OpGetData:
		frame = wire.AppendBuffer(frame, v.Data())
	case wire.OpGetChildren2:
		frame = v.AppendChildren(frame)
	}
	var st wire.Stat
	v.Stat(&st)
	frame = st.Append(frame)
	wire.EndFrame(frame, 0)
	return frame
}

func (p *process) mayRead(v *tree.View, q *replica.Request, path string) wire.Code {
	switch {
	case q.Op == wire.OpExists && bytes.IndexByte([]byte(path), 0) >= 0:
		return wire.BadArguments
	case !v.Exists():
		return wire.NoNode
	case !p.w.settings.options.SkipACL && !replica.Allowed(v.ACL(), wire.PermRead, q.IDs):
		return wire.NoAuth
	}
	return wire.OK
}

// closed takes the news that the client is gone.
func (c *conn) closed() {
	c.release()
	l := c.link
	c.link = nil
	l.closeByServer(0)
}

// close closes the link once what was sent has arrived.
func (c *conn) close() {
	if c.link == nil {
		return
	}
	c.p.w.note("s%d: closes conn %d", c.p.server.id, c.number)
	c.release()
	l := c.link
	c.link = nil
	l.closeByServer(len(l.down))
}

// release has the connection's number come back when everything on its way to it has arrived.
func (c *conn) release() {
	c.state, c.unread = gone, nil
	if c.live != nil && c.live.conn == c {
		c.live.conn = nil
	}
	c.p.inbox.requests = append(c.p.inbox.requests, replica.Request{
		Op: replica.OpBarrier, Session: c.session, Origin: replica.Origin{Loop: 1, Conn: c.number},
	})
}

func (c *conn) turnAway() {
	c.link.sendDown(connectFrame(&wire.ConnectResponse{Passwd: make([]byte, 16), HasReadOnly: true}))
	c.close()
}

func connectFrame(r *wire.ConnectResponse) []byte {
	frame := r.Append(wire.BeginFrame(nil))
	wire.EndFrame(frame, 0)
	return frame
}
