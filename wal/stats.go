package wal

import (
	"sync/atomic"
	"time"
)

// Stats are counts since Open.
type Stats struct {
	Groups   uint64 // frames appended
	Entries  uint64
	Bytes    uint64 // of frames, as they are on disk
	Syncs    uint64
	Segments int // that make up the log now

	SyncNanos    Distribution // how long each Sync that had something to do took, in nanoseconds
	GroupEntries Distribution // entries of each group
	GroupBytes   Distribution // bytes of each frame
}

// counters are written by the appending goroutine and read by any.
type counters struct {
	bytes        atomic.Uint64
	syncNanos    histogram
	groupEntries histogram
	groupBytes   histogram
}

func (c *counters) appended(entries, bytes int) {
	c.bytes.Add(uint64(bytes))
	c.groupEntries.add(uint64(entries))
	c.groupBytes.add(uint64(bytes))
}

func (c *counters) synced(took time.Duration) { c.syncNanos.add(uint64(took)) }

// Stats returns the counts so far. Safe for concurrent use; it copies about 30 KB and holds nothing up.
func (l *Log) Stats() Stats {
	c := &l.stats
	s := Stats{
		Bytes:     c.bytes.Load(),
		SyncNanos: c.syncNanos.read(), GroupEntries: c.groupEntries.read(), GroupBytes: c.groupBytes.read(),
	}
	s.Groups, s.Entries, s.Syncs = s.GroupEntries.Count, s.GroupEntries.Sum, s.SyncNanos.Count
	l.mu.Lock()
	s.Segments = len(l.segments)
	l.mu.Unlock()
	return s
}

// Recovery returns what Open found. Safe for concurrent use.
func (l *Log) Recovery() Recovery { return l.recovery }
