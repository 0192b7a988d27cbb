package tree

import "bellwether/engine/wire"

// The four changes. Each applies one transaction whose outcome prepare has decided: path is final, versions are results
// and not conditions. But transactions are also replayed onto a state that already holds them, or some that came later, so
// each is idempotent, answers for what it cannot do, and never lowers what is newer (quorum-and-storage §5.8). Only the
// writer may call them, with the shards in MaskFor(path) locked. They keep no reference to path, data or acl.

// Create adds a znode: data nil is null, owner is a session, a mark of container or TTL, or 0, parentCversion is the number
// of creations under the parent including this one, or -1 for one more than there are, timeMs is in ms since 1970. It
// fills in st, unless st is nil, if it answers OK. NoNode: the parent is missing, nothing is changed. NodeExists: the
// znode stays but gets this ACL, and the parent's counter is raised as by a creation. BadArguments: path is not one
// below the root.
func (t *Tree) Create(path string, data []byte, acl []wire.ACL, owner int64, parentCversion int32, zxid, timeMs int64,
	st *wire.Stat) wire.Code {
	if !hasParent(path) {
		return wire.BadArguments
	}
	s, hash := t.writable(path)
	ps, parent := t.parentOf(path)
	if parent == nil {
		return wire.NoNode
	}
	raiseCversion(parent, parentCversion, zxid)
	if n, handle := s.find(path, hash); n != nil {
		s.beforeChange(t, n, handle)
		t.replaceACL(n, acl)
		return wire.NodeExists
	}
	n := t.insert(s, hash, &Znode{
		Path: path, Data: data, ACL: acl, Owner: owner,
		Czxid: zxid, Mzxid: zxid, Pzxid: zxid, Ctime: timeMs, Mtime: timeMs,
	})
	ps.addKid(parent, wire.BaseOf(path))
	if st != nil {
		t.fillStat(n, st)
	}
	return wire.OK
}

// Delete takes a znode away. NoNode: it, or its parent, is missing; the parent's pzxid is raised all the same. BadArguments:
// path is not one below the root. A znode with children was prepared for deletion when it had none, so it is a later one
// of the same name and this is a replay onto a state that is ahead of the log, as an imported one may be. Replay will make
// it again with all that is below, so all of it is taken away, if AllShards are locked; else it stays and the answer is
// NotEmpty.
func (t *Tree) Delete(path string, zxid int64) wire.Code {
	if !hasParent(path) {
		return wire.BadArguments
	}
	s, hash := t.writable(path)
	ps, parent := t.parentOf(path)
	if parent == nil {
		return wire.NoNode
	}
	parent.pzxid = max(parent.pzxid, zxid)
	n, handle := s.find(path, hash)
	if n == nil {
		return wire.NoNode
	}
	if n.numChildren > 0 {
		if t.held != AllShards {
			return wire.NotEmpty
		}
		t.deleteBelow(s, n)
	}
	s.beforeChange(t, n, handle)
	ps.removeKid(parent, wire.BaseOf(path))
	t.remove(s, n, handle, hash)
	return wire.OK
}

// deleteBelow takes away all that is below n, whose names it forgets at once. AllShards must be locked.
func (t *Tree) deleteBelow(s *shard, n *node) {
	for _, path := range s.appendChildPaths(nil, n) {
		cs, hash := t.shardOf(path)
		child, handle := cs.find(path, hash)
		cs.beforeChange(t, child, handle)
		t.deleteBelow(cs, child)
		t.remove(cs, child, handle, hash)
	}
	s.removeKids(n)
}

// SetData gives a znode data, nil being null, and the version that results. It fills in st, unless st is nil, if it answers
// OK. NoNode: it is missing.
func (t *Tree) SetData(path string, data []byte, version int32, zxid, timeMs int64, st *wire.Stat) wire.Code {
	s, hash := t.writable(path)
	n, handle := s.find(path, hash)
	if n == nil {
		return wire.NoNode
	}
	s.beforeChange(t, n, handle)
	t.sizeBytes.Add(int64(len(data) - n.dataBytes()))
	n, movedTo := s.replaceData(n, handle, hash, data)
	if movedTo != handle {
		t.owners.move(n.ownerRef, movedTo)
	}
	n.version, n.mzxid, n.mtime = version, zxid, timeMs
	if st != nil {
		t.fillStat(n, st)
	}
	return wire.OK
}

