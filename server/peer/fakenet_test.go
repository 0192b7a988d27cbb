package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"bellwether/engine/zab"
)

// fakeNet is a network in memory: names, listeners, connections. It never drops a connection by itself.
type fakeNet struct {
	mu        sync.Mutex
	listeners map[string]*fakeListener
	dialed    []fakeDial
	dead      map[string]bool // dialing there answers nothing at all
}

type fakeDial struct {
	address string
	at      time.Time
}

func newFakeNet() *fakeNet {
	return &fakeNet{listeners: map[string]*fakeListener{}, dead: map[string]bool{}}
}

type fakeListener struct {
	net     *fakeNet
	address string
	conns   chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

func (n *fakeNet) listen(address string) net.Listener {
	l := &fakeListener{net: n, address: address, conns: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listeners[address] = l
	return l
}

func (l *fakeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *fakeListener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.net.mu.Lock()
		delete(l.net.listeners, l.address)
		l.net.mu.Unlock()
	})
	return nil
}

func (l *fakeListener) Addr() net.Addr { return fakeAddr(l.address) }

type fakeAddr string

func (fakeAddr) Network() string  { return "fake" }
func (a fakeAddr) String() string { return string(a) }

var errRefused = errors.New("connection refused")

func (n *fakeNet) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	n.dialed = append(n.dialed, fakeDial{address, time.Now()})
	l, dead := n.listeners[address], n.dead[address]
	n.mu.Unlock()
	if dead {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if l == nil {
		return nil, errRefused
	}
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.closed:
		return nil, errRefused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// dials returns when an address was dialed.
func (n *fakeNet) dials(address string) (at []time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, d := range n.dialed {
		if d.address == address {
			at = append(at, d.at)
		}
	}
	return at
}

// ensembleOf is a configuration of servers 1 to n at h1 to hn.
func ensembleOf(n int) (e Ensemble) {
	for i := 1; i <= n; i++ {
		e.Members = append(e.Members, Member{ID: zab.ServerID(i), Addresses: []Address{{fmt.Sprintf("h%d", i), 2888, 3888}}})
	}
	return e
}

// listener is a Handler that writes down what it hears.
type listener struct {
	mu     sync.Mutex
	events []string
	got    []Incoming
	onSnap func(Incoming)
}

func (l *listener) note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, fmt.Sprintf(format, args...))
}

func (l *listener) Receive(batch []Incoming) {
	for _, in := range batch {
		l.note("%d: %v", in.From, in.Message)
		l.mu.Lock()
		l.got = append(l.got, in)
		l.mu.Unlock()
		if in.Kind == zab.Snap && l.onSnap != nil {
			l.onSnap(in)
		}
	}
}

func (l *listener) Reachable(peer zab.ServerID, up bool)      { l.note("%d reachable %v", peer, up) }
func (l *listener) LinkUp(link zab.LinkID, peer zab.ServerID) { l.note("%d up, link %d", peer, link) }
func (l *listener) DialFailed(peer zab.ServerID)              { l.note("%d cannot be dialed", peer) }
func (l *listener) LinkDown(link zab.LinkID)                  { l.note("link %d down", link) }
func (l *listener) BodySent(link zab.LinkID)                  { l.note("link %d body sent", link) }

// heard returns what was written down since the last call.
func (l *listener) heard() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.events
	l.events = nil
	return out
}

func (l *listener) expect(t *testing.T, what string, want ...string) {
	t.Helper()
	if got := l.heard(); !slices.Equal(got, want) {
		t.Errorf("%s: heard %q\nwant %q", what, got, want)
	}
}

// optionsOf are the options of server id of n, on a network.
func optionsOf(n *fakeNet, id zab.ServerID, of int, h Handler) Options {
	return Options{ID: id, Ensemble: ensembleOf(of), Handler: h, Dial: n.dial, Log: slog.New(slog.DiscardHandler)}
}
