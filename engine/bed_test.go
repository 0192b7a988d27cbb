package engine

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"bellwether/engine/wire"
	"bellwether/wal/memfs"
)

// bed is an engine on a disk in memory, with event loops that the test runs: goroutines that do one task after another.
type bed struct {
	t     testing.TB
	disk  *memfs.FS
	e     *Engine
	loops []*testLoop
}

type testLoop struct {
	loop  *Loop
	tasks chan func()
	done  chan struct{}
}

func testOptions(disk *memfs.FS) Options {
	return Options{FS: disk, DataDir: "data", SegmentBytes: 1 << 20, MaxFrameBytes: 256 << 10, TickMs: 50, MaxSessionTimeoutMs: 60_000}
}

// newBed starts an engine with n event loops on disk.
func newBed(t testing.TB, disk *memfs.FS, n int, o Options) *bed {
	t.Helper()
	e, err := Open(o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	b := &bed{t: t, disk: disk, e: e}
	for range n {
		l := &testLoop{tasks: make(chan func(), 1<<16), done: make(chan struct{})}
		l.loop = e.NewLoop(func() { l.tasks <- l.loop.Turn })
		b.loops = append(b.loops, l)
		go l.run()
	}
	e.Start()
	select {
	case <-e.Ready():
	case <-e.Failed():
		t.Fatalf("engine failed: %v", e.Err())
	}
	return b
}

func (l *testLoop) run() {
	defer close(l.done)
	for task := range l.tasks {
		if task == nil {
			return
		}
		task()
	}
}

// stop ends the engine as SIGTERM does.
func (b *bed) stop() {
	b.t.Helper()
	b.e.Drain(context.Background())
	for _, l := range b.loops {
		l.tasks <- nil
		<-l.done
	}
	if err := b.e.Close(); err != nil {
		b.t.Errorf("close: %v", err)
	}
}

// pipe is a connection without a network: what the client writes lies in unread, what the server writes in written.
type pipe struct {
	loop *testLoop
	conn *Conn

	sent, unread []byte // the loop's
	paused       bool

	mu      sync.Mutex
	arrived *sync.Cond
	written []byte
	closed  bool
	deaf    bool // the client does not read: Unsent grows
	unsent  int
}

func (p *pipe) Unread() []byte { return p.unread }
func (p *pipe) Discard(n int)  { p.unread = p.unread[n:] }
func (p *pipe) Pause()         { p.paused = true }

func (p *pipe) Resume() {
	p.paused = false
	p.loop.tasks <- p.arrive
}

// arrive lets the server read what the client has sent, some of it at a time, as long as it wants to.
func (p *pipe) arrive() {
	for len(p.sent) > 0 && !p.paused {
		n := min(len(p.sent), 64<<10)
		p.unread = append(p.unread[:len(p.unread):len(p.unread)], p.sent[:n]...)
		p.sent = p.sent[n:]
		p.loop.loop.Traffic(p.conn)
	}
}

func (p *pipe) Write(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.deaf {
		p.unsent += len(b)
		return
	}
	p.written = append(p.written, b...)
	p.arrived.Broadcast()
}

func (p *pipe) Unsent() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unsent
}

func (p *pipe) Close() {
	p.loop.tasks <- func() { p.loop.loop.Closed(p.conn) }
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.arrived.Broadcast()
}

// client is a test's end of a connection. Its methods fail the test when something else comes than they expect.
type client struct {
	*pipe
	t       testing.TB
	session wire.ConnectResponse
}

// accept opens a connection on loop i.
func (b *bed) accept(i int) *client {
	l := b.loops[i%len(b.loops)]
	p := &pipe{loop: l}
	p.arrived = sync.NewCond(&p.mu)
	opened := make(chan struct{})
	l.tasks <- func() {
		p.conn = l.loop.Open(p, netip.MustParseAddrPort("127.0.0.1:1"))
		close(opened)
	}
	<-opened
	return &client{pipe: p, t: b.t}
}

// connect opens a connection on loop i with a new session.
func (b *bed) connect(i int) *client {
	b.t.Helper()
	c := b.accept(i)
	c.handshake(wire.ConnectRequest{Timeout: 30_000, HasReadOnly: true})
	return c
}

// handshake sends q and keeps the answer.
func (c *client) handshake(q wire.ConnectRequest) {
	c.t.Helper()
	frame := q.Append(wire.BeginFrame(nil))
	wire.EndFrame(frame, 0)
	c.send(frame)
	r := wire.NewReader(c.next())
	if err := c.session.Decode(&r); err != nil {
		c.t.Fatalf("connect response: %v", err)
	}
}

// send delivers bytes to the server.
func (c *client) send(b []byte) {
	b = append([]byte(nil), b...)
	c.loop.tasks <- func() {
		c.sent = append(c.sent, b...)
		c.arrive()
	}
}

// next waits for the next frame.
func (c *client) next() []byte {
	c.t.Helper()
	frame, ok := c.nextUnlessClosed()
	if !ok {
		c.t.Fatal("the server closed the connection")
	}
	return frame
}

func (c *client) nextUnlessClosed() (frame []byte, ok bool) {
	c.t.Helper()
	watchdog := time.AfterFunc(20*time.Second, func() { panic("no frame came within 20 s") })
	defer watchdog.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		frame, rest, ok, err := wire.NextFrame(c.written, 1<<30)
		if err != nil {
			c.t.Fatalf("frame from the server: %v", err)
		}
		if ok {
			c.written = rest
			return frame, true
		}
		if c.closed {
			return nil, false
		}
		c.arrived.Wait()
	}
}

// message is a reply or, with xid -1, an event.
type message struct {
	wire.ReplyHeader
	body  []byte
	event wire.WatcherEvent
}

func (c *client) message() message {
	c.t.Helper()
	r := wire.NewReader(c.next())
	var m message
	if err := m.ReplyHeader.Decode(&r); err != nil {
		c.t.Fatal(err)
	}
	if m.Xid == wire.XidNotification {
		if err := m.event.Decode(&r); err != nil {
			c.t.Fatal(err)
		}
	}
	m.body = r.Rest()
	return m
}

// reply waits for the reply to xid, which must be the next message and have this code.
func (c *client) reply(xid int32, code wire.Code) message {
	c.t.Helper()
	m := c.message()
	if m.Xid != xid || m.Err != code {
		c.t.Fatalf("got xid %d %v, want xid %d %v", m.Xid, m.Err, xid, code)
	}
	return m
}

// data decodes the reply to getData.
func (m message) data(t testing.TB) (string, wire.Stat) {
	t.Helper()
	r := wire.NewReader(m.body)
	var d wire.DataStat
	if err := d.Decode(&r); err != nil {
		t.Fatalf("reply %d: %v", m.Xid, err)
	}
	return string(d.Data), d.Stat
}

// Frames of requests.

func create(xid int32, path, data string, mode wire.CreateMode) []byte {
	return wire.AppendCreateRequest(nil, xid, wire.OpCreate, path, []byte(data), wire.OpenACL, mode)
}

func set(xid int32, path, data string) []byte {
	return wire.AppendSetDataRequest(nil, xid, path, []byte(data), -1)
}

func get(xid int32, path string, watch bool) []byte {
	return wire.AppendGetDataRequest(nil, xid, path, watch)
}
