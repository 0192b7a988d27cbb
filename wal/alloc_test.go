package wal_test

import (
	"testing"

	"bellwether/wal"
)

// Append and Sync allocate nothing in the steady state, with compression or without.
func TestAppendAllocatesNothing(t *testing.T) {
	for name, above := range map[string]int{"plain": 0, "compressed": 1000} {
		t.Run(name, func(t *testing.T) {
			log, err := wal.Open(wal.OS, t.TempDir(), wal.Options{SegmentBytes: 16 << 20, CompressAbove: above})
			if err != nil {
				t.Fatal(err)
			}
			defer closeLog(t, log)
			zxid, group, data := uint64(0), make([]wal.Entry, 32), pattern(1, 1001)
			n := testing.AllocsPerRun(100, func() {
				for i := range group {
					zxid++
					group[i] = wal.Entry{Zxid: zxid, Data: data}
				}
				if err := log.Append(group); err != nil {
					t.Fatal(err)
				}
				if err := log.Sync(); err != nil {
					t.Fatal(err)
				}
			})
			if n != 0 {
				t.Fatalf("%v allocations a group, want 0", n)
			}
			if s := log.Stats(); s.Groups != 101 || s.Entries != 101*32 || s.Syncs != 101 || s.SyncNanos.Quantile(0.5) == 0 || s.GroupEntries.Max != 32 {
				t.Fatalf("%d groups, %d entries, %d syncs", s.Groups, s.Entries, s.Syncs)
			}
		})
	}
}
