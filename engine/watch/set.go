package watch

import "slices"

// set is who watches one path, and with which kinds, when there is more than one watcher. It takes the smaller of
// two forms:
//
//	sparse  cells ascend, one for each watcher: 4 bytes a watcher
//	        ┌──────────────────────┬───────┐
//	        │ watcher     28 bits  │ kinds │ ...
//	        └──────────────────────┴───────┘
//	dense   a cell holds the kinds of eight neighbours, the lowest in the low bits: half a byte a watcher at best
//	        ┌───┬───┬───┬───┬───┬───┬───┬───┐
//	        │ 7 │ 6 │ 5 │ 4 │ 3 │ 2 │ 1 │ 0 │ ...     cells[0] is that of watchers base*8 to base*8+7
//	        └───┴───┴───┴───┴───┴───┴───┴───┘
//
// It becomes dense when that is no larger, and sparse again when it would be more than twice, or has become four times, as
// large: sets at the border do not flap.
type set struct {
	cells []uint32
	base  uint32 // sparse, or the number of the first cell of the dense form
	count uint32 // of watchers; each has at least one kind
}

const (
	kindBits  = 4
	kindMask  = 1<<kindBits - 1
	perCell   = 8 // watchers in a dense cell
	sparse    = ^uint32(0)
	minDense  = 16 // watchers; smaller sets stay sparse
	cellShift = 3  // a watcher's dense cell is w >> cellShift
)

// cell is the sparse cell of a watcher.
func cell(w Watcher, kinds Kind) uint32 { return uint32(w)<<kindBits | uint32(kinds) }

// search returns where the sparse cell of w is or belongs.
func (s *set) search(w Watcher) (int, bool) {
	i, j := 0, len(s.cells)
	for i < j {
		if m := int(uint(i+j) >> 1); s.cells[m]>>kindBits < uint32(w) {
			i = m + 1
		} else {
			j = m
		}
	}
	return i, i < len(s.cells) && s.cells[i]>>kindBits == uint32(w)
}

// get returns the kinds of w's watches, 0 when it has none.
func (s *set) get(w Watcher) Kind {
	if s.base == sparse {
		if i, found := s.search(w); found {
			return Kind(s.cells[i] & kindMask)
		}
		return 0
	}
	i, shift := uint32(w)>>cellShift-s.base, uint32(w)%perCell*kindBits
	if i >= uint32(len(s.cells)) { // also when w is before base: i wraps around
		return 0
	}
	return Kind(s.cells[i] >> shift & kindMask)
}

// put makes kinds the kinds of w's watches; 0 takes w, which must be in the set, out of it.
func (s *set) put(w Watcher, kinds Kind, spare *buffers) {
	if s.base != sparse && !s.covers(w) {
		s.cover(w, spare)
	}
	if s.base == sparse {
		s.putSparse(w, kinds, spare)
	} else {
		s.putDense(w, kinds)
	}
	s.reshape(spare)
}

func (s *set) putSparse(w Watcher, kinds Kind, spare *buffers) {
	i, found := s.search(w)
	switch {
	case found && kinds != 0:
		s.cells[i] = cell(w, kinds)
	case found:
		s.cells = slices.Delete(s.cells, i, i+1)
		s.count--
	default:
		s.cells = spare.grow(s.cells, len(s.cells)+1)
		copy(s.cells[i+1:], s.cells[i:])
		s.cells[i] = cell(w, kinds)
		s.count++
	}
}

// putDense needs the cell of w to exist.
func (s *set) putDense(w Watcher, kinds Kind) {
	i, shift := uint32(w)>>cellShift-s.base, uint32(w)%perCell*kindBits
	had := s.cells[i] >> shift & kindMask
	s.cells[i] ^= (had ^ uint32(kinds)) << shift
	if had == 0 && kinds != 0 {
		s.count++
	} else if had != 0 && kinds == 0 {
		s.count--
	}
}

// covers reports whether a dense set has a cell for w.
func (s *set) covers(w Watcher) bool {
	return uint32(w)>>cellShift-s.base < uint32(len(s.cells))
}

// cover makes room for w in a dense set, or makes the set sparse if it is too far off.
func (s *set) cover(w Watcher, spare *buffers) {
	at, old := uint32(w)>>cellShift, len(s.cells)
	first, end := min(at, s.base), max(at+1, s.base+uint32(old))
	if end-first > 2*s.count {
		s.toSparse(spare)
		return
	}
	s.cells = spare.grow(s.cells, int(end-first))
	if shift := s.base - first; shift > 0 {
		copy(s.cells[shift:], s.cells[:old])
		clear(s.cells[:shift])
	} else {
		clear(s.cells[old:])
	}
	s.base = first
}

