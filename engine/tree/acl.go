package tree

import (
	"strings"
	"sync/atomic"

	"bellwether/engine/wire"
)

// openACL is the id of the list that gives everyone everything. It is not counted.
const openACL = 0

// aclTable keeps each list of ACL entries once and counts the znodes that have it. Only the writer changes it; readers
// look up the id in a record they hold the shard's lock for, so the entry they read is not one the writer may change: it
// changes an entry only when no record refers to it.
type aclTable struct {
	lists atomic.Pointer[[]aclList] // by id; replaced by a longer one when it is full

	refs    []int64 // by id; the writer's
	ids     map[string]uint32
	free    []uint32
	scratch []byte
}

// aclList is immutable while its id is in use.
type aclList struct {
	acl     []wire.ACL
	encoded string // jute: vector<ACL>
}

func (a *aclTable) init() {
	lists := make([]aclList, 1, 16)
	lists[openACL] = aclList{wire.OpenACL, string(wire.AppendACLs(nil, wire.OpenACL))}
	a.lists.Store(&lists)
	a.refs = make([]int64, 1)
	a.ids = make(map[string]uint32)
}

// get returns the list of an id.
func (a *aclTable) get(id uint32) *aclList { return &(*a.lists.Load())[id] }

// acquire returns the id of a list and counts one znode more. It keeps no reference to acl.
func (a *aclTable) acquire(acl []wire.ACL) uint32 {
	if wire.IsOpenACL(acl) {
		return openACL
	}
	a.scratch = wire.AppendACLs(a.scratch[:0], acl)
	id, known := a.ids[string(a.scratch)]
	if !known {
		id = a.add(aclList{cloneACL(acl), string(a.scratch)})
	}
	a.refs[id]++
	return id
}

// release counts one znode less. A list without znodes is forgotten.
func (a *aclTable) release(id uint32) {
	if id == openACL {
		return
	}
	a.refs[id]--
	if a.refs[id] == 0 {
		l := a.get(id)
		delete(a.ids, l.encoded)
		*l = aclList{}
		a.free = append(a.free, id)
	}
}

// add gives a new list an id.
func (a *aclTable) add(l aclList) uint32 {
	var id uint32
	if n := len(a.free); n > 0 {
		id, a.free = a.free[n-1], a.free[:n-1]
		*a.get(id) = l
	} else {
		lists := *a.lists.Load()
		id = uint32(len(lists))
		lists = append(lists, l) // beyond what readers of the shorter slice can see
		a.lists.Store(&lists)
		a.refs = append(a.refs, 0)
	}
	a.ids[l.encoded] = id
	return id
}

// cloneACL copies a list with its strings; nil stays nil.
func cloneACL(acl []wire.ACL) []wire.ACL {
	if acl == nil {
		return nil
	}
	c := make([]wire.ACL, len(acl))
	for i, e := range acl {
		e.Scheme, e.ID = strings.Clone(e.Scheme), strings.Clone(e.ID)
		c[i] = e
	}
	return c
}
