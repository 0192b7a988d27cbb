package tree

import (
	"errors"
	"fmt"
)

// ErrSnapshotRunning says that a snapshot has been started and is neither finished nor aborted.
var ErrSnapshotRunning = errors.New("tree: a snapshot is running")

const (
	walkBytes = 32 << 10 // appended under one lock, give or take a znode
	walkIDs   = 512      // looked at under one lock
)

// Snapshot writes down the tree as it was at one zxid, while the writer goes on. A walk over the records, shard by shard
// in the order of ids, writes down what has not changed; what the writer is about to change or delete and the walk has not
// reached, the writer writes down first, in a buffer of the shard that the walk picks up when it comes there. So the memory
// it takes is that of the znodes changed meanwhile, and one bit for every znode.
//
// It belongs to the goroutine that calls Next; only one runs at a time.
type Snapshot struct {
	tree   *Tree
	zxid   int64
	znodes int64 // there were at the start
	shard  int   // the one the walk is in
	began  bool
	done   bool
	wrote  int64 // znodes so far
}

// shardWalk is what a running snapshot knows of a shard. The writer sets it up between two transactions and then touches it
// under the exclusive lock, the walk under the shared one: nobody else looks at it.
type shardWalk struct {
	active bool     // the walk has not left the shard
	next   uint32   // the first id the walk has not looked at
	end    uint32   // ids from here on did not exist at the start
	seen   []uint64 // bit by id: not for the walk, it is in saved or did not exist at the start
	saved  []byte   // records as they were at the start
	count  int64    // of these
}

// StartSnapshot fixes the snapshot at Zxid. Only the writer may call it, between two transactions. The Snapshot may then
// be given to another goroutine, which must call Next until it says there is no more, or Abort.
func (t *Tree) StartSnapshot() (*Snapshot, error) {
	if t.held != 0 {
		panic("tree: StartSnapshot while shards are locked")
	}
	p := &Snapshot{tree: t, zxid: t.Zxid(), znodes: t.NodeCount()}
	if !t.snapshot.CompareAndSwap(nil, p) {
		return nil, ErrSnapshotRunning
	}
	for i := range t.shards {
		s := &t.shards[i]
		s.walk.start(s.slab.used)
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
	limit := len(dst) + walkBytes
	last := min(w.end, w.next+walkIDs)
	for ; w.next < last && len(dst) < limit; w.next++ {
		n := s.slab.at(w.next)
		if n.pathLen == 0 || w.isSeen(w.next) {
			continue
		}
		dst = p.tree.appendRecord(dst, s, n)
		p.wrote++
	}
	if w.next == w.end {
		w.stop()
		p.shard++
	}
	return dst
}

// beforeChange saves the record of a znode the walk has not reached. The writer calls it before it changes or deletes one.
func (s *shard) beforeChange(t *Tree, id uint32, n *node) {
	if w := &s.walk; w.wants(id) {
		w.saved = t.appendRecord(w.saved, s, n)
		w.count++
		w.markSeen(id)
	}
}

func (w *shardWalk) start(end uint32) {
	words := int(end/64 + 1)
	if cap(w.seen) < words {
		w.seen = make([]uint64, words)
	}
	w.seen = w.seen[:words]
	clear(w.seen)
	w.active, w.next, w.end = true, 1, end
}

func (w *shardWalk) stop() {
	w.active, w.saved, w.count = false, nil, 0
}

// created keeps the walk from a znode that did not exist at the start, though its id may have.
func (w *shardWalk) created(id uint32) {
	if w.wants(id) {
		w.markSeen(id)
	}
}

// wants reports whether the walk will write down the znode with this id when it comes to it.
func (w *shardWalk) wants(id uint32) bool {
	return w.active && id >= w.next && id < w.end && !w.isSeen(id)
}

func (w *shardWalk) isSeen(id uint32) bool { return w.seen[id/64]>>(id%64)&1 != 0 }

func (w *shardWalk) markSeen(id uint32) { w.seen[id/64] |= 1 << (id % 64) }
