package peer

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"bellwether/engine/zab"
)

// Election holds the election links: one connection to each other server, dialed by the one with the greater id.
//
//	                 Send                      greater id: the link is made
//	NONE ───────────────────────────► DIALING ──────────────────────────────► UP ──► NONE   read or write error, or a
//	  ▲   a server of smaller id        │                                       │           newer link takes its place
//	  │   called and must be called     │ smaller id: "call me", and hang up    │
//	  └── back ◄────────────────────────┴───────────────────────────────────────┘
//
// A server that cannot be reached is tried again only if there is something to say to it, after a pause that grows; the
// names of its addresses are looked up each time. For each server there is one place for a message that waits: the newest
// takes it, for a vote is worth nothing beside a later one. What was said last is said again on a new link.
//
// All methods may be called by any goroutine.
type Election struct {
	o    Options
	text []byte
	door door
	stop context.CancelFunc
	ctx  context.Context
	wg   sync.WaitGroup

	mu     sync.Mutex
	closed bool
	peers  map[zab.ServerID]*electionPeer
}

// electionPeer is what is known of one other server. Guarded by Election.mu.
type electionPeer struct {
	id        zab.ServerID
	addresses []string // from the configuration
	announced []string // by itself
	link      *electionLink
	dialing   bool
	backOff   backOff
	retry     *time.Timer // not nil: no dial before it fires

	waiting zab.Message // to be sent, unless its kind is 0
	last    zab.Message // sent last, unless its kind is 0

	reporting sync.Mutex // held while the handler is told about the link; taken before Election.mu
	told      int        // what it was told last: 1 up, -1 down

	// Invariant: at most one of link, dialing and retry is set.
}

// electionLink is one connection. Its writer sends what waits for the peer; its reader hands out what comes.
type electionLink struct {
	conn    net.Conn
	arrival uint64        // the connection's number, if it was accepted
	wake    chan struct{} // holds one token; closed when the link is over
}

// NewElection returns the election's end of this server. It speaks once Send is called and hears what Serve accepts. The
// error is that of o.Validate.
func NewElection(o Options) (*Election, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	e := &Election{o: o.withDefaults(), text: o.Ensemble.Append(nil), peers: map[zab.ServerID]*electionPeer{}}
	e.ctx, e.stop = context.WithCancel(context.Background())
	e.door = door{o: &e.o, serve: e.greet, wg: &e.wg, inside: map[net.Conn]bool{}}
	for _, m := range o.Ensemble.Members {
		if m.ID == o.ID {
			continue
		}
		p := &electionPeer{id: m.ID, backOff: backOff{min: e.o.BackOffMin, max: e.o.BackOffMax}}
		for _, a := range m.Addresses {
			p.addresses = append(p.addresses, a.Election())
		}
		e.peers[m.ID] = p
	}
	return e, nil
}

// Serve accepts connections from l, which it closes in the end, until Close. Several listeners may be served.
func (e *Election) Serve(l net.Listener) { e.door.accept(l) }

// Send sends a notification to the server it is for, sooner or later, unless a newer one for the same server comes first.
// It never waits. Messages for servers that are in no configuration are dropped.
func (e *Election) Send(m zab.Message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.peers[m.To]
	if p == nil || e.closed {
		return
	}
	p.waiting = m
	if p.link == nil {
		e.dial(p)
		return
	}
	p.link.signal()
}

// Close ends all links and waits until nothing runs any more, calls of the handler included.
func (e *Election) Close() {
	e.stop()
	e.door.close()
	e.mu.Lock()
	e.closed = true
	for _, p := range e.peers {
		if p.link != nil {
			_ = p.link.conn.Close()
		}
		if p.retry != nil {
			p.retry.Stop()
		}
	}
	e.mu.Unlock()
	e.wg.Wait()
}

// dial makes an attempt to reach p, unless one is under way or was made only just now. The lock is held.
func (e *Election) dial(p *electionPeer) {
	if p.dialing || p.retry != nil || e.closed {
		return
	}
	p.dialing = true
	addresses := slices.Clone(p.addresses)
	for _, a := range p.announced {
		if !slices.Contains(addresses, a) {
			addresses = append(addresses, a)
		}
	}
	e.wg.Go(func() {
		conn, err := e.call(p, addresses)
		e.mu.Lock()
		p.dialing = false
		if conn != nil {
			e.adopt(p, conn, 0)
		} else {
			e.retryLater(p, err)
		}
		e.mu.Unlock()
		if err != nil {
			e.o.Log.Debug("server cannot be reached for an election", "server", p.id, "error", err)
			e.report(p)
		}
	})
}

