package tree

import (
	"fmt"
	"math/bits"
	"sync/atomic"

	"bellwether/engine/wire"

	"github.com/cespare/xxhash/v2"
)

// shardCount is the number of shards: as many as a mask of type uint64 has bits.
const shardCount = 64

// AllShards is the mask of every shard, for a writer whose paths are too many to be worth a narrower one.
const AllShards = ^uint64(0)

// Options sets a Tree up. The zero value is what New uses.
type Options struct {
	// Seed salts the hash that spreads paths over shards and tables, so that a client cannot choose paths that collide.
	// No answer depends on it, only the order of records in a snapshot does.
	Seed uint64
	// NoTTL says that znodes whose owner begins with 0xff are ephemerals like any other, as on an Apache server without
	// extendedTypesEnabled. It must be the same on all servers of an ensemble.
	NoTTL bool
}

// Tree holds the znodes. See the package comment for who may call what.
type Tree struct {
	shards [shardCount]shard
	seed   uint64
	noTTL  bool
	acls   aclTable

	// What every transaction writes is kept off the cache lines that readers need, and off each other's.
	_         cacheLine
	zxid      atomic.Int64 // of the last transaction applied
	_         cacheLine
	nodes     atomic.Int64 // znodes, the root and the other built-in ones included
	sizeBytes atomic.Int64 // of all paths and data
	held      uint64       // mask of the shards the writer has locked; the writer's own
	snapshots uint32       // number of the last snapshot started; the writer's own

	snapshot atomic.Pointer[Snapshot] // the one that runs
	owners   ownerIndex
}

// cacheLine keeps what stands before it and what stands behind it apart.
type cacheLine [64]byte

// New returns the tree of an empty server: the root, /zookeeper, /zookeeper/quota and /zookeeper/config.
func New() *Tree { return NewWith(Options{}) }

// NewWith is New with options.
func NewWith(o Options) *Tree {
	t := newBare(o)
	t.addBuiltins()
	return t
}

// newBare returns a tree without any znode.
func newBare(o Options) *Tree {
	t := &Tree{seed: o.Seed, noTTL: o.NoTTL}
	t.acls.init()
	t.owners.init(t)
	for i := range t.shards {
		t.shards[i].init(i)
	}
	return t
}

// The znodes every server has.
const (
	rootPath   = "/"
	systemPath = "/zookeeper"
	quotaPath  = "/zookeeper/quota"
	configPath = "/zookeeper/config"
)

// builtins are the paths of these, parents first.
var builtins = [...]string{rootPath, systemPath, quotaPath, configPath}

// addBuiltins adds those of the built-in znodes that are missing, as an empty server has them: all fields zero, data
// empty, and for /zookeeper/config everyone may only read and the version of the ACL is -1. Their parents do not count
// them as creations, which is why the root of an empty server shows cversion -1 (quorum-and-storage §4.4).
func (t *Tree) addBuiltins() {
	for _, path := range builtins {
		n := Znode{Path: path, Data: []byte{}, ACL: wire.OpenACL}
		if path == configPath {
			n.ACL = []wire.ACL{{Perms: wire.PermRead, Scheme: "world", ID: "anyone"}}
			n.Aversion = -1
		}
		s, hash := t.shardOf(path)
		if n, _ := s.find(path, hash); n != nil {
			continue
		}
		t.insert(s, hash, &n)
		if path != rootPath {
			t.linkToParent(path)
		}
	}
}

// hash spreads paths: the upper six bits choose the shard, the lower 32 the place in its table.
func (t *Tree) hash(path string) uint64 {
	const odd = 0x9E3779B97F4A7C15
	h := (xxhash.Sum64String(path) ^ t.seed) * odd
	return h ^ h>>32
}

// shardOf returns the shard of path and the hash to look it up with. path is not "".
func (t *Tree) shardOf(path string) (*shard, uint32) {
	h := t.hash(path)
	return &t.shards[h>>58], uint32(h)
}

// ShardMask returns the mask of the one shard that path is in; "" stands for the root. Any goroutine may call it.
func (t *Tree) ShardMask(path string) uint64 {
	if path == "" {
		path = rootPath
	}
	return 1 << (t.hash(path) >> 58)
}

// MaskFor returns the mask of the shards that a creation or deletion of path touches: its own and its parent's.
func (t *Tree) MaskFor(path string) uint64 {
	return t.ShardMask(path) | t.ShardMask(wire.ParentOf(path))
}

// Lock locks the shards in mask, so that what the writer changes until Unlock becomes visible in one step. Only the
// writer may call it, and not while it holds another lock or a View.
func (t *Tree) Lock(mask uint64) {
	if t.held != 0 {
		panic("tree: Lock while shards are locked")
	}
	for m := mask; m != 0; m &= m - 1 { // ascending, as ViewAll does: no two can wait for each other
		t.shards[bits.TrailingZeros64(m)].mu.Lock()
	}
	t.held = mask
}

// Unlock publishes what the writer has done since Lock(mask).
func (t *Tree) Unlock(mask uint64) {
	if t.held != mask {
		panic(fmt.Sprintf("tree: Unlock of %#x, locked is %#x", mask, t.held))
	}
	t.held = 0
	for m := mask; m != 0; m &= m - 1 {
		t.shards[bits.TrailingZeros64(m)].mu.Unlock()
	}
}

// SetZxid records that the transaction zxid and all before it are applied. The writer calls it before the Unlock that
// publishes them, so that whoever sees a change also sees a Zxid that covers it. It never goes back.
func (t *Tree) SetZxid(zxid int64) {
	if zxid > t.zxid.Load() {
		t.zxid.Store(zxid)
	}
}

// Zxid returns the zxid of the last transaction applied. Any goroutine may call it. Called after View and before Close
// it covers what that View shows.
func (t *Tree) Zxid() int64 { return t.zxid.Load() }

// NodeCount returns the number of znodes, 4 for an empty tree. Apache ZooKeeper reports one more, because it counts the
// root twice. Any goroutine may call it.
func (t *Tree) NodeCount() int64 { return t.nodes.Load() }

// SizeBytes returns the length of all paths and data in bytes, without any overhead: what Apache ZooKeeper reports as the
// approximate data size, 44 for an empty tree. Any goroutine may call it.
func (t *Tree) SizeBytes() int64 { return t.sizeBytes.Load() }
