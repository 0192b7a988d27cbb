package server

import (
	"time"

	"bellwether/engine"
	"bellwether/wal"
)

// fourLetterWord answers a four-letter word, if that is what a fresh connection begins with, and reports whether the
// connection is done with. The answer is written at once, for the client may have closed its half already.
func (s *Server) fourLetterWord(c *conn) (done bool) {
	first, err := c.Peek(4)
	if err != nil {
		return false
	}
	word, ok := FourLetterWord(first)
	if !ok {
		return false
	}
	c.Discard(c.InboundBuffered())
	c.asking = true
	parts := PartsOf(word, s.config.FourLetterWords)
	if parts == 0 {
		c.Write(s.answer(word, nil))
		return true
	}
	report := s.report(parts)
	if parts.Has(PartClients) {
		report.Clients = clientReports(s.clients(c.loop))
	}
	c.Write(s.answer(word, report))
	return true
}

func (s *Server) answer(word string, r *Report) []byte {
	b, _ := AppendFourLetterWord(nil, word, r, s.config.FourLetterWords)
	return b
}

// report fills the parts of a Report that need no round through the loops.
func (s *Server) report(parts Parts) *Report {
	st := s.engine.Status()
	r := &Report{
		LatencyMin: st.LatencyMin.Milliseconds(), LatencyMax: st.LatencyMax.Milliseconds(),
		Received: st.Received, Sent: st.Sent, ConnectionCount: st.Connections, Outstanding: st.Outstanding, Zxid: st.Zxid,
		ZnodeCount: st.Znodes + 1, // as Apache counts: its root stands under two names
	}
	FillProcess(r, parts)
	if st.Serving {
		r.Mode = "standalone"
	}
	if st.Writes > 0 {
		r.LatencyAvg = float64(st.LatencySum) / float64(st.Writes) / float64(time.Millisecond)
	}
	if parts.Has(PartMetrics) {
		s.fillMetrics(r, &st)
	}
	if parts.Has(PartWatches) {
		r.Watches = WatchReport{Connections: int64(st.WatchSums.Watchers), Paths: int64(st.WatchSums.Paths), Total: int64(st.WatchSums.Watches)}
	}
	if parts.Has(PartDirectories) {
		r.Directories = DirectoryReport{Data: s.config.DataDir, Log: s.config.LogDir(),
			DataBytes: DirectoryBytes(s.config.DataDir), LogBytes: DirectoryBytes(s.config.LogDir())}
	}
	if parts.Has(PartConfig) {
		r.Config, r.ClientPort = s.config, s.port
	}
	return r
}

// fillMetrics adds what mntr tells beyond srvr.
func (s *Server) fillMetrics(r *Report, st *engine.Status) {
	r.WatchCount, r.EphemeralCount, r.SessionCount = int64(st.Watches), st.Ephemerals, int64(st.Sessions)
	r.DataSizeBytes, r.UptimeMillis = st.DataBytes, st.Uptime.Milliseconds()
	r.Gauges = []Gauge{
		{"connection_rejected", s.refusals.rejected.Load()},
		{"sessionless_connections_expired", s.refusals.sessionless.Load()},
		{"bad_frames", st.BadFrames},
		{"slow_clients_closed", st.GivenUp},
		{"connects_refused", st.RefusedAhead},
		{"reads", st.Reads},
		{"writes", st.Writes},
		{"snapshots_written", st.Snapshots},
		{"snapshot_error_count", st.SnapshotErrors},
		{"log_syncs", int64(st.Log.Syncs)},
		{"log_groups", int64(st.Log.Groups)},
		{"log_entries", int64(st.Log.Entries)},
		{"log_bytes", int64(st.Log.Bytes)},
	}
	r.Summaries = []Summary{
		summary("fsynctime_us", &st.Log.SyncNanos, time.Microsecond),
		summary("sync_processor_batch_size", &st.Log.GroupEntries, 1),
	}
}

// summary renders a distribution in a unit.
func summary(name string, d *wal.Distribution, unit time.Duration) Summary {
	n := func(v uint64) int64 { return int64(v) / int64(unit) }
	s := Summary{Name: name, Min: n(d.Quantile(0)), Max: n(d.Max), Count: int64(d.Count), Sum: n(d.Sum), Quantiles: true,
		P50: n(d.Quantile(0.5)), P95: n(d.Quantile(0.95)), P99: n(d.Quantile(0.99)), P999: n(d.Quantile(0.999))}
	if d.Count > 0 {
		s.Avg = float64(d.Sum) / float64(d.Count) / float64(unit)
	}
	return s
}

// clients lists the connections: those of the asking loop as they are, those of others as they were when these last said.
// To be called on the asking loop.
func (s *Server) clients(asking *loop) (all []engine.ConnStatus) {
	for _, l := range s.loops {
		if l == asking {
			all = l.engine.Connections(all)
		} else if published := l.published.Load(); published != nil {
			all = append(all, *published...)
		}
	}
	return all
}

func clientReports(all []engine.ConnStatus) []ClientReport {
	reports := make([]ClientReport, len(all))
	for i, c := range all {
		reports[i] = ClientReport{Remote: c.Remote.String(), Interest: 1, Queued: int64(c.Queued), Received: c.Received, Sent: c.Sent,
			SessionID: c.Session, LastOperation: LastOperationName(c.LastOp), Established: c.SinceMs,
			TimeoutMillis: int64(c.TimeoutMs), LastCxid: int64(c.LastCxid), LastZxid: -1}
	}
	return reports
}