// reshape gives the set its other form, or a smaller buffer, if that has become the better one. An empty set is left
// alone: it is about to be dropped.
func (s *set) reshape(spare *buffers) {
	switch {
	case s.count == 0:
	case s.base != sparse:
		if uint32(len(s.cells)) > 4*s.count {
			s.toSparse(spare)
		}
	case s.count >= minDense && s.span() <= s.count:
		s.toDense(spare)
	case s.count >= minDense && uint32(cap(s.cells)) > 4*s.count:
		old := s.cells
		s.cells = append(spare.get(len(old)), old...)
		spare.put(old)
	}
}

// span returns how many cells a sparse, non-empty set would have if it were dense.
func (s *set) span() uint32 {
	return s.cells[len(s.cells)-1]>>(kindBits+cellShift) - s.cells[0]>>(kindBits+cellShift) + 1
}

func (s *set) toDense(spare *buffers) {
	old, span := s.cells, s.span()
	s.base = old[0] >> (kindBits + cellShift)
	s.cells = spare.get(int(span))[:span]
	clear(s.cells)
	for _, c := range old {
		w := c >> kindBits
		s.cells[w>>cellShift-s.base] |= c & kindMask << (w % perCell * kindBits)
	}
	spare.put(old)
}

func (s *set) toSparse(spare *buffers) {
	old, base := s.cells, s.base
	s.cells, s.base = spare.get(int(s.count)), sparse
	for i, packed := range old {
		for w := (base + uint32(i)) << cellShift; packed != 0; w, packed = w+1, packed>>kindBits {
			if packed&kindMask != 0 {
				s.cells = append(s.cells, w<<kindBits|packed&kindMask)
			}
		}
	}
	spare.put(old)
}

// fire appends to dst the watchers with a kind that hears, takes from them those kinds that are used up, and notes in pairs
// what that changes.
func (s *set) fire(dst []Watcher, hears Kind, pairs *pairCounts, spare *buffers) []Watcher {
	if s.base == sparse {
		dst = s.fireSparse(dst, hears, pairs)
	} else {
		dst = s.fireDense(dst, hears, pairs)
	}
	s.reshape(spare)
	return dst
}

func (s *set) fireSparse(dst []Watcher, hears Kind, pairs *pairCounts) []Watcher {
	kept := s.cells[:0]
	for _, c := range s.cells {
		had := Kind(c & kindMask)
		if had&hears != 0 {
			left := afterFiring(had, hears)
			dst = append(dst, Watcher(c>>kindBits))
			pairs.change(had, left)
			c = c&^kindMask | uint32(left)
		}
		if c&kindMask != 0 {
			kept = append(kept, c)
		}
	}
	s.cells, s.count = kept, uint32(len(kept))
	return dst
}

func (s *set) fireDense(dst []Watcher, hears Kind, pairs *pairCounts) []Watcher {
	for i, packed := range s.cells {
		w := Watcher(s.base+uint32(i)) << cellShift
		for shift := uint(0); packed>>shift != 0; w, shift = w+1, shift+kindBits {
			had := Kind(packed >> shift & kindMask)
			if had&hears == 0 {
				continue
			}
			dst = append(dst, w)
			left := afterFiring(had, hears)
			if left == had {
				continue
			}
			pairs.change(had, left)
			s.cells[i] ^= uint32(had^left) << shift
			if left == 0 {
				s.count--
			}
		}
	}
	return dst
}

// afterFiring returns what is left of a watcher's kinds on a path once an event was heard by those in hears.
func afterFiring(had, hears Kind) Kind { return had &^ (hears & oneShot) }

// appendAll appends all watchers with any of the given kinds to dst, ascending.
func (s *set) appendAll(dst []Watcher, kinds Kind) []Watcher {
	if s.base == sparse {
		for _, c := range s.cells {
			if Kind(c)&kinds&kindMask != 0 {
				dst = append(dst, Watcher(c>>kindBits))
			}
		}
		return dst
	}
	for i, packed := range s.cells {
		for w := Watcher(s.base+uint32(i)) << cellShift; packed != 0; w, packed = w+1, packed>>kindBits {
			if Kind(packed)&kinds&kindMask != 0 {
				dst = append(dst, w)
			}
		}
	}
	return dst
}
