package watch

import (
	"iter"
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// Count returns the number of watches in the data table plus that in the child table, each once a path and watcher.
func (t *Table) Count() (watches int) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		watches += s.pairs.of(DataTable) + s.pairs.of(ChildTable)
		s.mu.Unlock()
	}
	return watches
}

// Summary is what there is of some kinds of watches.
type Summary struct {
	Watchers int // watchers that have one
	Paths    int // paths that bear one
	Watches  int // (path, watcher) pairs
}

// Summary counts the watches of any of the given kinds, usually those of a table. Like all walks it takes one shard at a
// time: it shows no single moment of a table that is changing meanwhile.
func (t *Table) Summary(kinds Kind) (sum Summary) {
	var seen []uint64 // a bit for each watcher
	t.walk(kinds, func(_ *shard, _ uint32, watchers []Watcher) {
		sum.Paths++
		sum.Watches += len(watchers)
		if need := int(watchers[len(watchers)-1]/64) + 1; need > len(seen) {
			seen = append(seen, make([]uint64, need-len(seen))...)
		}
		for _, w := range watchers {
			seen[w/64] |= 1 << (w % 64)
		}
	})
	for _, word := range seen {
		sum.Watchers += bits.OnesCount64(word)
	}
	return sum
}

// ByPath iterates over the paths that bear watches of any of the given kinds, sorted, each with its watchers, sorted. The
// slice is only valid until the next step. Paths are those of the beginning, watchers those of the moment; the loop body may
// call any method of the table.
func (t *Table) ByPath(kinds Kind) iter.Seq2[string, []Watcher] {
	return func(yield func(string, []Watcher) bool) {
		var paths []string
		t.walk(kinds, func(s *shard, place uint32, _ []Watcher) {
			paths = append(paths, s.names.path(place))
		})
		slices.Sort(paths)
		var watchers []Watcher
		for _, path := range paths {
			watchers = t.appendWatchers(watchers[:0], path, kinds)
			if len(watchers) > 0 && !yield(path, watchers) {
				return
			}
		}
	}
}

// ByWatcher is ByPath the other way round: the watchers that have watches of any of the given kinds, each with its paths.
func (t *Table) ByWatcher(kinds Kind) iter.Seq2[Watcher, []string] {
	return func(yield func(Watcher, []string) bool) {
		type pair struct {
			w    Watcher
			path uint32 // index into all
		}
		var all []string
		var pairs []pair
		for path, watchers := range t.ByPath(kinds) {
			for _, w := range watchers {
				pairs = append(pairs, pair{w, uint32(len(all))})
			}
			all = append(all, path)
		}
		slices.SortStableFunc(pairs, func(a, b pair) int { return int(a.w) - int(b.w) })
		var paths []string
		for i, p := range pairs {
			paths = append(paths, all[p.path])
			if i+1 < len(pairs) && pairs[i+1].w == p.w {
				continue
			}
			if !yield(p.w, paths) {
				return
			}
			paths = paths[:0]
		}
	}
}

// walk calls visit for each path with watches of any of the given kinds, with those watchers, under its shard's lock. The
// order is that of hashes.
func (t *Table) walk(kinds Kind, visit func(s *shard, place uint32, watchers []Watcher)) {
	var watchers []Watcher
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for _, place := range s.names.index {
			if place == 0 {
				continue
			}
			if watchers = s.appendAt(watchers[:0], place, kinds); len(watchers) > 0 {
				visit(s, place, watchers)
			}
		}
		s.mu.Unlock()
	}
}

// appendWatchers appends the watchers with any of the given kinds on exactly this path.
func (t *Table) appendWatchers(dst []Watcher, path string, kinds Kind) []Watcher {
	number, hash := locate(xxhash.Sum64String(path))
	s := &t.shards[number]
	s.mu.Lock()
	defer s.mu.Unlock()
	if place := s.names.find(hash, path); place != 0 {
		dst = s.appendAt(dst, place, kinds)
	}
	return dst
}
