package watch_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"bellwether/engine/watch"
	"bellwether/engine/wire"
)

var events = []wire.EventType{wire.EventCreated, wire.EventDeleted, wire.EventDataChanged, wire.EventChildrenChanged}

// Whatever is done to it, the table answers as the model does.
func TestTableAgreesWithModel(t *testing.T) {
	worlds := []world{
		{name: "few watchers, few paths", watchers: 5, spread: 1, paths: 8, steps: 4000},
		{name: "many watchers on few paths", watchers: 600, spread: 1, paths: 4, steps: 6000},
		{name: "far apart watchers", watchers: 100, spread: 10_007, paths: 4, steps: 4000},
		{name: "neighbours and strays", watchers: 200, spread: 1, stray: 11, paths: 4, steps: 6000, closeOften: true},
		{name: "many paths", watchers: 3, spread: 1, paths: 3000, steps: 8000},
		{name: "watchers come and go", watchers: 40, spread: 17, paths: 60, steps: 6000, closeOften: true},
	}
	for _, world := range worlds {
		for seed := range uint64(6) {
			t.Run(fmt.Sprintf("%s/%d", world.name, seed), func(t *testing.T) {
				t.Parallel()
				world.run(t, rand.New(rand.NewPCG(seed, 0)))
			})
		}
	}
}

// world is a distribution of operations.
type world struct {
	name       string
	watchers   int
	spread     int // between the numbers of watchers
	stray      int // if set, each watcher of that many has a number far from the others
	paths      int
	steps      int
	closeOften bool
}

func (c world) run(t *testing.T, random *rand.Rand) {
	table, truth := watch.NewTable(), make(model)
	for step := range c.steps {
		path, w := c.path(random), c.watcher(random.IntN(c.watchers))
		kinds := watch.Kind(1 + random.IntN(int(watch.Any)))
		switch action := random.IntN(100); {
		case action < 55:
			kinds = 1 << random.IntN(4) // mostly single ones
			table.Add(path, kinds, w)
			truth.add(path, kinds, w)
		case action < 65:
			if got, want := table.Remove(path, kinds, w), truth.remove(path, kinds, w); got != want {
				t.Fatalf("step %d: Remove(%q, %04b, %d) = %v, want %v", step, path, kinds, w, got, want)
			}
		case action < 75:
			if got, want := table.Has(path, kinds, w), truth.has(path, kinds, w); got != want {
				t.Fatalf("step %d: Has(%q, %04b, %d) = %v, want %v", step, path, kinds, w, got, want)
			}
		case action < 76 || c.closeOften && action < 80:
			table.RemoveWatcher(w)
			truth.removeWatcher(w)
		case action < 86:
			event, before := events[random.IntN(len(events))], []watch.Watcher{7, 7}
			got := table.Trigger(before, path, event)
			if want := append(before, truth.trigger(path, event)...); !slices.Equal(got, want) {
				t.Fatalf("step %d: Trigger(%q, %v) = %v, want %v", step, path, event, got, want)
			}
		}
		if step%(c.steps/8) == 0 {
			expectSame(t, table, truth)
		}
	}
	expectSame(t, table, truth)
	for w := range c.watchers { // the way back from watchers to paths has lost nothing
		table.RemoveWatcher(c.watcher(w))
	}
	expectSame(t, table, make(model))
}

func (c world) watcher(i int) watch.Watcher {
	if c.stray != 0 && i%c.stray == 0 {
		return watch.Watcher(i * 997)
	}
	return watch.Watcher(500 + i*c.spread)
}

// path draws a path of up to five names, so that there are ancestors to be watched.
func (c world) path(random *rand.Rand) string {
	number := random.IntN(c.paths)
	var path strings.Builder
	for range number % 6 {
		fmt.Fprintf(&path, "/%c%d", 'a'+number%3, number)
		number /= 6
	}
	return max(path.String(), "/")
}

// A walk may stop at any step.
func TestWalksMayStop(t *testing.T) {
	table := watch.NewTable()
	table.Add("/a", watch.Data, 1)
	table.Add("/b", watch.Data, 2)
	for path, watchers := range table.ByPath(watch.Any) {
		if path != "/a" || !slices.Equal(watchers, []watch.Watcher{1}) {
			t.Errorf("the first path is %q, watched by %v", path, watchers)
		}
		break
	}
	for w, paths := range table.ByWatcher(watch.Any) {
		if w != 1 || !slices.Equal(paths, []string{"/a"}) {
			t.Errorf("the first watcher is %d, watching %q", w, paths)
		}
		break
	}
}

// expectSame compares all that can be asked without changing anything.
func expectSame(t *testing.T, table *watch.Table, truth model) {
	t.Helper()
	if err := table.Check(); err != nil {
		t.Fatal(err)
	}
	for _, kinds := range []watch.Kind{watch.DataTable, watch.ChildTable, watch.Any, watch.Recursive} {
		if got, want := table.Summary(kinds), truth.summary(kinds); got != want {
			t.Fatalf("Summary(%04b) = %+v, want %+v", kinds, got, want)
		}
		byPath := truth.pairs(kinds)
		paths := slices.Sorted(maps.Keys(byPath))
		for path, watchers := range table.ByPath(kinds) {
			if len(paths) == 0 || path != paths[0] || !slices.Equal(watchers, byPath[path]) {
				t.Fatalf("ByPath(%04b) has %q watched by %v, want %v", kinds, path, watchers, byPath[path])
			}
			paths = paths[1:]
		}
		turned := byWatcher(byPath)
		watchers := slices.Sorted(maps.Keys(turned))
		for w, has := range table.ByWatcher(kinds) {
			if len(watchers) == 0 || w != watchers[0] || !slices.Equal(has, turned[w]) {
				t.Fatalf("ByWatcher(%04b) has %d watching %q, want %q", kinds, w, has, turned[w])
			}
			watchers = watchers[1:]
		}
		if len(paths) > 0 || len(watchers) > 0 {
			t.Fatalf("walks over %04b miss paths %q, watchers %v", kinds, paths, watchers)
		}
	}
	if got, want := table.Count(), truth.summary(watch.DataTable).Watches+truth.summary(watch.ChildTable).Watches; got != want {
		t.Fatalf("Count() = %d, want %d", got, want)
	}
}
