package watch

import "math/bits"

// refSet is a set of refs: a hash table with open addressing, or, beyond maxNarrow refs, one for each shard, so that no
// growth takes long.
type refSet struct {
	slots []ref // 0 is empty; a power of two long, at most three quarters full
	count uint32
	hand  uint32 // where the search for stale refs goes on
	wide  *[shardCount]refSet
}

const (
	minSlots   = 4
	maxNarrow  = 8192
	sweepSlots = 4 // looked at for every ref added to a set that is at least half full
)

func (s *refSet) empty() bool { return s.count == 0 && s.wide == nil }

// each calls do with every ref.
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
func (s *refSet) add(t *Table, w Watcher, added ref) {
	if s.wide == nil && s.count > maxNarrow {
		s.widen()
	}
	if s.wide != nil {
		s = &s.wide[added.shard()]
	}
	if s.has(added) {
		return
	}
	if s.count*2 >= uint32(len(s.slots)) {
		s.sweep(t, w)
	}
	s.enter(added)
}

// home returns where the search for a ref begins. len(s.slots) must not be 0.
func (s *refSet) home(known ref) uint32 {
	return uint32(known) * 0x9E3779B1 >> (bits.LeadingZeros32(uint32(len(s.slots) - 1))) // the product's high bits
}

// has reports whether a ref is in the set itself, not looking into wide.
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

// enter puts a ref that is not in the set there.
func (s *refSet) enter(added ref) {
	if (s.count+1)*4 > uint32(len(s.slots))*3 {
		s.grow()
	}
	mask := uint32(len(s.slots) - 1)
	i := s.home(added)
	for s.slots[i] != 0 {
		i = (i + 1) & mask
	}
	s.slots[i] = added
	s.count++
}

// grow doubles the slots.
func (s *refSet) grow() {
	old := s.slots
	s.slots, s.count = make([]ref, max(2*len(old), minSlots)), 0
	for _, known := range old {
		if known != 0 {
			s.enter(known)
		}
	}
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

// widen distributes the set over one for each shard.
func (s *refSet) widen() {
	old := s.slots
	*s = refSet{wide: new([shardCount]refSet)}
	for _, known := range old {
		if known != 0 {
			s.wide[known.shard()].enter(known)
		}
	}
}
