package engine

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"bellwether/engine/watch"
	"bellwether/engine/wire"
	"bellwether/wal"
)

// Metrics count what operators look for. All are only ever added to, by any goroutine.
type Metrics struct {
	badFrames      atomic.Int64 // connections closed for a frame that cannot be
	givenUp        atomic.Int64 // connections closed because the client did not read
	refusedAhead   atomic.Int64 // connects of clients that had seen more than this server
	snapshots      atomic.Int64
	snapshotErrors atomic.Int64
}

// Latency sums up how long writes took from being read to being answered.
type Latency struct {
	count, sumNs, minNs, maxNs atomic.Int64
}

// observe adds one write. Apply loop only.
func (l *Latency) observe(ns int64) {
	if n := l.count.Load(); n == 0 || ns < l.minNs.Load() {
		l.minNs.Store(ns)
	}
	if ns > l.maxNs.Load() {
		l.maxNs.Store(ns)
	}
	l.sumNs.Add(ns)
	l.count.Add(1)
}

// Status is what reports say of the server. It is a copy: nothing in it changes.
type Status struct {
	Serving     bool
	Zxid        int64
	Znodes      int64
	Ephemerals  int64
	DataBytes   int64 // of paths and data
	Sessions    int
	Watches     int
	WatchSums   watch.Summary // of the data table
	Connections int64
	Received    int64 // frames
	Sent        int64
	Reads       int64
	Outstanding int64 // requests handed over and not answered
	Writes      int64 // answered

	LatencyMin, LatencyMax time.Duration // of writes
	LatencySum             time.Duration

	BadFrames, GivenUp, RefusedAhead int64
	Snapshots, SnapshotErrors        int64
	Log                              wal.Stats
	Uptime                           time.Duration
}

// Status gathers a Status. Any goroutine may call.
func (e *Engine) Status() Status {
	s := Status{
		Serving: e.serving.Load(), Zxid: e.tree.Zxid(), Znodes: e.tree.NodeCount(), Ephemerals: e.tree.EphemeralCount(),
		DataBytes: e.tree.SizeBytes(), Sessions: e.sessions.Len(), Watches: e.watches.Count(),
		WatchSums: e.watches.Summary(watch.DataTable),
		Writes:    e.latency.count.Load(), LatencyMin: time.Duration(e.latency.minNs.Load()),
		LatencyMax: time.Duration(e.latency.maxNs.Load()), LatencySum: time.Duration(e.latency.sumNs.Load()),
		BadFrames: e.metrics.badFrames.Load(), GivenUp: e.metrics.givenUp.Load(), RefusedAhead: e.metrics.refusedAhead.Load(),
		Snapshots: e.metrics.snapshots.Load(), SnapshotErrors: e.metrics.snapshotErrors.Load(),
		Log: e.log.Stats(), Uptime: time.Since(e.started),
	}
	for _, l := range e.loops {
		s.Received += l.counters.received.Load()
		s.Sent += l.counters.sent.Load()
		s.Reads += l.counters.reads.Load()
		s.Connections += l.counters.connections.Load()
		s.Outstanding += l.counters.outstanding.Load()
	}
	return s
}

// ConnStatus is what a report says of one connection.
type ConnStatus struct {
	Remote         netip.AddrPort
	Session        int64 // 0 before the handshake
	TimeoutMs      int32
	Received, Sent int64 // frames
	Queued         int   // writes in flight
	LastOp         wire.OpCode
	LastCxid       int32
	SinceMs        int64 // wall clock
}

// Connections appends what there is to say of the loop's connections. To be called on the loop's goroutine.
func (l *Loop) Connections(dst []ConnStatus) []ConnStatus {
	for _, c := range l.conns {
		if c == nil || c.state >= stateClosing {
			continue
		}
		dst = append(dst, ConnStatus{Remote: c.remote, Session: c.session, TimeoutMs: c.timeoutMs, Received: c.stats.Received,
			Sent: c.stats.Sent, Queued: c.inflight, LastOp: c.stats.LastOp, LastCxid: c.stats.LastCxid, SinceMs: c.stats.SinceMs})
	}
	return dst
}

// badFrame closes a connection whose stream cannot be understood any further.
func (e *Engine) badFrame(c *Conn, err error) {
	e.metrics.badFrames.Add(1)
	e.options.Log.Warn("closing a connection: bad frame", "remote", c.remote, "session", hex(c.session), "error", err)
	c.close()
}

// giveUp closes a connection whose client does not read what it is sent.
func (e *Engine) giveUp(c *Conn, unsent int) {
	e.metrics.givenUp.Add(1)
	e.options.Log.Warn("closing a connection: its client does not read", "remote", c.remote, "session", hex(c.session), "unsent", unsent)
	c.close()
}

// refuseAhead closes a connection that this server cannot serve now: it serves nobody, or the client has seen what this
// server has not. The client goes on to another one.
func (e *Engine) refuseAhead(c *Conn, seen int64) {
	e.metrics.refusedAhead.Add(1)
	e.options.Log.Info("closing a connection: cannot serve it now", "remote", c.remote, "seen", hex(seen), "zxid", hex(e.tree.Zxid()))
	c.close()
}

func hex(n int64) string { return fmt.Sprintf("0x%x", uint64(n)) }
