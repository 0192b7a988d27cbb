package client

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Handler receives what happens to the sessions of a Loop. It is called on the goroutine that turns the Loop and must not
// turn it. It may send on any session that has room.
type Handler interface {
	// Ready: the session is connected and may send. With resumed it is the session of before, else a new one. The server
	// knows no watch of an earlier connection.
	Ready(c *Conn, resumed bool)
	// Reply answers one request, in the order of sending. A request in flight when the connection goes down gets
	// wire.ConnectionLoss. Every committed request gets exactly one Reply.
	Reply(c *Conn, p Pending, r Reply)
	// Event: a watch fired. The path aliases the read buffer: clone it to keep it.
	Event(c *Conn, e Event)
	// Down: the connection is gone, for a reason of this package or the network's, after the Reply of every request that
	// was in flight.
	Down(c *Conn, err error)
}

const (
	readBufferSize = 256 << 10
	maxDialing     = 128 // connection attempts at a time per loop: a listen backlog has an end
	shortSweep     = 2 * time.Millisecond
	longSweep      = 250 * time.Millisecond
	// blocked is how long a wait must take at least to count as sleep: one that finds work returns sooner.
	blocked = int64(10 * time.Microsecond)
)

// Loop drives any number of sessions over one epoll instance. It has no goroutine: its owner calls Turn again and again
// from one, which must also be the one that opens sessions and sends. Only Wake may be called from others.
type Loop struct {
	opts    Options
	handler Handler
	poll    *poller
	conns   []*Conn // by slot; closed ones stay
	servers []serverRecord
	in      []byte  // what the session being read has sent; shared by all
	dirty   []*Conn // with requests that were not flushed

	now       int64 // the last reading of the clock
	polled    int64 // when the last wait ended
	arrived   int64 // see Arrived
	nextSweep int64

	dialing, ready, open int // connections being made; sessions that may send; sessions not closed for good
	stats                Stats
}

// serverRecord remembers how the attempts at one address went, for error messages.
type serverRecord struct {
	attempts, connects int
	last               error
}

// Stats count what a Loop did. Times are nanoseconds.
type Stats struct {
	Turns, Slept      int64 // waits, and the time spent in those that found nothing to do at first
	Reads, Writes     int64 // system calls
	BytesIn, BytesOut int64
	Connects, Resumes int64 // sessions created; sessions taken up again after a lost connection
	Lost, Expired     int64 // connections lost (not closed); sessions the server had forgotten
	OrderViolations   int64
	Pings, Events     int64
	Backlogs          int64 // reads that filled the whole buffer: more was waiting
}

// NewLoop makes a Loop without sessions. The caller turns it, and closes it in the end.
func NewLoop(o Options, h Handler) (*Loop, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	p, err := newPoller()
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	l := &Loop{opts: o, handler: h, poll: p, servers: make([]serverRecord, len(o.Servers)), in: make([]byte, readBufferSize)}
	l.now = Now()
	l.polled = l.now
	return l, nil
}

// Open adds a session, which begins to connect in the next turn. Number is the owner's; it also chooses the server to begin
// with.
func (l *Loop) Open(number int) *Conn {
	c := &Conn{
		Number: number, loop: l, slot: int32(len(l.conns)), fd: -1,
		server: number % len(l.opts.Servers), ring: newRing(l.opts.Depth), passwd: make([]byte, 16),
	}
	l.conns = append(l.conns, c)
	l.open++
	l.nextSweep = 0
	return c
}

// Turn waits until something happens, but not past the time until, and handles all that did: bytes that came, sockets that
// can be written again, connections to make, pings to send. What handlers committed is flushed before it returns.
func (l *Loop) Turn(until int64) error {
	l.Flush()
	start := Now()
	events, err := l.poll.wait(min(until, l.nextSweep) - start)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	l.now = Now()
	l.stats.Turns++
	if slept := l.now - start; slept >= blocked {
		l.stats.Slept += slept
		l.arrived = l.now
	} else {
		l.arrived = l.polled
	}
	l.polled = l.now
	for i := range events {
		l.handle(&events[i])
	}
	if l.now >= l.nextSweep {
		l.sweep()
	}
	l.Flush()
	return nil
}

func (l *Loop) handle(ev *unix.EpollEvent) {
	if ev.Fd == bellSlot {
		l.poll.hush()
		return
	}
	c := l.conns[ev.Fd]
	if c.generation != ev.Pad {
		return // of a connection that an earlier event of this batch brought down
	}
	if c.state == dialing {
		c.dialed()
		return
	}
	if ev.Events&unix.EPOLLOUT != 0 {
		c.write()
	}
	if ev.Events&^uint32(unix.EPOLLOUT) != 0 && c.generation == ev.Pad {
		c.read()
		l.Flush()
	}
}

// Flush hands to the kernel what was committed since the last flush: one write call per session. Turn does it too; a caller
// that sends outside the handlers may do it earlier.
func (l *Loop) Flush() {
	for i := 0; i < len(l.dirty); i++ { // a connection lost in the write may make others dirty
		c := l.dirty[i]
		c.dirty = false
		if c.fd >= 0 && !c.congested {
			c.write()
		}
	}
	l.dirty = l.dirty[:0]
}

// sweep does what is due by time: connects, pings, gives up.
func (l *Loop) sweep() {
	wait, unsettled := int64(longSweep), false
	for _, c := range l.conns {
		if c.state == closed {
			continue
		}
		c.sweep()
		unsettled = unsettled || c.state != ready
		if c.timeout > 0 {
			wait = min(wait, c.timeout/16)
		}
	}
	if unsettled {
		wait = int64(shortSweep)
	}
	l.nextSweep = l.now + max(wait, int64(shortSweep))
}

// Wake ends the turn that is going on, or the next one, early. Safe from any goroutine as long as the Loop is not closed.
func (l *Loop) Wake() { l.poll.ring() }

// Now is the last reading of the clock: within Reply, when the read call that brought the reply had returned.
func (l *Loop) Now() int64 { return l.now }

// Arrived is meaningful within Reply: the bytes being handled were there at Arrived or came later. So Now minus Arrived
// bounds from above how long a reply waited for the Loop, run-queue time after a sleep excepted.
func (l *Loop) Arrived() int64 { return l.arrived }

// ReadyCount is how many sessions may send.
func (l *Loop) ReadyCount() int { return l.ready }

// OpenCount is how many sessions were not closed for good.
func (l *Loop) OpenCount() int { return l.open }

// Stats returns the counters so far.
func (l *Loop) Stats() Stats { return l.stats }

// Tried says for every server how often it was tried and how the last attempt ended, for error messages.
func (l *Loop) Tried() string {
	var parts []string
	for i, s := range l.servers {
		text := fmt.Sprintf("%v: %d attempts", l.opts.Servers[i], s.attempts)
		if s.connects > 0 {
			text += fmt.Sprintf(", %d succeeded", s.connects)
		}
		if s.last != nil {
			text += fmt.Sprintf(", last error: %v", s.last)
		}
		parts = append(parts, text)
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), "; ")
}

// Close drops every connection without closing its session and frees the Loop. Handlers are not called.
func (l *Loop) Close() {
	for _, c := range l.conns {
		if c.fd >= 0 {
			unix.Close(c.fd)
			c.fd = -1
		}
		c.state = closed
	}
	l.ready, l.open = 0, 0
	l.poll.close()
}
