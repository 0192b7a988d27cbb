package tree

import (
	"strings"
	"testing"
)

// Check finds what is wrong, wherever it is: each fault planted is reported in words that fit.
func TestCheckFindsFaults(t *testing.T) {
	record := func(tree *Tree, path string) (*shard, *node, uint32, uint32) {
		s, hash := tree.shardOf(path)
		n, handle := s.find(path, hash)
		return s, n, handle, hash
	}
	faults := []struct {
		want  string
		plant func(tree *Tree)
	}{
		{"names of", func(tree *Tree) { _, n, _, _ := record(tree, "/app"); n.numChildren++ }},
		{"does not exist", func(tree *Tree) {
			s, n, _, _ := record(tree, "/app")
			s.names.bytes(n.kids, 10)[4] ^= 1
		}},
		{"is not above", func(tree *Tree) {
			s, n, _, _ := record(tree, "/app")
			s.names.bytes(n.kids, 10)[4] = 0xFF
			tree.insert(tree.shardWith("/app/\xffox"), uint32(tree.hash("/app/\xffox")), &Znode{Path: "/app/\xffox"})
		}},
		{"no parent", func(tree *Tree) {
			tree.insert(tree.shardWith("/no/where"), uint32(tree.hash("/no/where")), &Znode{Path: "/no/where"})
		}},
		{"entries in the index", func(tree *Tree) { s, _, _, _ := record(tree, "/app"); s.index.live++ }},
		{"belongs to shard", func(tree *Tree) { _, n, _, _ := record(tree, "/app/box"); n.write("/app/bax", n.data()) }},
		{"the index says", func(tree *Tree) { s, _, handle, hash := record(tree, "/app/box"); s.index.remove(hash, handle) }},
		{"slot of another size", func(tree *Tree) { _, n, _, _ := record(tree, "/app/empty"); n.dataLen = 1000 }},
		{"has entry", func(tree *Tree) { _, n, _, _ := record(tree, "/app/box"); n.ownerRef = 0 }},
		{"owner", func(tree *Tree) { tree.owners.entries[1].node.handle++ }},
		{"owner", func(tree *Tree) { tree.owners.entries[1].prev++ }},
		{"references", func(tree *Tree) { tree.acls.refs[1]++ }},
		{"by its content", func(tree *Tree) { delete(tree.acls.ids, tree.acls.get(1).encoded) }},
		{"counted", func(tree *Tree) { tree.nodes.Add(1) }},
		{"bytes, counted", func(tree *Tree) { tree.sizeBytes.Add(1) }},
		{"ephemerals, counted", func(tree *Tree) { tree.owners.ephemerals++ }},
		{"leaves", func(tree *Tree) { tree.shards[3].names.alloc(100) }},
		{"are children", func(tree *Tree) {
			s, n, _, _ := record(tree, "/app")
			s.removeKid(n, "box")
		}},
		{"slots in use", func(tree *Tree) { s, _, _, _ := record(tree, "/app"); s.records.chunks[1].live++ }},
		{"not in the list", func(tree *Tree) {
			s, _, handle, _ := record(tree, "/app")
			s.records.close(handle >> handleBits)
		}},
		{"chunks, not", func(tree *Tree) { tree.shards[5].records.sizes[7].made++ }},
		{"have gone", func(tree *Tree) { tree.shards[5].records.gone = []uint32{1} }},
	}
	for _, f := range faults {
		tree := sample(t)
		if err := tree.Check(); err != nil {
			t.Fatal(err)
		}
		f.plant(tree)
		if err := tree.Check(); err == nil || !strings.Contains(err.Error(), f.want) {
			t.Errorf("want %q, got %v", f.want, err)
		}
	}
}

// shardWith returns the shard of path.
func (t *Tree) shardWith(path string) *shard {
	s, _ := t.shardOf(path)
	return s
}
