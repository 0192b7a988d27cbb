// Package session holds what a server knows about client sessions: their ids and passwords, which of them live, and
// when the silent ones expire. It knows nothing of connections.
//
//	  connect                   every server                            the leader
//	┌───────────┐       ┌─────────────────────────┐        ┌──────────────────────────────────┐
//	│ IDs       │ txns  │ Table  id → timeout     │  Reset │ Tracker   buckets by deadline    │
//	│ Password  │ ────► │ the replicated truth    │ ─────► │ ┌─────────┬─────────┬─────────┐  │
//	│ Negotiate │       │ changed by applied txns │        │ │ 12000   │ 14000   │ 16000   │  │
//	└───────────┘       └─────────────────────────┘        │ │ a c f   │ b d     │ e       │  │
//	                                                       │ └────┬────┴─────────┴─────────┘  │
//	                                                       │      │ due: heard since? ──yes──►│ a later bucket
//	                                                       │      └──no──► expired, closing   │
//	                                                       └──────────────────────────────────┘
//
// The life of a session: a server makes an id (IDs), the createSession transaction is applied and adds it to every
// server's Table, the leader's Tracker waits for its deadline; whatever ends it, a client's close or the Tracker's
// verdict, becomes a closeSession transaction, and applying that removes it from Table and Tracker.
//
// # Promises
//
//   - Password and the layout of ids are ZooKeeper's, so sessions move between its servers and these.
//   - A session is declared expired once, not before its timeout has passed since it was last heard, and not later than
//     one tick after that (when Expire is called at every NextDeadline).
//   - The order in which sessions expire depends on nothing but the calls made: by deadline, then by id.
//   - The cost of a request to expiry is nothing: no call is needed, see Tracker.Expire. The cost of a tick is that of
//     the sessions due in it, never of all sessions.
//   - Equal tables have equal snapshots, and Load accepts nothing else.
//
// # The snapshot of a Table
//
// Integers are big-endian; sessions come by ascending (signed) id.
//
//	┌─────────┬──────────────┬──── count times ─────┬─ … ─┐
//	│ version │ count        │ id       │ timeout   │     │
//	│ 1 byte  │ 8 bytes      │ 8 bytes  │ 4 bytes   │     │
//	│ = 1     │              │          │ ms        │     │
//	└─────────┴──────────────┴──────────┴───────────┴─────┘
//
// # Rules for callers
//
// Table is changed by the goroutine that applies transactions and read by all. Tracker belongs to one goroutine, and
// its times all come from one clock that never goes back; 0 is its earliest time. IDs may be shared.
//
// Read next: table.go, then tracker.go; engine/replica uses both.
package session
