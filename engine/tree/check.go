package tree

import (
	"encoding/binary"
	"fmt"

	"bellwether/engine/wire"
)

// Check walks over the whole tree and returns an error that names the first invariant it finds broken. It takes time in
// proportion to the tree and is meant for tests and simulations. Only the writer may call it, with no shard locked.
func (t *Tree) Check() error {
	c := checker{tree: t, acls: make(map[uint32]int64), owned: make(map[uint32]nodeRef)}
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.RLock()
		err := c.shard(s)
		s.mu.RUnlock()
		if err != nil {
			return fmt.Errorf("tree: shard %d: %w", i, err)
		}
	}
	return c.totals()
}

// checker counts what the parts of the tree must agree upon.
type checker struct {
	tree       *Tree
	nodes      int64
	children   int64
	sizeBytes  int64
	ephemerals int64
	acls       map[uint32]int64   // znodes by id of their list
	owned      map[uint32]nodeRef // by entry in the owner index
}

func (c *checker) shard(s *shard) error {
	if err := s.records.check(); err != nil {
		return fmt.Errorf("records: %w", err)
	}
	if err := s.names.check(); err != nil {
		return fmt.Errorf("names: %w", err)
	}
	nodes, leaves := 0, 0
	err := s.each(func(n *node, handle uint32) error {
		nodes++
		k, err := c.kids(s, n)
		leaves += k
		if err == nil {
			err = c.node(s, n, handle)
		}
		if err != nil {
			return fmt.Errorf("%q: %w", n.path(), err)
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case nodes != int(s.index.live):
		return fmt.Errorf("%d records, %d entries in the index", nodes, s.index.live)
	case leaves != s.names.live():
		return fmt.Errorf("%d leaves belong to znodes, %d are in use", leaves, s.names.live())
	}
	return nil
}

// node checks what stands in one record.
func (c *checker) node(s *shard, n *node, handle uint32) error {
	path := n.path()
	home, hash := c.tree.shardOf(path)
	found, at := home.find(path, hash)
	switch {
	case home != s:
		return fmt.Errorf("belongs to shard %d", home.number)
	case found != n || at != handle:
		return fmt.Errorf("the index says %#x, the record is %#x", at, handle)
	case !s.records.fits(handle, recordSize(len(path), n.dataBytes())):
		return fmt.Errorf("%d bytes of data are in a slot of another size", n.dataLen)
	}
	if path != rootPath {
		ps, phash := c.tree.shardOf(wire.ParentOf(path))
		if parent, _ := ps.find(wire.ParentOf(path), phash); parent == nil {
			return fmt.Errorf("no parent")
		}
	}
	c.nodes++
	c.sizeBytes += n.size()
	c.acls[n.acl]++
	if c.tree.KindOf(n.owner) == Ephemeral {
		c.ephemerals++
	}
	if (n.owner == 0) != (n.ownerRef == 0) {
		return fmt.Errorf("owner %#x has entry %d", n.owner, n.ownerRef)
	}
	if n.ownerRef != 0 {
		c.owned[n.ownerRef] = nodeRef{s.number, handle}
	}
	return nil
}

// kids checks the names of the children of n and returns the number of leaves they take.
func (c *checker) kids(s *shard, n *node) (leaves int, err error) {
	names := s.appendKids(nil, n)
	count, last := int32(0), ""
	for rest := names; len(rest) > 0; count++ {
		end := 4 + binary.BigEndian.Uint32(rest)
		name := string(rest[4:end])
		if count > 0 && name <= last {
			return 0, fmt.Errorf("child %q is not above %q", name, last)
		}
		path := n.path() + "/" + name
		if n.path() == rootPath {
			path = rootPath + name
		}
		cs, hash := c.tree.shardOf(path)
		if child, _ := cs.find(path, hash); child == nil {
			return 0, fmt.Errorf("child %q does not exist", name)
		}
		last, rest = name, rest[end:]
	}
	if count != n.numChildren {
		return 0, fmt.Errorf("%d names of %d children", count, n.numChildren)
	}
	c.children += int64(count)
	switch n.kidsBytes {
	case 0:
		return 0, nil
	case inDir:
		return s.dirs.at(n.kids).check(s, names)
	}
	return 1, nil
}

// totals compares what was counted with what the tree says.
func (c *checker) totals() error {
	t := c.tree
	switch {
	case c.nodes != t.NodeCount():
		return fmt.Errorf("tree: %d znodes, counted %d", t.NodeCount(), c.nodes)
	case c.children != c.nodes-1:
		return fmt.Errorf("tree: %d znodes are children, %d should be", c.children, c.nodes-1)
	case c.sizeBytes != t.SizeBytes():
		return fmt.Errorf("tree: %d bytes, counted %d", t.SizeBytes(), c.sizeBytes)
	case c.ephemerals != t.EphemeralCount():
		return fmt.Errorf("tree: %d ephemerals, counted %d", t.EphemeralCount(), c.ephemerals)
	}
	if err := t.acls.check(c.acls); err != nil {
		return fmt.Errorf("tree: %w", err)
	}
	if err := t.owners.check(c.owned); err != nil {
		return fmt.Errorf("tree: %w", err)
	}
	return nil
}

// check compares the counts of the lists with those given.
func (a *aclTable) check(want map[uint32]int64) error {
	for id, refs := range a.refs {
		if id != openACL && refs != want[uint32(id)] {
			return fmt.Errorf("ACL %d: %d references, %d znodes", id, refs, want[uint32(id)])
		}
		if l := a.get(uint32(id)); refs > 0 && a.ids[l.encoded] != uint32(id) {
			return fmt.Errorf("ACL %d is not known by its content", id)
		}
	}
	if len(a.ids)+len(a.free)+1 != len(a.refs) {
		return fmt.Errorf("%d lists in use, %d free, %d in all", len(a.ids), len(a.free), len(a.refs))
	}
	return nil
}

// check compares the entries with those the znodes have.
func (o *ownerIndex) check(want map[uint32]nodeRef) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	entries := 0
	for key, l := range o.lists {
		prev := uint32(0)
		for e := l.first; e != 0; prev, e = e, o.entries[e].next {
			entries++
			if o.entries[e].prev != prev || o.entries[e].node != want[e] {
				return fmt.Errorf("owner %#x: entry %d is %+v behind %d, the znode is %+v", key, e, o.entries[e], prev, want[e])
			}
		}
		if l.last != prev || l.first == 0 {
			return fmt.Errorf("owner %#x: ends with entry %d, not %d", key, prev, l.last)
		}
	}
	if entries != len(want) {
		return fmt.Errorf("%d entries of owners, %d znodes have one", entries, len(want))
	}
	return nil
}

// check compares the shape with all the names there are, and returns the number of leaves.
func (d *dir) check(s *shard, names []byte) (leaves int, err error) {
	if d.bytes != len(names) {
		return 0, fmt.Errorf("%d bytes of names, not %d", len(names), d.bytes)
	}
	block := d.blocks[len(d.blocks)-1]
	if last := s.leafBytes(block[len(block)-1]); d.last != unknown && int(entrySize(firstName(last[d.last:]))) != len(last)-d.last {
		return 0, fmt.Errorf("the last name is not at %d", d.last)
	}
	for _, block := range d.blocks {
		if len(block) == 0 || len(block) > maxBlock {
			return 0, fmt.Errorf("a block of %d leaves", len(block))
		}
		for _, l := range block {
			if l.bytes == 0 {
				return 0, fmt.Errorf("an empty leaf")
			}
		}
		leaves += len(block)
	}
	if leaves < 2 {
		return 0, fmt.Errorf("a dir of %d leaves", leaves)
	}
	return leaves, nil
}

// live returns the number of blobs.
func (b *blobStore) live() int {
	live := 0
	for i := range b.chunks {
		live += int(b.chunks[i].live)
	}
	return live
}

// check checks the lists of free slots and of chunks that have some.
func (b *blobStore) check() error {
	var made, open [classCount]uint32
	gone := 0
	for number := 1; number < len(b.chunks); number++ {
		c := &b.chunks[number]
		if c.mem == nil {
			gone++
			continue
		}
		made[c.class]++
		if c.live < c.slots {
			open[c.class]++
		}
		free := 0
		for f := c.freed; f != 0; f = (*freeSlot)(c.at(uint32(f - 1))).next {
			if s := (*freeSlot)(c.at(uint32(f - 1))); s.zero != 0 || f > c.bump || free > int(c.slots) {
				return fmt.Errorf("chunk %d: the list of free slots is broken at %d", number, f)
			}
			if invariantsOn {
				c.checkPoisoned(uint32(f - 1))
			}
			free++
		}
		if int(c.live)+free != int(c.bump) || c.bump > c.slots {
			return fmt.Errorf("chunk %d: %d slots in use, %d free, %d used of %d", number, c.live, free, c.bump, c.slots)
		}
	}
	if gone != len(b.gone) {
		return fmt.Errorf("%d chunks have gone, %d are known", gone, len(b.gone))
	}
	for class, k := range b.sizes {
		if k.made != made[class] {
			return fmt.Errorf("class %d: %d chunks, not %d", class, made[class], k.made)
		}
		for prev, number := uint32(0), k.open; number != 0; prev, number = number, b.chunks[number].next {
			if c := &b.chunks[number]; c.prev != prev || int(c.class) != class || c.live == c.slots {
				return fmt.Errorf("class %d: chunk %d is in the list of open ones", class, number)
			}
			open[class]--
		}
		if open[class] != 0 {
			return fmt.Errorf("class %d: %d chunks with a free slot are not in the list", class, open[class])
		}
	}
	return nil
}
