package tree

import (
	"errors"
	"fmt"
)

// ErrSnapshotRunning says that a snapshot has been started and is neither finished nor aborted.
var ErrSnapshotRunning = errors.New("tree: a snapshot is running")

const (
	walkBytes = 32 << 10 // appended under one lock, give or take a znode
	walkSlots = 512      // looked at under one lock
	saveFirst = 1 << 10  // bytes of a shard's first run of saved records; the next are 4, 16, 64 KiB, or as long as one record
)

// Snapshot writes down the tree as it was at one zxid, while the writer goes on. A walk over the records, shard by shard
// and slot by slot, writes down what has not changed; what the writer is about to change or delete and the walk has not
// reached, the writer writes down first, in buffers of the shard that the walk picks up when it comes there. So the memory it
// takes is that of the znodes changed meanwhile.
//
//	records of a shard   [ walked | walked | walked | not yet | not yet | new ]
//	                                                 ▲         │         no record of the snapshot
//	                                                next       └─ changed: saved as it was, then marked as walked
//
// It belongs to the goroutine that calls Next; only one runs at a time.
type Snapshot struct {
	tree   *Tree
	zxid   int64
	znodes int64    // there were at the start
	shard  int      // the one the walk is in, shardCount behind the last
	wrote  int64    // znodes so far
	saved  [][]byte // picked up from a shard and not written yet
	began  bool
	done   bool

	maxBytes, maxSlots int // walkBytes and walkSlots; less in tests
}

// shardWalk is what a running snapshot knows of a shard. The writer sets it up between two transactions and then touches it
// under the exclusive lock, the walk under the shared one: nobody else looks at it.
type shardWalk struct {
	active bool     // the walk has not left the shard
	number uint32   // of the snapshot: a record that bears it did not exist at the start, or is saved, or has been walked
	next   uint32   // the handle the walk has come to: chunk and slot
	end    uint32   // chunks from this number on did not exist at the start
	saved  [][]byte // records as they were at the start; runs that never grow, so that saving never copies what is saved
	count  int64    // of these records
}

// StartSnapshot fixes the snapshot at Zxid. Only the writer may call it, between two transactions. The Snapshot may then
// be given to another goroutine, which must call Next until it says there is no more, or Abort.
func (t *Tree) StartSnapshot() (*Snapshot, error) {
	if t.held != 0 {
		panic("tree: StartSnapshot while shards are locked")
	}
	p := &Snapshot{tree: t, zxid: t.Zxid(), znodes: t.NodeCount(), maxBytes: walkBytes, maxSlots: walkSlots}
	if !t.snapshot.CompareAndSwap(nil, p) {
		return nil, ErrSnapshotRunning
	}
	t.snapshots++
	for i := range t.shards {
		s := &t.shards[i]
		s.walk = shardWalk{active: true, number: t.snapshots, end: uint32(len(s.records.chunks))}
	}
	return p, nil
}

// Zxid returns the zxid whose state is written.
func (p *Snapshot) Zxid() int64 { return p.zxid }

// Next appends the next part of the encoded tree to dst, some tens of KiB unless one znode is larger, now and then nothing,
// and says whether there is more. It holds one shard's lock, shared, for about as long as copying takes.
func (p *Snapshot) Next(dst []byte) (_ []byte, more bool) {
	switch {
	case p.done:
		return dst, false
	case !p.began:
		p.began = true
		return appendHeader(dst, p.zxid), true
	case len(p.saved) > 0:
		dst = append(dst, p.saved[0]...)
		p.saved = p.saved[1:]
		return dst, true
	case p.shard < shardCount:
		return p.walk(dst, &p.tree.shards[p.shard]), true
	}
	if p.wrote != p.znodes {
		panic(fmt.Sprintf("tree: snapshot wrote %d znodes of %d", p.wrote, p.znodes))
	}
	p.finish()
	return appendTrailer(dst, p.znodes), false
}

// Abort ends a snapshot that is not wanted any more. After the last Next it does nothing.
func (p *Snapshot) Abort() {
	if p.done {
		return
	}
	for ; p.shard < shardCount; p.shard++ {
		s := &p.tree.shards[p.shard]
		s.mu.RLock()
		s.walk.stop()
		s.mu.RUnlock()
	}
	p.finish()
}

func (p *Snapshot) finish() {
	p.done, p.saved = true, nil
	p.tree.snapshot.Store(nil)
}

// walk appends a part of a shard and picks up what is saved there, and moves on to the next shard if it is the last part.
func (p *Snapshot) walk(dst []byte, s *shard) []byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	w := &s.walk
	p.saved = w.saved
	p.wrote += w.count
	w.saved, w.count = nil, 0
	limit := len(dst) + p.maxBytes
	for slots := p.maxSlots; w.next>>handleBits < w.end; slots-- {
		if slots == 0 || len(dst) >= limit {
			return dst
		}
		c := &s.records.chunks[w.next>>handleBits]
		slot := w.next & (1<<handleBits - 1)
		if slot >= uint32(c.bump) {
			w.next = (w.next>>handleBits + 1) << handleBits
			continue
		}
		if n := (*node)(c.at(slot)); n.pathLen != 0 && n.snapshot != w.number {
			dst = p.tree.appendRecord(dst, n)
			p.wrote++
		}
		w.next++
	}
	w.stop()
	p.shard++
	return dst
}

// beforeChange saves a record if the walk has not reached it. The writer calls it before it changes or deletes one.
func (s *shard) beforeChange(t *Tree, n *node, handle uint32) {
	w := &s.walk
	if !w.active {
		return
	}
	if handle >= w.next && n.snapshot != w.number {
		w.save(t, n)
	}
	n.snapshot = w.number // also if it has been walked: it may move to where the walk has not been
}

// save writes a record down. A run of records is given room when it is begun: little at first, for many shards may have
// one change each.
func (w *shardWalk) save(t *Tree, n *node) {
	size, last := t.recordBytes(n), len(w.saved)-1
	if last < 0 || cap(w.saved[last])-len(w.saved[last]) < size {
		w.saved = append(w.saved, make([]byte, 0, max(size, saveFirst<<(2*min(last+1, 3)))))
		last++
	}
	w.saved[last] = t.appendRecord(w.saved[last], n)
	w.count++
}

func (w *shardWalk) stop() {
	w.active, w.saved, w.count = false, nil, 0
}
