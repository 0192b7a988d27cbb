package tree

import (
	"bytes"
	"fmt"
	"unsafe"
)

// A blobStore holds runs of bytes known by 32-bit handles. A blob has a slot, which is of the smallest of a fixed row of
// sizes that is large enough; slots of one size stand in chunks without pointers, and a chunk whose last slot is freed goes
// back to the collector. What is above the largest size has a chunk of its own. Slots never move.
//
//	handle = number of the chunk << 10 | slot in the chunk
//
// A store is owned by its shard.
type blobStore struct {
	chunks []blobChunk
	gone   []uint32 // numbers of chunks that have gone back
	sizes  [classCount]blobClass
}

// blobClass is what the chunks with slots of one size have in common.
type blobClass struct {
	open uint32 // the first of a list of chunks with a free slot, 0 if there is none
	made uint32 // chunks there are
}

// blobChunk is a run of slots. Slots below bump have been used; of these the free ones are a list.
type blobChunk struct {
	mem        unsafe.Pointer // nil if the chunk has gone back; aligned for a node
	size       uint32         // of a slot, bytes
	next, prev uint32         // in the list of chunks with a free slot
	slots      uint16
	bump       uint16
	live       uint16 // slots in use
	freed      uint16 // 1 + first free slot below bump
	class      uint8
}

// freeSlot is what stands at the beginning of a free slot.
type freeSlot struct {
	zero uint32 // where a node has pathLen
	next uint16 // 1 + the next free slot, 0 at the end
}

const (
	maxSlot    = 4096 // bytes; larger blobs have a chunk of their own
	slotGrain  = 16   // bytes; every slot size is a multiple
	handleBits = 10   // for the slot; no chunk has more than 1024
	fineSlot   = 2048 // bytes; up to here slot sizes are 16 apart, then 64
	coarse     = 64
	bigClass   = fineSlot/slotGrain + (maxSlot-fineSlot)/coarse
	classCount = bigClass + 1

	firstChunk = 1 << 10 // bytes, about; each further chunk of a size is twice as large, so that a small tree stays small
	minChunk   = 16 << 10
	maxChunk   = 48 << 10
	chunkGrain = 8 << 10 // bytes: sizes the allocator rounds to anyway

	poison = 0xDB
)

// classOf returns the class of a blob of that size in bytes, which is above 0.
func classOf(size int) uint8 {
	switch {
	case size <= fineSlot:
		return uint8((size - 1) / slotGrain)
	case size <= maxSlot:
		return uint8(fineSlot/slotGrain + (size-fineSlot-1)/coarse)
	}
	return bigClass
}

// slotSize returns the size in bytes of the slots of a class.
func slotSize(class uint8) int {
	if class < fineSlot/slotGrain {
		return (int(class) + 1) * slotGrain
	}
	return fineSlot + (int(class)-fineSlot/slotGrain+1)*coarse
}

// fullChunk is the size in bytes of a full-grown chunk, by class: the one that leaves the least behind its last slot.
var fullChunk = makeFullChunk()

func makeFullChunk() (full [bigClass]int) {
	for class := range full {
		slot := slotSize(uint8(class))
		best := minChunk
		for size := minChunk; size <= maxChunk; size += chunkGrain {
			if size%slot*best < best%slot*size && best%slot*64 > best {
				best = size
			}
		}
		full[class] = best
	}
	return full
}

func (b *blobStore) init() { b.chunks = make([]blobChunk, 1, 8) } // no chunk has the number 0, so no handle is 0

// alloc returns a slot for size bytes, which are garbage.
func (b *blobStore) alloc(size int) (uint32, unsafe.Pointer) {
	class := classOf(size)
	if b.sizes[class].open == 0 {
		b.addChunk(class, size)
	}
	number := b.sizes[class].open
	c := &b.chunks[number]
	slot := c.take()
	if c.live == c.slots {
		b.close(number)
	}
	return number<<handleBits | slot, c.at(slot)
}

// at returns the slot of a handle.
func (b *blobStore) at(handle uint32) unsafe.Pointer {
	return b.chunks[handle>>handleBits].at(handle & (1<<handleBits - 1))
}

// bytes returns the first bytes of a blob. They hold until it is freed.
func (b *blobStore) bytes(handle uint32, size int) []byte {
	return unsafe.Slice((*byte)(b.at(handle)), size)
}

