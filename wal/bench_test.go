package wal_test

import (
	"fmt"
	"io"
	"testing"

	"bellwether/wal"
)

// benchLog opens a log on the machine's disk; TMPDIR chooses which.
func benchLog(b *testing.B, opt wal.Options) *wal.Log {
	b.Helper()
	log, err := wal.Open(wal.OS, b.TempDir(), opt)
	if err != nil {
		b.Fatal(err)
	}
	return log
}

// appendLoop appends b.N groups and syncs each if asked; released segments are recycled.
func appendLoop(b *testing.B, log *wal.Log, size, entries int, sync bool) {
	data, group, zxid := pattern(1, size&^1), make([]wal.Entry, entries), uint64(0)
	b.SetBytes(int64(size * entries))
	b.ReportAllocs()
	for b.Loop() {
		for i := range group {
			zxid++
			group[i] = wal.Entry{Zxid: zxid, Data: data}
		}
		if err := log.Append(group); err != nil {
			b.Fatal(err)
		}
		if sync {
			if err := log.Sync(); err != nil {
				b.Fatal(err)
			}
		}
		if zxid%(1<<16) < uint64(entries) {
			if err := log.ReleaseBefore(zxid); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N*entries)/b.Elapsed().Seconds(), "entries/s")
	if s := log.Stats().SyncNanos; sync {
		b.ReportMetric(float64(s.Quantile(0.5))/1e3, "sync-p50-us")
		b.ReportMetric(float64(s.Quantile(0.99))/1e3, "sync-p99-us")
	}
	b.StopTimer()
	closeLog(b, log)
}

func BenchmarkAppendSync(b *testing.B) {
	for _, size := range []int{100, 1024} {
		for _, entries := range []int{1, 64, 1024} {
			b.Run(fmt.Sprintf("size=%dB/group=%d", size, entries), func(b *testing.B) {
				appendLoop(b, benchLog(b, wal.Options{}), size, entries, true)
			})
		}
	}
}

// BenchmarkAppend shows what the log costs beside the sync: copy, checksum, one write into the page cache.
func BenchmarkAppend(b *testing.B) {
	for _, entries := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("size=100B/group=%d", entries), func(b *testing.B) {
			appendLoop(b, benchLog(b, wal.Options{}), 100, entries, false)
		})
	}
}

// BenchmarkRecover opens and replays a log of one full segment from the page cache.
func BenchmarkRecover(b *testing.B) {
	dir := b.TempDir()
	log, err := wal.Open(wal.OS, dir, wal.Options{})
	if err != nil {
		b.Fatal(err)
	}
	group, data, zxid := make([]wal.Entry, 64), pattern(1, 100), uint64(0)
	for log.Stats().Bytes < 60<<20 {
		for i := range group {
			zxid++
			group[i] = wal.Entry{Zxid: zxid, Data: data}
		}
		if err := log.Append(group); err != nil {
			b.Fatal(err)
		}
	}
	closeLog(b, log)
	b.SetBytes(60 << 20)
	b.ReportAllocs()
	for b.Loop() {
		log, err := wal.Open(wal.OS, dir, wal.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := log.Replay(0, func(wal.Entry) error { return nil }); err != nil {
			b.Fatal(err)
		}
		closeLog(b, log)
	}
}

// BenchmarkSnapshot writes, or reads and checks, 64 MiB that compress about as znodes do.
func BenchmarkSnapshot(b *testing.B) {
	dir, data := b.TempDir(), make([]byte, 64<<20)
	for at := 0; at < len(data); at += 128 {
		copy(data[at:], pattern(uint64(at), 64))
	}
	write := func() {
		w, err := wal.CreateSnapshot(wal.OS, dir, 1)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			b.Fatal(err)
		}
		if err := w.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	write()
	b.Run("write", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			write()
		}
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			r, err := wal.OpenSnapshot(wal.OS, dir, 1)
			if err != nil {
				b.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, r); err != nil || n != int64(len(data)) {
				b.Fatal(n, err)
			}
			r.Close()
		}
	})
}
