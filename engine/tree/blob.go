package tree

import (
	"bytes"
	"fmt"
	"unsafe"
)

// A blob is a run of bytes in a shard's blobStore, known by a 32-bit handle and its size. Its slot is the smallest of a
// fixed row of sizes that holds it; slots of one size stand in chunks, and a chunk whose last slot is freed goes back to
// the collector. Blobs above maxSlot are slices of their own.
//
//	handle = chunk << 10 | slot in the chunk        (above maxSlot: number of the slice)
const (
	maxSlot      = 4096 // bytes
	slotGrain    = 16   // bytes: every slot size is a multiple
	handleBits   = 10   // for the slot; no chunk has more than 1024
	smallChunk   = 16 << 10
	largeChunk   = 32 << 10
	firstSlots   = 4 // a chunk begins with room for so many if it is the first of its class
	poison       = 0xDB
	poisonedFrom = 2 // bytes of a free slot before are the link to the next
)

// slotClasses are the sizes of slots: steps of 16 bytes up to 512, then sixteen steps each time the size doubles.
var slotClasses, classOfGrain = makeSlotClasses()

type slotClass struct {
	size  uint32 // bytes of a slot
	slots uint32 // in a full-grown chunk
}

const classCount = 32 + 3*16

func makeSlotClasses() (classes [classCount]slotClass, ofGrain [maxSlot/slotGrain + 1]uint8) {
	size, step, grain := 0, slotGrain, 0
	for i := range classes {
		size += step
		if size >= 512 && size&(size-1) == 0 {
			step *= 2
		}
		chunk := smallChunk
		if size > 1024 {
			chunk = largeChunk
		}
		classes[i] = slotClass{uint32(size), uint32(chunk / size)}
		for ; grain*slotGrain <= size; grain++ {
			ofGrain[grain] = uint8(i)
		}
	}
	return classes, ofGrain
}

// classOf returns the class of a blob of that size, which is not above maxSlot.
func classOf(size int) int { return int(classOfGrain[(size+slotGrain-1)/slotGrain]) }

// sameSlot reports whether blobs of both sizes fit the same slot.
func sameSlot(a, b int) bool {
	if a > maxSlot || b > maxSlot {
		return a == b
	}
	return classOf(a) == classOf(b)
}

// blobStore is owned by its shard.
type blobStore struct {
	classes [classCount]blobClass
	big     [][]byte
	bigFree []uint32
}

// blobClass holds the slots of one size.
type blobClass struct {
	chunks []blobChunk
	open   uint32   // 1 + the first chunk of the list of those with a free slot, 0 if there is none
	gone   []uint32 // chunks that have gone back to the collector: their numbers are free
}

// blobChunk is a run of slots. Slots below bump have been used; of these, the free ones are a list.
type blobChunk struct {
	buf        []byte
	next, prev uint32 // 1 + the neighbours in the list of open chunks
	freed      uint16 // 1 + first free slot below bump; in its first two bytes stands the next
	bump       uint16
	live       uint16 // slots in use
}

// alloc returns the handle of a new blob and its bytes, which are garbage.
func (b *blobStore) alloc(size int) (uint32, []byte) {
	if size > maxSlot {
		return b.allocBig(size)
	}
	class := classOf(size)
	c, k := &b.classes[class], slotClasses[class]
	if c.open == 0 {
		c.addChunk()
	}
	number := c.open - 1
	chunk := &c.chunks[number]
	slot := chunk.take(k, number == 0)
	if chunk.full(k) {
		c.close(number)
	}
	at := slot * k.size
	return number<<handleBits | slot, chunk.buf[at : at+uint32(size)]
}

// bytes returns the blob's bytes, which hold until it is freed or another of its class is allocated.
func (b *blobStore) bytes(handle uint32, size int) []byte {
	if size > maxSlot {
		return b.big[handle][:size]
	}
	class := classOf(size)
	at := handle & (1<<handleBits - 1) * slotClasses[class].size
	return b.classes[class].chunks[handle>>handleBits].buf[at : at+uint32(size)]
}

