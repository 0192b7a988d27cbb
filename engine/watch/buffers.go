package watch

import "math/bits"

const (
	minBufferBits = 2  // the smallest buffer has 4 cells
	maxBufferBits = 12 // the largest that is kept has 4096, 16 KiB
	buffersKept   = 4  // of each size
)

// buffers makes the cells of sets and keeps a few that were given back, by size, so that a path whose watches all fire and
// are all set again costs no garbage. Every buffer's capacity is a power of two; no set ever gets one that is too large
// for it, so what is kept is bounded by the shard, not by its history.
type buffers struct {
	kept [maxBufferBits + 1][][]uint32
}

// get returns an empty buffer with room for n cells. Its memory is not cleared.
func (b *buffers) get(n int) []uint32 {
	size := max(bits.Len(uint(n-1)), minBufferBits)
	if size <= maxBufferBits {
		if kept := b.kept[size]; len(kept) > 0 {
			last := len(kept) - 1
			b.kept[size] = kept[:last]
			return kept[last]
		}
	}
	return make([]uint32, 0, 1<<size)
}

// put takes back a buffer that get made, or nil.
func (b *buffers) put(cells []uint32) {
	size := bits.Len(uint(cap(cells))) - 1
	if size >= minBufferBits && size <= maxBufferBits && len(b.kept[size]) < buffersKept {
		b.kept[size] = append(b.kept[size], cells[:0])
	}
}

// grow returns cells with the length n, which is not below theirs, in a larger buffer if need be. What is new is not
// cleared.
func (b *buffers) grow(cells []uint32, n int) []uint32 {
	if n <= cap(cells) {
		return cells[:n]
	}
	grown := b.get(n)[:n]
	copy(grown, cells)
	b.put(cells)
	return grown
}
