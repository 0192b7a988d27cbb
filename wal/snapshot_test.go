package wal_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"bellwether/wal"
	"bellwether/wal/memfs"
)

const snapshotFile = snapDir + "/0000000000000001.snap"

// A snapshot comes back as it was written, whatever its size, whether it compresses, and however it is cut into pieces.
func TestASnapshotComesBack(t *testing.T) {
	const block = 1 << 20
	for _, size := range []int{0, 1, 1000, block - 1, block, block + 1, 5*block + 77} {
		for _, data := range [][]byte{pattern(1, size|1)[:size], pattern(1, size&^1)} {
			fs := memfs.New(1)
			w, err := wal.CreateSnapshot(fs, snapDir, 1)
			if err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(1, uint64(size)))
			for rest := data; len(rest) > 0; {
				n := min(len(rest), rng.IntN(block*3/2))
				if m, err := w.Write(rest[:n]); err != nil || m != n {
					t.Fatal(m, err)
				}
				rest = rest[n:]
			}
			if err := w.Commit(); err != nil {
				t.Fatal(err)
			}
			disk := crashed(fs)
			r, err := wal.OpenSnapshot(disk, snapDir, 1)
			if err != nil {
				t.Fatal(err)
			}
			if r.Size() != uint64(len(data)) {
				t.Fatalf("Size is %d, want %d", r.Size(), len(data))
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(loadSnapshot(t, disk, 1), data) {
				t.Fatalf("%d bytes came back different", len(data))
			}
		}
	}
}

// A snapshot that was not committed is offered to nobody; Abort removes what there is of it.
func TestAnUncommittedSnapshotIsNotOffered(t *testing.T) {
	fs := memfs.New(1)
	commitSnapshot(t, fs, 1, []byte("old"))
	w, err := wal.CreateSnapshot(fs, snapDir, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 3<<20)); err != nil {
		t.Fatal(err)
	}
	for _, disk := range []*memfs.FS{fs, crashed(fs), fs.Crash(memfs.Variant{Data: memfs.Kept, Names: memfs.Kept})} {
		if zxids, err := wal.Snapshots(disk, snapDir); err != nil || !slices.Equal(zxids, []uint64{1}) {
			t.Fatalf("offered: %v, %v", zxids, err)
		}
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	if paths := fs.Paths(); !slices.Equal(paths, []string{snapshotFile}) {
		t.Fatalf("left: %v", paths)
	}
	if _, err := w.Write([]byte("more")); err == nil {
		t.Fatal("Write after Abort succeeded")
	}
}

