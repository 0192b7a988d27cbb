package peer

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"bellwether/engine/zab"
)

// Links holds the learner links: those that others open to follow this server (Serve), and the one to the leader that it
// follows itself (Dial). Two goroutines belong to a link, one reads and one writes; what both sides may say at which stage
// is the ends' affair (link.go), when to say it zab's.
//
// All methods may be called by any goroutine.
type Links struct {
	o      Options
	text   []byte
	door   door
	stop   context.CancelFunc
	ctx    context.Context
	wg     sync.WaitGroup
	number atomic.Uint64 // of the last link

	mu     sync.Mutex
	closed bool
	links  map[zab.LinkID]*link
}

// NewLinks returns this server's learner links: none yet. The error is that of o.Validate.
func NewLinks(o Options) (*Links, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	ls := &Links{o: o.withDefaults(), text: o.Ensemble.Append(nil), links: map[zab.LinkID]*link{}}
	ls.ctx, ls.stop = context.WithCancel(context.Background())
	ls.door = door{o: &ls.o, serve: ls.greet, wg: &ls.wg, inside: map[net.Conn]bool{}}
	return ls, nil
}

// Serve accepts learners from l, which it closes in the end, until Close. This server need not lead: whoever comes is
// made known to zab by its first message.
func (ls *Links) Serve(l net.Listener) { ls.door.accept(l) }

// Dial opens a link to a leader, at one of its addresses. The handler hears the outcome, unless this
// server stops.
func (ls *Links) Dial(leader zab.ServerID) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.closed {
		return
	}
	ls.wg.Go(func() {
		conn, err := ls.dial(leader)
		if err != nil {
			ls.o.Log.Debug("leader cannot be reached", "server", leader, "error", err)
			ls.o.Handler.DialFailed(leader)
			return
		}
		id := ls.nextID()
		identity := Identity{Link: id, Self: ls.o.ID, Peer: leader, ConfigVersion: ls.o.Ensemble.Version}
		l := newLink(ls, id, conn, NewLearnerEnd(identity))
		l.peer.Store(int64(leader))
		if !ls.enter(l) {
			ls.o.Handler.DialFailed(leader)
			return
		}
		ls.o.Handler.LinkUp(id, leader)
		l.known = true
		l.read()
	})
}

func (ls *Links) dial(leader zab.ServerID) (net.Conn, error) {
	var addresses []string
	m, _ := ls.o.Ensemble.Member(leader)
	for _, a := range m.Addresses {
		addresses = append(addresses, a.Quorum())
	}
	return ls.o.dialAny(ls.ctx, addresses)
}

func (ls *Links) nextID() zab.LinkID { return zab.LinkID(ls.number.Add(1)) }

// greet serves a connection that somebody opened. Until its first message is in, it is a stranger.
func (ls *Links) greet(conn net.Conn, _ uint64) {
	id := ls.nextID()
	end := NewLeaderEnd(Identity{Link: id, Self: ls.o.ID, Config: ls.text, ConfigVersion: ls.o.Ensemble.Version})
	if l := newLink(ls, id, conn, end); ls.enter(l) {
		l.read()
	}
}

// enter puts a link in the table and starts its writer. It closes the link if this server stops.
func (ls *Links) enter(l *link) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.closed {
		_ = l.conn.Close()
		return false
	}
	ls.links[l.id] = l
	ls.wg.Go(l.write)
	return true
}

// leave takes a link out of the table.
func (ls *Links) leave(l *link) {
	ls.mu.Lock()
	delete(ls.links, l.id)
	ls.mu.Unlock()
}

func (ls *Links) find(id zab.LinkID) *link {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return ls.links[id]
}

// Send has messages written, each to its link, in order. Those whose link is gone are dropped. It never waits: a link with
// more than Options.MaxQueue waiting is closed. Of messages only what they refer to is kept.
func (ls *Links) Send(messages []zab.Message) {
	var l *link
	for i := range messages {
		m := &messages[i]
		if l == nil || l.id != m.Link {
			l = ls.find(m.Link)
		}
		if l != nil {
			l.put(outItem{message: *m})
		}
	}
}

// SendBody has the body of a snapshot written behind what was sent on the link before, and its signature behind that.
// write is called by the link's writer; what it writes must be a body as snapbody.go draws it, up to the path "/". When all
// is on its way the handler hears BodySent; an error, write's own included, ends the link.
func (ls *Links) SendBody(id zab.LinkID, write func(io.Writer) error) {
	if l := ls.find(id); l != nil {
		l.put(outItem{body: write})
	}
}

var errNoBody = errors.New("peer: there is no snapshot on this link")

// Body returns the body of the snapshot that a Snap message has announced. It is read and closed by one goroutine, not by
// the one that Receive is called on. The link goes on when it is closed, which is once zab knows what has become of the
// snapshot; unless it was read to io.EOF before that, the link ends.
func (ls *Links) Body(id zab.LinkID) (io.ReadCloser, error) {
	l := ls.find(id)
	if l == nil {
		return nil, errNoBody
	}
	return l.takeBody()
}

// Drop closes a link once everything that was sent on it is written.
func (ls *Links) Drop(id zab.LinkID, reason string) {
	if l := ls.find(id); l != nil {
		l.fail(errors.New(reason), true)
	}
}

// Close ends all links and waits until nothing runs any more, calls of the handler included.
func (ls *Links) Close() {
	ls.stop()
	ls.door.close()
	ls.mu.Lock()
	ls.closed = true
	for _, l := range ls.links {
		l.fail(errClosed, false)
	}
	ls.mu.Unlock()
	ls.wg.Wait()
}
