// Package watch knows which connections wait for which paths, and who is to be told when a znode changes. It is about
// connections, not sessions: a client that reconnects sets its watches again (see List.CatchUp).
//
//	 event loops                                                                apply loop
//	Add, Remove, Has                                                             Trigger
//	     │    ┌──────────────────────── Table ────────────────────────────┐        │
//	     │    │ 256 shards by xxhash of the path, a lock each             │        │
//	     ├───►│   path ──► its place ──► who: one watcher and its kinds   │◄───────┤ (event, path)
//	     │    │                          or a set: sorted cells,          │        ▼
//	     │    │                          or eight watchers in two cells   │   watchers, ascending
//	     │    ├───────────────────────────────────────────────────────────┤
//	     └───►│   watcher ──► refs (shard, place) of the paths it watches │
//	RemoveWatcher          a superset, cleaned lazily; no lock            │
//	          └───────────────────────────────────────────────────────────┘
//
// # Who hears what
//
// A change to a znode is notified as Trigger(its path, NodeCreated, NodeDeleted or NodeDataChanged) and, when a child
// came or went, Trigger(the parent's path, NodeChildrenChanged), in this order. Changing an ACL or a quota's statistics
// notifies nobody.
//
//	Trigger(path, …)       Data     Child    Persistent  Recursive  Recursive
//	                       on path  on path  on path     on path    on an ancestor
//	NodeCreated            fires    –        hears       hears      hears
//	NodeDataChanged        fires    –        hears       hears      hears
//	NodeDeleted            fires    fires    hears       hears      hears
//	NodeChildrenChanged    –        fires    hears       –          –
//
// A watch that fires is used up; one that hears stays. A watcher is named once a call, however many of its watches hear: one
// frame for each connection, change, path and type. In ZooKeeper's terms the data table holds Data, Persistent and Recursive
// watches and is asked about the first three events, the child table holds Child and Persistent and is asked about the
// last two. The cells are tests: matrix_test.go.
//
// # Promises
//
//   - Trigger names watchers by ascending number: the same calls give the same answers.
//   - No call blocks, calls out or keeps the path it was given. Where many paths were watched at once, growing costs up to
//     a millisecond now and then.
//   - With nothing watched Trigger is one atomic load. In a steady state neither Add nor Trigger allocates.
//   - A watch costs at most 64 bytes on a path of its own (of up to 24 bytes), 16 where many watch the same paths.
//
// # Rules for callers
//
// Add and RemoveWatcher that name one watcher come from one goroutine at a time: the event loop of its connection. All
// else may be called by any goroutine at any time. That a read and its Add are one step against the change and its
// Trigger is the caller's doing, who holds the znode's lock around either; shards' locks are leaves below it. The caller also
// sees to READ permission: whoever lacks it is not sent the event, though its one-shot watch is gone.
//
// Read next: kind.go, table.go, shard.go, then set.go and reverse.go for the two directions.
package watch
