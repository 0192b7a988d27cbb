package tree

import (
	"math"
	"slices"
	"strings"
	"sync"
)

// Kind says what the owner of a znode makes of it.
type Kind uint8

// The kinds of znode the tree tells apart.
const (
	Persistent Kind = iota
	Ephemeral       // goes with its session
	Container       // goes when its last child has gone
	TTL             // goes when it has been left alone for its time to live
)

// The owners that are no sessions, as transactions and snapshots hold them (client-protocol §2.8).
const (
	ContainerOwner int64 = math.MinInt64  // 0x8000000000000000
	ttlOwner       int64 = -1 << 56       // 0xff00000000000000; the time to live in ms stands in the lower 40 bits
	MaxTTLMs       int64 = 0xff_ffff_ffff // ms
)

// TTLOwner returns the owner of a znode with this time to live, 1 to MaxTTLMs.
func TTLOwner(ttlMs int64) int64 { return ttlOwner | ttlMs }

// TTLOf returns the time to live, in ms, of a znode with this owner, which is of kind TTL.
func TTLOf(owner int64) int64 { return owner & MaxTTLMs }

// KindOf returns what owner, as stored, makes of a znode.
func (t *Tree) KindOf(owner int64) Kind {
	switch {
	case owner == 0:
		return Persistent
	case owner == ContainerOwner:
		return Container
	case owner&ttlOwner == ttlOwner && !t.noTTL:
		return TTL
	}
	return Ephemeral
}

// ownerKey returns what the index files a znode of this owner under: its session, or one key for all containers and one
// for all with a TTL; 0 for nothing.
func (t *Tree) ownerKey(owner int64) int64 {
	if t.KindOf(owner) == TTL {
		return ttlOwner
	}
	return owner
}

// nodeRef says where the record of a znode is.
type nodeRef struct{ shard, handle uint32 }

// ownerIndex lists the znodes that have an owner. The writer changes it while it holds shards; others read it while they
// hold none, so mu is always the last lock taken.
type ownerIndex struct {
	mu         sync.Mutex
	lists      map[int64]ownerList
	entries    []ownerEntry // entry 0 is not used
	free       uint32       // first of a list of free entries, linked by next
	ephemerals int64
	t          *Tree
}

// ownerList is a list of entries; there are none without an entry in the map.
type ownerList struct{ first, last uint32 }

type ownerEntry struct {
	node       nodeRef
	next, prev uint32
}

func (o *ownerIndex) init(t *Tree) {
	o.lists = make(map[int64]ownerList)
	o.entries = make([]ownerEntry, 1)
	o.t = t
}

// add files a znode under key and returns its entry, 0 for key 0.
func (o *ownerIndex) add(key int64, node nodeRef) uint32 {
	if key == 0 {
		return 0
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.free
	if e != 0 {
		o.free = o.entries[e].next
	} else {
		e = uint32(len(o.entries))
		o.entries = append(o.entries, ownerEntry{})
	}
	l, known := o.lists[key]
	o.entries[e] = ownerEntry{node: node, prev: l.last}
	if known {
		o.entries[l.last].next = e
	} else {
		l.first = e
	}
	l.last = e
	o.lists[key] = l
	o.count(key, 1)
	return e
}

// remove takes an entry away from key's list.
func (o *ownerIndex) remove(key int64, e uint32) {
	if key == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	entry, l := o.entries[e], o.lists[key]
	if entry.prev != 0 {
		o.entries[entry.prev].next = entry.next
	} else {
		l.first = entry.next
	}
	if entry.next != 0 {
		o.entries[entry.next].prev = entry.prev
	} else {
		l.last = entry.prev
	}
	if l.first == 0 {
		delete(o.lists, key)
	} else {
		o.lists[key] = l
	}
	o.entries[e] = ownerEntry{next: o.free}
	o.free = e
	o.count(key, -1)
}

// move says that the znode of an entry has another handle; entry 0 is none.
func (o *ownerIndex) move(e, handle uint32) {
	if e != 0 {
		o.mu.Lock()
		o.entries[e].node.handle = handle
		o.mu.Unlock()
	}
}

func (o *ownerIndex) count(key int64, by int64) {
	if o.t.KindOf(key) == Ephemeral {
		o.ephemerals += by
	}
}

// refs returns the znodes filed under key.
func (o *ownerIndex) refs(key int64) []nodeRef {
	o.mu.Lock()
	defer o.mu.Unlock()
	var refs []nodeRef
	for e := o.lists[key].first; e != 0; e = o.entries[e].next {
		refs = append(refs, o.entries[e].node)
	}
	return refs
}

// Ephemerals appends the paths of the ephemerals of a session to dst, in byte order. Any goroutine may call it that has no
// View open and no shard locked. A list made while the writer works has every ephemeral that was there all the time.
func (t *Tree) Ephemerals(dst []string, session int64) []string {
	if t.KindOf(session) != Ephemeral {
		return dst
	}
	return t.owned(dst, session)
}

// Containers appends the paths of all containers to dst, in byte order, under the same conditions as Ephemerals.
func (t *Tree) Containers(dst []string) []string { return t.owned(dst, ContainerOwner) }

// TTLs appends the paths of all znodes with a time to live to dst, in byte order, under the same conditions.
func (t *Tree) TTLs(dst []string) []string { return t.owned(dst, ttlOwner) }

// owned appends the paths filed under key, sorted. It takes the index's lock, then each shard's, never both.
func (t *Tree) owned(dst []string, key int64) []string {
	from := len(dst)
	for _, ref := range t.owners.refs(key) {
		s := &t.shards[ref.shard]
		s.mu.RLock()
		if s.records.inUse(ref.handle) { // else it has gone meanwhile
			if n := s.node(ref.handle); t.ownerKey(n.owner) == key {
				dst = append(dst, strings.Clone(n.path()))
			}
		}
		s.mu.RUnlock()
	}
	slices.Sort(dst[from:])
	return dst
}

// EphemeralSessions appends the sessions that have ephemerals to dst, in order. Any goroutine may call it.
func (t *Tree) EphemeralSessions(dst []int64) []int64 {
	o, from := &t.owners, len(dst)
	o.mu.Lock()
	defer o.mu.Unlock()
	for key := range o.lists {
		if t.KindOf(key) == Ephemeral {
			dst = append(dst, key)
		}
	}
	slices.Sort(dst[from:])
	return dst
}

// EphemeralCount returns the number of ephemerals. Any goroutine may call it.
func (t *Tree) EphemeralCount() int64 {
	t.owners.mu.Lock()
	defer t.owners.mu.Unlock()
	return t.owners.ephemerals
}
