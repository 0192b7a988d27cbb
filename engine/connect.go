package engine

import (
	"net/netip"
	"strconv"
	"strings"

	"bellwether/engine/replica"
	"bellwether/engine/session"
	"bellwether/engine/wire"
)

// greet takes the connect request (client-protocol §1.6, whose order of checks this is). Whatever the client has sent
// behind it waits until the session is there.
func (c *Conn) greet(frame []byte) {
	e := c.loop.engine
	var q wire.ConnectRequest
	r := wire.NewReader(frame)
	if err := q.Decode(&r); err != nil {
		e.badFrame(c, err)
		return
	}
	if !e.serving.Load() || q.LastZxidSeen > e.tree.Zxid() {
		e.refuseAhead(c, q.LastZxidSeen)
		return
	}
	c.timeoutMs = session.Negotiate(q.Timeout, e.options.MinSessionTimeoutMs, e.options.MaxSessionTimeoutMs)
	c.hello = hello{resume: q.SessionID != 0, hasReadOnly: q.HasReadOnly}
	op := wire.OpCreateSession
	if c.hello.resume {
		e.displace(q.SessionID) // before the password is looked at, as ZooKeeper does
		if !session.CheckPassword(q.SessionID, q.Passwd) {
			c.turnAway()
			return
		}
		op, c.session = replica.OpResume, q.SessionID
	} else {
		c.session = e.ids.Next()
	}
	c.state = stateJoining
	c.handOver(0, op, wire.AppendInt(nil, c.timeoutMs))
}

// handOver puts a request into the turn's batch, to be answered by a delivery.
func (c *Conn) handOver(xid int32, op wire.OpCode, body []byte) {
	c.inflight++
	c.loop.outstanding++
	c.loop.outstandingBytes += int64(c.handing)
	c.loop.add(replica.Request{Session: c.session, Cxid: xid, Op: op, Origin: c.origin(), Held: c.handing, Body: body, IDs: c.ids})
	c.handing = 0
}

// connected ends the handshake: the session is there, or it is not and the client hears so.
func (c *Conn) connected(d *delivery) {
	c.inflight--
	c.loop.answeredOne(d)
	if c.state >= stateClosing {
		return
	}
	e := c.loop.engine
	c.live = e.lives.get(c.session)
	if wire.Code(d.code) != wire.OK || c.live == nil {
		c.turnAway()
		return
	}
	here := location(c.loop.index, c.number)
	if before := c.live.location.Swap(here); before != 0 && before != here {
		e.kick(before, c.session)
	}
	if e.lives.get(c.session) != c.live { // closed meanwhile: whoever closed it may have looked before we stood there
		c.turnAway()
		return
	}
	c.state = stateServing
	c.heard()
	password := session.Password(c.session)
	c.appendConnectResponse(&wire.ConnectResponse{Timeout: c.timeoutMs, SessionID: c.session, Passwd: password[:]})
	c.makeRunnable()
}

// turnAway tells the client that its session is no more (or was never its own: it cannot tell) and closes.
func (c *Conn) turnAway() {
	c.live, c.session = nil, 0
	var none [16]byte
	c.appendConnectResponse(&wire.ConnectResponse{Passwd: none[:]})
	c.close()
}

func (c *Conn) appendConnectResponse(p *wire.ConnectResponse) {
	p.HasReadOnly = c.hello.hasReadOnly
	start := len(c.out)
	c.out = p.Append(wire.BeginFrame(c.out))
	wire.EndFrame(c.out, start)
	c.send()
}

// heard notes that the session gave a sign of life.
func (c *Conn) heard() { c.live.heardMs.Store(c.loop.nowNs / nsPerMs) }

// displace closes the connection that serves the session on this server, if there is one.
func (e *Engine) displace(id int64) {
	if s := e.lives.get(id); s != nil {
		if where := s.location.Load(); where != 0 {
			e.kick(where, id)
		}
	}
}

// kick closes the connection at a location, provided that it still serves the session. Any goroutine may call.
func (e *Engine) kick(where uint64, id int64) {
	l := e.loops[where>>32-1]
	var p parcel
	p.add(delivery{kind: deliverKick, conn: uint32(where), number: id}, nil)
	l.box.push(&p)
	l.rouse()
}

// rouse wakes the loop unless it is awake or about to be. Any goroutine may call.
func (l *Loop) rouse() {
	if l.box.woken.CompareAndSwap(false, true) {
		l.wake()
	}
}

// addressText renders an address as an id of scheme ip: dotted, or eight groups without the :: short form, as Java
// prints it.
func addressText(a netip.Addr) string {
	a = a.Unmap()
	if !a.Is6() {
		return a.String()
	}
	groups := make([]string, 8)
	b := a.As16()
	for i := range groups {
		groups[i] = strconv.FormatUint(uint64(b[2*i])<<8|uint64(b[2*i+1]), 16)
	}
	return strings.Join(groups, ":")
}
