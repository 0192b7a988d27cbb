package watch

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// ref names a path of the table: its shard in the high 8 bits, its place there (never 0) in the low 24.
type ref uint32

func makeRef(shard, place uint32) ref { return ref(shard<<24 | place) }
func (r ref) shard() uint32           { return uint32(r >> 24) }
func (r ref) place() uint32           { return uint32(r) & (slabPlaces - 1) }

// reverse is the way back from a watcher to its paths, which RemoveWatcher walks. It is kept lazily:
//
// Invariant: whenever a watcher has a watch on a path, the path's ref is among the watcher's refs. Not the other way round: a ref
// may be stale, because Trigger and Remove leave it. Stale refs do no harm, even when their place has a new path, for whoever
// walks them looks whether the watcher has a watch there; they are cleared when they would cost space, a few at each Add.
//
// So Trigger, which may find ten thousand watchers on a path, has nothing to do here. And since only the goroutine that
// makes all calls for a watcher touches that watcher's refs, there is no lock, but for growing the directory.
type reverse struct {
	mu        sync.Mutex // held to change the directory
	directory atomic.Pointer[[]atomic.Pointer[refChunk]]
}

const (
	chunkWatchers = 256
	fewRefs       = 3
)

// refChunk has the refs of 256 watchers with neighbouring numbers: the first three in place, which is all that many
// connections ever need, the rest in sets that exist once any of the 256 needs one.
type refChunk struct {
	few  [chunkWatchers][fewRefs]ref // 0 is unused
	many atomic.Pointer[[chunkWatchers]refSet]
}

// chunk returns the chunk of w, or nil if there is none yet.
func (r *reverse) chunk(w Watcher) *refChunk {
	directory, i := r.directory.Load(), int(w/chunkWatchers)
	if directory == nil || i >= len(*directory) {
		return nil
	}
	return (*directory)[i].Load()
}

// makeChunk returns the chunk of w and makes it if there is none.
func (r *reverse) makeChunk(w Watcher) *refChunk {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.chunk(w); c != nil {
		return c
	}
	var old []atomic.Pointer[refChunk]
	if p := r.directory.Load(); p != nil {
		old = *p
	}
	i := int(w / chunkWatchers)
	if i >= len(old) {
		grown := make([]atomic.Pointer[refChunk], 1<<bits.Len(uint(i)))
		for j := range old {
			grown[j].Store(old[j].Load())
		}
		old = grown
		r.directory.Store(&grown)
	}
	c := new(refChunk)
	old[i].Store(c)
	return c
}

// add makes sure that a ref is among those of w.
func (r *reverse) add(t *Table, w Watcher, new ref) {
	c := r.chunk(w)
	if c == nil {
		c = r.makeChunk(w)
	}
	few := &c.few[w%chunkWatchers]
	unused := -1
	for i, known := range few {
		if known == new {
			return
		}
		if known == 0 {
			unused = i
		}
	}
	if unused >= 0 {
		few[unused] = new
		return
	}
	r.addToMany(t, c, w, new)
}

// addToMany is add where the few refs are others. As long as there are no more than those, a stale one makes way.
func (r *reverse) addToMany(t *Table, c *refChunk, w Watcher, new ref) {
	many := c.sets()
	refs := &many[w%chunkWatchers]
	if refs.empty() {
		few := &c.few[w%chunkWatchers]
		for i, known := range few {
			if !t.watched(known, w) {
				few[i] = new
				return
			}
		}
	}
	refs.add(t, w, new)
}

// sets returns the sets of a chunk and makes them if there are none; another goroutine may be making them too.
func (c *refChunk) sets() *[chunkWatchers]refSet {
	if many := c.many.Load(); many != nil {
		return many
	}
	c.many.CompareAndSwap(nil, new([chunkWatchers]refSet))
	return c.many.Load()
}

// drain forgets the refs of w and calls drop with each of them, stale ones included, some perhaps twice.
func (r *reverse) drain(w Watcher, drop func(ref)) {
	c := r.chunk(w)
	if c == nil {
		return
	}
	few := &c.few[w%chunkWatchers]
	for _, known := range few {
		if known != 0 {
			drop(known)
		}
	}
	*few = [fewRefs]ref{}
	if many := c.many.Load(); many != nil {
		many[w%chunkWatchers].each(drop)
		many[w%chunkWatchers] = refSet{}
	}
}

