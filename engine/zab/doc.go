// Package zab is the core of the atomic broadcast: it elects a leader, brings the others to the leader's history, and puts
// proposals of opaque bytes into one order that every server of the ensemble applies, by ZooKeeper's protocol. It is pure: no
// goroutine, clock, socket, file or random source of its own. An ensemble of one goes through the same code.
//
//	                             ┌───────────── link lost, silence, quorum lost, elected in vain ─────────────┐
//	                             ▼                                                                            │
//	               LOOKING / election ──elected──► discovery ──epoch agreed──► synchronization ──level──► broadcast
//	                 votes for the                  a quorum promises           a quorum has the            proposals,
//	                 best log known                 to follow no older          leader's history            acks, commits
//	                                                leader any more             on its disks                   │
//	                                                     ▲                                                     │
//	                                                     └──── hand-over: another leader, no election ─────────┘
//
//	LEADING     waits for a quorum at each arrow, its own disk being one vote
//	FOLLOWING   goes the same way by itself, with its leader
//	OBSERVING   the same without a vote; is taught committed history only
//
// # Promises
//
// Every server delivers the same entries in the same order, without a gap (PrefixConsistency, TotalOrder, Agreement); only
// what a leader proposed (Integrity), in the order it was proposed (LocalPrimaryOrder), epoch after epoch (GlobalPrimaryOrder);
// an epoch has one leader (Leadership1, Leadership2), who has all that was ever committed before it proposes anything
// (PrimaryIntegrity). What is delivered is on the disks of a quorum at that moment and stays there. Messages that cannot be are
// refused with an error and change nothing else. What a core does depends on its inputs alone, in their order.
//
// # Duties of the caller
//
// Call inputs (Tick, Step, LinkUp, LinkDown, VoterReachable, Propose, Persisted, …) as things happen, one at a time, and Ready
// after them, as often or seldom as suits; everything that came in between is one batch. With each Ready:
//
//  1. The disk is a queue. Truncate, Install, Entries and Epochs of a Ready are done in this order, behind those of earlier
//     Readys, and each is answered when it is durable, in the same order: Truncated, Restored or RestoreFailed, Persisted,
//     EpochsPersisted. A failed sync is never answered: the server ends.
//  2. Send Messages at once, in order; no message waits for the disk. What speaks of durability comes in a later Ready, when it
//     is true. A link is a reliable ordered stream until it breaks; after LinkDown nothing more of it may come in.
//  3. Apply Committed in order; it may be ahead of this server's own disk, never of a quorum's. Deliver each of Apps when everything up to its After is applied.
//  4. State is news from the moment Committed of the same Ready is applied: only then does phase Broadcast mean that clients
//     may be served. In any other phase serve nobody.
//  5. Cutting the log may mean going back: a server that has restarted has applied its whole log, committed or not. If what it
//     has applied goes beyond TruncateAfter, it rebuilds its state from its snapshot and what is left of the log.
//  6. Snapshot only in phase Broadcast, only what is applied and durable in the own log too, and keep the log gap-free behind
//     the oldest snapshot that Durable.SnapshotZxid names.
//  7. A snapshot for a learner (SendSnap): take one that is not older than asked, call SnapshotTaken, stream the body right
//     behind the Snap message, call SnapshotSent. A snapshot from a leader: Step the Snap message, call Ready, and do not read
//     on from that link until Install is answered.
//  8. Answer every order (Dial, SendSnap, Reads, PingDue) at some time, or break its link.
//  9. After a restart say in Durable what the disk says, no more and no less.
//
// # Extended and plain links
//
// Servers of this kind notice each other by the flag Extended in FollowerInfo and LeaderInfo. Between them an Ack covers a
// prefix, commits ride on proposals, a learner may be cut back with Trunc, and leadership is handed over. On a link to an Apache
// ZooKeeper server everything is packet by packet as there, and what some of its versions cannot digest is avoided. The transport turns a
// Message into packets and back (see Message); the core knows no bytes.
//
// # Reading on
//
// ready.go and message.go are what goes out, core.go what comes in. Then by phase, the leader's half before the learner's:
// election.go, discovery.go, synchronization.go and synchronization_learner.go, broadcast.go, handover.go. quorum.go decides
// who is enough, history.go keeps the entries, learner.go a leader's picture of the others. The files in testdata are stories of
// whole ensembles; incidents_test.go plays what went wrong in ZooKeeper; sim_test.go runs random worlds, and mutation_test.go
// shows that they would notice a broken rule.
package zab
