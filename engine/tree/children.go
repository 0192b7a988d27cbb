package tree

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
)

// The names of a znode's children, in byte order, as the vector<ustring> of a reply has them, so that a reply is made of
// them by copying:
//
//	length of a name, 4 bytes, big endian | the name | length | name ...
//
// Up to maxLeaf bytes they are one leaf: a blob of 32, 64 ... 2048 bytes. More are a dir of leaves: see dir.go.

const (
	minLeaf = 32
	maxLeaf = 2048 // bytes; a longer name has a leaf of its own
	inDir   = ^uint32(0)
)

// leaf is a blob with names. Its size in bytes tells its capacity.
type leaf struct{ blob, bytes uint32 }

// leafCap is the capacity of a leaf of that many bytes: a power of two, or just enough if it is a long name's.
func leafCap(size uint32) int {
	if size > maxLeaf {
		return int(size)
	}
	return max(minLeaf, 1<<bits.Len32(size-1))
}

// allocLeaf makes a leaf for size bytes, and returns these.
func (s *shard) allocLeaf(size uint32) (leaf, []byte) {
	blob, _ := s.names.alloc(leafCap(size))
	return leaf{blob, size}, s.names.bytes(blob, int(size))
}

// leafBytes returns the names in l.
func (s *shard) leafBytes(l leaf) []byte {
	return s.names.bytes(l.blob, int(l.bytes))
}

// newLeaf makes a leaf of names, made of a copy. None make an empty leaf.
func (s *shard) newLeaf(names []byte) leaf {
	size := uint32(len(names))
	if size == 0 {
		return leaf{}
	}
	l, b := s.allocLeaf(size)
	copy(b, names)
	return l
}

// leafOf makes a leaf of one name.
func (s *shard) leafOf(name string) leaf {
	size := entrySize(name)
	l, b := s.allocLeaf(size)
	putName(b, name)
	return l
}

// freeLeaf gives the blob of l back.
func (s *shard) freeLeaf(l leaf) { s.names.free(l.blob) }

// seek returns where the first name in a leaf that is not below name begins, and whether it is name.
func seek(names []byte, name string) (at int, found bool) {
	for at < len(names) {
		end := at + 4 + int(binary.BigEndian.Uint32(names[at:]))
		if c := strings.Compare(text(names[at+4:end]), name); c >= 0 {
			return at, c == 0
		}
		at = end
	}
	return at, false
}

// firstName returns the first name in a leaf.
func firstName(names []byte) string {
	return text(names[4 : 4+binary.BigEndian.Uint32(names)])
}

// entrySize is what a name takes in a leaf, in bytes.
func entrySize(name string) uint32 { return uint32(4 + len(name)) }

// leafInsert puts name at an offset that seek has found, and returns the leaf as it is then.
func (s *shard) leafInsert(l leaf, at int, name string) leaf {
	size := l.bytes + entrySize(name)
	names := s.leafBytes(l)
	if leafCap(size) == leafCap(l.bytes) {
		b := s.names.bytes(l.blob, int(size))
		copy(b[at+int(entrySize(name)):], names[at:])
		putName(b[at:], name)
		return leaf{l.blob, size}
	}
	grown, b := s.allocLeaf(size)
	copy(b, names[:at])
	putName(b[at:], name)
	copy(b[at+int(entrySize(name)):], names[at:])
	s.freeLeaf(l)
	return grown
}

func putName(b []byte, name string) {
	binary.BigEndian.PutUint32(b, uint32(len(name)))
	copy(b[4:], name)
}

// leafRemove takes the name at an offset away. It must not be the only one.
func (s *shard) leafRemove(l leaf, at int) leaf {
	names := s.leafBytes(l)
	gap := 4 + int(binary.BigEndian.Uint32(names[at:]))
	copy(names[at:], names[at+gap:])
	shrunk := leaf{l.blob, l.bytes - uint32(gap)}
	if leafCap(shrunk.bytes) == leafCap(l.bytes) {
		return shrunk
	}
	shrunk = s.newLeaf(names[:shrunk.bytes])
	s.freeLeaf(l)
	return shrunk
}

// addKid adds name to the children of n, and counts it; it is not among them.
func (s *shard) addKid(n *node, name string) {
	n.numChildren++
	if n.kidsBytes == inDir {
		s.dirs.at(n.kids).insert(s, name)
		return
	}
	l := leaf{n.kids, n.kidsBytes}
	switch {
	case l.bytes == 0:
		l = s.leafOf(name)
	case l.bytes+entrySize(name) > maxLeaf:
		n.kids, n.kidsBytes = s.dirs.add(dir{blocks: [][]leaf{{l}}, bytes: int(l.bytes), last: unknown}), inDir
		s.dirs.at(n.kids).insert(s, name)
		return
	default:
		at, _ := seek(s.leafBytes(l), name)
		l = s.leafInsert(l, at, name)
	}
	n.kids, n.kidsBytes = l.blob, l.bytes
}

// removeKid takes name away from the children of n, among which it is.
func (s *shard) removeKid(n *node, name string) {
	n.numChildren--
	if n.kidsBytes == inDir {
		d := s.dirs.at(n.kids)
		d.remove(s, name)
		if l, only := d.onlyLeaf(); only {
			s.dirs.free(n.kids)
			n.kids, n.kidsBytes = l.blob, l.bytes
		}
		return
	}
	l := leaf{n.kids, n.kidsBytes}
	at, found := seek(s.leafBytes(l), name)
	if !found {
		panic("tree: " + n.path() + " has no child " + name)
	}
	if l.bytes == entrySize(name) {
		s.freeLeaf(l)
		l = leaf{}
	} else {
		l = s.leafRemove(l, at)
	}
	n.kids, n.kidsBytes = l.blob, l.bytes
}

// removeKids takes all names away from the children of n.
func (s *shard) removeKids(n *node) {
	switch n.kidsBytes {
	case 0:
	case inDir:
		for _, block := range s.dirs.at(n.kids).blocks {
			for _, l := range block {
				s.freeLeaf(l)
			}
		}
		s.dirs.free(n.kids)
	default:
		s.freeLeaf(leaf{n.kids, n.kidsBytes})
	}
	n.kids, n.kidsBytes, n.numChildren = 0, 0, 0
}

// appendChildPaths appends the paths of the children of n, copied, in byte order.
func (s *shard) appendChildPaths(dst []string, n *node) []string {
	prefix := n.path()
	if prefix == rootPath {
		prefix = ""
	}
	for names := s.appendKids(nil, n); len(names) > 0; {
		end := 4 + binary.BigEndian.Uint32(names)
		dst = append(dst, strings.Join([]string{prefix, text(names[4:end])}, "/"))
		names = names[end:]
	}
	return dst
}

// appendKids appends the names of the children of n.
func (s *shard) appendKids(dst []byte, n *node) []byte {
	switch n.kidsBytes {
	case 0:
		return dst
	case inDir:
		d := s.dirs.at(n.kids)
		dst = slices.Grow(dst, d.bytes)
		for _, block := range d.blocks {
			for _, l := range block {
				dst = append(dst, s.leafBytes(l)...)
			}
		}
		return dst
	}
	return append(dst, s.leafBytes(leaf{n.kids, n.kidsBytes})...)
}
