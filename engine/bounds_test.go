package engine

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"testing"

	"bellwether/engine/wire"
	"bellwether/wal"
	"bellwether/wal/memfs"
)

// stuckDisk is a disk whose syncs wait as long as stuck is locked.
type stuckDisk struct {
	*memfs.FS
	stuck sync.RWMutex
}

type stuckFile struct {
	wal.File
	disk *stuckDisk
}

func (d *stuckDisk) wrap(f wal.File, err error) (wal.File, error) { return stuckFile{f, d}, err }

func (d *stuckDisk) Create(path string) (wal.File, error)    { return d.wrap(d.FS.Create(path)) }
func (d *stuckDisk) OpenWrite(path string) (wal.File, error) { return d.wrap(d.FS.OpenWrite(path)) }

func (f stuckFile) Sync() error {
	f.disk.stuck.RLock()
	defer f.disk.stuck.RUnlock()
	return f.File.Sync()
}

func stuckBed(t *testing.T, segment int64) (*bed, *stuckDisk) {
	disk := &stuckDisk{FS: memfs.New(1)}
	o := testOptions(disk.FS)
	o.FS, o.SegmentBytes = disk, segment
	b := newBed(t, disk.FS, 1, o)
	t.Cleanup(b.stop)
	return b, disk
}

// settled waits until loop 0 has done everything given to it so far.
func (b *bed) settled() {
	done := make(chan struct{})
	b.loops[0].tasks <- func() { close(done) }
	<-done
}

func heapBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// What is asked behind a write that waits for the disk costs bounded memory, whether the requests are small and their replies
// large, or the other way round.
func TestWhatIsInFlightIsBoundedInBytes(t *testing.T) {
	big := string(make([]byte, 200<<10))
	for name, request := range map[string]func(xid int32) []byte{
		"large replies":  func(xid int32) []byte { return get(xid, "/big", false) },
		"large requests": func(xid int32) []byte { return set(xid, "/big", big) },
	} {
		t.Run(name, func(t *testing.T) {
			b, disk := stuckBed(t, 16<<20)
			c := b.connect(0)
			c.send(create(1, "/big", big, wire.Persistent))
			c.reply(1, wire.OK)
			disk.stuck.Lock()
			frames := set(2, "/zookeeper/quota", "x")
			const asked = 500 // 100 MB of them
			for i := range int32(asked) {
				frames = append(frames, request(3+i)...)
			}
			before := heapBytes()
			c.send(frames)
			b.settled()
			if held := b.loops[0].loop.outstandingBytes; held > b.e.maxOutstandingBytes+1<<20 {
				t.Errorf("%d MiB are in flight, at most %d may be", held>>20, b.e.maxOutstandingBytes>>20)
			}
			if grown := heapBytes() - before; grown > 3*b.e.maxOutstandingBytes {
				t.Errorf("the heap grew by %d MiB", grown>>20)
			}
			disk.stuck.Unlock()
			for xid := int32(2); xid < 3+asked; xid++ { // held back, and answered in full
				c.reply(xid, wire.OK)
			}
		})
	}
}

// A burst above what one frame of the log holds is written as several, also where segments are small.
func TestLargeBurstFitsSmallSegments(t *testing.T) {
	b, disk := stuckBed(t, 1<<20)
	c := b.connect(0)
	disk.stuck.Lock()
	const writes = 600
	var frames []byte
	for i := range int32(writes) {
		frames = append(frames, set(1+i, "/zookeeper/quota", string(make([]byte, 10<<10)))...)
	}
	c.send(frames)
	b.settled()
	disk.stuck.Unlock()
	for i := range int32(writes) {
		c.reply(1+i, wire.OK)
	}
}

// A watch belongs to the connection that asked for it, whatever stands behind the record in the frame.
func TestTrailingBytesLeaveNoWatchBehind(t *testing.T) {
	b, disk := stuckBed(t, 1<<20)
	c := b.connect(0)
	disk.stuck.Lock()
	frames := set(1, "/zookeeper/quota", "")
	const watches = 100
	for i := range int32(watches) {
		f := append(wire.AppendExistsRequest(nil, 2+i, fmt.Sprintf("/never%d", i), true), 0)
		binary.BigEndian.PutUint32(f, uint32(len(f)-4))
		frames = append(frames, f...)
	}
	c.send(frames)
	b.settled()
	disk.stuck.Unlock()
	for range watches + 1 {
		c.message()
	}
	if n := b.e.watches.Count(); n != watches {
		t.Errorf("%d watches, want %d", n, watches)
	}
	c.send(wire.AppendCloseSession(nil, 5000))
	c.reply(5000, wire.OK)
	c.nextUnlessClosed()
	b.settled()
	if n := b.e.watches.Count(); n != 0 {
		t.Errorf("nobody is connected, and %d watches are left", n)
	}
}

// A refusal keeps its place: it does not overtake the event of a later change, nor carry that change's zxid.
func TestRefusalDoesNotOvertakeEvents(t *testing.T) {
	b := oneBed(t, 2)
	watcher, other := b.connect(0), b.connect(1)
	other.send(create(1, "/w", "", wire.Persistent))
	other.reply(1, wire.OK)
	watcher.send(get(1, "/w", true))
	watcher.reply(1, wire.OK)
	bad := set(2, "/w", "")
	bad = bad[:len(bad)-4] // no version
	binary.BigEndian.PutUint32(bad, uint32(len(bad)-4))
	hold, held := make(chan struct{}), make(chan struct{})
	watcher.send(bad)
	b.loops[0].tasks <- func() { close(held); <-hold }
	<-held
	other.send(set(2, "/w", "new"))
	other.reply(2, wire.OK)
	close(hold)
	first, second := watcher.message(), watcher.message()
	if first.Xid == 2 && second.Xid == wire.XidNotification && first.Zxid >= second.Zxid {
		t.Errorf("the refusal (zxid 0x%x) came before the event of 0x%x", first.Zxid, second.Zxid)
	}
}

// resetSink is a connection whose client has reset it: Write closes it before it returns.
type resetSink struct {
	bench
	closed bool
}

func (s *resetSink) Write([]byte) {
	if !s.closed {
		s.closed = true
		s.loop.Closed(s.conn)
	}
}

// A connection that turns out to be lost in the middle of a turn ends alone.
func TestWriteThatClosesInsideATurn(t *testing.T) {
	b := oneBed(t, 1)
	l := b.loops[0]
	done := make(chan any)
	l.tasks <- func() {
		defer func() { done <- recover() }()
		for range 3 {
			s := &resetSink{bench: bench{loop: l.loop}}
			s.conn = l.loop.Open(s, netip.MustParseAddrPort("127.0.0.1:1"))
			s.conn.state = stateServing
			s.conn.event([]byte("event"))
		}
		l.loop.Turn()
	}
	if p := <-done; p != nil {
		t.Fatalf("the event loop panics: %v", p)
	}
	c := b.connect(0)
	c.send(wire.AppendPing(nil))
	c.reply(wire.XidPing, wire.OK)
}