// free gives a blob back. size is what it was allocated with, or any other that takes the same slot.
func (b *blobStore) free(handle uint32, size int) {
	if size > maxSlot {
		b.freeBig(handle)
		return
	}
	class := classOf(size)
	c, k := &b.classes[class], slotClasses[class]
	number, slot := handle>>handleBits, handle&(1<<handleBits-1)
	chunk := &c.chunks[number]
	wasFull := chunk.full(k)
	chunk.put(k, slot)
	if wasFull {
		c.reopen(number)
	}
	if chunk.live == 0 && (chunk.next != 0 || chunk.prev != 0) { // the last open chunk stays, for what comes next
		c.close(number)
		*chunk = blobChunk{}
		c.gone = append(c.gone, number)
	}
}

func (b *blobStore) allocBig(size int) (uint32, []byte) {
	buf := make([]byte, size)
	if n := len(b.bigFree); n > 0 {
		handle := b.bigFree[n-1]
		b.bigFree = b.bigFree[:n-1]
		b.big[handle] = buf
		return handle, buf
	}
	b.big = append(b.big, buf)
	return uint32(len(b.big) - 1), buf
}

func (b *blobStore) freeBig(handle uint32) {
	if invariantsOn {
		overwrite(b.big[handle])
	}
	b.big[handle] = nil
	b.bigFree = append(b.bigFree, handle)
}

// addChunk opens a new chunk, which may be one that was given back.
func (c *blobClass) addChunk() {
	var number uint32
	if n := len(c.gone); n > 0 {
		number, c.gone = c.gone[n-1], c.gone[:n-1]
	} else {
		number = uint32(len(c.chunks))
		if number >= 1<<(32-handleBits) {
			panic("tree: a shard holds too many blobs")
		}
		c.chunks = append(c.chunks, blobChunk{})
	}
	c.reopen(number)
}

// reopen puts a chunk that has a free slot at the front of the list.
func (c *blobClass) reopen(number uint32) {
	chunk := &c.chunks[number]
	chunk.prev, chunk.next = 0, c.open
	if c.open != 0 {
		c.chunks[c.open-1].prev = number + 1
	}
	c.open = number + 1
}

// close takes a chunk out of the list.
func (c *blobClass) close(number uint32) {
	chunk := &c.chunks[number]
	if chunk.prev != 0 {
		c.chunks[chunk.prev-1].next = chunk.next
	} else {
		c.open = chunk.next
	}
	if chunk.next != 0 {
		c.chunks[chunk.next-1].prev = chunk.prev
	}
	chunk.next, chunk.prev = 0, 0
}

// full reports whether the chunk has no free slot.
func (h *blobChunk) full(k slotClass) bool { return uint32(h.live) == k.slots }

// take returns a free slot. A first chunk begins small and doubles, so that a small tree stays small.
func (h *blobChunk) take(k slotClass, first bool) uint32 {
	h.live++
	if h.freed != 0 {
		slot := uint32(h.freed - 1)
		b := h.buf[slot*k.size : (slot+1)*k.size]
		h.freed = uint16(b[0]) | uint16(b[1])<<8
		if invariantsOn {
			checkOverwritten(b)
		}
		return slot
	}
	slot := uint32(h.bump)
	if int(slot*k.size) == len(h.buf) {
		slots := k.slots
		if first {
			slots = min(slots, max(firstSlots, 2*slot))
		}
		buf := make([]byte, slots*k.size)
		copy(buf, h.buf)
		h.buf = buf
	}
	h.bump++
	return slot
}

// put frees a slot.
func (h *blobChunk) put(k slotClass, slot uint32) {
	b := h.buf[slot*k.size : (slot+1)*k.size]
	if invariantsOn {
		overwrite(b)
	}
	b[0], b[1] = byte(h.freed), byte(h.freed>>8)
	h.freed = uint16(slot + 1)
	h.live--
}

// overwrite makes whoever kept a freed blob read nonsense.
func overwrite(b []byte) {
	for i := range b {
		b[i] = poison
	}
}

// checkOverwritten panics if a free slot has been written to.
func checkOverwritten(b []byte) {
	rest := b[poisonedFrom:]
	if bytes.Count(rest, []byte{poison}) != len(rest) {
		panic(fmt.Sprintf("tree: a freed blob was written to: %x", b))
	}
}

// text is b as a string, without a copy.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
