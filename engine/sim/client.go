package sim

import (
	"fmt"

	"bellwether/engine/session"
	"bellwether/engine/wire"
)

// client is one client: it opens a session, asks for all sorts of things, several at a time, loses its connection, comes
// back, closes its session or lets it expire. It believes what it is told and checks what it can.
type client struct {
	w      *World
	number int
	g      generator
	state  clientState
	link   *link

	session   int64
	timeoutMs int32
	lastZxid  int64 // the highest zxid seen, which no server may go behind
	wrong     bool  // the password sent is not the session's
	waitMs    int64 // it does not connect before, by the world's clock
	xid       int32

	outstanding []operation // not answered, in order
}

type clientState uint8

const (
	clientApart   clientState = iota
	clientJoining             // the connect request is sent
	clientOpen
	clientClosing // closeSession is sent
)

// operation is a request that was sent.
type operation struct {
	xid       int32
	op        wire.OpCode
	registers []int // in the world's history
}

func newClient(w *World, number int) *client {
	return &client{w: w, number: number, g: generator{rng: w.rng, n: number * 1_000_000}}
}

// mayAct reports whether the client could do something on its own.
func (c *client) mayAct() bool {
	switch c.state {
	case clientApart:
		return !c.w.quiet && c.w.servers[0].proc != nil && c.w.nowMs >= c.waitMs
	case clientJoining: // it may lose its patience
		return !c.w.quiet && c.w.rng.IntN(500) == 0
	case clientOpen:
		return !c.w.quiet && len(c.outstanding) < c.w.settings.depth
	}
	return false
}

// act does something.
func (c *client) act() {
	switch c.state {
	case clientApart:
		c.connect()
	case clientJoining:
		c.hangUp()
	case clientOpen:
		switch n := c.g.pick(100); {
		case n < 1:
			c.hangUp()
		case n < 2:
			c.state = clientClosing
			c.send(wire.OpCloseSession, nil)
		case n < 10:
			c.ask(wire.XidPing, request{op: wire.OpPing})
		case n < 35:
			c.register()
		case n < 55:
			r := c.g.read(c.g.path())
			c.send(r.op, r.body)
		default:
			r := c.g.write()
			c.send(r.op, r.body)
		}
	}
}

// connect opens a link, for the client's session or for a new one.
func (c *client) connect() {
	if c.session != 0 && c.g.chance(5) { // leave it to expire
		c.session, c.lastZxid = 0, 0
	}
	c.open(int32(c.g.pick(25*int(c.w.settings.tickMs))), c.session != 0 && c.g.chance(3))
}

// open opens a link and asks for the client's session, or for a new one if it has none.
func (c *client) open(timeoutMs int32, wrong bool) {
	q := wire.ConnectRequest{LastZxidSeen: c.lastZxid, SessionID: c.session, Timeout: timeoutMs, HasReadOnly: true}
	password := session.Password(c.session)
	if c.wrong = wrong; wrong {
		password[0]++
	}
	q.Passwd = password[:]
	c.w.note("c%d: connects for session %#x, wrong password: %v", c.number, c.session, wrong)
	c.link = c.w.connect(c, c.w.servers[0])
	c.state = clientJoining
	frame := q.Append(wire.BeginFrame(nil))
	wire.EndFrame(frame, 0)
	c.link.sendUp(frame)
}

// send asks for something under the next xid; sometimes under one that is used already, or 0.
func (c *client) send(op wire.OpCode, body []byte) {
	c.xid++
	xid := c.xid
	switch c.g.pick(50) {
	case 0:
		xid = 0
	case 1:
		xid--
	}
	c.ask(xid, request{op: op, body: body})
}

func (c *client) ask(xid int32, r request, registers ...int) {
	frame := wire.AppendRequestHeader(wire.BeginFrame(nil), xid, r.op)
	frame = append(frame, r.body...)
	wire.EndFrame(frame, 0)
	c.w.note("c%d: asks %d, %v", c.number, xid, r.op)
	c.outstanding = append(c.outstanding, operation{xid: xid, op: r.op, registers: registers})
	c.link.sendUp(frame)
}

// hangUp leaves the server without a word.
func (c *client) hangUp() {
	c.w.note("c%d: hangs up", c.number)
	l := c.link
	c.disconnect()
	l.closeByClient()
}

// disconnected takes the news that the link has ended.
func (c *client) disconnected() {
	l := c.link
	c.disconnect()
	l.closeByClient()
}

// disconnect forgets the link. What was asked and not answered may have happened, or may happen yet.
func (c *client) disconnect() {
	c.outstanding, c.link, c.state = nil, nil, clientApart
	c.waitMs = c.w.nowMs + int64(c.g.pick(int(4*c.w.settings.tickMs)))
}

// receive takes a frame.
func (c *client) receive(frame []byte) error {
	r := wire.NewReader(frame[wire.FrameHeaderSize:])
	if c.state == clientJoining {
		return c.welcome(&r)
	}
	var h wire.ReplyHeader
	if err := h.Decode(&r); err != nil {
		return fmt.Errorf("client %d gets %x: %w", c.number, frame, err)
	}
	if len(c.outstanding) == 0 {
		return fmt.Errorf("client %d gets an answer to xid %d and has asked nothing", c.number, h.Xid)
	}
	o := c.outstanding[0]
	c.outstanding = c.outstanding[1:]
	if h.Xid != o.xid {
		return fmt.Errorf("client %d gets an answer to xid %d and waits for %d first", c.number, h.Xid, o.xid)
	}
	if h.Zxid < c.lastZxid {
		return fmt.Errorf("client %d is shown zxid %#x after %#x", c.number, h.Zxid, c.lastZxid)
	}
	c.lastZxid = h.Zxid
	c.w.note("c%d: hears %d: %v", c.number, h.Xid, h.Err)
	if len(o.registers) > 0 {
		if err := c.w.history.answered(o.registers, o.op, int64(c.w.steps), &h, &r); err != nil {
			return fmt.Errorf("client %d, xid %d: %w", c.number, h.Xid, err)
		}
	}
	if o.op == wire.OpCloseSession {
		c.session, c.lastZxid = 0, 0
	}
	return nil
}

// welcome takes the connect response.
func (c *client) welcome(r *wire.Reader) error {
	var q wire.ConnectResponse
	if err := q.Decode(r); err != nil {
		return fmt.Errorf("client %d gets a connect response that is none: %w", c.number, err)
	}
	c.w.note("c%d: session %#x, %d ms", c.number, q.SessionID, q.Timeout)
	if q.Timeout == 0 {
		if c.session == 0 {
			c.w.note("c%d: its new session has expired already", c.number)
		}
		if !c.wrong {
			c.session, c.lastZxid = 0, 0
		}
		c.hangUp()
		return nil
	}
	if c.session != 0 && (q.SessionID != c.session || c.wrong) {
		return fmt.Errorf("client %d resumes %#x, wrong password %v, and gets %#x", c.number, c.session, c.wrong, q.SessionID)
	}
	if q.Timeout < 2*int32(c.w.settings.tickMs) || q.Timeout > 20*int32(c.w.settings.tickMs) {
		return fmt.Errorf("client %d gets a timeout of %d ms", c.number, q.Timeout)
	}
	c.session, c.timeoutMs, c.state = q.SessionID, q.Timeout, clientOpen
	return nil
}
