package watch_test

import (
	"maps"
	"slices"
	"strings"

	"bellwether/engine/watch"
	"bellwether/engine/wire"
)

// model is the truth the table is judged by: who watches what as a plain list of facts, and the trigger matrix read off
// cell by cell. Nothing in it is clever or fast.
type model map[fact]bool

type fact struct {
	path string
	kind watch.Kind // exactly one
	w    watch.Watcher
}

func kindsIn(kinds watch.Kind) (single []watch.Kind) {
	for _, k := range []watch.Kind{watch.Data, watch.Child, watch.Persistent, watch.Recursive} {
		if kinds&k != 0 {
			single = append(single, k)
		}
	}
	return single
}

func (m model) add(path string, kinds watch.Kind, w watch.Watcher) {
	for _, k := range kindsIn(kinds) {
		m[fact{path, k, w}] = true
	}
}

func (m model) has(path string, kinds watch.Kind, w watch.Watcher) bool {
	return slices.ContainsFunc(kindsIn(kinds), func(k watch.Kind) bool { return m[fact{path, k, w}] })
}

func (m model) remove(path string, kinds watch.Kind, w watch.Watcher) bool {
	had := m.has(path, kinds, w)
	for _, k := range kindsIn(kinds) {
		delete(m, fact{path, k, w})
	}
	return had
}

func (m model) removeWatcher(w watch.Watcher) {
	maps.DeleteFunc(m, func(f fact, _ bool) bool { return f.w == w })
}

// hears is one cell of the matrix: does a watch of kind k on at hear the event on path?
func hears(k watch.Kind, at string, event wire.EventType, path string) bool {
	here, above := at == path, at == "/" && path != "/" || strings.HasPrefix(path, at+"/")
	switch event {
	case wire.EventCreated, wire.EventDataChanged:
		return here && (k == watch.Data || k == watch.Persistent) || (here || above) && k == watch.Recursive
	case wire.EventDeleted:
		return here && (k == watch.Data || k == watch.Child || k == watch.Persistent) || (here || above) && k == watch.Recursive
	case wire.EventChildrenChanged:
		return here && (k == watch.Child || k == watch.Persistent)
	}
	return false
}

func (m model) trigger(path string, event wire.EventType) []watch.Watcher {
	told := make(map[watch.Watcher]bool)
	for f := range m {
		if hears(f.kind, f.path, event, path) {
			told[f.w] = true
			if f.kind == watch.Data || f.kind == watch.Child {
				delete(m, f)
			}
		}
	}
	return slices.Sorted(maps.Keys(told))
}

// pairs returns the (path, watcher) pairs with any of the given kinds, by path.
func (m model) pairs(kinds watch.Kind) map[string][]watch.Watcher {
	byPath := make(map[string][]watch.Watcher)
	for f := range m {
		if f.kind&kinds != 0 && !slices.Contains(byPath[f.path], f.w) {
			byPath[f.path] = append(byPath[f.path], f.w)
		}
	}
	for _, watchers := range byPath {
		slices.Sort(watchers)
	}
	return byPath
}

// byWatcher turns pairs round.
func byWatcher(byPath map[string][]watch.Watcher) map[watch.Watcher][]string {
	turned := make(map[watch.Watcher][]string)
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		for _, w := range byPath[path] {
			turned[w] = append(turned[w], path)
		}
	}
	return turned
}

func (m model) summary(kinds watch.Kind) (s watch.Summary) {
	byPath := m.pairs(kinds)
	s.Paths, s.Watchers = len(byPath), len(byWatcher(byPath))
	for _, watchers := range byPath {
		s.Watches += len(watchers)
	}
	return s
}
