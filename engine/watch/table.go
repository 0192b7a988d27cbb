package watch

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"bellwether/engine/wire"
)

// Table holds the watches of all connections of a server.
type Table struct {
	mu    sync.Mutex
	paths map[string]map[Watcher]Kind
}

// NewTable returns a table without watches.
func NewTable() *Table {
	return &Table{paths: make(map[string]map[Watcher]Kind)}
}

// Add sets a watch of each kind of kinds on path for w. What is set already stays set. It keeps no reference to path.
func (t *Table) Add(path string, kinds Kind, w Watcher) {
	if w > MaxWatcher {
		panic(fmt.Sprintf("watch: watcher %d above %d", w, MaxWatcher))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.paths[path] == nil {
		t.paths[path] = make(map[Watcher]Kind)
	}
	t.paths[path][w] |= kinds
}

// Remove takes away the watches of the given kinds that w has on exactly this path and reports whether there was any.
func (t *Table) Remove(path string, kinds Kind, w Watcher) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	had := t.paths[path][w]
	t.set(path, w, had&^kinds)
	return had&kinds != 0
}

// Has reports whether w has a watch of any of the given kinds on exactly this path.
func (t *Table) Has(path string, kinds Kind, w Watcher) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.paths[path][w]&kinds != 0
}

// RemoveWatcher takes away all watches of w: its connection has closed.
func (t *Table) RemoveWatcher(w Watcher) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for path := range t.paths {
		t.set(path, w, 0)
	}
}

// Trigger appends to dst, by ascending number and each once, the watchers that are to be sent (event, path), takes away
// the one-shot watches that this uses up, and returns the extended dst.
func (t *Table) Trigger(dst []Watcher, path string, event wire.EventType) []Watcher {
	t.mu.Lock()
	defer t.mu.Unlock()
	from := len(dst)
	for w, had := range t.paths[path] {
		if had&hears(event) != 0 {
			dst = append(dst, w)
			t.set(path, w, had&^(hears(event)&oneShot))
		}
	}
	if event != wire.EventChildrenChanged {
		for at := path; at != "/" && at != ""; {
			at = at[:max(strings.LastIndexByte(at, '/'), 0)]
			if at == "" {
				at = "/"
			}
			for w, had := range t.paths[at] {
				if had&Recursive != 0 {
					dst = append(dst, w)
				}
			}
		}
	}
	slices.Sort(dst[from:])
	return append(dst[:from], slices.Compact(dst[from:])...)
}

func (t *Table) set(path string, w Watcher, kinds Kind) {
	if kinds != 0 {
		t.paths[path][w] = kinds
		return
	}
	delete(t.paths[path], w)
	if len(t.paths[path]) == 0 {
		delete(t.paths, path)
	}
}

// Count returns the number of watches in the data table plus that in the child table.
func (t *Table) Count() int {
	return t.Summary(DataTable).Watches + t.Summary(ChildTable).Watches
}

// Summary is what there is of some kinds: how many watchers have one, how many paths bear one, and how many (path,
// watcher) pairs there are.
type Summary struct{ Watchers, Paths, Watches int }

// Summary counts the watches of any of the given kinds, usually those of a table.
func (t *Table) Summary(kinds Kind) Summary {
	var s Summary
	for _, watchers := range t.ByPath(kinds) {
		s.Paths++
		s.Watches += len(watchers)
	}
	for range t.ByWatcher(kinds) {
		s.Watchers++
	}
	return s
}

// ByPath iterates over the paths that bear watches of any of the given kinds, sorted, each with its watchers, sorted.
func (t *Table) ByPath(kinds Kind) iter.Seq2[string, []Watcher] {
	return func(yield func(string, []Watcher) bool) {
		for _, path := range slices.Sorted(maps.Keys(t.paths)) {
			var watchers []Watcher
			for _, w := range slices.Sorted(maps.Keys(t.paths[path])) {
				if t.paths[path][w]&kinds != 0 {
					watchers = append(watchers, w)
				}
			}
			if len(watchers) > 0 && !yield(path, watchers) {
				return
			}
		}
	}
}

// ByWatcher iterates over the watchers that have watches of any of the given kinds, sorted, each with its paths, sorted.
func (t *Table) ByWatcher(kinds Kind) iter.Seq2[Watcher, []string] {
	return func(yield func(Watcher, []string) bool) {
		paths := make(map[Watcher][]string)
		for path, watchers := range t.ByPath(kinds) {
			for _, w := range watchers {
				paths[w] = append(paths[w], path)
			}
		}
		for _, w := range slices.Sorted(maps.Keys(paths)) {
			if !yield(w, paths[w]) {
				return
			}
		}
	}
}
