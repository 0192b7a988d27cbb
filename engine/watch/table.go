package watch

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"bellwether/engine/wire"
)

// shardCount is a power of two, at most 256: see ref.
const shardCount = 256

// Table holds the watches of all connections of a server. See the package's documentation for which goroutine may call
// what.
type Table struct {
	busy      atomic.Int32 // shards with any watch
	recursive atomic.Int32 // shards with any recursive watch
	shards    [shardCount]shard
	refs      reverse
}

// NewTable returns a table without watches.
func NewTable() *Table {
	t := new(Table)
	for i := range t.shards {
		t.shards[i].paths.shards = &t.busy
		t.shards[i].recursive.shards = &t.recursive
	}
	return t
}

// Add sets a watch of each kind of kinds, which is not empty, on path for w. What is set already stays set, so that setting
// a watch twice is one watch. Whether the path exists is the caller's business. It keeps no reference to path. One goroutine
// at a time for each w.
func (t *Table) Add(path string, kinds Kind, w Watcher) {
	if w > MaxWatcher || kinds == 0 || kinds&^Any != 0 {
		panic(fmt.Sprintf("watch: kinds %#x for watcher %d", kinds, w))
	}
	number, hash := locate(xxhash.Sum64String(path))
	s := &t.shards[number]
	s.mu.Lock()
	place := s.names.intern(hash, path)
	had := s.kindsAt(place, w)
	if had|kinds != had {
		s.assign(place, w, had, had|kinds)
	}
	s.mu.Unlock()
	if had == 0 {
		t.refs.add(t, w, makeRef(number, place))
	}
}

// Remove takes away the watches of the given kinds that w has on exactly this path and reports whether there was any. A
// recursive watch on an ancestor is not on this path. No event comes of it.
func (t *Table) Remove(path string, kinds Kind, w Watcher) bool {
	number, hash := locate(xxhash.Sum64String(path))
	s := &t.shards[number]
	s.mu.Lock()
	defer s.mu.Unlock()
	place := s.names.find(hash, path)
	if place == 0 {
		return false
	}
	had := s.kindsAt(place, w)
	if had&kinds == 0 {
		return false
	}
	s.assign(place, w, had, had&^kinds)
	return true
}

// Has reports whether w has a watch of any of the given kinds on exactly this path.
func (t *Table) Has(path string, kinds Kind, w Watcher) bool {
	number, hash := locate(xxhash.Sum64String(path))
	s := &t.shards[number]
	s.mu.Lock()
	defer s.mu.Unlock()
	place := s.names.find(hash, path)
	return place != 0 && s.kindsAt(place, w)&kinds != 0
}

// RemoveWatcher takes away all watches of w, because its connection has closed. The number may be given to another
// connection afterwards. It costs a short lock for every path that w watches. One goroutine at a time for each w.
func (t *Table) RemoveWatcher(w Watcher) {
	t.refs.drain(w, func(path ref) {
		s := &t.shards[path.shard()]
		s.mu.Lock()
		if had := s.kindsAt(path.place(), w); had != 0 {
			s.assign(path.place(), w, had, 0)
		}
		s.mu.Unlock()
	})
}

// Trigger appends to dst, by ascending number and each once, the watchers that are to be sent (event, path), takes away
// the one-shot watches that this uses up, and returns the extended dst. The matrix in the package's documentation says who
// hears what. For one change the caller calls it for the znode, then for the parent (NodeChildrenChanged).
//
// With no watch set at all it costs a load. Ancestors are looked at only while there are recursive watches.
func (t *Table) Trigger(dst []Watcher, path string, event wire.EventType) []Watcher {
	from, hears := len(dst), hears(event)
	if hears == 0 || t.busy.Load() == 0 {
		return dst
	}
	dst = t.fire(dst, xxhash.Sum64String(path), path, hears)
	if hears&Recursive != 0 && t.recursive.Load() != 0 {
		dst = t.appendAncestors(dst, from, path)
	}
	return dst
}

// fire is Trigger on the path itself.
func (t *Table) fire(dst []Watcher, sum uint64, path string, hears Kind) []Watcher {
	number, hash := locate(sum)
	s := &t.shards[number]
	if s.paths.here.Load() == 0 {
		return dst
	}
	s.mu.Lock()
	if place := s.names.find(hash, path); place != 0 {
		dst = s.fire(dst, place, hears)
	}
	s.mu.Unlock()
	return dst
}

// appendAncestors merges into dst[from:], which ascends, the watchers with recursive watches above path. Ancestors are
// hashed from the root down, each on top of the one before, so the cost is linear in the length of the path.
func (t *Table) appendAncestors(dst []Watcher, from int, path string) []Watcher {
	if len(path) < 2 {
		return dst // the root has none
	}
	dst = t.appendRecursive(dst, from, xxhash.Sum64String("/"), "/")
	var sum xxhash.Digest
	sum.Reset()
	for done := 0; ; {
		slash := strings.IndexByte(path[done+1:], '/')
		if slash < 0 {
			return dst
		}
		end := done + 1 + slash
		sum.WriteString(path[done:end]) // never fails
		dst = t.appendRecursive(dst, from, sum.Sum64(), path[:end])
		done = end
	}
}

// appendRecursive merges into dst[from:] the watchers with a recursive watch on one ancestor.
func (t *Table) appendRecursive(dst []Watcher, from int, sum uint64, ancestor string) []Watcher {
	number, hash := locate(sum)
	s := &t.shards[number]
	if s.recursive.here.Load() == 0 {
		return dst
	}
	mid := len(dst)
	s.mu.Lock()
	if place := s.names.find(hash, ancestor); place != 0 {
		dst = s.appendAt(dst, place, Recursive)
	}
	s.mu.Unlock()
	return merge(dst, from, mid)
}

// merge turns the two ascending runs dst[from:mid] and dst[mid:] into one in which each watcher comes once. It uses the
// space behind dst.
func merge(dst []Watcher, from, mid int) []Watcher {
	if from == mid || mid == len(dst) {
		return dst
	}
	end := len(dst)
	dst = append(dst, dst[mid:]...) // the second run moves out of the way, and the merge goes from the back
	to, i, j := end, mid, len(dst)
	for j > end {
		if i > from && dst[i-1] > dst[j-1] {
			i--
			to--
			dst[to] = dst[i]
			continue
		}
		j--
		to--
		dst[to] = dst[j]
	}
	return append(dst[:from], slices.Compact(dst[from:end])...)
}

// watched reports whether w has a watch on the path of a ref, which may be stale.
func (t *Table) watched(path ref, w Watcher) bool {
	s := &t.shards[path.shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kindsAt(path.place(), w) != 0
}

// locate splits the hash of a path into its shard and what names it within the shard.
func locate(sum uint64) (shard, hash uint32) {
	return uint32(sum % shardCount), uint32(sum >> 32)
}
