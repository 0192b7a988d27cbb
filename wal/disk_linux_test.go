package wal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

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
