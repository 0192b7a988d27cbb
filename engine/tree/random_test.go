package tree

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"bellwether/engine/wire"
)

// A txn is one change, as a log would hold it: outcomes, not conditions. Those of the same zxid are one transaction: they
// become visible together.
type txn struct {
	op             wire.OpCode // OpCreate, OpDelete, OpSetData, OpSetACL
	path           string
	data           []byte
	acl            []wire.ACL
	owner          int64
	version        int32 // or the parent's cversion
	zxid, timeMs   int64
	treeC, modelC  wire.Code
	treeSt, wantSt wire.Stat
}

// applyAll applies txns to the tree the way a writer does, those of one transaction under one lock.
func applyAll(tree *Tree, txns []txn) { applyUnder(tree, txns, 0) }

// applyUnder is applyAll with more shards locked.
func applyUnder(tree *Tree, txns []txn, more uint64) {
	for len(txns) > 0 {
		n, mask := 1, more|tree.MaskFor(txns[0].path)
		for ; n < len(txns) && txns[n].zxid == txns[0].zxid; n++ {
			mask |= tree.MaskFor(txns[n].path)
		}
		tree.Lock(mask)
		for i := range txns[:n] {
			txns[i].applyTo(tree)
		}
		tree.SetZxid(txns[0].zxid)
		tree.Unlock(mask)
		txns = txns[n:]
	}
}

func (x *txn) applyTo(tree *Tree) {
	switch x.op {
	case wire.OpCreate:
		x.treeC = tree.Create(x.path, x.data, x.acl, x.owner, x.version, x.zxid, x.timeMs, &x.treeSt)
	case wire.OpDelete:
		x.treeC = tree.Delete(x.path, x.zxid)
	case wire.OpSetData:
		x.treeC = tree.SetData(x.path, x.data, x.version, x.zxid, x.timeMs, &x.treeSt)
	case wire.OpSetACL:
		x.treeC = tree.SetACL(x.path, x.acl, x.version, &x.treeSt)
	}
}

func (x *txn) applyToModel(m *model) {
	switch x.op {
	case wire.OpCreate:
		x.modelC = m.create(x.path, x.data, x.acl, x.owner, x.version, x.zxid, x.timeMs)
	case wire.OpDelete:
		x.modelC = m.delete(x.path, x.zxid, false)
	case wire.OpSetData:
		x.modelC = m.setData(x.path, x.data, x.version, x.zxid, x.timeMs)
	case wire.OpSetACL:
		x.modelC = m.setACL(x.path, x.acl, x.version)
	}
	m.zxid = max(m.zxid, x.zxid)
	x.wantSt = wire.Stat{}
	if x.modelC == wire.OK && x.op != wire.OpDelete {
		x.wantSt = m.stat(x.path)
	}
}

// chooser makes up txns that suit a model, and some that do not: for deep trees, middling ones, or some with hundreds of
// children.
type chooser struct {
	*rand.Rand
	m     *model
	paths []string // that have been created at some time
	zxid  int64
	width int // of the names at each level
	wide  bool
}

func newChooser(seed uint64, m *model) *chooser {
	r := rand.New(rand.NewPCG(seed, 7))
	return &chooser{Rand: r, m: m, paths: []string{"/"}, width: []int{3, 30, 1000}[seed%3], wide: seed%3 == 2}
}

var someACLs = [][]wire.ACL{
	wire.OpenACL, wire.OpenACL, wire.OpenACL,
	{{Perms: 1, Scheme: "world", ID: "anyone"}},
	{{Perms: 31, Scheme: "digest", ID: "a:b"}},
	{{Perms: 31, Scheme: "digest", ID: "a:b"}, {Perms: 1, Scheme: "world", ID: "anyone"}},
	{{Perms: 31, Scheme: "ip", ID: "10.0.0.0/8"}},
	{},
}

