package sim

import (
	"fmt"

	"bellwether/engine/session"
	"bellwether/engine/wire"
)

// delivery is something for a connection, left by the apply loop.
type delivery struct {
	kind    deliveryKind
	conn    uint32
	xid     int32
	code    wire.Code
	session int64
	frame   []byte
}

type deliveryKind uint8

const (
	deliverReply     deliveryKind = iota // the frame answers the oldest request in flight
	deliverRefusal                       // the oldest request in flight became no transaction
	deliverConnected                     // the session is there, or it is not
	deliverKick                          // the session is closed, or served elsewhere
	deliverReleased                      // the connection's number may be used again
)

// turn does one delivery.
func (p *process) turn() error {
	d := p.outbox[0]
	p.outbox = p.outbox[1:]
	c := p.conns[d.conn]
	if c == nil {
		return fmt.Errorf("something for connection %d, which there is none of", d.conn)
	}
	switch d.kind {
	case deliverReply, deliverRefusal, deliverConnected:
		return c.answered(&d)
	case deliverKick:
		if c.session == d.session {
			c.close()
		}
	case deliverReleased:
		if len(c.inflight) > 0 || c.state != gone {
			return fmt.Errorf("connection %d is released with %d requests in flight", c.number, len(c.inflight))
		}
		p.conns[d.conn] = nil
		p.free = append(p.free, d.conn)
	}
	return nil
}

// answered sends what has come of the oldest request in flight, and goes on with what waited for it.
func (c *conn) answered(d *delivery) error {
	if len(c.inflight) == 0 {
		return fmt.Errorf("connection %d gets an answer and has asked nothing", c.number)
	}
	first := c.inflight[0]
	c.inflight = c.inflight[1:]
	if d.kind != deliverConnected && first.xid != d.xid {
		return fmt.Errorf("connection %d gets an answer to xid %d, and waits for %d first", c.number, d.xid, first.xid)
	}
	if c.state == gone {
		return nil
	}
	switch {
	case d.kind == deliverConnected:
		c.connected(d)
	case d.kind == deliverRefusal && d.code == wire.ConnectionLoss:
		c.close()
	default:
		c.link.sendDown(d.frame)
	}
	if c.state == leaving && len(c.inflight) == 0 {
		c.close()
		return nil
	}
	return c.consume()
}

// connected ends the handshake.
func (c *conn) connected(d *delivery) {
	p := c.p
	if c.live = p.lives[c.session]; d.code != wire.OK || c.live == nil {
		c.live = nil
		c.turnAway()
		return
	}
	if before := c.live.conn; before != nil && before != c {
		before.close()
	}
	c.live.conn, c.live.heardMs, c.state = c, p.monoMs(), serving
	password := session.Password(c.session)
	c.link.sendDown(connectFrame(&wire.ConnectResponse{Timeout: c.timeout, SessionID: c.session, Passwd: password[:], HasReadOnly: true}))
}
