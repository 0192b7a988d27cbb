package watch

import "math/bits"

const (
	minBufferBits = 2  // the smallest buffer has 4 cells
	maxBufferBits = 12 // the largest that is kept has 4096, 16 KiB
)

// buffers makes the cells of sets and keeps one of each size that was given back, so that a path whose watches all fire and
// are all set again costs no garbage. Every buffer's capacity is a power of two, and no set ever gets one that is too large
// for it: what is kept is at most 32 KiB a shard, whatever its history.
type buffers struct {
	kept [maxBufferBits + 1][]uint32 // by the power; nil is none
}

// get returns an empty buffer with room for n cells. Its memory is not cleared.
func (b *buffers) get(n int) []uint32 {
	power := max(bits.Len(uint(n-1)), minBufferBits)
	if power <= maxBufferBits && b.kept[power] != nil {
		cells := b.kept[power]
		b.kept[power] = nil
		return cells
	}
	return make([]uint32, 0, 1<<power)
}

// put takes back a buffer that get made, or nil.
func (b *buffers) put(cells []uint32) {
	if power := bits.Len(uint(cap(cells))) - 1; power >= minBufferBits && power <= maxBufferBits {
		b.kept[power] = cells[:0]
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
