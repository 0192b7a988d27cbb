package watch

// names interns the paths of one shard: each that bears a watch is stored once and known by its place, a small number.
//
//	index (open addressing)       slab of names                    arena
//	┌───┬───┬───┬───┬───┬───┐    ┌───┬──────────────────────┐    ┌────────────────┐
//	│ 0 │ 2 │ 0 │ 1 │ 3 │ 0 │ ─► │ 1 │ hash, at, size, who  │ ─► │/app/a/config   │
//	└───┴───┴───┴───┴───┴───┘    │ 2 │ ...                  │    │...             │
//	                             └───┴──────────────────────┘    └────────────────┘
type names struct {
	index []uint32 // places by hash; 0 is empty; a power of two long, at most three quarters full
	count int      // of places in index
	slab  slab[name]
	bytes arena
}

// name is one interned path: 16 bytes beside its own.
type name struct {
	hash uint32
	at   uint32 // where the path is in the arena
	size uint32 // of the path in bytes
	who  holder // the watchers; never none in a name that is in use
}

const minIndex = 16

// find returns the place of path, or 0 when it is not interned.
func (n *names) find(hash uint32, path string) uint32 {
	if n.count == 0 {
		return 0
	}
	mask := uint32(len(n.index) - 1)
	for i := hash & mask; n.index[i] != 0; i = (i + 1) & mask {
		place := n.index[i]
		if m := n.slab.at(place); m.hash == hash && string(n.bytes.bytes(m.at, m.size)) == path {
			return place
		}
	}
	return 0
}

// intern returns the place of path and makes it one if it has none.
func (n *names) intern(hash uint32, path string) uint32 {
	if place := n.find(hash, path); place != 0 {
		return place
	}
	if (n.count+1)*4 > len(n.index)*3 {
		n.rehash(max(2*len(n.index), minIndex))
	}
	place := n.slab.take()
	*n.slab.at(place) = name{hash: hash, at: n.bytes.put(path), size: uint32(len(path))}
	n.enter(hash, place)
	n.count++
	return place
}

// forget gives up the place of a path.
func (n *names) forget(place uint32) {
	m := n.slab.at(place)
	n.erase(m.hash, place)
	n.bytes.drop(m.at, m.size)
	n.slab.give(place)
	n.count--
	if n.count*8 < len(n.index) && len(n.index) > minIndex {
		n.rehash(len(n.index) / 2)
	}
}

// path returns a copy of the path at a place that is in use.
func (n *names) path(place uint32) string {
	m := n.slab.at(place)
	return string(n.bytes.bytes(m.at, m.size))
}

// rehash builds the index anew with the given size.
func (n *names) rehash(size int) {
	old := n.index
	n.index = make([]uint32, size)
	for _, place := range old {
		if place != 0 {
			n.enter(n.slab.at(place).hash, place)
		}
	}
}

// enter puts a place that is not in the index there.
func (n *names) enter(hash, place uint32) {
	mask := uint32(len(n.index) - 1)
	i := hash & mask
	for n.index[i] != 0 {
		i = (i + 1) & mask
	}
	n.index[i] = place
}

// erase takes a place that is in the index away and closes the gap, so that no search stops short.
func (n *names) erase(hash, place uint32) {
	mask := uint32(len(n.index) - 1)
	gap := hash & mask
	for n.index[gap] != place {
		gap = (gap + 1) & mask
	}
	for i := (gap + 1) & mask; n.index[i] != 0; i = (i + 1) & mask {
		home := n.slab.at(n.index[i]).hash & mask
		if (i-home)&mask >= (i-gap)&mask { // its search passes the gap: it may move there
			n.index[gap], gap = n.index[i], i
		}
	}
	n.index[gap] = 0
}
