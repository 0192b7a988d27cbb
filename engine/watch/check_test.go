package watch

import (
	"fmt"
	"slices"
)

// Check walks over the whole table and returns the first broken invariant. Nothing may change the table meanwhile.
func (t *Table) Check() error {
	var busy, recursive int32
	for i := range t.shards {
		s := &t.shards[i]
		if err := t.checkShard(uint32(i), s); err != nil {
			return fmt.Errorf("shard %d: %w", i, err)
		}
		if s.paths.here.Load() > 0 {
			busy++
		}
		if s.recursive.here.Load() > 0 {
			recursive++
		}
	}
	if t.busy.Load() != busy || t.recursive.Load() != recursive {
		return fmt.Errorf("%d shards busy, %d with recursive watches; counted %d, %d", busy, recursive, t.busy.Load(), t.recursive.Load())
	}
	return nil
}

func (t *Table) checkShard(number uint32, s *shard) error {
	var pairs pairCounts
	paths, sets := 0, 0
	for _, place := range s.names.index {
		if place == 0 {
			continue
		}
		paths++
		path, who := s.names.path(place), s.names.slab.at(place).who
		if who == 0 {
			return fmt.Errorf("%q is kept for nobody", path)
		}
		if s.names.find(s.names.slab.at(place).hash, path) != place {
			return fmt.Errorf("%q is not found", path)
		}
		if !who.single() {
			sets++
			if err := s.sets.at(who.set()).check(); err != nil {
				return fmt.Errorf("%q: %w", path, err)
			}
		}
		for _, w := range s.appendAt(nil, place, Any) {
			pairs[s.kindsAt(place, w)]++
			if !t.refs.has(w, makeRef(number, place)) {
				return fmt.Errorf("no way back from watcher %d to %q", w, path)
			}
		}
	}
	pairs[0] = s.pairs[0]
	switch {
	case pairs != s.pairs:
		return fmt.Errorf("pairs by kinds are %v, counted %v", pairs, s.pairs)
	case paths != s.names.count || paths != int(s.paths.here.Load()):
		return fmt.Errorf("%d paths, counted %d and %d", paths, s.names.count, s.paths.here.Load())
	case pairs.of(Recursive) != int(s.recursive.here.Load()):
		return fmt.Errorf("%d recursive watches, counted %d", pairs.of(Recursive), s.recursive.here.Load())
	case paths != int(s.names.slab.last)-len(s.names.slab.free):
		return fmt.Errorf("%d paths in %d places, %d of them free", paths, s.names.slab.last, len(s.names.slab.free))
	case sets != int(s.sets.last)-len(s.sets.free):
		return fmt.Errorf("%d sets in %d places, %d of them free", sets, s.sets.last, len(s.sets.free))
	}
	return nil
}

func (s *set) check() error {
	watchers := s.appendAll(nil, Any)
	switch {
	case len(watchers) != int(s.count) || s.count < 2:
		return fmt.Errorf("a set of %d watchers, counted %d", len(watchers), s.count)
	case s.packed && 4*len(s.cells)/2 > 3*int(s.count):
		return fmt.Errorf("%d watchers in %d packed cells", s.count, len(s.cells))
	case len(s.cells) >= minPacked && cap(s.cells) > 4*len(s.cells):
		return fmt.Errorf("%d cells in a buffer of %d", len(s.cells), cap(s.cells))
	}
	for i, w := range watchers {
		if i > 0 && watchers[i-1] >= w {
			return fmt.Errorf("watcher %d behind %d", w, watchers[i-1])
		}
		if s.get(w) == 0 {
			return fmt.Errorf("watcher %d is listed and not found", w)
		}
	}
	return nil
}

// has reports whether a ref is among those of w.
func (r *reverse) has(w Watcher, want ref) bool {
	c := r.chunk(w)
	if c == nil {
		return false
	}
	if slices.Contains(c.few[w%chunkWatchers][:], want) {
		return true
	}
	many := c.many.Load()
	if many == nil {
		return false
	}
	refs := &many[w%chunkWatchers]
	if refs.wide != nil {
		refs = &refs.wide[want.shard()]
	}
	return refs.has(want)
}
