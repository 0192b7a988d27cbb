package tree

import "math/bits"

// Views is several shards held still at once, for reads that must see one state.
type Views struct {
	tree *Tree
	mask uint64
}

// ViewAll holds all shards in mask, the union of ShardMask of the paths wanted. Any goroutine may call it; while it is
// open the goroutine opens no View but through it.
func (t *Tree) ViewAll(mask uint64) Views {
	for m := mask; m != 0; m &= m - 1 { // ascending, as Lock does
		t.shards[bits.TrailingZeros64(m)].mu.RLock()
	}
	return Views{t, mask}
}

// View returns the znode with this path, whose shard must be in the mask. Closing it is not necessary; it is valid until
// the Views is closed.
func (a *Views) View(path string) View { return a.tree.viewHeld(path, a.mask) }

// Close ends the Views and every View made of it.
func (a *Views) Close() {
	for m := a.mask; m != 0; m &= m - 1 {
		a.tree.shards[bits.TrailingZeros64(m)].mu.RUnlock()
	}
	a.mask = 0
}

// LockedView is View for the writer while it has the shard of path locked: it sees what it has changed so far. Closing
// it is not necessary; it is valid until Unlock or the next change.
func (t *Tree) LockedView(path string) View { return t.viewHeld(path, t.held) }

// viewHeld makes a View of a path whose shard the caller has locked, as mask proves.
func (t *Tree) viewHeld(path string, mask uint64) View {
	if path == "" {
		path = rootPath
	}
	s, hash := t.shardOf(path)
	if s.mask()&mask == 0 {
		panic("tree: the shard of " + path + " is not locked")
	}
	n, _ := s.find(path, hash)
	return View{t, s, n, false}
}
