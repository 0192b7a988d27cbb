package memfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"testing"

	"bellwether/wal"
	"bellwether/wal/memfs"
)

const dir = "/d"

// disk returns a disk with a directory, and a file in it that holds size bytes of 'o', all durable.
func disk(t *testing.T, size int) (*memfs.FS, wal.File) {
	t.Helper()
	fs := memfs.New(1)
	must(t, fs.MkdirAll(dir))
	f, err := fs.Create(dir + "/f")
	must(t, err)
	write(t, f, 0, bytes.Repeat([]byte("o"), size))
	must(t, f.Sync())
	must(t, fs.SyncDir(dir))
	return fs, f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, f wal.File, off int64, data []byte) {
	t.Helper()
	_, err := f.WriteAt(data, off)
	must(t, err)
}

func contents(t *testing.T, fs *memfs.FS, name string) string {
	t.Helper()
	data, err := wal.ReadFile(fs, dir+"/"+name)
	must(t, err)
	return string(data)
}

func expectError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

// Bytes survive a crash once Sync has returned, names once SyncDir has; either alone is not enough.
func TestOnlySyncedBytesAndNamesSurvive(t *testing.T) {
	lost := memfs.Variant{Data: memfs.Lost, Names: memfs.Lost}
	fs, f := disk(t, 4)
	write(t, f, 0, []byte("new"))
	if got := contents(t, fs, "f"); got != "newo" {
		t.Fatalf("the process sees %q", got)
	}
	if got := contents(t, fs.Crash(lost), "f"); got != "oooo" {
		t.Fatalf("not synced: %q", got)
	}
	must(t, f.Sync())
	if got := contents(t, fs.Crash(lost), "f"); got != "newo" {
		t.Fatalf("synced: %q", got)
	}

	g, err := fs.Create(dir + "/g")
	must(t, err)
	write(t, g, 0, []byte("data"))
	must(t, g.Sync())
	must(t, fs.Rename(dir+"/f", dir+"/h"))
	if names := fs.Crash(lost).Paths(); !slices.Equal(names, []string{"/d/f"}) {
		t.Fatalf("names not synced: %v", names)
	}
	must(t, fs.SyncDir(dir))
	if names := fs.Crash(lost).Paths(); !slices.Equal(names, []string{"/d/g", "/d/h"}) {
		t.Fatalf("names synced: %v", names)
	}
	must(t, fs.Remove(dir+"/h"))
	if names := fs.Crash(lost).Paths(); !slices.Equal(names, []string{"/d/g", "/d/h"}) {
		t.Fatalf("removal not synced: %v", names)
	}
}

// Each fate leaves what its description says, of two unsynced writes over old bytes and past their end.
func TestEachFateOfUnsyncedWrites(t *testing.T) {
	const page, sector = 4096, 512
	fs, f := disk(t, 2*page)
	first, second := bytes.Repeat([]byte("1"), page), bytes.Repeat([]byte("2"), 2*page)
	write(t, f, 0, first)
	write(t, f, page, second)
	old, now := bytes.Repeat([]byte("o"), 2*page), slices.Concat(first, second)
	check := map[memfs.Fate]func(got []byte) bool{
		memfs.Lost: func(got []byte) bool { return bytes.Equal(got, old) },
		memfs.Kept: func(got []byte) bool { return bytes.Equal(got, now) },
		memfs.Prefix: func(got []byte) bool { // the second write only behind the whole of the first
			firstWhole := bytes.HasPrefix(got, first)
			return firstWhole || !bytes.Contains(got, []byte("2"))
		},
		memfs.Subset: func(got []byte) bool {
			has := func(b []byte) bool { return len(b) == 0 || bytes.Count(got, b[:1]) == len(b) }
			return (has(first) || !bytes.Contains(got, first[:1])) && (has(second) || !bytes.Contains(got, second[:1]))
		},
		memfs.TornPages:   func(got []byte) bool { return uniform(got, page, now) },
		memfs.TornSectors: func(got []byte) bool { return uniform(got, sector, now) },
		memfs.Stale:       func(got []byte) bool { return bytes.Equal(got, append(slices.Clone(old), make([]byte, page)...)) },
		memfs.Zeroed:      func(got []byte) bool { return bytes.Equal(got, make([]byte, 3*page)) },
	}
	for fate, ok := range check {
		seen := map[string]bool{}
		for seed := range uint64(200) {
			got := contents(t, fs.Crash(memfs.Variant{Data: fate, Seed: seed}), "f")
			if !ok([]byte(got)) {
				t.Fatalf("%v, seed %d: wrong", fate, seed)
			}
			seen[got] = true
		}
		if random := fate >= memfs.Prefix && fate <= memfs.TornSectors; random != (len(seen) > 1) {
			t.Errorf("%v: %d outcomes", fate, len(seen))
		}
	}
}

