package server

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"bellwether/engine/wire"
)

// stillServes proves that others are served as before.
func (b *bed) stillServes() {
	b.t.Helper()
	c, _ := b.outsider(5 * time.Second)
	if _, err := c.Set("/zookeeper/quota", nil, -1); err != nil {
		b.t.Fatalf("others are not served any more: %v", err)
	}
	c.Close()
}

// closes waits until the server has closed c and returns what it said before.
func closes(t testing.TB, c net.Conn) []byte {
	t.Helper()
	said, err := io.ReadAll(c)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		t.Fatalf("the server did not close the connection: %v", err)
	}
	return said
}

// hello returns a connect request for a new session.
func hello() []byte {
	q := wire.ConnectRequest{Timeout: 30_000, HasReadOnly: true}
	b := q.Append(wire.BeginFrame(nil))
	wire.EndFrame(b, 0)
	return b
}

// shakeHands opens a session on c.
func shakeHands(t testing.TB, c net.Conn) {
	t.Helper()
	if _, err := c.Write(hello()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 41)); err != nil {
		t.Fatalf("no connect response: %v", err)
	}
}

// Frames whose length cannot be, and frames that hold no request, close their connection with one log line and one count;
// nobody else notices.
func TestBadFramesCloseTheirConnectionOnly(t *testing.T) {
	length := func(n int32) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
	for _, bad := range []struct {
		name        string
		established bool
		bytes       []byte
	}{
		{"negative length before the handshake", false, length(-1)},
		{"huge length before the handshake", false, length(1 << 30)},
		{"empty frame before the handshake", false, length(0)},
		{"connect request cut short", false, append(length(10), make([]byte, 10)...)},
		{"negative length", true, length(-5)},
		{"one byte above jute.maxbuffer", true, length(0x100000)},
		{"empty frame", true, length(0)},
		{"half a header", true, append(length(4), 0, 0, 0, 1)},
	} {
		t.Run(bad.name, func(t *testing.T) {
			b := newBed(t, nil)
			c := b.dial()
			if bad.established {
				shakeHands(t, c)
			}
			if _, err := c.Write(bad.bytes); err != nil {
				t.Fatal(err)
			}
			if said := closes(t, c); len(said) != 0 {
				t.Fatalf("the server said %x", said)
			}
			if n := b.engine.Status().BadFrames; n != 1 {
				t.Errorf("%d bad frames counted, want 1", n)
			}
			if n := b.log.count("bad frame"); n != 1 {
				t.Errorf("%d log lines, want 1", n)
			}
			b.stillServes()
		})
	}
}

// Random bytes, before and after the handshake, harm nobody.
func TestGarbageHarmsNobody(t *testing.T) {
	b := newBed(t, nil)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 200 {
		c := b.dial()
		if i%2 == 0 {
			shakeHands(t, c)
		}
		garbage := make([]byte, 1+rng.IntN(4000))
		for j := range garbage {
			garbage[j] = byte(rng.Uint32())
		}
		if i%4 < 2 { // a plausible length, so that the rest is taken for a request
			binary.BigEndian.PutUint32(append(garbage[:0:0], garbage...), uint32(len(garbage)-4))
		}
		_, _ = c.Write(garbage)
		_ = c.Close()
	}
	b.stillServes()
}