// next makes up one txn and applies it to the model.
func (c *chooser) next() txn {
	x := txn{zxid: c.zxid, timeMs: 1000 + c.zxid, acl: someACLs[c.IntN(len(someACLs))]}
	if c.IntN(3) > 0 || c.zxid == 0 {
		c.zxid++
		x.zxid, x.timeMs = c.zxid, 1000+c.zxid
	}
	x.path = c.paths[c.IntN(len(c.paths))]
	n := c.m.znodes[x.path]
	switch k := c.IntN(10); {
	case k < 4 || x.path == "/" && k < 8:
		if c.wide {
			x.path = c.paths[c.IntN(min(3, len(c.paths)))]
		}
		x.op, x.path, x.data, x.owner = wire.OpCreate, c.below(x.path), c.data(), c.owner()
		if parent := c.m.znodes[parentIn(x.path)]; parent != nil {
			x.version = parent.Cversion + 1
		}
		if c.IntN(50) == 0 {
			x.version = -1
		}
		c.paths = append(c.paths, x.path)
	case k < 7:
		x.op, x.data = wire.OpSetData, c.data()
		if n != nil {
			x.version = n.Version + 1
		}
	case k < 8 || x.path == "/":
		x.op = wire.OpSetACL
		if n != nil {
			x.version = n.Aversion + 1
		}
	default:
		x.op = wire.OpDelete
	}
	x.applyToModel(c.m)
	return x
}

// below makes up the path of a child.
func (c *chooser) below(parent string) string {
	name := fmt.Sprintf("n%d", c.IntN(c.width))
	switch c.IntN(40) {
	case 0:
		name = string(bytes.Repeat([]byte{'x'}, 1+c.IntN(5000))) // a leaf of its own
	case 1:
		name = fmt.Sprintf("é%d", c.IntN(c.width))
	}
	if parent == "/" {
		return "/" + name
	}
	return parent + "/" + name
}

// data makes up null, empty, small, and now and then large data.
func (c *chooser) data() []byte {
	switch c.IntN(12) {
	case 0:
		return nil
	case 1:
		return []byte{}
	case 2:
		return bytes.Repeat([]byte{byte(c.zxid)}, c.IntN(20000))
	}
	return bytes.Repeat([]byte{byte(c.zxid)}, 1+c.IntN(300))
}

func (c *chooser) owner() int64 {
	switch c.IntN(8) {
	case 0, 1:
		return int64(1 + c.IntN(3))
	case 2:
		return ContainerOwner
	case 3:
		return TTLOwner(int64(1 + c.IntN(1000)))
	}
	return 0
}

// Whatever is done to the tree, it shows what the model shows: codes, Stats, data, ACLs, children, ephemerals.
func TestTreeEqualsModel(t *testing.T) {
	for seed := range uint64(12) {
		tree, m := New(), newModel()
		c := newChooser(seed, m)
		var batch []txn
		for step := range 2500 {
			batch = append(batch, c.next())
			if c.IntN(10) > 0 && step != 2499 {
				continue
			}
			applyAll(tree, batch)
			for _, x := range batch {
				if x.treeC != x.modelC || x.treeSt != x.wantSt {
					t.Fatalf("seed %d, step %d: %v %s: %v %+v, want %v %+v", seed, step, x.op, x.path, x.treeC, x.treeSt, x.modelC, x.wantSt)
				}
			}
			batch = batch[:0]
			if c.IntN(10) == 0 || step == 2499 {
				mustEqual(t, tree, m)
			}
		}
	}
}

// Replaying a part of a history onto a state that already holds it ends in the state the history ends in: what came later
// is not lost, what came back is not doubled (quorum-and-storage §5.8).
func TestReplayConverges(t *testing.T) {
	for seed := range uint64(12) {
		m := newModel()
		c := newChooser(seed, m)
		var history []txn
		for range 1500 {
			if x := c.next(); x.modelC == wire.OK && x.version != -1 { // a log holds outcomes only
				history = append(history, x)
			}
		}
		for range 6 {
			ahead := 1 + c.IntN(len(history))
			from := c.IntN(ahead)
			tree := New()
			applyAll(tree, history[:ahead])
			applyUnder(tree, history[from:], AllShards)
			mustEqual(t, tree, replayed(history))
		}
	}
}

// replayed returns the state a history ends in.
func replayed(history []txn) *model {
	m := newModel()
	for i := range history {
		history[i].applyToModel(m)
	}
	return m
}
