package tree

import (
	"math/bits"
	"sync"
	"unsafe"
)

// shard holds the znodes whose paths hash to it, and the lists of their children's names. mu guards everything: readers
// hold it shared, the writer exclusively.
type shard struct {
	mu     sync.RWMutex
	index  pathIndex
	slab   nodeSlab
	blobs  blobStore
	dirs   dirTable
	walk   shardWalk // what a running snapshot knows of this shard
	number uint64    // its own place among the shards

	_ [64]byte // keeps the lock of the next shard off this one's last cache line
}

func (s *shard) init(number uint64) {
	s.number = number
	s.index.init()
	s.slab.init()
}

// mask returns the bit of this shard.
func (s *shard) mask() uint64 { return 1 << s.number }

// find returns the id of the znode with this path, 0 if there is none.
func (s *shard) find(path string, hash uint32) uint32 {
	x := &s.index
	for i := hash & x.mask; ; i = (i + 1) & x.mask {
		slot := x.slots[i]
		if slot == 0 {
			return 0
		}
		if (slot^hash)&^x.mask == 0 {
			if id := slot & x.mask; s.path(s.slab.at(id)) == path {
				return id
			}
		}
	}
}

// path returns the path of n. It aliases the store: it holds until the shard is unlocked or n is changed.
func (s *shard) path(n *node) string {
	b := s.blobs.bytes(n.blob, n.blobSize())
	return unsafe.String(unsafe.SliceData(b), int(n.pathLen))
}

// data returns the data of n, nil for null. It aliases the store as path does.
func (s *shard) data(n *node) []byte {
	if n.dataLen < 0 {
		return nil
	}
	size := n.blobSize()
	return s.blobs.bytes(n.blob, size)[n.pathLen:size:size]
}

// add gives a znode an id, a record with its path and data, and a place in the index.
func (s *shard) add(path string, hash uint32, data []byte) (uint32, *node) {
	id := s.slab.alloc()
	n := s.slab.at(id)
	*n = node{hash: hash, pathLen: uint32(len(path)), dataLen: dataLength(data)}
	blob, b := s.blobs.alloc(len(path) + len(data))
	copy(b, path)
	copy(b[len(path):], data)
	n.blob = blob
	if s.slab.live > s.index.limit() {
		s.index.grow(&s.slab)
	}
	s.index.insert(hash, id)
	return id, n
}

// remove is the opposite of add. The caller has already taken away children, ACL and owner.
func (s *shard) remove(id uint32, n *node) {
	s.index.remove(n.hash, id, &s.slab)
	s.blobs.free(n.blob, n.blobSize())
	s.slab.free(id)
}

// replaceData gives n other data, in place if it needs a slot of the same size.
func (s *shard) replaceData(n *node, data []byte) {
	oldSize, size := n.blobSize(), int(n.pathLen)+len(data)
	if sameSlot(oldSize, size) {
		copy(s.blobs.bytes(n.blob, size)[n.pathLen:], data)
		n.dataLen = dataLength(data)
		return
	}
	path := s.path(n) // stays where it is until it is freed: slots of other sizes are in other chunks
	blob, b := s.blobs.alloc(size)
	copy(b, path)
	copy(b[n.pathLen:], data)
	s.blobs.free(n.blob, oldSize)
	n.blob, n.dataLen = blob, dataLength(data)
}

// dataLength is the length of data as a record keeps it: -1 for null.
func dataLength(data []byte) int32 {
	if data == nil {
		return -1
	}
	return int32(len(data))
}

// pathIndex finds znodes by hash: open addressing with linear probing. A slot joins two numbers: its lower bits, as many
// as the table has, are the id of a znode, and its upper bits are those of the znode's hash. As the lower bits of the hash
// choose where the search begins, hardly a slot that belongs to another znode gets past the comparison.
//
// Invariants: ids fit, because the table has more slots than there have ever been znodes at once, and ids are reused; the
// ids begin at 1, so a slot in use is never 0; between the place where the search for an entry begins and the
// entry there is no slot that is 0.
type pathIndex struct {
	slots []uint32
	mask  uint32 // len(slots) - 1
}

func (x *pathIndex) init() { x.resize(16) }

func (x *pathIndex) resize(slots int) {
	x.slots = make([]uint32, slots)
	x.mask = uint32(slots - 1)
}

// limit is the number of entries at which the table is full: three quarters of the slots.
func (x *pathIndex) limit() int { return len(x.slots) / 4 * 3 }

// insert adds an entry that is not there.
func (x *pathIndex) insert(hash, id uint32) {
	i := hash & x.mask
	for x.slots[i] != 0 {
		i = (i + 1) & x.mask
	}
	x.slots[i] = hash&^x.mask | id
}

// remove takes an entry away and moves back those that had to step over it.
func (x *pathIndex) remove(hash, id uint32, slab *nodeSlab) {
	hole := hash & x.mask
	for x.slots[hole] != hash&^x.mask|id {
		hole = (hole + 1) & x.mask
	}
	for i := (hole + 1) & x.mask; x.slots[i] != 0; i = (i + 1) & x.mask {
		home := slab.at(x.slots[i]&x.mask).hash & x.mask
		if (i-home)&x.mask >= (i-hole)&x.mask { // it began its search at the hole or before
			x.slots[hole] = x.slots[i]
			hole = i
		}
	}
	x.slots[hole] = 0
}

// grow doubles the table.
func (x *pathIndex) grow(slab *nodeSlab) {
	old, oldMask := x.slots, x.mask
	if bits.Len(uint(len(old))) > 31 {
		panic("tree: a shard holds too many znodes")
	}
	x.resize(2 * len(old))
	for _, slot := range old {
		if slot != 0 {
			id := slot & oldMask
			x.insert(slab.at(id).hash, id)
		}
	}
}