// A frame that never comes to its end does not hold others up, nor does a client that sends one byte at a time.
func TestHalfFramesWait(t *testing.T) {
	b := newBed(t, nil)
	half := b.dial()
	shakeHands(t, half)
	_, _ = half.Write([]byte{0, 0, 1, 0, 1, 2, 3})
	b.stillServes()
	slow := b.dial()
	for _, one := range hello() {
		if _, err := slow.Write([]byte{one}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.ReadFull(slow, make([]byte, 41)); err != nil {
		t.Fatalf("the handshake byte by byte was not answered: %v", err)
	}
}

// Thousands of connections that say nothing cost bounded memory and are closed when their time is up.
func TestSilentConnectionsAreClosedAndCheap(t *testing.T) {
	b := newBed(t, func(c *Config) { c.SessionlessTimeout = 2 * time.Second })
	const silent = 3000
	before := residentBytes(t)
	conns := make([]net.Conn, silent)
	for i := range conns {
		conns[i] = b.dial()
	}
	eventually(t, "all are accepted", func() bool { return b.engine.Status().Connections >= silent })
	b.stillServes()
	if cost := (residentBytes(t) - before) / silent; cost > 16<<10 { // both ends live in this process
		t.Errorf("a silent connection costs %d bytes", cost)
	}
	for _, c := range conns {
		closes(t, c)
	}
	if n := b.refusals.sessionless.Load(); n != silent {
		t.Errorf("%d counted, want %d", n, silent)
	}
	if n := b.log.count("no connect request in time"); n == 0 || n > 10 {
		t.Errorf("%d log lines for one cause, want one a second", n)
	}
	b.stillServes()
}

// A client that asks and never reads stops being read: what it is owed stays bounded, and it is served again when it reads.
func TestClientThatNeverReadsIsHeldBack(t *testing.T) {
	b := newBed(t, nil)
	owner, _ := b.outsider(20 * time.Second)
	if _, err := owner.Create("/big", make([]byte, 64<<10), 0, open); err != nil {
		t.Fatal(err)
	}
	before := residentBytes(t)
	c := b.dial()
	shakeHands(t, c)
	request := wire.AppendGetDataRequest(nil, 1, "/big", false)
	const asked = 200_000 // 13 GB of replies, 4 MB of requests
	written := make(chan int)
	go func() {
		n := 0
		for range asked {
			if _, err := c.Write(request); err != nil {
				break
			}
			n++
		}
		written <- n
	}()
	received := b.engine.Status().Received
	eventually(t, "the server stops taking its requests", func() bool {
		time.Sleep(200 * time.Millisecond)
		now := b.engine.Status().Received
		still := now == received && now > 2
		received = now
		return still
	})
	b.stillServes()
	if grown := residentBytes(t) - before; grown > 64<<20 {
		t.Errorf("memory grew by %d MiB for one client that does not read", grown>>20)
	}
	for range 50 { // it reads again, and is served on
		if _, err := io.CopyN(io.Discard, c, 64<<10); err != nil {
			t.Fatalf("reading again: %v", err)
		}
	}
	_ = c.Close()
	<-written
}

// A client that only sends, many writes at once, is slowed down and not refused.
func TestFloodOfWritesIsAnsweredInFull(t *testing.T) {
	b := newBed(t, nil)
	owner, _ := b.outsider(20 * time.Second)
	must(t)(owner.Create("/n", nil, 0, open))
	c := b.dial()
	shakeHands(t, c)
	const writes = 100_000
	go func() {
		var batch []byte
		for xid := int32(1); xid <= writes; xid++ {
			if batch = wire.AppendSetDataRequest(batch, xid, "/n", []byte("0123456789"), -1); len(batch) > 32<<10 {
				_, _ = c.Write(batch)
				batch = batch[:0]
			}
		}
		_, _ = c.Write(batch)
	}()
	header := make([]byte, 4+16)
	for xid := uint32(1); xid <= writes; xid++ {
		if _, err := io.ReadFull(c, header); err != nil {
			t.Fatalf("reply %d: %v\n%s", xid, err, b.log.all())
		}
		if got := binary.BigEndian.Uint32(header[4:]); got != xid {
			t.Fatalf("reply to %d, want %d", got, xid)
		}
		if _, err := io.CopyN(io.Discard, c, int64(binary.BigEndian.Uint32(header)-16)); err != nil {
			t.Fatal(err)
		}
	}
}

// The connection above the limit of its address is closed at once; the others stay.
func TestConnectionsAboveTheLimitAreRefused(t *testing.T) {
	b := newBed(t, func(c *Config) { c.MaxClientCnxns = 3 })
	for range 3 {
		shakeHands(t, b.dial())
	}
	if c, err := net.Dial("tcp", b.Address()); err == nil { // the reset may come while it still connects
		closes(t, c)
	}
	if n := b.refusals.rejected.Load(); n != 1 {
		t.Errorf("%d refusals counted", n)
	}
	if n := b.log.count("too many"); n != 1 {
		t.Errorf("%d log lines", n)
	}
}

// residentBytes is the memory of this process, after a collection.
func residentBytes(t testing.TB) int64 {
	t.Helper()
	runtime.GC()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("LOUD SKIP: no /proc here, memory bounds are not checked")
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			var kib int64
			for _, r := range rest {
				if r >= '0' && r <= '9' {
					kib = kib*10 + int64(r-'0')
				}
			}
			return kib << 10
		}
	}
	t.Fatal("no VmRSS in /proc/self/status")
	return 0
}

// Clients that reset their connections just as events go out to them take nobody with them.
func TestResetsDuringEventsHarmNobody(t *testing.T) {
	b := newBed(t, nil)
	owner, _ := b.outsider(20 * time.Second)
	must(t)(owner.Create("/w", nil, 0, open))
	for range 20 {
		conns := make([]net.Conn, 40)
		for i := range conns {
			conns[i] = b.dial()
			shakeHands(t, conns[i])
			_, _ = conns[i].Write(wire.AppendGetDataRequest(nil, 1, "/w", true))
			if _, err := io.ReadFull(conns[i], make([]byte, 4)); err != nil {
				t.Fatal(err)
			}
		}
		changed := make(chan error)
		go func() {
			_, err := owner.Set("/w", nil, -1)
			changed <- err
		}()
		for _, c := range conns {
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		}
		if err := <-changed; err != nil {
			t.Fatal(err)
		}
	}
	b.stillServes()
}
