package watch

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// ref names a path of the table: its shard in the high 8 bits, its place there (never 0) in the low 24.
type ref uint32

func makeRef(shard, place uint32) ref { return ref(shard<<24 | place) }
func (r ref) shard() uint32           { return uint32(r >> 24) }
func (r ref) place() uint32           { return uint32(r) & (slabPlaces - 1) }

// reverse is the way back from a watcher to its paths, which RemoveWatcher walks. It is kept lazily:
//
// Invariant: whenever a watcher has a watch on a path, the path's ref is among the watcher's refs. Not the other way round: a ref
// may be stale, because Trigger and Remove leave it. Stale refs do no harm, even when their place has a new path, for whoever
// walks them looks whether the watcher has a watch there; they are cleared when they would cost space, a few at each Add.
//
// So Trigger, which may find ten thousand watchers on a path, has nothing to do here. And since the Adds and the
// RemoveWatcher of one watcher come from one goroutine, its refs need no lock; only making a chunk does.
type reverse struct {
	mu        sync.Mutex // held to change the directory
	directory atomic.Pointer[[]atomic.Pointer[refChunk]]
}

const (
	chunkWatchers = 256
	fewRefs       = 3
)

// refChunk has the refs of 256 watchers with neighbouring numbers: the first three in place, which is all that many
// connections ever need, the rest in sets that exist once any of the 256 needs one.
type refChunk struct {
	few  [chunkWatchers][fewRefs]ref // 0 is unused
	many atomic.Pointer[[chunkWatchers]refSet]
}

// chunk returns the chunk of w, or nil if there is none yet.
func (r *reverse) chunk(w Watcher) *refChunk {
	directory, i := r.directory.Load(), int(w/chunkWatchers)
	if directory == nil || i >= len(*directory) {
		return nil
	}
	return (*directory)[i].Load()
}

// makeChunk returns the chunk of w and makes it if there is none.
func (r *reverse) makeChunk(w Watcher) *refChunk {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.chunk(w); c != nil {
		return c
	}
	var old []atomic.Pointer[refChunk]
	if p := r.directory.Load(); p != nil {
		old = *p
	}
	i := int(w / chunkWatchers)
	if i >= len(old) {
		grown := make([]atomic.Pointer[refChunk], 1<<bits.Len(uint(i)))
		for j := range old {
			grown[j].Store(old[j].Load())
		}
		old = grown
		r.directory.Store(&grown)
	}
	c := new(refChunk)
	old[i].Store(c)
	return c
}

// add makes sure that a ref is among those of w.
func (r *reverse) add(t *Table, w Watcher, added ref) {
	c := r.chunk(w)
	if c == nil {
		c = r.makeChunk(w)
	}
	few := &c.few[w%chunkWatchers]
	unused := -1
	for i, known := range few {
		if known == added {
			return
		}
		if known == 0 {
			unused = i
		}
	}
	if unused >= 0 {
		few[unused] = added
		return
	}
	r.addToMany(t, c, w, added)
}

// addToMany is add where the few refs are others. As long as there are no more than those, a stale one makes way.
func (r *reverse) addToMany(t *Table, c *refChunk, w Watcher, added ref) {
	many := c.sets()
	refs := &many[w%chunkWatchers]
	if refs.empty() {
		few := &c.few[w%chunkWatchers]
		for i, known := range few {
			if !t.watched(known, w) {
				few[i] = added
				return
			}
		}
	}
	refs.add(t, w, added)
}

// sets returns the sets of a chunk and makes them if there are none; another goroutine may be making them too.
func (c *refChunk) sets() *[chunkWatchers]refSet {
	if many := c.many.Load(); many != nil {
		return many
	}
	c.many.CompareAndSwap(nil, new([chunkWatchers]refSet))
	return c.many.Load()
}

// drain forgets the refs of w and calls drop with each of them, stale ones included, some perhaps twice.
func (r *reverse) drain(w Watcher, drop func(ref)) {
	c := r.chunk(w)
	if c == nil {
		return
	}
	few := &c.few[w%chunkWatchers]
	for _, known := range few {
		if known != 0 {
			drop(known)
		}
	}
	*few = [fewRefs]ref{}
	if many := c.many.Load(); many != nil {
		many[w%chunkWatchers].each(drop)
		many[w%chunkWatchers] = refSet{}
	}
}
