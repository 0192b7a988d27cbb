package watch

import (
	"sync"
	"sync/atomic"
)

// shard holds the watches on a share of the paths. Its lock is a leaf: nothing else is taken while it is held, and
// nothing under it waits. All methods need the lock.
type shard struct {
	mu    sync.Mutex
	names names
	sets  slab[set]
	spare buffers
	pairs pairCounts

	// Copies for looking without the lock; written under it.
	paths     gauge // names.count
	recursive gauge // (path, watcher) pairs with a recursive watch
}

// keptChunks is how many chunks of paths an empty shard keeps, so that paths that come and go cost no garbage.
const keptChunks = 4

// gauge is a number of things in one shard, and above it the number of shards that have any.
type gauge struct {
	here   atomic.Int32
	shards *atomic.Int32
}

// set needs the shard's lock.
func (g *gauge) set(n int) {
	was := g.here.Load()
	if was == int32(n) {
		return
	}
	g.here.Store(int32(n))
	switch {
	case was == 0:
		g.shards.Add(1)
	case n == 0:
		g.shards.Add(-1)
	}
}

// pairCounts counts the (path, watcher) pairs by the exact set of their kinds. Its element 0 means nothing.
type pairCounts [Any + 1]int

// change notes that a pair's kinds become left.
func (c *pairCounts) change(had, left Kind) {
	c[had]--
	c[left]++
}

// of returns the number of pairs with any of the given kinds.
func (c *pairCounts) of(kinds Kind) (pairs int) {
	for had, n := range c {
		if Kind(had)&kinds != 0 {
			pairs += n
		}
	}
	return pairs
}

// holder says who watches a path, in the name itself when it is one watcher and in a set when there are more:
//
//	┌──────────────────────┬────────┐
//	│ watcher      28 bits │ kinds  │   one watcher (a sparse cell); kinds are never 0
//	│ place of set 28 bits │ 0      │   several watchers; 0 as a whole: none
//	└──────────────────────┴────────┘
type holder uint32

func (h holder) single() bool     { return h&kindMask != 0 }
func (h holder) watcher() Watcher { return Watcher(h >> kindBits) }
func (h holder) kinds() Kind      { return Kind(h & kindMask) }
func (h holder) set() uint32      { return uint32(h >> kindBits) }

// kindsAt returns the kinds of w's watches on the path at a place. Any place will do, one not in use has no watches.
func (s *shard) kindsAt(place uint32, w Watcher) Kind {
	if !s.names.slab.has(place) {
		return 0
	}
	who := s.names.slab.at(place).who
	switch {
	case who == 0:
		return 0
	case !who.single():
		return s.sets.at(who.set()).get(w)
	case who.watcher() == w:
		return who.kinds()
	}
	return 0
}

// assign makes kinds, which are not those it had, the kinds of w's watches on the path at a place in use; after the last
// watcher's last watch the path is forgotten.
func (s *shard) assign(place uint32, w Watcher, had, kinds Kind) {
	s.pairs.change(had, kinds)
	if (had^kinds)&Recursive != 0 {
		s.recursive.set(s.pairs.of(Recursive))
	}
	who := &s.names.slab.at(place).who
	switch {
	case *who != 0 && !who.single():
		s.sets.at(who.set()).put(w, kinds, &s.spare)
		s.shrink(who)
	case *who == 0 || who.watcher() == w:
		*who = 0
		if kinds != 0 {
			*who = holder(cell(w, kinds))
		}
	default: // a second watcher
		number := s.sets.take()
		both := s.sets.at(number)
		both.put(who.watcher(), who.kinds(), &s.spare)
		both.put(w, kinds, &s.spare)
		*who = holder(number << kindBits)
	}
	s.settle(place)
}

// fire does Trigger's work on the path at a place: see set.fire.
func (s *shard) fire(dst []Watcher, place uint32, hears Kind) []Watcher {
	who := &s.names.slab.at(place).who
	if !who.single() {
		dst = s.sets.at(who.set()).fire(dst, hears, &s.pairs, &s.spare)
		s.shrink(who)
	} else if had := who.kinds(); had&hears != 0 {
		left := afterFiring(had, hears)
		dst = append(dst, who.watcher())
		s.pairs.change(had, left)
		if *who &^= holder(had ^ left); left == 0 {
			*who = 0
		}
	}
	s.settle(place)
	return dst
}

// shrink turns a set that is left with fewer than two watchers into what a holder can hold itself.
func (s *shard) shrink(who *holder) {
	number := who.set()
	watchers := s.sets.at(number)
	switch watchers.count {
	case 0:
		*who = 0
	case 1:
		var one [1]Watcher
		last := watchers.appendAll(one[:0], Any)[0]
		*who = holder(cell(last, watchers.get(last)))
	default:
		return
	}
	s.spare.put(watchers.cells)
	s.sets.give(number)
}

// settle forgets the path at a place if nobody watches it any more, and publishes how many are left. A shard that was
// large and is now empty gives its memory back; until then it keeps what its largest number of paths took.
func (s *shard) settle(place uint32) {
	if s.names.slab.at(place).who == 0 {
		s.names.forget(place)
	}
	if s.names.count == 0 && len(s.names.slab.chunks) > keptChunks {
		s.names, s.sets = names{}, slab[set]{}
	}
	s.paths.set(s.names.count)
}

// appendAt appends the watchers with any of the given kinds on the path at a place in use, ascending.
func (s *shard) appendAt(dst []Watcher, place uint32, kinds Kind) []Watcher {
	who := s.names.slab.at(place).who
	if !who.single() {
		return s.sets.at(who.set()).appendAll(dst, kinds)
	}
	if who.kinds()&kinds != 0 {
		dst = append(dst, who.watcher())
	}
	return dst
}