// uniform reports whether each piece is all old, all zero or as in now, and lies within now.
func uniform(got []byte, piece int, now []byte) bool {
	for at := 0; at < len(got); at += piece {
		p := got[at:min(at+piece, len(got))]
		if bytes.Count(p, p[:1]) != len(p) || p[0] != 'o' && p[0] != 0 && p[0] != now[at] {
			return false
		}
	}
	return len(got) <= len(now)
}

// Same seed and same calls give the same disk after a crash, whatever the variant; another seed gives another.
func TestASeedGivesOneHistory(t *testing.T) {
	run := func(seed uint64, v memfs.Variant) string {
		fs := memfs.New(seed)
		must(t, fs.MkdirAll(dir))
		for i := range 10 {
			f, err := fs.Create(fmt.Sprint(dir, "/", i))
			must(t, err)
			for j := range 8 {
				write(t, f, int64(j*700), bytes.Repeat([]byte{byte('a' + j)}, 1500))
			}
		}
		after := fs.Crash(v)
		var all string
		for _, path := range after.Paths() {
			data, err := wal.ReadFile(after, path)
			must(t, err)
			all += path + string(data)
		}
		return all
	}
	for _, v := range memfs.Variants(2) {
		if once, again := run(7, v), run(7, v); once != again {
			t.Errorf("%v: two outcomes", v)
		}
	}
	if v := (memfs.Variant{Data: memfs.TornSectors, Names: memfs.Kept}); run(7, v) == run(8, v) {
		t.Error("another seed, the same outcome")
	}
}

// The machine stops during the chosen call: that call may have had its effect, no later one has.
func TestCrashAtACall(t *testing.T) {
	fs, f := disk(t, 4)
	fs.SetFaults(memfs.Faults{CrashAt: fs.Calls() + 2})
	write(t, f, 0, []byte("1"))
	_, err := f.WriteAt([]byte("2"), 1)
	expectError(t, err, memfs.ErrCrashed)
	if _, err = f.WriteAt([]byte("3"), 2); !errors.Is(err, memfs.ErrCrashed) || !errors.Is(f.Sync(), memfs.ErrCrashed) || !fs.Crashed() {
		t.Fatal("the machine goes on")
	}
	if last := fs.LastCall(); last.Op != memfs.OpWrite || last.N != fs.Calls() {
		t.Fatalf("stopped at %v", last)
	}
	kept, lost := memfs.Variant{Data: memfs.Kept}, memfs.Variant{Data: memfs.Lost}
	if got := contents(t, fs.Crash(kept), "f"); got != "12oo" {
		t.Fatalf("kept: %q", got)
	}
	if got := contents(t, fs.Crash(lost), "f"); got != "oooo" {
		t.Fatalf("lost: %q", got)
	}
}

// A call that fails has no effect but a short write's first half, and only that call fails.
func TestFailAtACall(t *testing.T) {
	fs, f := disk(t, 4)
	fs.SetFaults(memfs.Faults{FailAt: fs.Calls() + 1})
	_, err := f.WriteAt([]byte("12"), 0)
	expectError(t, err, syscall.EIO)
	if got := contents(t, fs, "f"); got != "oooo" {
		t.Fatalf("after EIO: %q", got)
	}
	fs.SetFaults(memfs.Faults{FailAt: fs.Calls() + 1, Err: syscall.ENOSPC, Short: true})
	n, err := f.WriteAt([]byte("12"), 0)
	expectError(t, err, syscall.ENOSPC)
	if got := contents(t, fs, "f"); n != 1 || got != "1ooo" {
		t.Fatalf("after a short write of %d: %q", n, got)
	}
	fs.SetFaults(memfs.Faults{FailAt: fs.Calls() + 1})
	expectError(t, fs.Remove(dir+"/f"), syscall.EIO)
	contents(t, fs, "f")
}

// A failed Sync is treacherous: the process still reads its bytes, the next Sync succeeds, and the bytes are not there
// after a crash unless they are written again.
func TestAFailedSyncDropsWhatItDidNotWrite(t *testing.T) {
	const size = 64 * 512
	fs, f := disk(t, size)
	now := bytes.Repeat([]byte("n"), size)
	write(t, f, 0, now)
	fs.SetFaults(memfs.Faults{FailAt: fs.Calls() + 1})
	expectError(t, f.Sync(), syscall.EIO)
	must(t, f.Sync())
	if got := contents(t, fs, "f"); got != string(now) {
		t.Fatal("the process lost its bytes")
	}
	kept := memfs.Variant{Data: memfs.Kept, Names: memfs.Kept}
	if got := contents(t, fs.Crash(kept), "f"); bytes.Count([]byte(got), []byte("n")) == size {
		t.Fatal("all bytes arrived after all")
	}
	write(t, f, 0, now)
	must(t, f.Sync())
	if got := contents(t, fs.Crash(kept), "f"); got != string(now) {
		t.Fatal("written again and synced, and not there")
	}
}

