package watch_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"bellwether/engine/watch"
	"bellwether/engine/wire"
)

// happen notifies a table of one change as the package asks of its callers and returns the frames that go out to each
// watcher, in order, as "NodeCreated(/a)".
func happen(table *watch.Table, change, znode string) map[watch.Watcher][]string {
	frames := make(map[watch.Watcher][]string)
	trigger := func(path string, event wire.EventType) {
		for _, w := range table.Trigger(nil, path, event) {
			frames[w] = append(frames[w], fmt.Sprintf("%v(%s)", event, path))
		}
	}
	switch change {
	case "created":
		trigger(znode, wire.EventCreated)
		trigger(path.Dir(znode), wire.EventChildrenChanged)
	case "deleted":
		trigger(znode, wire.EventDeleted)
		trigger(path.Dir(znode), wire.EventChildrenChanged)
	case "changed":
		trigger(znode, wire.EventDataChanged)
	case "given another ACL": // notifies nobody
	default:
		panic(change)
	}
	return frames
}

const used, stays = true, false

// Every cell of the trigger matrix: what a watch on /a/n hears of a change, and what becomes of it.
func TestTriggerMatrix(t *testing.T) {
	rows := []struct {
		znode, change string
		kind          watch.Kind
		on            string
		hears         string // empty: nothing
		after         bool   // used or stays
		why           string
	}{
		{"/a/n", "created", watch.Data, "/a/n", "NodeCreated(/a/n)", used, "exists watches a znode that is not there, for this"},
		{"/a/n", "created", watch.Child, "/a/n", "", stays, "the child table is not asked about creation; such a watch cannot exist, as getChildren needs the znode"},
		{"/a/n", "created", watch.Persistent, "/a/n", "NodeCreated(/a/n)", stays, "addWatch needs no znode, and it stands in the data table"},
		{"/a/n", "created", watch.Recursive, "/a/n", "NodeCreated(/a/n)", stays, "a recursive watch includes its own path"},
		{"/a/n", "created", watch.Recursive, "/a", "NodeCreated(/a/n)", stays, "recursive from the parent, with the path of the change"},
		{"/a/n", "created", watch.Recursive, "/", "NodeCreated(/a/n)", stays, "the root is above everything"},

		{"/a/n", "changed", watch.Data, "/a/n", "NodeDataChanged(/a/n)", used, "what getData watches for"},
		{"/a/n", "changed", watch.Child, "/a/n", "", stays, "data is not children"},
		{"/a/n", "changed", watch.Persistent, "/a/n", "NodeDataChanged(/a/n)", stays, "persistent hears what data watches hear"},
		{"/a/n", "changed", watch.Recursive, "/a/n", "NodeDataChanged(/a/n)", stays, "a recursive watch includes its own path"},
		{"/a/n", "changed", watch.Recursive, "/a", "NodeDataChanged(/a/n)", stays, "recursive from the parent"},
		{"/a/n", "changed", watch.Recursive, "/", "NodeDataChanged(/a/n)", stays, "the root is above everything"},

		{"/a/n", "deleted", watch.Data, "/a/n", "NodeDeleted(/a/n)", used, "the data table is asked"},
		{"/a/n", "deleted", watch.Child, "/a/n", "NodeDeleted(/a/n)", used, "and then the child table"},
		{"/a/n", "deleted", watch.Persistent, "/a/n", "NodeDeleted(/a/n)", stays, "it stands in both tables and is told once"},
		{"/a/n", "deleted", watch.Recursive, "/a/n", "NodeDeleted(/a/n)", stays, "a recursive watch includes its own path and survives it"},
		{"/a/n", "deleted", watch.Recursive, "/a", "NodeDeleted(/a/n)", stays, "recursive from the parent; no NodeChildrenChanged beside it"},
		{"/a/n", "deleted", watch.Recursive, "/", "NodeDeleted(/a/n)", stays, "the root is above everything"},

		{"/a/n", "given another ACL", watch.Data, "/a/n", "", stays, "an ACL is not data"},
		{"/a/n", "given another ACL", watch.Child, "/a/n", "", stays, "nor children"},
		{"/a/n", "given another ACL", watch.Persistent, "/a/n", "", stays, "nobody hears it"},
		{"/a/n", "given another ACL", watch.Recursive, "/a/n", "", stays, "nobody hears it"},
		{"/a/n", "given another ACL", watch.Recursive, "/a", "", stays, "nobody hears it"},

		{"/a/n/c", "created", watch.Data, "/a/n", "", stays, "a new child changes no data"},
		{"/a/n/c", "created", watch.Child, "/a/n", "NodeChildrenChanged(/a/n)", used, "what getChildren watches for"},
		{"/a/n/c", "created", watch.Persistent, "/a/n", "NodeChildrenChanged(/a/n)", stays, "persistent hears what child watches hear"},
		{"/a/n/c", "created", watch.Recursive, "/a/n", "NodeCreated(/a/n/c)", stays, "recursive hears of the child itself, never NodeChildrenChanged"},
		{"/a/n/c", "created", watch.Recursive, "/a", "NodeCreated(/a/n/c)", stays, "at any depth"},

		{"/a/n/c", "deleted", watch.Data, "/a/n", "", stays, "a lost child changes no data"},
		{"/a/n/c", "deleted", watch.Child, "/a/n", "NodeChildrenChanged(/a/n)", used, "what getChildren watches for"},
		{"/a/n/c", "deleted", watch.Persistent, "/a/n", "NodeChildrenChanged(/a/n)", stays, "persistent hears what child watches hear"},
		{"/a/n/c", "deleted", watch.Recursive, "/a/n", "NodeDeleted(/a/n/c)", stays, "recursive hears of the child itself, never NodeChildrenChanged"},
		{"/a/n/c", "deleted", watch.Recursive, "/a", "NodeDeleted(/a/n/c)", stays, "at any depth"},

		{"/a/n/c", "changed", watch.Data, "/a/n", "", stays, "the child's data is not the parent's"},
		{"/a/n/c", "changed", watch.Child, "/a/n", "", stays, "which children there are has not changed"},
		{"/a/n/c", "changed", watch.Persistent, "/a/n", "", stays, "persistent is not recursive"},
		{"/a/n/c", "changed", watch.Recursive, "/a/n", "NodeDataChanged(/a/n/c)", stays, "with the child's path"},
		{"/a/n/c", "changed", watch.Recursive, "/a", "NodeDataChanged(/a/n/c)", stays, "at any depth"},

		{"/a/n/c/g", "created", watch.Data, "/a/n", "", stays, "too far below"},
		{"/a/n/c/g", "created", watch.Child, "/a/n", "", stays, "a grandchild is no child"},
		{"/a/n/c/g", "created", watch.Persistent, "/a/n", "", stays, "persistent is not recursive"},
		{"/a/n/c/g", "created", watch.Recursive, "/a/n", "NodeCreated(/a/n/c/g)", stays, "with the grandchild's path"},
		{"/a/n/c/g", "changed", watch.Data, "/a/n", "", stays, "too far below"},
		{"/a/n/c/g", "changed", watch.Child, "/a/n", "", stays, "too far below"},
		{"/a/n/c/g", "changed", watch.Persistent, "/a/n", "", stays, "persistent is not recursive"},
		{"/a/n/c/g", "changed", watch.Recursive, "/a/n", "NodeDataChanged(/a/n/c/g)", stays, "with the grandchild's path"},
		{"/a/n/c/g", "deleted", watch.Data, "/a/n", "", stays, "too far below"},
		{"/a/n/c/g", "deleted", watch.Child, "/a/n", "", stays, "a grandchild is no child"},
		{"/a/n/c/g", "deleted", watch.Persistent, "/a/n", "", stays, "persistent is not recursive"},
		{"/a/n/c/g", "deleted", watch.Recursive, "/a/n", "NodeDeleted(/a/n/c/g)", stays, "with the grandchild's path"},

		{"/a/n2", "changed", watch.Recursive, "/a/n", "", stays, "a name that begins alike is no descendant"},
		{"/a", "deleted", watch.Recursive, "/a/n", "", stays, "recursive looks down, not up"},
		{"/n", "created", watch.Child, "/", "NodeChildrenChanged(/)", used, "the root has children like any other"},
		{"/", "changed", watch.Recursive, "/", "NodeDataChanged(/)", stays, "the root is told of itself, once"},
	}
	for _, row := range rows {
		name := fmt.Sprintf("%s %s/%s on %s", row.znode, row.change, kindName(row.kind), row.on)
		t.Run(name, func(t *testing.T) {
			table := watch.NewTable()
			table.Add(row.on, row.kind, 3)
			got := strings.Join(happen(table, row.change, row.znode)[3], " ")
			if got != row.hears {
				t.Errorf("hears %q, want %q: %s", got, row.hears, row.why)
			}
			if has := table.Has(row.on, row.kind, 3); has == row.after {
				t.Errorf("still set: %v, want %v", has, !row.after)
			}
		})
	}
}

