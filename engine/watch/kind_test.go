package watch_test

import (
	"testing"

	"bellwether/engine/watch"
)

// The watcher types of removeWatches and checkWatches name the kinds that the protocol says, and no others exist.
func TestWatcherTypes(t *testing.T) {
	want := map[int32]watch.Kind{1: watch.Child, 2: watch.Data, 3: watch.Any, 4: watch.Persistent, 5: watch.Recursive}
	for watcherType := int32(-2); watcherType < 9; watcherType++ {
		kinds, known := watch.KindsOfType(watcherType)
		if kinds != want[watcherType] || known != (want[watcherType] != 0) {
			t.Errorf("type %d names %04b, %v; want %04b", watcherType, kinds, known, want[watcherType])
		}
	}
}

// addWatch has two modes.
func TestAddWatchModes(t *testing.T) {
	want := map[int32]watch.Kind{0: watch.Persistent, 1: watch.Recursive}
	for mode := int32(-2); mode < 4; mode++ {
		kind, known := watch.KindOfMode(mode)
		if kind != want[mode] || known != (want[mode] != 0) {
			t.Errorf("mode %d sets %04b, %v; want %04b", mode, kind, known, want[mode])
		}
	}
}

// removeWatches takes away exactly the kinds of its type, on exactly its path, of its own connection, and says whether
// there was any; checkWatches finds exactly what removeWatches would take.
func TestRemoveTakesExactlyWhatItNames(t *testing.T) {
	const mine, other = 1, 2
	for watcherType := int32(1); watcherType <= 5; watcherType++ {
		named, _ := watch.KindsOfType(watcherType)
		for set := watch.Kind(0); set <= watch.Any; set++ {
			table := watch.NewTable()
			table.Add("/a/n", watch.Any, other)
			table.Add("/a", watch.Any, mine)
			if set != 0 {
				table.Add("/a/n", set, mine)
			}
			want := set&named != 0
			if has := table.Has("/a/n", named, mine); has != want {
				t.Errorf("type %d, %04b set: Has says %v", watcherType, set, has)
			}
			if removed := table.Remove("/a/n", named, mine); removed != want {
				t.Errorf("type %d, %04b set: Remove says %v", watcherType, set, removed)
			}
			for _, kind := range kindsIn(watch.Any) {
				if has, want := table.Has("/a/n", kind, mine), set&^named&kind != 0; has != want {
					t.Errorf("type %d, %04b set: afterwards Has(%04b) says %v", watcherType, set, kind, has)
				}
				if !table.Has("/a/n", kind, other) || !table.Has("/a", kind, mine) {
					t.Errorf("type %d, %04b set: took another connection's or path's %04b", watcherType, set, kind)
				}
			}
		}
	}
}

// A standard watch that has fired cannot be removed any more.
func TestRemoveAfterFiringFindsNothing(t *testing.T) {
	table := watch.NewTable()
	table.Add("/a", watch.Data, 1)
	happen(table, "changed", "/a")
	if table.Remove("/a", watch.Any, 1) {
		t.Error("removed a watch that had fired")
	}
}
