package replica

import "bellwether/engine/wire"

// znode is what prepare must know of a znode: its state once everything proposed so far is applied.
type znode struct {
	exists   bool
	version  int32
	cversion int32 // counts creations of children only: the number the next sequential child gets
	aversion int32
	children int32
	owner    int64      // as stored: a session, or a container or TTL mark
	acl      []wire.ACL // nil when the znode is open to everybody
}

// pending holds the znodes that proposed transactions will have changed, until these are applied to the tree.
// What stands here overrules the tree; what does not stand here is in the tree as it is. Owned by the goroutine
// that prepares.
type pending struct {
	index map[string]int32 // path -> slot; the keys alias transaction bytes, which are immutable
	slots []change
	free  []int32
	order []stamp // one for each change, in zxid order, from head on
	head  int

	ephemerals []ephemeralStamp // creations of ephemerals, in zxid order, from ephHead on
	ephHead    int

	journal []undo // what the transaction begun last has overwritten
	begun   mark   // where it began

	bug bug // always 0, except in tests
}

type change struct {
	znode
	path string
	zxid int64 // of the last transaction that changed it
}

type stamp struct {
	zxid int64
	slot int32
}

type ephemeralStamp struct {
	zxid    int64
	session int64
	path    string
}

type undo struct {
	slot int32
	was  change // meaningless if the slot was new
	new  bool
}

func newPending() pending { return pending{index: make(map[string]int32)} }

// lookup returns the pending state of path.
func (p *pending) lookup(path string) (znode, bool) {
	if len(p.index) == 0 || p.bug == bugSkipPending {
		return znode{}, false
	}
	slot, ok := p.index[path]
	if !ok {
		return znode{}, false
	}
	return p.slots[slot].znode, true
}

// set records that transaction zxid leaves path in state n. It keeps path: the caller passes a string that
// aliases the transaction's own immutable bytes, or one of its own.
func (p *pending) set(path string, n znode, zxid int64) {
	slot, known := p.index[path]
	if !known {
		slot = p.newSlot()
		p.index[path] = slot
	}
	p.journal = append(p.journal, undo{slot: slot, was: p.slots[slot], new: !known})
	if known {
		path = p.slots[slot].path // the map keeps the first key
	}
	p.slots[slot] = change{znode: n, path: path, zxid: zxid}
	p.order = append(p.order, stamp{zxid: zxid, slot: slot})
}

func (p *pending) newSlot() int32 {
	if n := len(p.free); n > 0 {
		slot := p.free[n-1]
		p.free = p.free[:n-1]
		return slot
	}
	p.slots = append(p.slots, change{})
	return int32(len(p.slots) - 1)
}

// noteEphemeral remembers that a session creates an ephemeral, which the tree does not list yet.
func (p *pending) noteEphemeral(session int64, path string, zxid int64) {
	p.ephemerals = append(p.ephemerals, ephemeralStamp{zxid: zxid, session: session, path: path})
}

// release forgets what transactions up to and including applied have changed: the tree shows it now.
func (p *pending) release(applied int64) {
	if p.bug == bugReleaseEarly {
		applied++
	}
	for p.head < len(p.order) && p.order[p.head].zxid <= applied {
		slot := p.order[p.head].slot
		p.head++
		c := &p.slots[slot]
		if c.path != "" && (c.zxid <= applied || p.bug == bugReleaseFirst) {
			p.drop(slot)
		}
	}
	p.order, p.head = compact(p.order, p.head)
	for p.ephHead < len(p.ephemerals) && p.ephemerals[p.ephHead].zxid <= applied {
		p.ephHead++
	}
	p.ephemerals, p.ephHead = compact(p.ephemerals, p.ephHead)
}

func (p *pending) drop(slot int32) {
	delete(p.index, p.slots[slot].path)
	p.slots[slot] = change{}
	p.free = append(p.free, slot)
}

// compact moves what is left of a queue to its front once more than half of it has been taken.
func compact[T any](queue []T, head int) ([]T, int) {
	if head == len(queue) {
		return queue[:0], 0
	}
	if head < 1024 || head < len(queue)/2 {
		return queue, head
	}
	n := copy(queue, queue[head:])
	clear(queue[n:])
	return queue[:n], 0
}

// mark is a place in the queues.
type mark struct{ order, ephemerals int }

// begin starts a transaction: what is recorded from here on can be taken back by rollback, until the next begin.
func (p *pending) begin() {
	p.journal = p.journal[:0]
	p.begun = mark{order: len(p.order), ephemerals: len(p.ephemerals)}
}

// rollback puts everything back as it was at begin. No release may have come in between.
func (p *pending) rollback() {
	if p.bug == bugKeepFailed {
		return
	}
	for i := len(p.journal) - 1; i >= 0; i-- {
		u := p.journal[i]
		if u.new {
			p.drop(u.slot)
		} else {
			if p.bug == bugKeepNumbers {
				u.was.cversion = p.slots[u.slot].cversion
			}
			p.slots[u.slot] = u.was
		}
	}
	p.journal = p.journal[:0]
	p.order = p.order[:p.begun.order]
	p.ephemerals = p.ephemerals[:p.begun.ephemerals]
}
