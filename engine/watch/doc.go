// Package watch knows which connections wait for which paths, and who is to be told when a znode changes.
//
// # What an event is heard by
//
// A change to a znode is notified as Trigger(its path, NodeCreated, NodeDeleted or NodeDataChanged) and, when a child
// came or went, Trigger(the parent's path, NodeChildrenChanged), in this order. Changing an ACL notifies nobody.
//
//	Trigger(path, …)       Data    Child   Persistent  Recursive  Recursive
//	                       on path on path on path     on path    on an ancestor
//	NodeCreated            fires   –       hears       hears      hears
//	NodeDeleted            fires   fires   hears       hears      hears
//	NodeDataChanged        fires   –       hears       hears      hears
//	NodeChildrenChanged    –       fires   hears       –          –
//
// One that fires is used up; one that hears stays. A watcher is named once however many of its watches hear.
//
// # Rules for callers
//
// All calls that name one watcher (Add, Remove, Has, RemoveWatcher) come from one goroutine at a time: the event loop of
// its connection. Trigger, Count and the walks: any goroutine. No call blocks, and none calls out.
package watch
