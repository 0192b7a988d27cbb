// Package engine runs one server without its network: the loops around the mind (package replica), the reads, and the
// connections as far as they are protocol.
//
//	event loop k                core loop               commit loop            apply loop
//	────────────                ─────────               ───────────            ──────────
//	Conn cuts frames   inbox    Replica.Submit  commit  one frame and   inbox
//	reads: at once ────────►    prepare,        Queue   one sync per ────────► Replica.Persisted
//	writes: batched             propose    ──────────►  group                  │ Committed
//	    ▲                                                                      ▼
//	    │  outbox: events and replies in order, one wake-up per batch    Applier.Apply: tree, sessions,
//	    └──────────────────────────────────────────────────────────────  watches, replies encoded
//
// Each arrow is one hand-over per batch: whoever brings something takes a lock once, and wakes the other side if it
// sleeps. What queues up while a loop is busy is its next batch; there is no timer in the path of a write. The core loop
// and the apply loop are whoever holds their mutex: who brings only a little to one that sleeps does its round himself, so
// that a lone write wakes two threads on its way, not five (bringToCore, bringToApply).
//
// What clients may rely on, and where it is kept:
//
//   - An acknowledged write is on disk. The replica says Committed only for what Persisted has reported (commit.go).
//   - The replies of a session come in the order of its requests. Writes are handed over in order and answered in zxid
//     order; a read waits until no write of its connection is in flight (conn.go).
//   - An event comes before every reply that shows the change, or a zxid that includes it, and behind the reply of the
//     read that set the watch. The apply loop pushes events to the loops' boxes while the changed shards are locked; a
//     read notes under the same lock how far its loop's box was filled, and its reply goes exactly there (outbox.go,
//     Conn.settle).
//   - A multi becomes visible in one step: all its shards stay locked from its first change to its last (package replica).
//   - Nothing grows without a bound: see the constants in conn.go and Options.MaxOutstanding.
//
// A single server is an ensemble of one: zab elects it, and commits with a quorum of one, by the same code as any other.
//
// For callers: Open, NewLoop for each event loop, Start, wait for Ready; then Loop.Open, Loop.Traffic and Loop.Closed for
// each connection, Loop.Turn after each wake-up and Loop.Tick some times a second, all on the loop's own goroutine; at
// the end Drain, stop the event loops, Close. When Failed is closed, end the process.
//
// Read next: conn.go and request.go (what happens to a request), apply.go (what happens to a transaction), recover.go
// (what happens at start), then package replica.
package engine
