package engine

import (
	"net/netip"
	"testing"

	"bellwether/engine/wire"
	"bellwether/wal/memfs"
)

// bench is a connection whose event loop is the test itself, so that nothing but the server allocates.
type bench struct {
	loop   *Loop
	conn   *Conn
	woken  chan struct{}
	unread []byte
	wrote  int
}

func (b *bench) Unread() []byte { return b.unread }
func (b *bench) Discard(n int)  { b.unread = b.unread[n:] }
func (b *bench) Write(p []byte) { b.wrote += len(p) }
func (b *bench) Unsent() int    { return 0 }
func (b *bench) Pause()         {}
func (b *bench) Resume()        {}
func (b *bench) Close()         {}

// ask delivers frames and returns once size bytes of replies have come.
func (b *bench) ask(frames []byte, size int) {
	b.unread, b.wrote = frames, 0
	b.loop.Traffic(b.conn)
	for b.wrote < size {
		<-b.woken
		b.loop.Turn()
	}
}

// newBench starts an engine with a session and the znode /n of 100 bytes.
func newBench(t testing.TB) *bench {
	disk := memfs.New(1)
	o := testOptions(disk)
	o.SegmentBytes = 64 << 20
	e, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{woken: make(chan struct{}, 1)}
	b.loop = e.NewLoop(func() {
		select {
		case b.woken <- struct{}{}:
		default:
		}
	})
	e.Start()
	<-e.Ready()
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	b.conn = b.loop.Open(b, netip.MustParseAddrPort("127.0.0.1:1"))
	q := wire.ConnectRequest{Timeout: 60_000}
	hello := q.Append(wire.BeginFrame(nil))
	wire.EndFrame(hello, 0)
	b.ask(hello, 40)
	b.ask(create(1, "/n", string(make([]byte, 100)), wire.Persistent), 26)
	return b
}

// sizes of the replies in bytes, frame length included
const (
	getReply  = 4 + 16 + 4 + 100 + wire.StatSize
	statReply = 4 + 16 + wire.StatSize
	pingReply = 4 + 16
)

// A getData, an exists, a getChildren and a ping allocate nothing.
func TestReadsAllocateNothing(t *testing.T) {
	b := newBench(t)
	for _, read := range []struct {
		name  string
		frame []byte
		size  int
	}{
		{"getData", get(2, "/n", false), getReply},
		{"exists", wire.AppendExistsRequest(nil, 2, "/n", false), statReply},
		{"getChildren", wire.AppendGetChildrenRequest(nil, 2, "/n", false), 4 + 16 + 4},
		{"ping", wire.AppendPing(nil), pingReply},
	} {
		if n := testing.AllocsPerRun(2000, func() { b.ask(read.frame, read.size) }); n != 0 {
			t.Errorf("%s: %v allocations, want 0", read.name, n)
		}
	}
}

// A write allocates at most three times on its whole way, alone or in a batch.
func TestWritesAllocateAtMostThreeTimes(t *testing.T) {
	b := newBench(t)
	one := set(2, "/n", string(make([]byte, 100)))
	if n := testing.AllocsPerRun(2000, func() { b.ask(one, statReply) }); n > 3 {
		t.Errorf("a lone setData: %v allocations, want at most 3", n)
	}
	var batch []byte
	const writes = 100
	for range writes {
		batch = append(batch, one...)
	}
	if n := testing.AllocsPerRun(200, func() { b.ask(batch, writes*statReply) }); n > 3*writes {
		t.Errorf("%d pipelined setData: %v allocations, want at most 3 each", writes, n)
	}
}

func BenchmarkGetData(bb *testing.B) {
	b := newBench(bb)
	frame := get(2, "/n", false)
	bb.ReportAllocs()
	for bb.Loop() {
		b.ask(frame, getReply)
	}
}

func BenchmarkSetDataPipelined(bb *testing.B) {
	b := newBench(bb)
	var batch []byte
	const writes = 256
	for range writes {
		batch = append(batch, set(2, "/n", string(make([]byte, 100)))...)
	}
	bb.ReportAllocs()
	for bb.Loop() {
		b.ask(batch, writes*statReply)
	}
	bb.ReportMetric(float64(bb.Elapsed().Nanoseconds())/float64(bb.N)/writes, "ns/write")
}
