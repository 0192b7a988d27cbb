// Package tree holds the znodes of a server: one writer changes them, any number of readers look at them meanwhile, and a
// snapshot of one moment can be written down while both go on.
//
//	path ──hash──► shard 0 … 63, each behind a read-write lock
//	               │
//	               ├─ index     open addressing: [ hash | handle ] [ hash | handle ] …
//	               │                                        │
//	               ├─ records   slots in chunks without     ▼
//	               │            pointers:     … [ head | path | data ] …        one run of bytes a znode
//	               │                              │
//	               ├─ names     slots as well:    ▼
//	               │            … [ name name name … ] …                        the children's names, in byte order,
//	               │                 ▲        ▲                                 encoded as replies have them
//	               └─ dirs      leaf │ leaf │ leaf …                            only of znodes with many children
//
//	for the whole tree: ACL lists, each kept once · owners: ephemerals by session, containers, TTL znodes ·
//	the zxid and the counts, atomic
//
// # Promises
//
//   - What a View shows is one state: Stat, data, ACL and children belong together. What the writer does between Lock and
//     Unlock becomes visible in one step to every View of the shards locked, and to a ViewAll over them as a whole.
//   - Zxid, called while a View is open, covers what the View shows.
//   - As long as a View is open, also of a znode that is missing, nothing in its shard changes: to read and to register a
//     watch meanwhile is one atomic step.
//   - Changes are transactions whose outcome is decided (see Create, Delete, SetData, SetACL); applied again, to a state that
//     holds them already, they end in the same state.
//   - A snapshot is the tree at one zxid, whatever is written meanwhile; its memory is that of the znodes which change.
//   - Reads, and writes in the steady state, allocate nothing. A znode takes at most 200 bytes above its name and data.
//     The collector sees a few pointers for some hundred znodes. What is freed is used again; a chunk that is empty goes
//     back.
//
// # Rules for callers
//
//   - One goroutine is the writer: Lock, the four changes, LockedView, SetZxid, Unlock, StartSnapshot, Check. It locks the
//     shards of every path it changes and of their parents: MaskFor.
//   - Any goroutine may read: View, ViewAll, Walk, Ephemerals and the counts. It has one View open at a time, or one Views
//     and what comes from it, and while it has, it waits for nothing. A second View in the same shard can wait for ever:
//     a writer may already be waiting between the two.
//   - What Data and AppendChildren alias or copy is said there: data is valid until Close. A list of ACL entries may be kept.
//   - The tree does not check permissions, versions, quotas or the legality of paths: who prepares transactions does.
//
// # Where to read next
//
// view.go for readers, write.go for the writer; then shard.go, node.go and blob.go, from the path to the bytes; children.go
// and dir.go; snapshot.go, record.go (the format, drawn) and load.go; owners.go and acl.go; check.go says what must be true
// of the whole. model_test.go is the truth that all of it is compared with.
package tree
