package engine

import (
	"net/netip"
	"sync/atomic"
	"time"

	"bellwether/engine/replica"
	"bellwether/engine/watch"
)

// Sink is the network's half of a connection. Its methods are called by the connection's event loop alone.
type Sink interface {
	// Unread returns what has arrived and has not been discarded. It is valid until Discard or the return to the network.
	Unread() []byte
	// Discard drops the first n unread bytes.
	Discard(n int)
	// Write sends p behind everything written before. It does not keep p. If the connection turns out to be lost, it may call
	// Loop.Closed before it returns; Unread then returns nothing any more, and the other methods do nothing.
	Write(p []byte)
	// Unsent returns how many bytes written wait in memory because the client does not read.
	Unsent() int
	// Pause stops reading from the socket, so that the client feels it; Resume reads on.
	Pause()
	Resume()
	// Close has the connection closed once what was written is sent or cannot be. Loop.Closed follows, not from within.
	Close()
}

// Loop is the engine's half of one event loop. All its methods but wake belong to the goroutine that runs the event loop;
// so do all its connections.
type Loop struct {
	engine *Engine
	index  int32 // from 1
	wake   func()
	box    outbox

	conns []*Conn  // by number; nil: free or unused
	free  []uint32 // numbers that may be given out again

	requests []replica.Request // writes read in this turn, not yet handed over
	arena    []byte            // their bodies; full ones are left to the garbage collector

	incoming parcel // taken from the box, from cursor on still to be done
	cursor   int
	drained  uint64 // deliveries done since the start

	runnable []*Conn // may go on reading
	dirty    []*Conn // have something to send
	stalled  []*Conn // wait until fewer writes are outstanding
	clogged  []*Conn // wait until their client reads

	busy bool    // in a turn
	gone []*Conn // closed in the middle of it

	outstanding      int         // requests handed over and not answered
	outstandingBytes int64       // that they hold on to: their bodies, or the replies that reads will make
	recheck          atomic.Bool // look again at the clogged connections
	nowNs            int64       // the engine's clock at the beginning of the turn
	received         int64       // frames, in this turn
	sent             int64
	reader           reader
	scratch          []byte
	counters         loopCounters
}

// loopCounters are read by whoever reports; the loop adds to them once a turn.
type loopCounters struct {
	received, sent atomic.Int64 // frames
	reads          atomic.Int64
	connections    atomic.Int64
	outstanding    atomic.Int64
}

// NewLoop adds an event loop. wake must make the event loop call Turn soon; it may be called from any goroutine and must
// not block. All loops are added before the first connection is opened.
func (e *Engine) NewLoop(wake func()) *Loop {
	l := &Loop{engine: e, index: int32(len(e.loops)) + 1, wake: wake}
	l.reader = reader{engine: e, box: &l.box}
	l.conns = append(l.conns, nil) // number 0 is never a connection's
	e.loops = append(e.loops, l)
	e.applier.gathers = append(e.applier.gathers, gather{})
	return l
}

// Open adds a connection that has just been accepted from remote. It returns nil if the loop has as many as it can tell
// apart.
func (l *Loop) Open(sink Sink, remote netip.AddrPort) *Conn {
	if len(l.free) == 0 && len(l.conns) == maxConnsPerLoop {
		return nil
	}
	c := &Conn{loop: l, sink: sink, remote: remote, stats: ConnStats{SinceMs: time.Now().UnixMilli(), LastCxid: -1}}
	if n := len(l.free); n > 0 {
		c.number = l.free[n-1]
		l.free = l.free[:n-1]
		l.conns[c.number] = c
	} else {
		c.number = uint32(len(l.conns))
		l.conns = append(l.conns, c)
	}
	c.watcher = watch.Watcher(uint32(l.index-1)<<connBits | c.number)
	c.ids = []replica.Identity{{Scheme: "ip", ID: addressText(remote.Addr())}}
	l.counters.connections.Add(1)
	return c
}

// maxConnsPerLoop is how many connections a watcher's number can tell apart in one loop.
const maxConnsPerLoop = 1 << connBits

// Traffic is to be called when bytes have arrived for c.
func (l *Loop) Traffic(c *Conn) {
	l.begin()
	c.consume()
	l.end()
}

// Turn is to be called after wake: it does what the other loops have left.
func (l *Loop) Turn() {
	l.begin()
	l.box.woken.Store(false)
	if l.recheck.Swap(false) {
		l.unclog()
	}
	l.end()
}

// Closed is to be called when c's socket is closed, by either side; also from within Sink.Write. Its number is free for
// another connection only once everything on its way to it has arrived.
func (l *Loop) Closed(c *Conn) {
	if c.state == stateDead {
		return
	}
	c.state = stateDead
	l.gone = append(l.gone, c)
	if !l.busy {
		l.begin()
		l.end()
	}
}