// A write that fails spoils the snapshot: Commit refuses, and nothing is offered.
func TestAFailedWriteSpoilsTheSnapshot(t *testing.T) {
	for n := uint64(1); ; n++ {
		fs := memfs.New(1)
		if err := fs.MkdirAll(snapDir); err != nil {
			t.Fatal(err)
		}
		fs.SetFaults(memfs.Faults{FailAt: 1 + n})
		w, err := wal.CreateSnapshot(fs, snapDir, 1)
		if err == nil {
			_, _ = w.Write(pattern(2, 6<<20)) // Commit returns its error
			err = w.Commit()
		}
		if fs.Calls() < 1+n {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if last := fs.LastCall(); err == nil {
			t.Fatalf("call %d failed, Commit did not (last call %v)", n, last)
		}
		if w != nil {
			if err := w.Abort(); err != nil && fs.LastCall().Op != memfs.OpRemove {
				t.Fatal(err)
			}
		}
		if data, err := wal.OpenSnapshot(crashed(fs), snapDir, 1); err == nil {
			t.Fatalf("after a failure at call %d: %d bytes are offered", n, data.Size())
		}
	}
}

// Damage anywhere in a snapshot is an error that names the file and the byte; no damaged byte is handed out.
func TestADamagedSnapshotIsRefused(t *testing.T) {
	fs := memfs.New(1)
	data := slices.Concat(pattern(1, 1001), pattern(2, 1000))
	commitSnapshot(t, fs, 1, data)
	size := int64(len(readAll(t, fs, snapshotFile)))
	expect := func(disk *memfs.FS, what string, at int64) {
		t.Helper()
		r, err := wal.OpenSnapshot(disk, snapDir, 1)
		if err == nil {
			var got []byte
			if got, err = io.ReadAll(r); !bytes.HasPrefix(data, got) {
				t.Fatalf("%s at %d: damaged bytes were handed out", what, at)
			}
		}
		var damage *wal.DamageError
		if !errors.As(err, &damage) || damage.File != snapshotFile || damage.Offset > size {
			t.Fatalf("%s at %d: error %v", what, at, err)
		}
	}
	for bit := range size * 8 {
		disk := crashed(fs)
		if err := disk.Flip(snapshotFile, bit); err != nil {
			t.Fatal(err)
		}
		expect(disk, "flipped bit", bit)
	}
	for cut := range size {
		disk := crashed(fs)
		f, err := disk.OpenWrite(snapshotFile)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Truncate(cut); err != nil {
			t.Fatal(err)
		}
		if r, err := wal.OpenSnapshot(disk, snapDir, 1); err == nil {
			t.Fatalf("cut at %d, it is offered with %d bytes", cut, r.Size())
		}
		expect(disk, "cut", cut)
	}
}

// A snapshot under another zxid's name is refused, as are blocks that changed places.
func TestAMisplacedSnapshotIsRefused(t *testing.T) {
	fs := memfs.New(1)
	commitSnapshot(t, fs, 1, pattern(2, 2<<20))
	if err := fs.Rename(snapshotFile, filepath.Join(snapDir, "0000000000000002.snap")); err != nil {
		t.Fatal(err)
	}
	_, err := wal.OpenSnapshot(fs, snapDir, 2)
	expectError(t, err, wal.ErrDamaged)

	fs = memfs.New(1)
	commitSnapshot(t, fs, 1, pattern(2, 2<<20)) // two blocks of equal size
	file := readAll(t, fs, snapshotFile)
	const block = 16 + 1<<20
	swapped := slices.Concat(file[:24], file[24+block:24+2*block], file[24:24+block], file[24+2*block:])
	writeAll(t, fs, snapshotFile, swapped)
	r, err := wal.OpenSnapshot(fs, snapDir, 1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(r)
	expectError(t, err, wal.ErrDamaged)
}

// Purge keeps the newest, says from where on the log is still needed, and sweeps up what a crash left.
func TestPurgeKeepsTheNewest(t *testing.T) {
	fs := memfs.New(1)
	if zxids, err := wal.Snapshots(fs, snapDir); err != nil || len(zxids) != 0 {
		t.Fatal(zxids, err)
	}
	if oldest, err := wal.PurgeSnapshots(fs, snapDir, 3); err != nil || oldest != 0 {
		t.Fatal(oldest, err)
	}
	for _, zxid := range []uint64{5, 1, 1 << 32, 9} {
		commitSnapshot(t, fs, zxid, []byte("state"))
	}
	if _, err := wal.CreateSnapshot(fs, snapDir, 10); err != nil {
		t.Fatal(err)
	}
	disk := fs.Crash(memfs.Variant{Data: memfs.Kept, Names: memfs.Kept})
	if oldest, err := wal.PurgeSnapshots(disk, snapDir, 2); err != nil || oldest != 9 {
		t.Fatal(oldest, err)
	}
	if zxids, err := wal.Snapshots(crashed(disk), snapDir); err != nil || !slices.Equal(zxids, []uint64{1 << 32, 9}) {
		t.Fatal(zxids, err)
	}
	if n := len(disk.Paths()); n != 2 {
		t.Fatalf("left: %v", disk.Paths())
	}
	if _, err := wal.OpenSnapshot(disk, snapDir, 5); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("a purged snapshot: %v", err)
	}
}

// A small file has its old contents or its new ones, at every crash.
func TestASmallFileIsReplacedInOneStep(t *testing.T) {
	for n := uint64(1); ; n++ {
		fs := memfs.New(n)
		if err := fs.MkdirAll(snapDir); err != nil {
			t.Fatal(err)
		}
		writeAll(t, fs, snapDir+"/epoch", []byte("old"))
		fs.SetFaults(memfs.Faults{CrashAt: fs.Calls() + n})
		err := wal.WriteFileAtomic(fs, snapDir+"/epoch", []byte("newer"))
		for _, v := range memfs.Variants(3) {
			got := string(readAll(t, fs.Crash(v), snapDir+"/epoch"))
			if got != "newer" && (got != "old" || err == nil) {
				t.Fatalf("crash at %v, %v: %q", fs.LastCall(), v, got)
			}
		}
		if !fs.Crashed() {
			return
		}
	}
}
