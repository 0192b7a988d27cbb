package bench

import (
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Disk is where the servers' data lay during a run, and what a sync cost there.
type Disk struct {
	FileSystem string    `json:"fileSystem"`
	Device     string    `json:"device"`
	Options    string    `json:"options"`
	Probe      SyncProbe `json:"syncProbe"`
}

// InMemory reports whether the file system keeps nothing: a sync there costs nothing and proves nothing.
func (d Disk) InMemory() bool { return d.FileSystem == "tmpfs" || d.FileSystem == "ramfs" }

// SyncProbe is the latency of one write of SizeBytes into a pre-zeroed file and the fdatasync after it, one at a time.
type SyncProbe struct {
	SizeBytes int           `json:"sizeBytes"`
	Writes    int           `json:"writes"`
	P50       time.Duration `json:"p50Nanos"`
	P99       time.Duration `json:"p99Nanos"`
	Max       time.Duration `json:"maxNanos"`
}

const (
	probeSizeBytes = 4 << 10
	probeFileBytes = 16 << 20
	probeWrites    = 1000
	probeTime      = 2 * time.Second
)

// probeSync measures syncs in a file of its own under dir, which it removes. It ends after probeWrites writes or
// probeTime, whichever is first.
func probeSync(dir string) (SyncProbe, error) {
	file, err := createZeroed(filepath.Join(dir, "sync-probe"), probeFileBytes)
	if err != nil {
		return SyncProbe{}, fmt.Errorf("sync probe: %w", err)
	}
	defer os.Remove(file.Name())
	defer file.Close()

	block := bytes.Repeat([]byte{0xb5}, probeSizeBytes)
	latencies := make([]time.Duration, 0, probeWrites)
	for begin := time.Now(); len(latencies) < probeWrites && time.Since(begin) < probeTime; {
		offset := int64(len(latencies)*probeSizeBytes) % probeFileBytes
		start := time.Now()
		if _, err := file.WriteAt(block, offset); err != nil {
			return SyncProbe{}, fmt.Errorf("sync probe: %w", err)
		}
		if err := datasync(file); err != nil {
			return SyncProbe{}, fmt.Errorf("sync probe: %w", err)
		}
		latencies = append(latencies, time.Since(start))
	}
	slices.Sort(latencies)
	return SyncProbe{
		SizeBytes: probeSizeBytes, Writes: len(latencies),
		P50: quantile(latencies, 0.50), P99: quantile(latencies, 0.99), Max: latencies[len(latencies)-1],
	}, nil
}

// quantile returns the smallest element that at least q of the elements are not above. sorted must not be empty.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[max(int(math.Ceil(q*float64(len(sorted))))-1, 0)]
}

// createZeroed makes a file of size zero bytes that are on the disk: writing into it later changes no metadata, so
// that a sync has only the data to wait for.
func createZeroed(name string, size int) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, err
	}
	zeroes := make([]byte, 1<<20)
	for done := 0; done < size && err == nil; done += len(zeroes) {
		_, err = file.Write(zeroes[:min(len(zeroes), size-done)])
	}
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		file.Close()
		os.Remove(name)
		return nil, err
	}
	return file, nil
}

// datasync makes what was written to f durable, without the metadata that reading it back does not need.
func datasync(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if err != syscall.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}

// describeDisk finds the mount that holds dir in /proc/self/mountinfo. The probe is left to the caller.
func describeDisk(proc fs.FS, dir string) (Disk, error) {
	mounts, err := fs.ReadFile(proc, "self/mountinfo")
	if err != nil {
		return Disk{}, fmt.Errorf("mounts: %w", err)
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return Disk{}, fmt.Errorf("mounts: %w", err)
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return mountOf(mounts, dir), nil
}

// mountOf picks the mount whose mount point is the longest one above dir; of two mounts on one point the later, which
// hides the other. A line of mountinfo reads
//
//	36 35 98:0 /root /mount/point rw,noatime shared:1 - ext4 /dev/vda rw,errors=continue
//
// with any number of optional fields before the lone dash.
func mountOf(mountinfo []byte, dir string) Disk {
	var found Disk
	longest := -1
	for line := range strings.Lines(string(mountinfo)) {
		before, after, ok := strings.Cut(line, " - ")
		own, super := strings.Fields(before), strings.Fields(after)
		if !ok || len(own) < 6 || len(super) < 2 {
			continue
		}
		point := own[4]
		if len(point) < longest || !within(dir, point) {
			continue
		}
		longest = len(point)
		found = Disk{FileSystem: super[0], Device: super[1], Options: own[5]}
	}
	return found
}

// within reports whether path is dir or lies below it; both are absolute and clean.
func within(path, dir string) bool {
	return dir == "/" || path == dir || strings.HasPrefix(path, dir+"/")
}