// call dials p and says who calls. It returns the connection if that is to be the link: a server of a greater id calls back
// instead.
func (e *Election) call(p *electionPeer, addresses []string) (net.Conn, error) {
	conn, err := e.o.dialAny(e.ctx, addresses)
	if err != nil {
		return nil, err
	}
	own, _ := e.o.Ensemble.Member(e.o.ID)
	h := Hello{ID: e.o.ID}
	for _, a := range own.Addresses {
		h.Addresses = append(h.Addresses, a.Election())
	}
	_ = conn.SetWriteDeadline(time.Now().Add(e.o.HelloTimeout))
	if _, err = conn.Write(h.Append(nil)); err != nil || p.id > e.o.ID {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// retryLater leaves p alone for a while. If something waits for it then, or comes later, it is dialed again. The lock is
// held.
func (e *Election) retryLater(p *electionPeer, err error) {
	if err == nil && p.id > e.o.ID {
		p.backOff.succeeded() // it calls back
	}
	if p.link != nil || e.closed {
		return
	}
	p.retry = time.AfterFunc(p.backOff.failed(), func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if p.retry = nil; p.link == nil && p.waiting.Kind != 0 {
			e.dial(p)
		}
	})
}

// greet finds out who has called and decides which connection is to be the link.
func (e *Election) greet(conn net.Conn, arrival uint64) {
	_ = conn.SetReadDeadline(time.Now().Add(e.o.HelloTimeout))
	h, err := ReadHello(conn)
	if err == nil && (h.ID == e.o.ID || e.peers[h.ID] == nil) {
		err = fmt.Errorf("peer: election link opened by server %d, which is none of the others", h.ID)
	}
	if err != nil {
		_ = conn.Close()
		if e.ctx.Err() == nil {
			e.o.Log.Warn("election connection refused", "from", conn.RemoteAddr(), "error", err)
		}
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.peers[h.ID]
	if h.ID > e.o.ID {
		e.adopt(p, conn, arrival)
		return
	}
	_ = conn.Close() // we are the one to dial
	p.announced = h.Addresses
	e.drop(p)
	if p.retry != nil { // it lives: no reason to wait
		p.retry.Stop()
		p.retry = nil
	}
	p.backOff.succeeded()
	e.dial(p)
}

// adopt makes conn the link to p, in place of what was: unless that was accepted later, and this one was only slower to
// say who it is. The lock is held.
func (e *Election) adopt(p *electionPeer, conn net.Conn, arrival uint64) {
	if e.closed || p.link != nil && p.link.arrival > arrival {
		_ = conn.Close()
		return
	}
	e.drop(p)
	if p.retry != nil {
		p.retry.Stop()
		p.retry = nil
	}
	p.backOff.succeeded()
	_ = conn.SetWriteDeadline(time.Time{})
	l := &electionLink{conn: conn, arrival: arrival, wake: make(chan struct{}, 1)}
	p.link = l
	if p.waiting.Kind == 0 {
		p.waiting = p.last // it may have been lost with the link before
	}
	if p.waiting.Kind != 0 {
		l.signal()
	}
	e.wg.Go(func() { e.write(p, l) })
	e.wg.Go(func() { e.read(p, l) })
}

// drop ends p's link, if there is one. The lock is held.
func (e *Election) drop(p *electionPeer) {
	if p.link != nil {
		_ = p.link.conn.Close()
		close(p.link.wake)
		p.link = nil
	}
}

// signal has the writer look. Election.mu is held.
func (l *electionLink) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// write sends what waits, until the link is over.
func (e *Election) write(p *electionPeer, l *electionLink) {
	var frame []byte
	for range l.wake {
		e.mu.Lock()
		m := p.waiting
		if p.link != l || m.Kind == 0 {
			e.mu.Unlock()
			continue
		}
		p.last, p.waiting = m, zab.Message{}
		e.mu.Unlock()
		frame = AppendNotification(frame[:0], &m, e.text)
		_ = l.conn.SetWriteDeadline(time.Now().Add(e.o.StallTimeout))
		if _, err := l.conn.Write(frame); err != nil {
			_ = l.conn.Close() // the reader notices
		}
	}
}

// read hands out what comes, until the link is over.
func (e *Election) read(p *electionPeer, l *electionLink) {
	e.report(p)
	err := e.receive(p, l)
	e.mu.Lock()
	current := p.link == l
	if current {
		e.drop(p)
		if p.waiting.Kind != 0 {
			e.dial(p)
		}
	}
	closed := e.closed
	e.mu.Unlock()
	if current && !closed {
		e.o.Log.Info("election link lost", "server", p.id, "error", err)
	}
	e.report(p)
}

// report tells the handler whether there is a link to p, if that is news. Reports about one server come in order.
func (e *Election) report(p *electionPeer) {
	p.reporting.Lock()
	defer p.reporting.Unlock()
	e.mu.Lock()
	now := -1
	if p.link != nil {
		now = 1
	}
	news := now != p.told && !e.closed
	p.told = now
	e.mu.Unlock()
	if news {
		e.o.Handler.Reachable(p.id, now > 0)
	}
}

// receive hands out notifications until there is an error. One that says nothing is no error: the next may say something.
func (e *Election) receive(p *electionPeer, l *electionLink) error {
	var body []byte
	batch := make([]Incoming, 1)
	complained := false
	for {
		var err error
		if body, err = readFrame(l.conn, body); err == io.EOF {
			return io.ErrUnexpectedEOF
		} else if err != nil {
			return err
		}
		m, _, err := DecodeNotification(body, p.id, e.o.ID)
		if err != nil {
			if !complained {
				e.o.Log.Warn("election message passed over", slog.Any("error", err))
			}
			complained = true
			continue
		}
		batch[0] = Incoming{Message: m}
		e.o.Handler.Receive(batch)
	}
}
