package client

import (
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"bellwether/engine/wire"
)

// state is where a session stands:
//
//	waiting ──► dialing ──► shaking ──► proving ──► ready ──► closing ──► closed
//	   ▲           │           │           │          │
//	   └───────────┴───────────┴───────────┴──────────┘ connection lost
type state uint8

const (
	waiting state = iota // for the time of the next attempt
	dialing              // the TCP connection is being made
	shaking              // the connect request is sent
	proving              // credentials are sent
	ready                // requests flow
	closing              // closeSession is sent
	closed               // for good
)

// Conn is one session and, when there is one, its connection. All methods belong to the goroutine that turns the Loop.
type Conn struct {
	Number int // the owner's, as given to Open

	loop       *Loop
	slot       int32
	generation int32 // changes with every connection, so that late events are told apart
	fd         int   // -1 without a connection
	state      state
	server     int  // index in the loop's servers
	dirty      bool // in the loop's dirty list
	congested  bool // the kernel took only a part: wait until the socket can be written

	in    []byte // the beginning of a frame that has not wholly arrived
	out   []byte // frames not yet taken by the kernel
	frame int    // where in out the frame begun last starts
	ring  ring
	xid   int32 // of the last request

	id       int64 // 0 before the session exists
	passwd   []byte
	timeout  int64 // negotiated, nanoseconds
	lastZxid int64

	resumed  bool  // this connection took up the session of an earlier one
	proofs   int   // credentials not yet answered
	failures int   // attempts since the session was last ready
	lastSend int64 // when the last write began
	lastRecv int64
	deadline int64 // waiting: when to dial; otherwise, except ready: when to give up
}

// SessionID is the id of the session, 0 before the server has given one.
func (c *Conn) SessionID() int64 { return c.id }

// Room is how many requests the session takes now: 0 unless it is ready.
func (c *Conn) Room() int {
	if c.state != ready {
		return 0
	}
	return c.loop.opts.Depth - c.ring.len()
}

// InFlight is how many requests wait for their reply.
func (c *Conn) InFlight() int { return c.ring.len() }

// Begin starts a request: it returns the session's out buffer with the header in it. The caller appends the request record and
// gives the slice to Commit, with no other call of this session between. The session must have Room.
func (c *Conn) Begin(op wire.OpCode) []byte {
	c.frame = len(c.out)
	return wire.AppendRequestHeader(wire.BeginFrame(c.out), nextXid(c.xid), op)
}

// Commit ends the request that Begin began. It is sent with the next flush. The caller fills in its fields of the
// returned Pending before it does anything else with the session.
func (c *Conn) Commit(out []byte) *Pending {
	if c.state != ready {
		panic("client: request on a session that is not ready")
	}
	p := c.ring.push()
	c.append(out)
	*p = Pending{Xid: c.xid}
	return p
}

// append finishes the frame and queues the session for the next flush.
func (c *Conn) append(out []byte) {
	wire.EndFrame(out, c.frame)
	c.out = out
	c.xid = nextXid(c.xid)
	c.touch()
}

func (c *Conn) touch() {
	if !c.dirty {
		c.dirty = true
		c.loop.dirty = append(c.loop.dirty, c)
	}
}

// nextXid stays above 0: the numbers below have meanings of their own.
func nextXid(xid int32) int32 {
	if xid == 1<<31-1 {
		return 1
	}
	return xid + 1
}

// write gives the kernel what is in out. The loop calls it for a dirty session, and when a congested one has room again.
func (c *Conn) write() {
	now := Now()
	c.ring.stamp(now)
	c.lastSend = now
	n, errno := writeSocket(c.fd, c.out)
	c.loop.stats.Writes++
	switch errno {
	case 0:
	case unix.EAGAIN, unix.EINTR:
		n = 0
	default:
		c.drop(fmt.Errorf("write: %w", errno))
		return
	}
	c.loop.stats.BytesOut += int64(n)
	rest := copy(c.out, c.out[n:])
	c.out = c.out[:rest]
	if full := rest > 0; full != c.congested {
		c.congested = full
		c.listen()
	}
}

// listen tells epoll what the session waits for.
func (c *Conn) listen() {
	events := uint32(unix.EPOLLIN | unix.EPOLLRDHUP)
	if c.congested {
		events |= unix.EPOLLOUT
	}
	if err := c.loop.poll.set(unix.EPOLL_CTL_MOD, c.fd, c.slot, c.generation, events); err != nil {
		c.drop(err)
	}
}

