package tree

import (
	"errors"
	"fmt"
)

// ErrSnapshotRunning says that a snapshot has been started and is neither finished nor aborted.
var ErrSnapshotRunning = errors.New("tree: a snapshot is running")

// The default bounds of what is done under one lock.
const (
	walkBytes = 32 << 10 // appended, give or take a znode
	walkSlots = 512      // looked at
)

// Snapshot writes down the tree as it was at one zxid, while the writer goes on. A walk over the records, shard by shard
// slot by slot, writes down what has not changed; what the writer is about to change or delete and the walk has not
// reached, the writer writes down first, in a buffer of the shard that the walk picks up when it comes there. So the memory
// it takes is that of the znodes changed meanwhile.
//
// It belongs to the goroutine that calls Next; only one runs at a time.
type Snapshot struct {
	tree   *Tree
	zxid   int64
	znodes int64 // there were at the start
	shard  int   // the one the walk is in
	wrote  int64 // znodes so far
	began  bool
	done   bool

	maxBytes, maxSlots int // walkBytes and walkSlots; less in tests
}

// shardWalk is what a running snapshot knows of a shard. The writer sets it up between two transactions and then touches it
// under the exclusive lock, the walk under the shared one: nobody else looks at it.
type shardWalk struct {
	active bool   // the walk has not left the shard
	number uint32 // of the snapshot: a record that bears it did not exist at the start, or is in saved, or has been walked
	next   uint32 // the handle the walk has come to: chunk and slot
	end    uint32 // chunks from this number on did not exist at the start
	saved  []byte // records as they were at the start
	count  int64  // of these
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

// Next appends the next part of the encoded tree to dst, some tens of KiB unless one znode is larger, and says whether there
// is more. It holds one shard's lock, shared, for about as long as copying takes.
func (p *Snapshot) Next(dst []byte) ([]byte, bool) {
	if p.done {
		return dst, false
	}
	if !p.began {
		p.began = true
		dst = appendHeader(dst, p.zxid)
	}
	dst = p.walk(dst, &p.tree.shards[p.shard])
	if p.shard < shardCount {
		return dst, true
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
	p.done = true
	p.tree.snapshot.Store(nil)
}

// walk appends a part of a shard, and moves on to the next one if it is the last.
func (p *Snapshot) walk(dst []byte, s *shard) []byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	w := &s.walk
	dst = append(dst, w.saved...)
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
		w.saved = t.appendRecord(w.saved, n)
		w.count++
	}
	n.snapshot = w.number // also if it has been walked: it may move to where the walk has not been
}

func (w *shardWalk) stop() {
	w.active, w.saved, w.count = false, nil, 0
}
