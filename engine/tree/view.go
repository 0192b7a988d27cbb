package tree

import (
	"bellwether/engine/wire"
)

// View is one znode, or its absence, held still: as long as it is open the writer cannot change what is in its shard, so
// what is read or registered meanwhile is one atomic step. It is a value, and making one allocates nothing. A goroutine
// holds at most one View at a time (see ViewAll for more), closes it soon, and does not wait for anything in between.
type View struct {
	tree  *Tree
	shard *shard
	node  *node // nil if there is none
	held  bool  // Close has something to unlock
}

// NodeInfo holds the fields of a znode as they are stored. Times are in ms since 1970.
type NodeInfo struct {
	Czxid, Mzxid, Pzxid int64
	Ctime, Mtime        int64
	Owner               int64 // a session, the mark of a container or of a TTL, or 0
	Version             int32
	Cversion            int32 // creations of children only: the counter for sequential names
	Aversion            int32
	NumChildren         int32
	DataLen             int32  // 0 for null
	ACLID               uint32 // two znodes have equal lists if and only if the ids are equal; valid while the View is open
}

// View returns the znode with this path; "" stands for the root, and any string without a znode is simply absent. Any
// goroutine may call it. The caller must Close the View, whether the znode exists or not.
func (t *Tree) View(path string) View {
	if path == "" {
		path = rootPath
	}
	s, hash := t.shardOf(path)
	s.mu.RLock()
	n, _ := s.find(path, hash)
	return View{t, s, n, true}
}

// Close ends the View. What Data returned is invalid from then on.
func (v *View) Close() {
	if v.held {
		v.held = false
		v.shard.mu.RUnlock()
	}
}

// Exists reports whether there is a znode.
func (v *View) Exists() bool { return v.node != nil }

// Stat fills in what a client is told about the znode, which must exist.
func (v *View) Stat(st *wire.Stat) { v.tree.fillStat(v.node, st) }

// Data returns the data of the znode, which must exist: nil for null, which a client can tell from empty. It aliases the
// store: it is valid until Close and must not be changed.
func (v *View) Data() []byte { return v.node.data() }

// NumChildren returns the number of children of the znode, which must exist.
func (v *View) NumChildren() int32 { return v.node.numChildren }

// AppendChildren appends the names of the children of the znode, which must exist, in byte order: a jute
// vector<ustring>.
func (v *View) AppendChildren(dst []byte) []byte {
	dst = wire.AppendInt(dst, v.node.numChildren)
	return v.shard.appendKids(dst, v.node)
}

// ACLOpen reports whether the list of the znode, which must exist, gives everyone all permissions.
func (v *View) ACLOpen() bool { return v.node.acl == openACL }

// ACL returns the list of the znode, which must exist. It is shared and immutable; it may be kept after Close.
func (v *View) ACL() []wire.ACL { return v.tree.acls.get(v.node.acl).acl }

// Info returns the stored fields of the znode, which must exist.
func (v *View) Info() NodeInfo {
	n := v.node
	return NodeInfo{
		Czxid: n.czxid, Mzxid: n.mzxid, Pzxid: n.pzxid, Ctime: n.ctime, Mtime: n.mtime, Owner: n.owner,
		Version: n.version, Cversion: n.cversion, Aversion: n.aversion,
		NumChildren: n.numChildren, DataLen: int32(n.dataBytes()), ACLID: n.acl,
	}
}

// fillStat makes the Stat of the protocol from a record: cversion also counts deletions there, and the owner is told of
// ephemerals only (client-protocol §2.8).
func (t *Tree) fillStat(n *node, st *wire.Stat) {
	*st = wire.Stat{
		Czxid: n.czxid, Mzxid: n.mzxid, Ctime: n.ctime, Mtime: n.mtime,
		Version: n.version, Cversion: 2*n.cversion - n.numChildren, Aversion: n.aversion,
		DataLength: int32(n.dataBytes()), NumChildren: n.numChildren, Pzxid: n.pzxid,
	}
	if t.KindOf(n.owner) == Ephemeral {
		st.EphemeralOwner = n.owner
	}
}