// SetACL gives a znode a list of ACL entries and the version of it that results. It fills in st, unless st is nil, if it
// answers OK. NoNode: it is missing.
func (t *Tree) SetACL(path string, acl []wire.ACL, aversion int32, st *wire.Stat) wire.Code {
	s, hash := t.writable(path)
	n, handle := s.find(path, hash)
	if n == nil {
		return wire.NoNode
	}
	s.beforeChange(t, n, handle)
	t.replaceACL(n, acl)
	n.aversion = aversion
	if st != nil {
		t.fillStat(n, st)
	}
	return wire.OK
}

// hasParent reports whether path can be that of a znode below the root.
func hasParent(path string) bool { return len(path) > 1 && path[0] == '/' && path[len(path)-1] != '/' }

// writable returns the shard of path, which the writer must have locked, and the hash to look path up with.
func (t *Tree) writable(path string) (*shard, uint32) {
	if path == "" {
		path = rootPath
	}
	s, hash := t.shardOf(path)
	if s.mask()&t.held == 0 {
		panic("tree: change of " + path + " without its shard's lock")
	}
	return s, hash
}

// parentOf returns the parent of path, about to be changed, and its shard; nil if there is none.
func (t *Tree) parentOf(path string) (*shard, *node) {
	s, hash := t.writable(wire.ParentOf(path))
	n, handle := s.find(wire.ParentOf(path), hash)
	if n != nil {
		s.beforeChange(t, n, handle)
	}
	return s, n
}

// raiseCversion counts a creation under parent, unless it is counted already.
func raiseCversion(parent *node, cversion int32, zxid int64) {
	if cversion == -1 {
		cversion = parent.cversion + 1
	}
	if cversion > parent.cversion {
		parent.cversion, parent.pzxid = cversion, zxid
	}
}

// replaceACL acquires before it releases, so that the same list keeps its id.
func (t *Tree) replaceACL(n *node, acl []wire.ACL) {
	id := t.acls.acquire(acl)
	t.acls.release(n.acl)
	n.acl = id
}

// insert adds a znode that is not there, without telling its parent.
func (t *Tree) insert(s *shard, hash uint32, z *Znode) *node {
	n, handle := s.add(z.Path, hash, z.Data)
	n.czxid, n.mzxid, n.pzxid, n.ctime, n.mtime = z.Czxid, z.Mzxid, z.Pzxid, z.Ctime, z.Mtime
	n.version, n.cversion, n.aversion, n.owner = z.Version, z.Cversion, z.Aversion, z.Owner
	n.acl = t.acls.acquire(z.ACL)
	n.ownerRef = t.owners.add(t.ownerKey(z.Owner), nodeRef{s.number, handle})
	n.snapshot = s.walk.number // it did not exist when that began
	t.nodes.Add(1)
	t.sizeBytes.Add(n.size())
	return n
}

// remove takes away a znode that has no children, without telling its parent.
func (t *Tree) remove(s *shard, n *node, handle, hash uint32) {
	t.nodes.Add(-1)
	t.sizeBytes.Add(-n.size())
	t.acls.release(n.acl)
	t.owners.remove(t.ownerKey(n.owner), n.ownerRef)
	s.remove(handle, hash)
}

// linkToParent adds the name of path to its parent's children, and reports whether the parent exists.
func (t *Tree) linkToParent(path string) bool {
	ps, hash := t.shardOf(wire.ParentOf(path))
	parent, _ := ps.find(wire.ParentOf(path), hash)
	if parent == nil {
		return false
	}
	ps.addKid(parent, wire.BaseOf(path))
	return true
}
