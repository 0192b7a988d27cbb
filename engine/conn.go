package engine

import (
	"encoding/binary"
	"net/netip"
	"time"

	"bellwether/engine/replica"
	"bellwether/engine/wire"
)

// state is where a connection stands.
//
//	greeting --connect request--> joining --session there--> serving --closeSession--> leaving
//	    \______________________________\______________________\_______________________\--> closing --> dead
type state uint8

const (
	stateGreeting state = iota // the connect request has not arrived
	stateJoining               // it is with the core loop; what the client sends meanwhile waits
	stateServing
	stateLeaving // closeSession is on its way: what arrives is thrown away; closed once the last answer is sent
	stateClosing // the network is asked to close it: nothing is executed or sent any more
	stateDead    // the socket is closed
)

// The bounds of one connection. Reaching one stops reading its socket; passing the hard one closes it.
const (
	maxUnsent     = 1 << 20   // bytes of replies the client has not taken: no further request is executed
	maxUnsentHard = 64 << 20  // bytes, events included, at which the client is given up
	maxUnread     = 256 << 10 // bytes of requests that wait, behind the longest one; at four times as many it is given up
)

// Conn is one client connection: it cuts what arrives into requests, executes reads at once, hands writes to the core
// loop, and keeps the answers in the order of the requests. Everything in it belongs to its event loop.
//
// Order within a session: writes may be in flight together, for they are executed in the order they were handed over. A
// read behind them is handed over, too, and executed in its place by the apply loop; the few requests for which that will
// not do (followsWrites) wait, unread in the sink, until nothing is in flight, and whatever stands behind waits with them.
type Conn struct {
	loop   *Loop
	sink   Sink
	remote netip.AddrPort
	number uint32
	state  state

	asker     // who the client is
	timeoutMs int32
	live      *live
	hello     hello

	wants    int    // unread bytes that make the next frame whole, 0 if not known
	inflight int    // requests handed over and not answered
	handing  uint32 // bytes that the request about to be handed over will hold on to
	out      []byte // to be sent at the end of the turn
	dirty    bool   // in loop.dirty
	queued   bool   // in loop.runnable
	clogged  bool   // in loop.clogged
	stalled  bool   // in loop.stalled
	paused   bool   // the sink is told not to read

	stats ConnStats
}

// hello is what the connect request asked for.
type hello struct {
	resume      bool
	hasReadOnly bool
}

// ConnStats are a connection's counters, for reports.
type ConnStats struct {
	Received, Sent int64 // frames
	LastOp         wire.OpCode
	LastCxid       int32
	SinceMs        int64 // wall clock, when it was accepted
}

func (c *Conn) origin() replica.Origin { return replica.Origin{Loop: c.loop.index, Conn: c.number} }

// consume executes or hands over requests until one has to wait or none is whole.
func (c *Conn) consume() {
	all := c.sink.Unread()
	unread := all
	for {
		frame, rest, ok, err := wire.NextFrame(unread, c.loop.engine.options.MaxFrameBytes)
		if err != nil {
			c.loop.engine.badFrame(c, err)
			return
		}
		if !ok || !c.accept(frame) {
			break
		}
		unread = rest
		if len(c.out) > flushAbove {
			c.flush()
		}
		if c.state >= stateClosing {
			return // what Unread returned may be gone
		}
	}
	c.wants = 0
	if len(unread) >= wire.FrameHeaderSize && c.state < stateClosing {
		c.wants = wire.FrameHeaderSize + int(binary.BigEndian.Uint32(unread))
	}
	c.sink.Discard(len(all) - len(unread))
	c.regulate(len(unread))
}

// Wants returns how many unread bytes make it worth calling Traffic: those of the frame that has begun.
func (c *Conn) Wants() int { return c.wants }

// Greeting reports whether the connect request has not arrived yet.
func (c *Conn) Greeting() bool { return c.state == stateGreeting }

// accept takes one frame, or says that it has to wait.
func (c *Conn) accept(frame []byte) (taken bool) {
	switch c.state {
	case stateServing:
		return !c.clogged && !c.loop.engine.draining.Load() && c.request(frame)
	case stateGreeting:
		c.stats.Received++
		c.loop.received++
		c.greet(frame)
		return true
	case stateJoining:
		return false
	}
	return true // nothing behind a closeSession is executed or answered
}

