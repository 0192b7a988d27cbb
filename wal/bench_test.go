package wal_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"bellwether/wal"
)

// benchLog opens a log on the machine's disk (TMPDIR chooses which) with its next segment ready.
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

// BenchmarkDisk measures the ways to make an append durable, without a log: why segments are zeroed first, and what
// direct I/O would give. Blocks are aligned; each write goes behind the one before.
func BenchmarkDisk(b *testing.B) {
	const fileBytes = 64 << 20
	zeroed := func(f *os.File) {
		for off := int64(0); off < fileBytes; off += 1 << 20 {
			if _, err := f.WriteAt(make([]byte, 1<<20), off); err != nil {
				b.Fatal(err)
			}
		}
	}
	reserved := func(f *os.File) {
		if err := unix.Fallocate(int(f.Fd()), 0, 0, fileBytes); err != nil {
			b.Skip(err)
		}
	}
	ways := []struct {
		name    string
		prepare func(*os.File)
		flags   int
		dsync   bool // the write itself is durable
	}{
		{"growing+fdatasync", func(*os.File) {}, 0, false},
		{"reserved+fdatasync", reserved, 0, false},
		{"zeroed+fdatasync", zeroed, 0, false},
		{"zeroed+O_DSYNC", zeroed, unix.O_DSYNC, true},
		{"zeroed+O_DIRECT+O_DSYNC", zeroed, unix.O_DIRECT | unix.O_DSYNC, true},
	}
	for _, size := range []int{512, 4096, 64 << 10, 256 << 10} {
		for _, way := range ways {
			if size < 4096 && way.flags&unix.O_DIRECT != 0 {
				continue
			}
			b.Run(fmt.Sprintf("size=%d/%s", size, way.name), func(b *testing.B) {
				path := filepath.Join(b.TempDir(), "f")
				f, err := os.Create(path)
				if err != nil {
					b.Fatal(err)
				}
				way.prepare(f)
				if err := f.Sync(); err != nil {
					b.Fatal(err)
				}
				f.Close()
				fd, err := unix.Open(path, unix.O_RDWR|way.flags, 0)
				if err != nil {
					b.Skip(err)
				}
				defer unix.Close(fd)
				diskLoop(b, fd, alignedBlock(size), fileBytes, !way.dsync)
			})
		}
	}
}

func diskLoop(b *testing.B, fd int, block []byte, limit int64, sync bool) {
	var took []time.Duration
	off := int64(0)
	for b.Loop() {
		start := time.Now()
		if _, err := unix.Pwrite(fd, block, off); err != nil {
			b.Fatal(err)
		}
		if sync {
			if err := unix.Fdatasync(fd); err != nil {
				b.Fatal(err)
			}
		}
		took = append(took, time.Since(start))
		if off += int64(len(block)); off+int64(len(block)) > limit {
			off = 0
		}
	}
	reportQuantiles(b, took)
}

func reportQuantiles(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	at := func(q float64) float64 { return float64(took[int(q*float64(len(took)-1))]) / 1e3 }
	b.ReportMetric(at(0.5), "p50-us")
	b.ReportMetric(at(0.99), "p99-us")
}

func alignedBlock(size int) []byte {
	b := make([]byte, size+4096)
	skip := int(-uintptr(unsafe.Pointer(&b[0])) & 4095)
	b = b[skip:][:size]
	copy(b, pattern(1, size))
	return b
}
