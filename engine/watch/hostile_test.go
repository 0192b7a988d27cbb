package watch_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"bellwether/engine/watch"
	"bellwether/engine/wire"
)

// Any string is a path to the table: empty, long, odd lengths, bytes that are no text.
func TestAnyStringIsAPath(t *testing.T) {
	table := watch.NewTable()
	var all []string
	for _, n := range []int{0, 1, 2, 3, 4, 5, 7, 8, 255, 256, 257, 2047, 2048, 2049, 1 << 20} {
		all = append(all, strings.Repeat("x", n), strings.Repeat("\x00", n+3)+"\xff")
	}
	for round := range 3 { // blocks and chunks of the arena are used again
		for i, path := range all {
			table.Add(path, watch.Data, watch.Watcher(i))
		}
		for i, path := range all {
			if got := table.Trigger(nil, path, wire.EventDataChanged); !slices.Equal(got, []watch.Watcher{watch.Watcher(i)}) {
				t.Fatalf("round %d: path %d of %d bytes told %v", round, i, len(path), got)
			}
		}
	}
	if n := table.Count(); n != 0 {
		t.Errorf("%d watches left", n)
	}
}

// A path of half a million names costs a recursive table what its length costs, not its square: were every ancestor hashed
// by itself, this would hash 250 GB.
func TestDeepPathIsHashedOnce(t *testing.T) {
	table, deep := watch.NewTable(), strings.Repeat("/n", 1<<19)
	table.Add("/n/n", watch.Recursive, 1)
	table.Add(deep[:1<<19], watch.Recursive, 2)
	table.Add(deep, watch.Recursive, 3)
	if got := table.Trigger(nil, deep, wire.EventCreated); !slices.Equal(got, []watch.Watcher{1, 2, 3}) {
		t.Fatalf("told %v, want 1, 2 and 3", got)
	}
}

// A watcher number out of range, or no kind at all, is a mistake of the caller and is not survived.
func TestAddRefusesNonsense(t *testing.T) {
	for name, add := range map[string]func(*watch.Table){
		"watcher": func(table *watch.Table) { table.Add("/a", watch.Data, watch.MaxWatcher+1) },
		"no kind": func(table *watch.Table) { table.Add("/a", 0, 1) },
		"kind":    func(table *watch.Table) { table.Add("/a", watch.Any+1, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("accepted")
				}
			}()
			add(watch.NewTable())
		})
	}
}

// The highest number is as good as any.
func TestHighestWatcher(t *testing.T) {
	table := watch.NewTable()
	want := []watch.Watcher{0, 1, watch.MaxWatcher - 1, watch.MaxWatcher}
	for _, w := range want {
		table.Add("/a", watch.Any, w)
	}
	if got := table.Trigger(nil, "/a", wire.EventDeleted); !slices.Equal(got, want) {
		t.Fatalf("told %v, want %v", got, want)
	}
	for _, w := range want {
		table.RemoveWatcher(w)
	}
	if n := table.Count(); n != 0 {
		t.Errorf("%d watches left", n)
	}
}

// A connection that closes leaves nothing, however many paths it watched and however many of its watches had fired.
func TestClosedConnectionLeavesNothing(t *testing.T) {
	for _, watches := range []int{0, 1, 3, 4, 5, 100, 5_000, 40_000} {
		table, all := watch.NewTable(), paths(watches)
		table.Add("/kept", watch.Any, 9)
		for range 2 {
			for i, path := range all {
				table.Add(path, watch.Data, 8)
				table.Add(path, watch.Persistent, 9)
				if i%3 == 0 {
					table.Trigger(nil, path, wire.EventDataChanged)
				}
			}
			table.RemoveWatcher(8)
			if got, want := table.Summary(watch.Any), (watch.Summary{Watchers: 1, Paths: watches + 1, Watches: watches + 1}); got != want {
				t.Fatalf("%d watches: left %+v, want %+v", watches, got, want)
			}
			if err := table.Check(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Connections set and drop watches from their own goroutines while another fires: no watch is lost and none is invented.
func TestConnectionsAndTriggerRunTogether(t *testing.T) {
	const connections, rounds = 8, 3000
	table, all := watch.NewTable(), paths(50)
	fired := make([][]int, connections) // by watcher and path; only the firing goroutine writes
	for w := range fired {
		fired[w] = make([]int, len(all))
	}
	set := make([][]int, connections)
	var running, firing sync.WaitGroup
	for w := range watch.Watcher(connections) {
		set[w] = make([]int, len(all))
		running.Add(1)
		go func() {
			defer running.Done()
			random := rand.New(rand.NewPCG(uint64(w), 1))
			for range rounds {
				i := random.IntN(len(all))
				if !table.Has(all[i], watch.Data, w) { // nobody else sets it, so it is new when it is added
					table.Add(all[i], watch.Data, w)
					set[w][i]++
				}
				other := all[random.IntN(len(all))] // child watches come and go without counting
				table.Add(other, watch.Child, w)
				table.Remove(other, watch.Child, w)
				table.Add("/app", watch.Recursive, w+100)
				table.RemoveWatcher(w + 100)
			}
		}()
	}
	stop := make(chan struct{})
	firing.Add(1)
	go func() {
		defer firing.Done()
		var dst []watch.Watcher
		fire := func() {
			for i, path := range all {
				dst = table.Trigger(dst[:0], path, wire.EventDataChanged)
				for _, w := range dst {
					if w < 100 {
						fired[w][i]++
					}
				}
			}
		}
		for {
			select {
			case <-stop:
				fire()
				return
			default:
				fire()
				table.Count()
			}
		}
	}()
	running.Wait()
	close(stop)
	firing.Wait()
	for w := range set {
		if !slices.Equal(set[w], fired[w]) {
			t.Errorf("watcher %d set %v, was told %v", w, set[w], fired[w])
		}
	}
	if n := table.Count(); n != 0 {
		t.Errorf("%d watches left", n)
	}
}