func kindName(kind watch.Kind) string {
	return map[watch.Kind]string{watch.Data: "data", watch.Child: "child", watch.Persistent: "persistent", watch.Recursive: "recursive"}[kind]
}

// However many watches of a connection hear one change, it gets one frame for each type and path.
func TestOneFramePerConnectionPathAndType(t *testing.T) {
	type set struct {
		path  string
		kinds watch.Kind
	}
	cases := []struct {
		name          string
		set           []set
		change, znode string
		frames        []string
	}{
		{"data and child watch on a deleted znode", []set{{"/a/n", watch.Data | watch.Child}}, "deleted", "/a/n",
			[]string{"NodeDeleted(/a/n)"}},
		{"persistent watch on a deleted znode stands in both tables", []set{{"/a/n", watch.Persistent}}, "deleted", "/a/n",
			[]string{"NodeDeleted(/a/n)"}},
		{"every kind on the znode and recursive on its ancestors", []set{{"/a/n", watch.Any}, {"/a", watch.Recursive}, {"/", watch.Recursive}}, "changed", "/a/n",
			[]string{"NodeDataChanged(/a/n)"}},
		{"child and persistent watch on the parent", []set{{"/a", watch.Child | watch.Persistent}}, "created", "/a/n",
			[]string{"NodeChildrenChanged(/a)"}},
		{"recursive and child watch on the parent: two types, two frames", []set{{"/a", watch.Recursive | watch.Child}}, "created", "/a/n",
			[]string{"NodeCreated(/a/n)", "NodeChildrenChanged(/a)"}},
		{"recursive and persistent watch on the parent: two types, two frames", []set{{"/a", watch.Recursive | watch.Persistent}}, "deleted", "/a/n",
			[]string{"NodeDeleted(/a/n)", "NodeChildrenChanged(/a)"}},
		{"watches on the znode and on its parent: two paths, two frames", []set{{"/a/n", watch.Data}, {"/a", watch.Child}}, "deleted", "/a/n",
			[]string{"NodeDeleted(/a/n)", "NodeChildrenChanged(/a)"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			table := watch.NewTable()
			for _, s := range c.set {
				table.Add(s.path, s.kinds, 1)
			}
			if got := happen(table, c.change, c.znode)[1]; !slices.Equal(got, c.frames) {
				t.Fatalf("frames %q, want %q", got, c.frames)
			}
		})
	}
}

