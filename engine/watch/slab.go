package watch

import "fmt"

const (
	slabChunk  = 64
	slabPlaces = 1 << 24 // a place fits in the low 24 bits of a ref
)

// slab hands out numbered places for values of one type, from 1 up (0 is free to mean "none"), and uses freed ones again,
// last freed first. Values do not move. It grows by chunks, so that a big one wastes no more than a small one.
type slab[T any] struct {
	chunks []*[slabChunk]T
	last   uint32   // the highest place ever handed out
	free   []uint32 // places at or below last that are not in use
}

// at returns the value at a place that was handed out at some time; a freed one is zero.
func (s *slab[T]) at(place uint32) *T {
	return &s.chunks[place/slabChunk][place%slabChunk]
}

// has reports whether a place has ever been handed out.
func (s *slab[T]) has(place uint32) bool { return place <= s.last }

// take returns a place that holds a zero value.
func (s *slab[T]) take() uint32 {
	if n := len(s.free); n > 0 {
		place := s.free[n-1]
		s.free = s.free[:n-1]
		return place
	}
	s.last++
	if s.last == slabPlaces {
		panic(fmt.Sprintf("watch: more than %d paths or sets in one shard", slabPlaces-1))
	}
	if int(s.last/slabChunk) == len(s.chunks) {
		s.chunks = append(s.chunks, new([slabChunk]T))
	}
	return s.last
}

// give takes back a place and clears it.
func (s *slab[T]) give(place uint32) {
	var zero T
	*s.at(place) = zero
	s.free = append(s.free, place)
}
