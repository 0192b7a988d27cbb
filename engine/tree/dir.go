package tree

import (
	"encoding/binary"
	"slices"
	"sort"
)

// maxBlock is the number of leaves in a block at which it is split.
const maxBlock = 256

// dir holds the names of many children: leaves in byte order, in blocks so that putting a leaf between two others moves a
// few of them and not all.
//
//	blocks  [ [leaf leaf leaf] [leaf leaf] ... ]       a leaf: up to 2 KiB of names, about a hundred
//
// Invariants: no block and no leaf is empty; every name is above those before it.
type dir struct {
	blocks [][]leaf
	bytes  int // of all leaves
	last   int // where in the last leaf the last name begins, unknown if that is not known
}

const unknown = -1

// dirTable holds the dirs of a shard. There is one for every hundred znodes at most.
type dirTable struct {
	dirs []dir
	gone []uint32 // numbers that are free
}

func (t *dirTable) at(number uint32) *dir { return &t.dirs[number] }

func (t *dirTable) add(d dir) uint32 {
	if n := len(t.gone); n > 0 {
		number := t.gone[n-1]
		t.gone = t.gone[:n-1]
		t.dirs[number] = d
		return number
	}
	t.dirs = append(t.dirs, d)
	return uint32(len(t.dirs) - 1)
}

func (t *dirTable) free(number uint32) {
	t.dirs[number] = dir{}
	t.gone = append(t.gone, number)
}

// locate returns the place of the leaf that name is in or belongs into: the last one that does not begin above it, else
// the first. Names that come in order belong into the last leaf, so it is looked at first.
func (d *dir) locate(s *shard, name string) (block, i int) {
	block = len(d.blocks) - 1
	i = len(d.blocks[block]) - 1
	if d.first(s, block, i) <= name {
		return block, i
	}
	block = sort.Search(block, func(b int) bool { return d.first(s, b+1, 0) > name })
	i = sort.Search(len(d.blocks[block])-1, func(i int) bool { return d.first(s, block, i+1) > name })
	return block, i
}

// first returns the first name of a leaf.
func (d *dir) first(s *shard, block, i int) string {
	return firstName(s.leafBytes(d.blocks[block][i]))
}

// isLast reports whether the leaf is the last of all.
func (d *dir) isLast(block, i int) bool {
	return block == len(d.blocks)-1 && i == len(d.blocks[block])-1
}

// insert adds name, which is not there. Into a full leaf it does not go: behind the last one it begins the next, so that
// leaves filled in order are full; a long name gets a leaf of its own; else the leaf is halved first.
func (d *dir) insert(s *shard, name string) {
	d.bytes += int(entrySize(name))
	block, i := d.locate(s, name)
	l := d.blocks[block][i]
	names := s.leafBytes(l)
	last := d.isLast(block, i)
	at := d.seek(names, name, last)
	behindAll := last && at == len(names)
	switch {
	case l.bytes+entrySize(name) <= maxLeaf:
		d.blocks[block][i] = s.leafInsert(l, at, name)
	case behindAll:
		d.replace(block, i, l, s.leafOf(name))
		at = 0
	default:
		d.split(s, block, i, at, name)
	}
	if behindAll {
		d.last = at
	} else if last {
		d.last = unknown
	}
}

// seek returns where name, which is not there, belongs in a leaf. Behind the last name of all it is found at once.
func (d *dir) seek(names []byte, name string, last bool) int {
	if last && d.last != unknown && firstName(names[d.last:]) < name {
		return len(names)
	}
	at, _ := seek(names, name)
	return at
}

// split makes room for name in a full leaf.
func (d *dir) split(s *shard, block, i, at int, name string) {
	l := d.blocks[block][i]
	names := s.leafBytes(l)
	cut := middle(names)
	if cut == 0 || entrySize(name) > maxLeaf/2 {
		d.replace(block, i, s.newLeaf(names[:at]), s.leafOf(name), s.newLeaf(names[at:]))
		s.freeLeaf(l)
		return
	}
	left, right := s.newLeaf(names[:cut]), s.newLeaf(names[cut:])
	s.freeLeaf(l)
	if at <= cut {
		left = s.leafInsert(left, at, name)
	} else {
		right = s.leafInsert(right, at-cut, name)
	}
	d.replace(block, i, left, right)
}

// remove takes name away, which is there, and joins a leaf that has become small to its neighbour if that is not large.
func (d *dir) remove(s *shard, name string) {
	block, i := d.locate(s, name)
	l := d.blocks[block][i]
	at, found := seek(s.leafBytes(l), name)
	if !found {
		panic("tree: no child " + name)
	}
	d.bytes -= int(entrySize(name))
	if d.isLast(block, i) {
		d.last = unknown
	}
	if l.bytes == entrySize(name) {
		s.freeLeaf(l)
		d.replace(block, i)
		return
	}
	l = s.leafRemove(l, at)
	d.blocks[block][i] = l
	if l.bytes < maxLeaf/4 {
		d.join(s, block, i)
	}
}

// join makes one leaf of a leaf and the next one in its block, or the one before if it is the last there, if this leaves
// room in it for more.
func (d *dir) join(s *shard, block, i int) {
	leaves := d.blocks[block]
	if i == len(leaves)-1 {
		i--
	}
	if i < 0 || leaves[i].bytes+leaves[i+1].bytes > maxLeaf/4*3 {
		return
	}
	names := append(make([]byte, 0, maxLeaf), s.leafBytes(leaves[i])...)
	names = append(names, s.leafBytes(leaves[i+1])...)
	s.freeLeaf(leaves[i])
	s.freeLeaf(leaves[i+1])
	leaves[i] = s.newLeaf(names)
	d.replace(block, i+1)
	d.last = unknown
}

// replace puts leaves, those that are not empty, in the place of one.
func (d *dir) replace(block, i int, leaves ...leaf) {
	leaves = slices.DeleteFunc(leaves, func(l leaf) bool { return l.bytes == 0 })
	b := slices.Replace(d.blocks[block], i, i+1, leaves...)
	d.blocks[block] = b
	switch {
	case len(b) == 0:
		d.blocks = slices.Delete(d.blocks, block, block+1)
	case len(b) > maxBlock:
		cut := len(b) / 2
		if d.isLast(block, i+len(leaves)-1) {
			cut = maxBlock // blocks filled in order are full
		}
		d.blocks = slices.Insert(d.blocks, block+1, slices.Clone(b[cut:]))
		d.blocks[block] = b[:cut]
	}
}

// onlyLeaf returns the one leaf there is, if so.
func (d *dir) onlyLeaf() (leaf, bool) {
	if len(d.blocks) == 1 && len(d.blocks[0]) == 1 {
		return d.blocks[0][0], true
	}
	return leaf{}, false
}

// middle returns where a name begins about half-way through a leaf, 0 if there is one name only.
func middle(names []byte) int {
	at := 0
	for {
		next := at + 4 + int(binary.BigEndian.Uint32(names[at:]))
		if next > len(names)/2 {
			if at == 0 && next < len(names) {
				return next
			}
			return at
		}
		at = next
	}
}
