package watch

import "slices"

// set is who watches one path, and with which kinds, when there is more than one watcher. It takes the smaller of two
// forms, both ascending:
//
//	sparse  a cell for each watcher: 4 bytes a watcher
//	        ┌──────────────────────┬───────┐
//	        │ watcher      28 bits │ kinds │ ...
//	        └──────────────────────┴───────┘
//	packed  two cells for each group of eight neighbours with any watcher: 1 byte a watcher at best
//	        ┌──────────────────────────────┐  ┌───┬───┬───┬───┬───┬───┬───┬───┐
//	        │ group: their numbers / 8     │  │ 7 │ 6 │ 5 │ 4 │ 3 │ 2 │ 1 │ 0 │ ...  kinds of each
//	        └──────────────────────────────┘  └───┴───┴───┴───┴───┴───┴───┴───┘
//
// Whether packed would be half as large is looked at when a sparse set has outgrown its buffer; it becomes sparse again when
// that saves a third: sets at the border do not flap.
type set struct {
	cells  []uint32
	count  uint32 // of watchers; each has at least one kind
	packed bool
}

const (
	kindBits   = 4
	kindMask   = 1<<kindBits - 1
	groupSize  = 8 // watchers
	groupShift = 3 // a watcher's group is w >> groupShift
	minPacked  = 16
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

// searchGroup returns where the two cells of w's group are or belong, and by how much w's kinds are shifted in the second.
func (s *set) searchGroup(w Watcher) (at int, found bool, shift uint32) {
	group := uint32(w) >> groupShift
	i, j := 0, len(s.cells)/2
	for i < j {
		if m := int(uint(i+j) >> 1); s.cells[2*m] < group {
			i = m + 1
		} else {
			j = m
		}
	}
	return 2 * i, 2*i < len(s.cells) && s.cells[2*i] == group, uint32(w) % groupSize * kindBits
}

// get returns the kinds of w's watches, 0 when it has none.
func (s *set) get(w Watcher) Kind {
	if s.packed {
		if i, found, shift := s.searchGroup(w); found {
			return Kind(s.cells[i+1] >> shift & kindMask)
		}
	} else if i, found := s.search(w); found {
		return Kind(s.cells[i] & kindMask)
	}
	return 0
}

// put makes kinds the kinds of w's watches; 0 takes w, which must be in the set, out of it.
func (s *set) put(w Watcher, kinds Kind, spare *buffers) {
	if !s.packed && len(s.cells) == cap(s.cells) && s.count >= minPacked && 2*s.groups() <= s.count {
		s.pack(spare)
	}
	if s.packed {
		s.putPacked(w, kinds, spare)
	} else {
		s.putSparse(w, kinds, spare)
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

func (s *set) putPacked(w Watcher, kinds Kind, spare *buffers) {
	i, found, shift := s.searchGroup(w)
	if !found {
		s.cells = spare.grow(s.cells, len(s.cells)+2)
		copy(s.cells[i+2:], s.cells[i:])
		s.cells[i], s.cells[i+1] = uint32(w)>>groupShift, 0
	}
	had := s.cells[i+1] >> shift & kindMask
	s.cells[i+1] ^= (had ^ uint32(kinds)) << shift
	if had == 0 {
		s.count++
	}
	if kinds == 0 {
		s.count--
	}
	if s.cells[i+1] == 0 {
		s.cells = slices.Delete(s.cells, i, i+2)
	}
}

// reshape makes a packed set sparse, or gives a set a smaller buffer, if that has become the better one. An empty set is
// left alone: it is about to be dropped.
func (s *set) reshape(spare *buffers) {
	switch groups := uint32(len(s.cells) / 2); {
	case s.count == 0:
	case s.packed && 4*groups > 3*s.count:
		s.unpack(spare)
	case len(s.cells) >= minPacked && cap(s.cells) > 4*len(s.cells):
		old := s.cells
		s.cells = append(spare.get(len(old)), old...)
		spare.put(old)
	}
}

// groups returns how many groups a sparse set would have.
func (s *set) groups() (groups uint32) {
	last := ^uint32(0)
	for _, c := range s.cells {
		if group := c >> (kindBits + groupShift); group != last {
			groups, last = groups+1, group
		}
	}
	return groups
}

func (s *set) pack(spare *buffers) {
	old := s.cells
	s.cells, s.packed = spare.get(int(2*s.groups())), true
	for _, c := range old {
		w := c >> kindBits
		if n := len(s.cells); n == 0 || s.cells[n-2] != w>>groupShift {
			s.cells = append(s.cells, w>>groupShift, 0)
		}
		s.cells[len(s.cells)-1] |= c & kindMask << (w % groupSize * kindBits)
	}
	spare.put(old)
}

func (s *set) unpack(spare *buffers) {
	old := s.cells
	s.cells, s.packed = spare.get(int(s.count)), false
	for i := 0; i < len(old); i += 2 {
		for w, kinds := old[i]<<groupShift, old[i+1]; kinds != 0; w, kinds = w+1, kinds>>kindBits {
			if kinds&kindMask != 0 {
				s.cells = append(s.cells, w<<kindBits|kinds&kindMask)
			}
		}
	}
	spare.put(old)
}

// fire appends to dst the watchers with a kind that hears, takes from them those kinds that are used up, and notes in pairs
// what that changes.
func (s *set) fire(dst []Watcher, hears Kind, pairs *pairCounts, spare *buffers) []Watcher {
	if s.packed {
		dst = s.firePacked(dst, hears, pairs)
	} else {
		dst = s.fireSparse(dst, hears, pairs)
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

func (s *set) firePacked(dst []Watcher, hears Kind, pairs *pairCounts) []Watcher {
	kept := s.cells[:0]
	for i := 0; i < len(s.cells); i += 2 {
		group, leftover := s.cells[i], s.cells[i+1]
		for w, rest := Watcher(group)<<groupShift, leftover; rest != 0; w, rest = w+1, rest>>kindBits {
			had := Kind(rest & kindMask)
			if had&hears == 0 {
				continue
			}
			dst = append(dst, w)
			if left := afterFiring(had, hears); left != had {
				pairs.change(had, left)
				leftover ^= uint32(had^left) << (w % groupSize * kindBits)
				if left == 0 {
					s.count--
				}
			}
		}
		if leftover != 0 {
			kept = append(kept, group, leftover)
		}
	}
	s.cells = kept
	return dst
}

// afterFiring returns what is left of a watcher's kinds on a path once an event was heard by those in hears.
func afterFiring(had, hears Kind) Kind { return had &^ (hears & oneShot) }

// appendAll appends all watchers with any of the given kinds to dst, ascending.
func (s *set) appendAll(dst []Watcher, kinds Kind) []Watcher {
	if !s.packed {
		for _, c := range s.cells {
			if Kind(c)&kinds&kindMask != 0 {
				dst = append(dst, Watcher(c>>kindBits))
			}
		}
		return dst
	}
	for i := 0; i < len(s.cells); i += 2 {
		for w, packed := Watcher(s.cells[i])<<groupShift, s.cells[i+1]; packed != 0; w, packed = w+1, packed>>kindBits {
			if Kind(packed)&kinds&kindMask != 0 {
				dst = append(dst, w)
			}
		}
	}
	return dst
}