// bury takes leave of the connections that were closed. Behind the barrier nothing comes for their numbers any more.
func (l *Loop) bury() {
	for _, c := range l.gone {
		c.out = nil
		l.engine.watches.RemoveWatcher(c.watcher)
		if c.live != nil {
			c.live.location.CompareAndSwap(location(l.index, c.number), 0)
		}
		l.counters.connections.Add(-1)
		l.add(replica.Request{Op: replica.OpBarrier, Session: c.session, Origin: c.origin()})
	}
	clear(l.gone)
	l.gone = l.gone[:0]
}

func (l *Loop) begin() { l.nowNs, l.busy = l.engine.clock.now(), true }

// end finishes a turn: it does what is due until nothing is, hands the writes over and sends what there is to send.
func (l *Loop) end() {
	for again := true; again; again = len(l.gone)+len(l.runnable) > 0 {
		l.drain(l.box.pushed.Load())
		l.run()
		l.bury()
		l.handOver()
		l.flush()
	}
	l.busy = false
	l.report()
}

// report adds what the turn has counted to what others may read.
func (l *Loop) report() {
	l.counters.received.Add(l.received)
	l.counters.sent.Add(l.sent)
	l.counters.reads.Add(l.reader.count)
	l.counters.outstanding.Store(int64(l.outstanding))
	l.received, l.sent, l.reader.count = 0, 0, 0
}

// Tick is to be called some times a second.
func (l *Loop) Tick() {
	l.begin()
	l.unclog()
	l.end()
}

// run lets the connections that may go on consume what they have.
func (l *Loop) run() {
	for i := 0; i < len(l.runnable); i++ {
		c := l.runnable[i]
		c.queued = false
		if c.state < stateClosing {
			c.consume()
		}
	}
	clear(l.runnable)
	l.runnable = l.runnable[:0]
}

// arenaSize is how many bytes of request bodies share one allocation.
const arenaSize = 64 << 10

// add puts a request into this turn's batch.
func (l *Loop) add(r replica.Request) {
	r.Received = l.nowNs
	l.requests = append(l.requests, r)
}

// keep copies a request's body to where it stays until it is applied.
func (l *Loop) keep(body []byte) []byte {
	if len(body) > cap(l.arena)-len(l.arena) {
		l.arena = make([]byte, 0, max(arenaSize, len(body)))
	}
	start := len(l.arena)
	l.arena = append(l.arena, body...)
	return l.arena[start:len(l.arena):len(l.arena)]
}

// handOver gives this turn's writes to the core loop, all at once.
func (l *Loop) handOver() {
	if len(l.requests) == 0 {
		return
	}
	l.engine.inbox.submit(l.requests)
	l.engine.bringToCore(len(l.requests) <= little, false)
	clear(l.requests)
	l.requests = l.requests[:0]
}

// drain does deliveries, in order, until upTo of them have been done since the start.
func (l *Loop) drain(upTo uint64) {
	for l.drained < upTo {
		if l.cursor == len(l.incoming.items) {
			l.box.take(&l.incoming)
			l.cursor = 0
		}
		d := &l.incoming.items[l.cursor]
		l.cursor++
		l.drained++
		l.deliver(d)
	}
}

func (l *Loop) deliver(d *delivery) {
	frame := l.incoming.bytes[d.off : d.off+d.n]
	if d.kind == deliverEvent {
		for _, number := range l.incoming.to[d.conn : d.conn+uint32(d.xid)] {
			l.conns[number].event(frame)
		}
		return
	}
	c := l.conns[d.conn]
	switch d.kind {
	case deliverReply:
		c.answered(d, frame)
	case deliverRefusal:
		c.refused(d)
	case deliverConnected:
		c.connected(d)
	case deliverKick:
		if c != nil && c.session == d.number {
			c.close()
		}
	case deliverReleased:
		l.conns[d.conn] = nil
		l.free = append(l.free, d.conn)
	}
}

// flush sends what the connections have to say.
func (l *Loop) flush() {
	for i := 0; i < len(l.dirty); i++ { // sending may close connections, which then are in gone
		l.dirty[i].flush()
	}
	clear(l.dirty)
	l.dirty = l.dirty[:0]
}

// unstall lets the connections go on that waited for the writes outstanding to become fewer.
func (l *Loop) unstall() {
	for _, c := range l.stalled {
		c.stalled = false
		c.makeRunnable()
	}
	clear(l.stalled)
	l.stalled = l.stalled[:0]
}

// recheckAfter is how soon a connection whose client did not read is looked at again.
const recheckAfter = 2 * time.Millisecond

// unclog looks again at the connections whose client did not read.
func (l *Loop) unclog() {
	clogged := l.clogged
	l.clogged = nil
	for _, c := range clogged {
		c.clogged = false
		if c.state >= stateClosing {
			continue
		}
		if c.sink.Unsent() > maxUnsent/2 {
			c.clog()
			continue
		}
		c.makeRunnable()
	}
}