// fits reports whether a blob of that size belongs into the slot of a handle. A slot of its own it may leave an eighth
// of unused.
func (b *blobStore) fits(handle uint32, size int) bool {
	c := &b.chunks[handle>>handleBits]
	if c.class == bigClass {
		return size > maxSlot && size <= int(c.size) && size >= int(c.size)/8*7
	}
	return c.class == classOf(size)
}

// inUse reports whether there is a blob with this handle, which may have been freed.
func (b *blobStore) inUse(handle uint32) bool {
	c := &b.chunks[handle>>handleBits]
	slot := handle & (1<<handleBits - 1)
	return slot < uint32(c.bump) && (*freeSlot)(c.at(slot)).zero != 0
}

// free gives a blob back. In its slot, where a record has its pathLen, stands 0 from then on.
func (b *blobStore) free(handle uint32) {
	number, slot := handle>>handleBits, handle&(1<<handleBits-1)
	c := &b.chunks[number]
	wasFull := c.live == c.slots
	c.put(slot)
	if wasFull {
		b.reopen(number)
	}
	if c.live == 0 && (c.next != 0 || c.prev != 0 || c.class == bigClass) { // the last open chunk stays for what comes next
		b.close(number)
		b.sizes[c.class].made--
		*c = blobChunk{}
		b.gone = append(b.gone, number)
	}
}

// addChunk opens a new chunk.
func (b *blobStore) addChunk(class uint8, size int) {
	slots, slot := 1, (size+slotGrain-1)&^(slotGrain-1)
	if class != bigClass {
		slot = slotSize(class)
		slots = max(2, min(fullChunk[class], firstChunk<<min(b.sizes[class].made, 8))/slot)
	}
	mem := make([]uint64, slots*slot/8) // of uint64 for their alignment
	var number uint32
	if n := len(b.gone); n > 0 {
		number, b.gone = b.gone[n-1], b.gone[:n-1]
	} else {
		number = uint32(len(b.chunks))
		if number >= 1<<(32-handleBits) {
			panic("tree: a shard has too many chunks")
		}
		b.chunks = append(b.chunks, blobChunk{})
	}
	b.chunks[number] = blobChunk{mem: unsafe.Pointer(unsafe.SliceData(mem)), size: uint32(slot), slots: uint16(slots), class: class}
	b.sizes[class].made++
	b.reopen(number)
}

// reopen puts a chunk that has a free slot at the front of the list.
func (b *blobStore) reopen(number uint32) {
	c := &b.chunks[number]
	open := &b.sizes[c.class].open
	c.prev, c.next = 0, *open
	if *open != 0 {
		b.chunks[*open].prev = number
	}
	*open = number
}

// close takes a chunk out of the list.
func (b *blobStore) close(number uint32) {
	c := &b.chunks[number]
	if c.prev != 0 {
		b.chunks[c.prev].next = c.next
	} else {
		b.sizes[c.class].open = c.next
	}
	if c.next != 0 {
		b.chunks[c.next].prev = c.prev
	}
	c.next, c.prev = 0, 0
}

func (c *blobChunk) at(slot uint32) unsafe.Pointer {
	return unsafe.Add(c.mem, int(slot)*int(c.size))
}

// take returns a free slot; there is one.
func (c *blobChunk) take() uint32 {
	c.live++
	if c.freed == 0 {
		c.bump++
		return uint32(c.bump - 1)
	}
	slot := uint32(c.freed - 1)
	if invariantsOn {
		c.checkPoisoned(slot)
	}
	c.freed = (*freeSlot)(c.at(slot)).next
	return slot
}

// put frees a slot.
func (c *blobChunk) put(slot uint32) {
	if invariantsOn {
		c.poison(slot)
	}
	*(*freeSlot)(c.at(slot)) = freeSlot{next: c.freed}
	c.freed = uint16(slot + 1)
	c.live--
}

// poison overwrites a slot, so that whoever kept it reads nonsense.
func (c *blobChunk) poison(slot uint32) {
	for b := unsafe.Slice((*byte)(c.at(slot)), c.size); len(b) > 0; b = b[1:] {
		b[0] = poison
	}
}

// checkPoisoned panics if a free slot has been written to.
func (c *blobChunk) checkPoisoned(slot uint32) {
	b := unsafe.Slice((*byte)(c.at(slot)), c.size)[unsafe.Sizeof(freeSlot{}):]
	if bytes.Count(b, []byte{poison}) != len(b) {
		panic(fmt.Sprintf("tree: a freed blob was written to: %x", b))
	}
}

// text is b as a string, without a copy.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
