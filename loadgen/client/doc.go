// Package client is a ZooKeeper client made for load: thousands of sessions with many requests in flight each, from a
// single goroutine and without an allocation per request. It speaks to any ZooKeeper-compatible server. Linux only.
//
//	owner's goroutine                                              server
//	─────────────────                                              ──────
//	out := conn.Begin(op)     header into the session's buffer
//	out = request.Append(out) record behind it
//	conn.Commit(out)          in flight: a slot in the ring
//	loop.Turn(until) ───────► one write per session ─────────────► requests
//	      │                                                           │
//	      ├─ epoll: who has news? ◄───────────────────────────────────┘
//	      ├─ one read per session, every whole frame in it:
//	      │     reply ──► must be the ring's oldest ──► Handler.Reply ──► may Begin the next one
//	      │     event ──────────────────────────────► Handler.Event
//	      └─ what is due by time: connect, ping, give up
//
// A Loop drives its sessions over one epoll instance and has no goroutine of its own; a program uses a handful of them,
// each turned by one goroutine. Client is the plain face over the same machinery: one session, methods that wait.
//
// Promises:
//   - Every committed request gets exactly one Reply, in the order of sending; a reply out of order ends the connection.
//   - A lost connection is made again, at the next server, with the same session; requests in flight get
//     wire.ConnectionLoss, and nothing is sent twice.
//   - Idle sessions ping; a server that is silent for two thirds of the session timeout is left.
//   - Nothing is allocated per request once the buffers have grown to their size.
//   - Pending.Sent is read just before the write call that carries the request, Loop.Now just after the read call that
//     brought the reply: what lies between is the service time, with nothing of the caller's in it.
//
// Rules for callers: everything of a Loop and its Conns belongs to the goroutine that turns it, except Wake. Bodies and paths
// given to a Handler alias the read buffer. A session takes no request unless it has Room. Watches are not set again after
// a reconnect: Ready tells when to.
//
// Read loop.go first, then conn.go (the life of a request) and handshake.go (the life of a connection).
package client