// Two creates in one multi are two changes: a watch that stays hears both, a one-shot watch the first.
func TestEachChangeIsItsOwn(t *testing.T) {
	table := watch.NewTable()
	table.Add("/a", watch.Persistent, 1)
	table.Add("/a", watch.Child, 2)
	first, second := happen(table, "created", "/a/x"), happen(table, "created", "/a/y")
	if len(first[1]) != 1 || len(second[1]) != 1 {
		t.Errorf("persistent watch heard %q, then %q; want one frame each", first[1], second[1])
	}
	if len(first[2]) != 1 || len(second[2]) != 0 {
		t.Errorf("child watch heard %q, then %q; want one frame, then none", first[2], second[2])
	}
}

// Watchers come by ascending number, behind what dst held already, wherever their watches stand.
func TestWatchersComeInOrder(t *testing.T) {
	table := watch.NewTable()
	table.Add("/a/b/c", watch.Data, 9)
	table.Add("/a/b/c", watch.Persistent, 2)
	table.Add("/a/b", watch.Recursive, 5)
	table.Add("/a/b", watch.Recursive, 9)
	table.Add("/a", watch.Recursive, 1)
	table.Add("/", watch.Recursive, 12)
	got := table.Trigger([]watch.Watcher{100, 3}, "/a/b/c", wire.EventDataChanged)
	if want := []watch.Watcher{100, 3, 1, 2, 5, 9, 12}; !slices.Equal(got, want) {
		t.Fatalf("Trigger appended to get %v, want %v", got, want)
	}
}

// An event type that no change makes is heard by nobody.
func TestOtherEventsAreHeardByNobody(t *testing.T) {
	table := watch.NewTable()
	table.Add("/a", watch.Any, 1)
	for _, event := range []wire.EventType{wire.EventNone, 0, 5, 6, 7, 99} {
		if got := table.Trigger(nil, "/a", event); got != nil || !table.Has("/a", watch.Data, 1) {
			t.Errorf("event %d: told %v", event, got)
		}
	}
}
