package watch_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"bellwether/engine/watch"
	"bellwether/engine/wire"
)

// What a read with a watch and the write that fires it pay, for a session with so many other watches.
func BenchmarkAddAndTriggerOneShot(b *testing.B) {
	for _, others := range []int{0, 10, 1000, 100_000} {
		b.Run(fmt.Sprintf("watches=%d", others), func(b *testing.B) {
			table, all := watch.NewTable(), paths(others+1000)
			for _, path := range all[:others] {
				table.Add(path, watch.Data, 7)
			}
			dst, own := make([]watch.Watcher, 0, 8), all[others:]
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				path := own[i%len(own)]
				table.Add(path, watch.Data, 7)
				dst = table.Trigger(dst[:0], path, wire.EventDataChanged)
			}
		})
	}
}

// What a write pays on whose path nobody waits.
func BenchmarkTriggerUnwatched(b *testing.B) {
	for _, state := range []string{"empty", "others", "others-recursive"} {
		b.Run(state, func(b *testing.B) {
			table, all := watch.NewTable(), paths(10_001)
			if state != "empty" {
				for _, path := range all[1:] {
					table.Add(path, watch.Data, 7)
				}
			}
			if state == "others-recursive" {
				table.Add("/elsewhere", watch.Recursive, 7)
			}
			b.ReportAllocs()
			for b.Loop() {
				table.Trigger(nil, all[0], wire.EventDataChanged)
			}
		})
	}
}

// One change told to ten thousand watchers, who all set their watch again.
func BenchmarkFanOut10000(b *testing.B) {
	const watchers = 10_000
	cases := map[string]struct {
		kind   watch.Kind
		on     string
		spread watch.Watcher
	}{
		"one-shot":        {watch.Data, "/app/config", 1},
		"one-shot-sparse": {watch.Data, "/app/config", 20},
		"persistent":      {watch.Persistent, "/app/config", 1},
		"recursive":       {watch.Recursive, "/app", 1},
	}
	for name, c := range cases {
		b.Run(name, func(b *testing.B) {
			table := watch.NewTable()
			dst := make([]watch.Watcher, 0, watchers)
			add := func() {
				for w := range watch.Watcher(watchers) {
					table.Add(c.on, c.kind, w*c.spread)
				}
			}
			add()
			b.ReportAllocs()
			for b.Loop() {
				if dst = table.Trigger(dst[:0], "/app/config", wire.EventDataChanged); len(dst) != watchers {
					b.Fatal(len(dst))
				}
				if c.kind == watch.Data {
					b.StopTimer()
					add()
					b.StartTimer()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/watchers, "ns/watcher")
		})
	}
}

// A connection that closes with so many watches.
func BenchmarkRemoveWatcher(b *testing.B) {
	for _, watches := range []int{1, 1000} {
		b.Run(fmt.Sprintf("watches=%d", watches), func(b *testing.B) {
			table, all := watch.NewTable(), paths(watches)
			for b.Loop() {
				for _, path := range all {
					table.Add(path, watch.Data, 7)
				}
				table.RemoveWatcher(7)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(watches), "ns/watch")
		})
	}
}

// Event loops that set watches while the apply loop fires them.
func BenchmarkAddAndTriggerParallel(b *testing.B) {
	table, all := watch.NewTable(), paths(1<<16)
	var loops atomic.Uint32
	b.RunParallel(func(pb *testing.PB) {
		w, dst := watch.Watcher(loops.Add(1)), make([]watch.Watcher, 0, 8)
		for i := int(w) * 1000; pb.Next(); i++ {
			path := all[i%len(all)]
			table.Add(path, watch.Data, w)
			dst = table.Trigger(dst[:0], path, wire.EventDataChanged)
		}
	})
}
