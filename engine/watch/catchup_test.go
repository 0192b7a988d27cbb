package watch_test

import (
	"testing"

	"bellwether/engine/watch"
	"bellwether/engine/wire"
)

// A client that comes back is told of each change it missed, and waits again for what it did not miss.
func TestCatchUp(t *testing.T) {
	const seen = 10
	cases := []struct {
		name         string
		list         watch.List
		exists       bool
		mzxid, pzxid int64
		event        wire.EventType
		register     watch.Kind
	}{
		{"data: gone", watch.DataList, false, 0, 0, wire.EventDeleted, 0},
		{"data: changed since", watch.DataList, true, 11, 3, wire.EventDataChanged, 0},
		{"data: last changed by what it saw last", watch.DataList, true, 10, 3, 0, watch.Data},
		{"data: only children changed since", watch.DataList, true, 3, 11, 0, watch.Data},
		{"exist: there now", watch.ExistList, true, 11, 11, wire.EventCreated, 0},
		{"exist: was there long before", watch.ExistList, true, 1, 1, wire.EventCreated, 0},
		{"exist: still missing", watch.ExistList, false, 0, 0, 0, watch.Data},
		{"child: gone", watch.ChildList, false, 0, 0, wire.EventDeleted, 0},
		{"child: children changed since", watch.ChildList, true, 3, 11, wire.EventChildrenChanged, 0},
		{"child: last changed by what it saw last", watch.ChildList, true, 3, 10, 0, watch.Child},
		{"child: only data changed since", watch.ChildList, true, 11, 3, 0, watch.Child},
		{"persistent: changed since", watch.PersistentList, true, 11, 11, 0, watch.Persistent},
		{"persistent: gone", watch.PersistentList, false, 0, 0, 0, watch.Persistent},
		{"recursive: changed since", watch.RecursiveList, true, 11, 11, 0, watch.Recursive},
		{"recursive: gone", watch.RecursiveList, false, 0, 0, 0, watch.Recursive},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			event, register := c.list.CatchUp(c.exists, c.mzxid, c.pzxid, seen)
			if event != c.event || register != c.register {
				t.Errorf("event %d, register %04b; want %d, %04b", event, register, c.event, c.register)
			}
		})
	}
}
