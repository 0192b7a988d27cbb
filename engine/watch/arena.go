package watch

import "encoding/binary"

// The arena counts in units; a block is a whole number of them.
const (
	arenaUnit  = 4                      // bytes, enough for the link between free blocks
	arenaChunk = 2048                   // bytes
	chunkUnits = arenaChunk / arenaUnit // of one chunk
	maxBlock   = 256                    // bytes; what is longer has a chunk of its own
	blockSizes = maxBlock/arenaUnit + 1 // by units; 0 is unused
)

// arena keeps the bytes of paths where the garbage collector sees a few chunks instead of a string for each.
//
//	at (in units) = chunk number * chunkUnits + place in the chunk
//
//	 chunk 0                        chunk 1 (a long path)     chunk 2
//	┌───────┬──────┬───────┬─────┐ ┌───────────────────────┐ ┌───────┬───────────
//	│/app/a │(free)│/app/bc│ ... │ │/app/a-very-long-na... │ │/app/x │ ...
//	└───────┴──┬───┴───────┴─────┘ └───────────────────────┘ └───────┴───────────
//	           └─► the next free block of this size
type arena struct {
	chunks     [][]byte
	freeChunks []uint32           // numbers of chunks that are nil
	bump       uint32             // where the next block is cut from a chunk, in units
	bumpEnd    uint32             // the end of that chunk
	free       [blockSizes]uint32 // the first free block of each size, as at+1; 0 is none
}

// put copies path into the arena and returns where it is.
func (a *arena) put(path string) (at uint32) {
	if len(path) > maxBlock {
		return a.chunk([]byte(path)) * chunkUnits
	}
	units := unitsOf(len(path))
	if at = a.free[units]; at != 0 {
		at--
		a.free[units] = binary.LittleEndian.Uint32(a.bytes(at, arenaUnit))
	} else {
		if a.bumpEnd-a.bump < units {
			a.bump = a.chunk(make([]byte, arenaChunk)) * chunkUnits
			a.bumpEnd = a.bump + chunkUnits
		}
		at = a.bump
		a.bump += units
	}
	copy(a.bytes(at, uint32(len(path))), path)
	return at
}

// bytes returns the size bytes at a place; they are valid until they are dropped.
func (a *arena) bytes(at, size uint32) []byte {
	from := at % chunkUnits * arenaUnit
	return a.chunks[at/chunkUnits][from : from+size]
}

// drop frees what put returned for a path of this size.
func (a *arena) drop(at, size uint32) {
	if size > maxBlock {
		number := at / chunkUnits
		a.chunks[number] = nil
		a.freeChunks = append(a.freeChunks, number)
		return
	}
	units := unitsOf(int(size))
	binary.LittleEndian.PutUint32(a.bytes(at, arenaUnit), a.free[units])
	a.free[units] = at + 1
}

// chunk gives a chunk a number.
func (a *arena) chunk(bytes []byte) uint32 {
	if n := len(a.freeChunks); n > 0 {
		number := a.freeChunks[n-1]
		a.freeChunks = a.freeChunks[:n-1]
		a.chunks[number] = bytes
		return number
	}
	a.chunks = append(a.chunks, bytes)
	return uint32(len(a.chunks) - 1)
}

// unitsOf returns the size of a block for so many bytes, at least one unit.
func unitsOf(size int) uint32 {
	return uint32(max(size+arenaUnit-1, arenaUnit) / arenaUnit)
}