// refSet is a set of refs: a hash table with open addressing, or, beyond maxSlots, one for each shard, so that no growth
// takes long.
type refSet struct {
	slots []ref // 0 is empty; a power of two long, at most three quarters full
	count uint32
	hand  uint32 // where the search for stale refs goes on
	wide  *[shardCount]refSet
}

const (
	minSlots   = 4
	maxSlots   = 16384
	sweepSlots = 4 // looked at for every ref added to a set that is more than half full
)

func (s *refSet) empty() bool { return s.count == 0 && s.wide == nil }

func (s *refSet) each(do func(ref)) {
	for _, known := range s.slots {
		if known != 0 {
			do(known)
		}
	}
	if s.wide != nil {
		for i := range s.wide {
			s.wide[i].each(do)
		}
	}
}

// add makes sure that a ref of w is in the set.
func (s *refSet) add(t *Table, w Watcher, new ref) {
	if s.wide != nil {
		s.wide[new.shard()].add(t, w, new)
		return
	}
	if s.has(new) {
		return
	}
	if s.count*2 >= uint32(len(s.slots)) {
		s.sweep(t, w)
	}
	switch {
	case (s.count+1)*4 <= uint32(len(s.slots))*3:
		s.enter(new)
	case len(s.slots) < maxSlots:
		s.resize()
		s.enter(new)
	default:
		s.widen()
		s.wide[new.shard()].add(t, w, new)
	}
}

// home returns where the search for a ref begins. len(s.slots) must not be 0.
func (s *refSet) home(known ref) uint32 {
	return uint32(known) * 0x9E3779B1 >> (bits.LeadingZeros32(uint32(len(s.slots) - 1))) // the product's high bits
}

func (s *refSet) has(known ref) bool {
	if s.count == 0 {
		return false
	}
	mask := uint32(len(s.slots) - 1)
	for i := s.home(known); s.slots[i] != 0; i = (i + 1) & mask {
		if s.slots[i] == known {
			return true
		}
	}
	return false
}

// enter puts a ref that is not in the set there. There must be room.
func (s *refSet) enter(new ref) {
	mask := uint32(len(s.slots) - 1)
	i := s.home(new)
	for s.slots[i] != 0 {
		i = (i + 1) & mask
	}
	s.slots[i] = new
	s.count++
}

// sweep looks at the next few slots and clears stale refs. A set between half and three quarters full has been looked
// through once before it is full, so it grows only for refs that are not stale, or were not when the hand passed.
func (s *refSet) sweep(t *Table, w Watcher) {
	mask := uint32(len(s.slots) - 1)
	for range min(sweepSlots, len(s.slots)) {
		s.hand &= mask
		if known := s.slots[s.hand]; known != 0 && !t.watched(known, w) {
			s.erase(s.hand) // and look again at what moved into the slot, the next time
		} else {
			s.hand++
		}
	}
}

// erase empties a slot and closes the gap, so that no search stops short.
func (s *refSet) erase(gap uint32) {
	mask := uint32(len(s.slots) - 1)
	for i := (gap + 1) & mask; s.slots[i] != 0; i = (i + 1) & mask {
		if (i-s.home(s.slots[i]))&mask >= (i-gap)&mask { // its search passes the gap: it may move there
			s.slots[gap], gap = s.slots[i], i
		}
	}
	s.slots[gap] = 0
	s.count--
}

// resize doubles the slots.
func (s *refSet) resize() {
	old := s.slots
	s.slots, s.count = make([]ref, max(2*len(old), minSlots)), 0
	for _, known := range old {
		if known != 0 {
			s.enter(known)
		}
	}
}

// widen distributes the set over one for each shard.
func (s *refSet) widen() {
	old := s.slots
	*s = refSet{wide: new([shardCount]refSet)}
	for _, known := range old {
		if known != 0 {
			part := &s.wide[known.shard()]
			if (part.count+1)*4 > uint32(len(part.slots))*3 {
				part.resize()
			}
			part.enter(known)
		}
	}
}
