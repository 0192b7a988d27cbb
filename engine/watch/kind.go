package watch

import "bellwether/engine/wire"

// Watcher names one client connection by a small number, at most MaxWatcher. Whoever hands the numbers out uses one again
// only after RemoveWatcher, and prefers low ones, if in a range for each event loop: eight neighbours on one path take the
// space of two strangers.
type Watcher uint32

// MaxWatcher is the largest number a watcher may have.
const MaxWatcher Watcher = 1<<28 - 1

// Kind is a kind of watch, or a set of kinds. Every kind may stand on one path for one watcher at the same time.
type Kind uint8

const (
	// Data is the one-shot watch of getData and exists.
	Data Kind = 1 << iota
	// Child is the one-shot watch of getChildren.
	Child
	// Persistent is addWatch in mode 0: it hears what Data and Child hear, and stays.
	Persistent
	// Recursive is addWatch in mode 1: it hears of the creation, change and deletion of its znode and of all below it,
	// never of changed children, and stays.
	Recursive

	// Any is all kinds.
	Any = Data | Child | Persistent | Recursive
)

// The two tables in which ZooKeeper keeps watches, as the kinds that stand in each. Numbers shown to operators count by
// table: a persistent watch is in both.
const (
	DataTable  = Data | Persistent | Recursive
	ChildTable = Child | Persistent
)

// KindsOfType returns the kinds that a watcher type of removeWatches and checkWatches names (1 children, 2 data,
// 3 any, 4 persistent, 5 recursive), and whether there is such a type.
func KindsOfType(watcherType int32) (Kind, bool) {
	kinds := [...]Kind{1: Child, 2: Data, 3: Any, 4: Persistent, 5: Recursive}
	if watcherType < 1 || int(watcherType) >= len(kinds) {
		return 0, false
	}
	return kinds[watcherType], true
}

// KindOfMode returns the kind that a mode of addWatch sets (0 persistent, 1 recursive), and whether there is such a mode.
func KindOfMode(mode int32) (Kind, bool) {
	switch mode {
	case 0:
		return Persistent, true
	case 1:
		return Recursive, true
	}
	return 0, false
}

// hears returns the kinds that hear an event on the very path they stand on. It is the trigger matrix: doc.go draws it,
// and matrix_test.go has a case for every cell.
func hears(event wire.EventType) Kind {
	switch event {
	case wire.EventCreated, wire.EventDataChanged:
		return Data | Persistent | Recursive
	case wire.EventDeleted:
		return Data | Child | Persistent | Recursive
	case wire.EventChildrenChanged:
		return Child | Persistent
	}
	return 0
}

// oneShot is the kinds that are used up by the event they hear.
const oneShot = Data | Child
