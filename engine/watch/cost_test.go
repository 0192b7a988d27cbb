package watch_test

import (
	"fmt"
	"runtime"
	"testing"

	"bellwether/engine/watch"
	"bellwether/engine/wire"
)

// heap returns the bytes that live on the heap.
func heap(t *testing.T) int64 {
	if raceDetector {
		t.Skip("the race detector takes memory of its own")
	}
	runtime.GC()
	runtime.GC() // what the first one found may only now be swept
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// paths returns n different paths of 24 bytes.
func paths(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("/app/config/item-%07d", i)
	}
	return all
}

// A million watches stay within the budget, paths included, however they are spread over sessions and paths.
func TestMemoryPerWatch(t *testing.T) {
	const watches = 1_000_000
	cases := []struct {
		name     string
		sessions int
		paths    int // the i-th watch is on path i modulo paths
		loops    int // sessions are numbered by event loops, each in a range of its own
		kinds    watch.Kind
		budget   float64 // bytes a watch
	}{
		{"a million sessions, each its own path", watches, watches, 1, watch.Data, 64},
		{"a thousand sessions, each a thousand own paths", 1000, watches, 1, watch.Data, 64},
		{"ten sessions, each a hundred thousand own paths", 10, watches, 1, watch.Persistent, 64},
		{"a thousand sessions on the same thousand paths", 1000, 1000, 1, watch.Data, 16},
		{"a thousand sessions on the same thousand paths, data and child", 1000, 1000, 1, watch.Data | watch.Child, 16},
		{"a thousand sessions in eight ranges on the same thousand paths", 1000, 1000, 8, watch.Data, 16},
		{"a hundred thousand sessions on the same ten paths", 100_000, 10, 1, watch.Child, 16},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			all := paths(c.paths)
			before := heap(t)
			table := watch.NewTable()
			for i := range watches {
				session := i % c.sessions
				if c.paths < watches {
					session = i / c.paths
				}
				table.Add(all[i%c.paths], c.kinds, watch.Watcher(session%c.loops<<20|session/c.loops))
			}
			each := float64(heap(t)-before) / watches
			if got := table.Summary(watch.Any); got != (watch.Summary{Watchers: c.sessions, Paths: c.paths, Watches: watches}) {
				t.Fatalf("not what was meant to be measured: %+v", got)
			}
			t.Logf("%.1f bytes a watch", each)
			if each > c.budget {
				t.Errorf("%.1f bytes a watch, budget %v", each, c.budget)
			}
			runtime.KeepAlive(all)
		})
	}
}

// When its watches have fired and its connections closed, a table has given their memory back.
func TestMemoryIsGivenBack(t *testing.T) {
	all := paths(300_000)
	before := heap(t)
	table := watch.NewTable()
	for i, path := range all {
		table.Add(path, watch.Data, watch.Watcher(i%1000))
		table.Add(path, watch.Data, watch.Watcher(i%999))
	}
	peak := heap(t) - before
	for _, path := range all {
		table.Trigger(nil, path, wire.EventDataChanged)
	}
	for w := range watch.Watcher(1000) {
		table.RemoveWatcher(w)
	}
	left := heap(t) - before
	t.Logf("%d KiB at the peak, %d KiB left", peak>>10, left>>10)
	if left > peak/20 {
		t.Errorf("%d of %d bytes left", left, peak)
	}
	runtime.KeepAlive(all)
	runtime.KeepAlive(table)
}

// A connection that watches ever other paths, one at a time, does not grow the table.
func TestChurnDoesNotGrow(t *testing.T) {
	table, all := watch.NewTable(), paths(10_000)
	for _, path := range all[:5000] { // others, so that the churn is among used places
		table.Add(path, watch.Data, 1)
	}
	churn := func() {
		for _, path := range all[5000:] {
			for w := range watch.Watcher(20) {
				table.Add(path, watch.Data, w)
			}
			table.Trigger(nil, path, wire.EventDataChanged)
		}
	}
	churn()
	before := heap(t)
	for range 20 {
		churn()
	}
	if grown := heap(t) - before; grown > 64<<10 {
		t.Errorf("grew by %d bytes in 2,000,000 watches set and fired", grown)
	}
	runtime.KeepAlive(table)
	runtime.KeepAlive(all)
}

// In the steady state neither setting watches nor firing them allocates; nor does firing where nothing is watched.
func TestSettingAndFiringAllocateNothing(t *testing.T) {
	all := paths(1000)
	dst := make([]watch.Watcher, 0, 1<<12)
	cases := []struct {
		name  string
		setUp func(*watch.Table)
		cycle func(*watch.Table)
	}{
		{"nothing registered", func(*watch.Table) {}, func(table *watch.Table) {
			table.Trigger(dst, all[0], wire.EventDataChanged)
		}},
		{"one watcher, one path", func(*watch.Table) {}, func(table *watch.Table) {
			table.Add(all[0], watch.Data, 5)
			table.Trigger(dst, all[0], wire.EventDataChanged)
		}},
		{"one watcher, a thousand paths", func(*watch.Table) {}, func(table *watch.Table) {
			for _, path := range all {
				table.Add(path, watch.Data, 5)
			}
			for _, path := range all {
				table.Trigger(dst, path, wire.EventDataChanged)
			}
		}},
		{"a thousand watchers, one path", func(*watch.Table) {}, func(table *watch.Table) {
			for w := range watch.Watcher(1000) {
				table.Add(all[0], watch.Child, w)
			}
			table.Trigger(dst, all[0], wire.EventChildrenChanged)
		}},
		{"recursive watches on two ancestors", func(table *watch.Table) {
			for w := range watch.Watcher(1000) {
				table.Add("/app", watch.Recursive, w)
				table.Add("/", watch.Recursive, w*2)
			}
		}, func(table *watch.Table) {
			table.Add(all[0], watch.Data, 500)
			table.Trigger(dst, all[0], wire.EventDataChanged)
		}},
		{"set and removed", func(*watch.Table) {}, func(table *watch.Table) {
			table.Add(all[0], watch.Persistent, 5)
			table.Add(all[0], watch.Persistent, 6)
			table.Remove(all[0], watch.Any, 5)
			table.Remove(all[0], watch.Any, 6)
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			table := watch.NewTable()
			c.setUp(table)
			for range 3 { // grow what grows
				c.cycle(table)
			}
			if n := testing.AllocsPerRun(100, func() { c.cycle(table) }); n != 0 {
				t.Errorf("%v allocations a cycle, want 0", n)
			}
		})
	}
}
