package tree

import "sync"

// shard holds the znodes whose paths hash to it, and the lists of their children's names. mu guards everything: readers
// hold it shared, the writer exclusively. A znode is known by the handle of its record; the handle changes when the
// record needs another slot.
type shard struct {
	mu      sync.RWMutex
	index   pathIndex
	records blobStore
	names   blobStore // leaves of children's names
	dirs    dirTable  // of leaves
	walk    shardWalk // what a running snapshot knows of this shard
	number  uint32    // its own place among the shards

	_ cacheLine // before the lock of the next shard
}

func (s *shard) init(number int) {
	s.number = uint32(number)
	s.index.init()
	s.records.init()
	s.names.init()
}

// mask returns the bit of this shard.
func (s *shard) mask() uint64 { return 1 << s.number }

// node returns the record with this handle.
func (s *shard) node(handle uint32) *node { return (*node)(s.records.at(handle)) }

// find returns the znode with this path and its handle; nil if there is none.
func (s *shard) find(path string, hash uint32) (*node, uint32) {
	x := &s.index
	for i := hash & x.mask; ; i = (i + 1) & x.mask {
		slot := x.slots[i]
		if slot == 0 {
			return nil, 0
		}
		if uint32(slot>>32) == hash {
			handle := uint32(slot)
			if n := s.node(handle); n.path() == path {
				return n, handle
			}
		}
	}
}

// add makes the record of a znode, all zero but for path and data, and enters it in the index.
func (s *shard) add(path string, hash uint32, data []byte) (*node, uint32) {
	handle, mem := s.records.alloc(recordSize(len(path), len(data)))
	n := (*node)(mem)
	*n = node{}
	n.write(path, data)
	s.index.insert(hash, handle)
	return n, handle
}

// remove is the opposite of add.
func (s *shard) remove(handle, hash uint32) {
	s.index.remove(hash, handle)
	s.records.free(handle)
}

// replaceData gives a znode other data. If these need another slot, the record moves there and is known by another handle.
func (s *shard) replaceData(n *node, handle, hash uint32, data []byte) (*node, uint32) {
	size := recordSize(int(n.pathLen), len(data))
	if s.records.fits(handle, size) {
		n.writeData(data)
		return n, handle
	}
	movedTo, mem := s.records.alloc(size)
	moved := (*node)(mem)
	*moved = *n
	moved.write(n.path(), data)
	s.index.replace(hash, handle, movedTo)
	s.records.free(handle)
	return moved, movedTo
}

// each calls visit for every znode, in the order of handles.
func (s *shard) each(visit func(n *node, handle uint32) error) error {
	for number := range s.records.chunks {
		c := &s.records.chunks[number]
		for slot := range uint32(c.bump) {
			if n := (*node)(c.at(slot)); n.pathLen != 0 {
				if err := visit(n, uint32(number)<<handleBits|slot); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// pathIndex finds znodes by hash: open addressing with linear probing. An entry is the 32 bits of the hash and the handle.
//
// Invariants: a handle is not 0, so an entry is not; between the place where the search for an entry begins, which is
// where the lower bits of its hash point to, and the entry itself no place is empty; at least a quarter of the places is.
type pathIndex struct {
	slots []uint64
	mask  uint32 // len(slots) - 1
	live  uint32 // entries
}

func (x *pathIndex) init() { x.resize(16) }

func (x *pathIndex) resize(slots int) {
	x.slots = make([]uint64, slots)
	x.mask = uint32(slots - 1)
}

func entry(hash, handle uint32) uint64 { return uint64(hash)<<32 | uint64(handle) }

// insert adds an entry that is not there.
func (x *pathIndex) insert(hash, handle uint32) {
	x.live++
	if int(x.live) > len(x.slots)/8*7 {
		old := x.slots
		x.resize(2 * len(old))
		for _, e := range old {
			if e != 0 {
				x.put(e)
			}
		}
	}
	x.put(entry(hash, handle))
}

// put puts an entry into the first empty place.
func (x *pathIndex) put(e uint64) {
	i := uint32(e>>32) & x.mask
	for x.slots[i] != 0 {
		i = (i + 1) & x.mask
	}
	x.slots[i] = e
}

// place returns where an entry is.
func (x *pathIndex) place(e uint64) uint32 {
	i := uint32(e>>32) & x.mask
	for x.slots[i] != e {
		i = (i + 1) & x.mask
	}
	return i
}

// replace gives an entry another handle.
func (x *pathIndex) replace(hash, handle, by uint32) {
	x.slots[x.place(entry(hash, handle))] = entry(hash, by)
}

// remove takes an entry away and moves those back that had to step over it.
func (x *pathIndex) remove(hash, handle uint32) {
	x.live--
	hole := x.place(entry(hash, handle))
	for i := (hole + 1) & x.mask; x.slots[i] != 0; i = (i + 1) & x.mask {
		home := uint32(x.slots[i]>>32) & x.mask
		if (i-home)&x.mask >= (i-hole)&x.mask { // its search begins at the hole or before
			x.slots[hole] = x.slots[i]
			hole = i
		}
	}
	x.slots[hole] = 0
}