// read takes what has arrived, at most a buffer full, and handles every whole frame in it. The rest is kept: level
// triggering brings the loop back if the socket has more.
func (c *Conn) read() {
	l := c.loop
	buf, kept := l.in, copy(l.in, c.in)
	if need := c.frameSize(); need > len(l.in) { // a frame above the shared buffer grows in the session's own
		buf, kept = grow(c.in, need), len(c.in)
		c.in = buf[:kept]
	}
	n, errno := readSocket(c.fd, buf[kept:])
	l.stats.Reads++
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return
	case errno != 0:
		c.drop(fmt.Errorf("read: %w", errno))
		return
	case n == 0:
		c.drop(io.EOF)
		return
	}
	l.now = Now()
	l.stats.BytesIn += int64(n)
	if kept+n == len(buf) {
		l.stats.Backlogs++
	}
	c.lastRecv = l.now
	c.consume(buf[:kept+n])
}

// frameSize is the size of the frame whose beginning was kept, 0 if that is not known.
func (c *Conn) frameSize() int {
	if len(c.in) < wire.FrameHeaderSize {
		return 0
	}
	return wire.FrameHeaderSize + int(int32(binary.BigEndian.Uint32(c.in)))
}

// grow returns all of b's memory, at least size bytes of it, beginning with b.
func grow(b []byte, size int) []byte {
	if cap(b) < size {
		b = append(make([]byte, 0, size), b...)
	}
	return b[:cap(b)]
}

// consume handles the whole frames in data and keeps the rest.
func (c *Conn) consume(data []byte) {
	generation := c.generation
	for {
		frame, rest, ok, err := wire.NextFrame(data, c.loop.opts.MaxFrame)
		if err != nil {
			c.drop(err)
			return
		}
		data = rest
		if !ok {
			break
		}
		if c.state == shaking {
			c.shaken(frame)
		} else {
			c.receive(frame)
		}
		if c.generation != generation {
			return // dropped: what follows is of no connection
		}
	}
	if len(data) == 0 && cap(c.in) > readBufferSize {
		c.in = nil // it held one huge frame
	}
	c.in = append(c.in[:0], data...)
}

// receive handles a frame of an established connection.
func (c *Conn) receive(frame []byte) {
	if len(frame) < wire.ReplyHeaderSize {
		c.drop(fmt.Errorf("reply of %d bytes is shorter than its header", len(frame)))
		return
	}
	xid := int32(binary.BigEndian.Uint32(frame))
	zxid := int64(binary.BigEndian.Uint64(frame[4:]))
	code := wire.Code(binary.BigEndian.Uint32(frame[12:]))
	switch {
	case xid == wire.XidPing:
	case xid == wire.XidNotification:
		c.notified(zxid, frame[wire.ReplyHeaderSize:])
	case xid == wire.XidAuth:
		c.proved(code)
	case c.ring.len() > 0:
		c.answered(xid, Reply{Zxid: zxid, Code: code, Body: frame[wire.ReplyHeaderSize:]})
	case c.state == closing && xid == c.xid:
		c.drop(ErrClosed)
	default:
		c.outOfOrder(xid)
	}
}

func (c *Conn) answered(xid int32, r Reply) {
	if c.ring.at(c.ring.head).Xid != xid {
		c.outOfOrder(xid)
		return
	}
	if r.Zxid > c.lastZxid {
		c.lastZxid = r.Zxid
	}
	c.loop.handler.Reply(c, c.ring.pop(), r)
}

func (c *Conn) outOfOrder(xid int32) {
	c.loop.stats.OrderViolations++
	if c.ring.len() == 0 {
		c.drop(fmt.Errorf("%w: xid %d answered, nothing was asked", ErrOrder, xid))
		return
	}
	c.drop(fmt.Errorf("%w: xid %d answered, %d was next", ErrOrder, xid, c.ring.at(c.ring.head).Xid))
}

// Event is a watch that fired.
type Event struct {
	Type wire.EventType
	Path string // aliases the read buffer
	Zxid int64  // of the transaction that fired it; -1 from servers that do not say
}

func (c *Conn) notified(zxid int64, body []byte) {
	var e wire.WatcherEvent
	r := wire.NewReader(body)
	if err := e.Decode(&r); err != nil {
		c.drop(fmt.Errorf("watch event: %w", err))
		return
	}
	c.loop.stats.Events++
	c.loop.handler.Event(c, Event{Type: e.Type, Path: e.Path, Zxid: zxid})
}