// When only the process dies nothing is lost, its locks are free, and what was not synced is still not durable.
func TestKillLosesNothingAndSyncsNothing(t *testing.T) {
	fs, f := disk(t, 4)
	write(t, f, 0, []byte("new"))
	lock, err := fs.Lock(dir + "/LOCK")
	must(t, err)
	_, err = fs.Lock(dir + "/LOCK")
	expectError(t, err, wal.ErrLocked)
	next := fs.Kill()
	if got := contents(t, next, "f"); got != "newo" {
		t.Fatalf("the next process sees %q", got)
	}
	_, err = next.Lock(dir + "/LOCK")
	must(t, err)
	if got := contents(t, next.Crash(memfs.Variant{Data: memfs.Lost}), "f"); got != "oooo" {
		t.Fatalf("after the machine: %q", got)
	}
	expectError(t, f.Sync(), memfs.ErrCrashed)
	must(t, lock.Close())
}

// A disk that a crash left is independent of the one that crashed.
func TestCrashedDisksAreIndependent(t *testing.T) {
	fs, f := disk(t, 4)
	one, two := fs.Crash(memfs.Variant{}), fs.Crash(memfs.Variant{})
	g, err := one.OpenWrite(dir + "/f")
	must(t, err)
	write(t, g, 0, []byte("g"))
	must(t, g.Sync())
	write(t, f, 1, []byte("f"))
	must(t, f.Sync())
	must(t, two.Flip(dir+"/f", 3*8))
	for i, want := range []string{"ofoo", "gooo", "ooon"} {
		if got := contents(t, []*memfs.FS{fs, one, two}[i], "f"); got != want {
			t.Errorf("disk %d holds %q, want %q", i, got, want)
		}
	}
}

// The disk is full at its capacity: growing fails, writing inside a file does not.
func TestCapacity(t *testing.T) {
	fs, f := disk(t, 4)
	fs.SetFaults(memfs.Faults{Capacity: 6})
	write(t, f, 3, []byte("xyz"))
	_, err := f.WriteAt([]byte("!"), 6)
	expectError(t, err, syscall.ENOSPC)
	write(t, f, 0, []byte("abcdef"))
	if got := contents(t, fs, "f"); got != "abcdef" {
		t.Fatalf("%q", got)
	}
}

// A slow device adds ticks for writes and syncs, and for nothing else.
func TestTicks(t *testing.T) {
	fs, f := disk(t, 4)
	fs.SetFaults(memfs.Faults{WriteTicks: 1, SyncTicks: 10})
	write(t, f, 0, []byte("x"))
	must(t, f.Sync())
	must(t, fs.SyncDir(dir))
	contents(t, fs, "f")
	if n := fs.Ticks(); n != 21 {
		t.Fatalf("%d ticks, want 21", n)
	}
}

// Calls fail at the given rate, the same ones for the same seed.
func TestFailRate(t *testing.T) {
	run := func() (failed []uint64) {
		fs, f := disk(t, 4)
		fs.SetFaults(memfs.Faults{FailRate: 0.1})
		for range 1000 {
			if f.Sync() != nil {
				failed = append(failed, fs.Calls())
			}
		}
		return failed
	}
	one, two := run(), run()
	if len(one) < 50 || len(one) > 200 || !slices.Equal(one, two) {
		t.Fatalf("%d and %d failures", len(one), len(two))
	}
}

// Files answer as the operating system's do: short reads with io.EOF, no writing through a read-only handle, a handle
// that outlives its name, errors that match those of package os.
func TestFilesBehaveLikeTheSystems(t *testing.T) {
	fs, f := disk(t, 4)
	n, err := f.ReadAt(make([]byte, 8), 2)
	if n != 2 || err != io.EOF {
		t.Fatal(n, err)
	}
	ro, err := fs.Open(dir + "/f")
	must(t, err)
	_, err = ro.WriteAt([]byte("x"), 0)
	expectError(t, err, syscall.EBADF)
	must(t, f.Truncate(6))
	if got := contents(t, fs, "f"); got != "oooo\x00\x00" {
		t.Fatalf("%q", got)
	}
	must(t, f.Truncate(1))
	must(t, fs.Remove(dir+"/f"))
	if size, err := ro.Size(); err != nil || size != 1 {
		t.Fatal(size, err)
	}
	must(t, ro.Close())
	_, err = ro.Size()
	expectError(t, err, os.ErrClosed)
	_, err = fs.Open(dir + "/f")
	expectError(t, err, os.ErrNotExist)
	_, err = fs.List("/none")
	expectError(t, err, os.ErrNotExist)
	_, err = fs.Create("/none/f")
	expectError(t, err, os.ErrNotExist)
	expectError(t, fs.Rename(dir+"/f", dir+"/g"), os.ErrNotExist)
}
