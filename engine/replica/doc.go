// Package replica is the mind of a server: it turns requests into transactions, has package zab order them, and applies
// them to the tree. It is pure: no goroutine, no clock, no file, no socket, so that one seed replays one history.
//
//	               Replica (one goroutine)                          Applier (another one)
//	Submit ──► prepare: check against tree + pending ──► zab.Propose      Apply ──► tree, session table
//	           changes, write the transaction                ▲     │        ▲       Observer.Changed: watches
//	Persisted, Tick, Step ───────────────────────────────────┘     ▼        │       reply bytes
//	                                             Ready: Entries ─► disk     │
//	                                                    Committed ──────────┘
//	                                                    Awaited: who waits for which answer
//
// A transaction is what has come of a request, checked and final: the name of a sequential znode, the new version, the
// paths that a closing session owned. Its bytes are those of Apache ZooKeeper, header and body (quorum-and-storage §4);
// they are written once and stand unchanged in the log and in proposals. A request that fails its checks becomes an error
// transaction with a zxid of its own, so that refusals keep their place in the order, too.
//
// Prepare runs ahead of the tree: what proposed transactions will have changed stands in a table of pending changes, and
// overrules the tree until they are applied.
//
// Promises: applying the same transactions in the same order gives the same tree on every server, also when some of them
// were applied before (a snapshot was newer); every request that Submit takes is answered exactly once.
//
// Read next: replica.go, prepare.go, apply.go; the rules of each operation are in prepare_*.go.
package replica