// regulate stops reading the socket of a connection whose requests wait, and reads on once they do not.
func (c *Conn) regulate(unread int) {
	if c.state >= stateClosing {
		return
	}
	soft := c.loop.engine.options.MaxFrameBytes + maxUnread
	if unread > 4*soft { // the network could not stop reading
		c.loop.engine.giveUp(c, unread)
		return
	}
	if over := unread > soft; over != c.paused {
		if c.paused = over; over {
			c.sink.Pause()
		} else {
			c.sink.Resume()
		}
	}
}

// send marks that out has grown.
func (c *Conn) send() {
	c.stats.Sent++
	c.loop.sent++
	if !c.dirty {
		c.dirty = true
		c.loop.dirty = append(c.loop.dirty, c)
	}
}

// answered appends the reply of the oldest write in flight.
func (c *Conn) answered(d *delivery, frame []byte) {
	c.inflight--
	c.loop.answeredOne(d)
	if c.state >= stateClosing {
		return
	}
	c.out = append(c.out, frame...)
	c.heard() // the client may have said more than is read while this server is the slower one
	c.send()
	c.proceed()
}

// refused answers the oldest write in flight, which became no transaction.
func (c *Conn) refused(d *delivery) {
	c.inflight--
	c.loop.answeredOne(d)
	if c.state >= stateClosing {
		return
	}
	if wire.Code(d.code) == wire.ConnectionLoss { // this server cannot order writes any more
		c.close()
		return
	}
	c.out = wire.AppendReply(c.out, d.xid, d.number, wire.Code(d.code))
	c.send()
	c.proceed()
}

// proceed goes on once nothing is in flight.
func (c *Conn) proceed() {
	if c.inflight > 0 {
		return
	}
	if c.state == stateLeaving {
		c.close()
		return
	}
	c.makeRunnable()
}

func (c *Conn) makeRunnable() {
	if !c.queued && c.state < stateClosing {
		c.queued = true
		c.loop.runnable = append(c.loop.runnable, c)
	}
}

// event appends a watch event. A client that lets too many pile up is given up by flush.
func (c *Conn) event(frame []byte) {
	if c == nil || c.state != stateServing && c.state != stateLeaving {
		return
	}
	c.out = append(c.out, frame...)
	c.send()
}

// flush sends what the turn has gathered.
func (c *Conn) flush() {
	c.dirty = false
	if c.state >= stateClosing || len(c.out) == 0 {
		return
	}
	c.sink.Write(c.out)
	if cap(c.out) > keepOut {
		c.out = nil
	} else {
		c.out = c.out[:0]
	}
	switch unsent := c.sink.Unsent(); {
	case unsent > maxUnsentHard:
		c.loop.engine.giveUp(c, unsent)
	case unsent > maxUnsent && !c.clogged:
		c.clog()
	}
}

// clog makes the connection's requests wait until its client reads. The network does not tell when it does, so the loop
// looks again soon.
func (c *Conn) clog() {
	l := c.loop
	c.clogged = true
	if l.clogged = append(l.clogged, c); len(l.clogged) == 1 {
		time.AfterFunc(recheckAfter, func() {
			l.recheck.Store(true)
			l.rouse()
		})
	}
}

// flushAbove is how many bytes of replies, at most, a connection gathers before they are sent in the middle of a turn, so
// that it is noticed in time when the client does not read them.
const flushAbove = 256 << 10

// keepOut is the largest output buffer, in bytes, that a connection keeps between turns.
const keepOut = 64 << 10

// close sends what there is to send and asks the network to close the connection; Closed follows.
func (c *Conn) close() {
	if c.state >= stateClosing {
		return
	}
	c.flush()
	c.state = stateClosing
	c.sink.Close()
}

// answeredOne notes that a request handed over is answered.
func (l *Loop) answeredOne(d *delivery) {
	l.outstanding--
	l.outstandingBytes -= int64(d.held)
	if len(l.stalled) > 0 && l.outstanding <= l.engine.maxOutstanding/2 && l.outstandingBytes <= l.engine.maxOutstandingBytes/2 {
		l.unstall()
	}
}
