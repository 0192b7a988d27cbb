package wal_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bellwether/wal"
	"bellwether/wal/memfs"
)

// everything is all files of a disk.
func everything(t *testing.T, fs *memfs.FS) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, path := range fs.Paths() {
		files[path] = readAll(t, fs, path)
	}
	return files
}

// expectRefusal wants Open to refuse with a message that names the file and the byte, and to change nothing.
func expectRefusal(t *testing.T, disk *memfs.FS, file string) *wal.DamageError {
	t.Helper()
	before := everything(t, disk)
	_, err := wal.Open(disk, logDir, small())
	var damage *wal.DamageError
	if !errors.As(err, &damage) || !errors.Is(err, wal.ErrDamaged) {
		t.Fatalf("error %v, want a *DamageError", err)
	}
	if damage.File != file || !strings.Contains(err.Error(), file+" is damaged at byte ") {
		t.Fatalf("%q does not name %s", err, file)
	}
	for path, data := range everything(t, disk) {
		if !bytes.Equal(data, before[path]) {
			t.Fatalf("%s was changed", path)
		}
		delete(before, path)
	}
	if len(before) > 0 {
		t.Fatal("files were removed")
	}
	return damage
}

func segmentPath(seq string) string { return filepath.Join(logDir, "000000000000000"+seq+".wal") }

// flippedBits is how many bits of each byte are flipped: one, or all of them with WAL_ALL_BITS set.
func flippedBits() int64 {
	if os.Getenv("WAL_ALL_BITS") != "" {
		return 8
	}
	return 1
}

// flips inverts flippedBits of every byte of the log's files, one at a time, opens the log, and counts how it answered.
// Entries from unproven on may be cut, anything else must be there or refused.
func flips(t *testing.T, fs *memfs.FS, want []wal.Entry, unproven int) (refused, cut, harmless int) {
	bits := flippedBits()
	for _, path := range fs.Paths() {
		if !strings.HasSuffix(path, ".wal") {
			continue
		}
		size := int64(len(readAll(t, fs, path)))
		for i := int64(0); i < size*bits; i += stride {
			disk := crashed(fs)
			bit := i * 8 / bits
			if bits == 1 {
				bit += i % 8
			}
			if err := disk.Flip(path, bit); err != nil {
				t.Fatal(err)
			}
			log, err := wal.Open(disk, logDir, small())
			if err != nil {
				var damage *wal.DamageError
				if !errors.As(err, &damage) || !strings.HasPrefix(damage.File, logDir) || damage.Offset > bit/8 && damage.File == path {
					t.Fatalf("%s bit %d: %v", path, bit, err)
				}
				refused++
				continue
			}
			found, err := read(log)
			if err != nil {
				t.Fatalf("%s bit %d: %v", path, bit, err)
			}
			n := len(found.entries)
			if n > len(want) || n < unproven || !found.equal(contents{last: found.last, entries: want[:n]}) {
				t.Fatalf("%s bit %d: accepted with %d of %d entries", path, bit, n, len(want))
			}
			if n < len(want) {
				cut++
			} else {
				harmless++
			}
		}
	}
	return refused, cut, harmless
}

// One flipped bit anywhere in a log is refused, or lies where nothing is written, or cuts the very last group, of which
// nothing yet proves that it had been synced.
func TestEveryFlippedBitIsNoticed(t *testing.T) {
	fs := memfs.New(1)
	filled(t, fs, small(), 100)
	refused, cut, harmless := flips(t, fs, entriesUpTo(100), 99)
	t.Logf("%d flips refused, %d cut the last group, %d hit unused bytes", refused, cut, harmless)
	if refused == 0 || cut == 0 || cut > 176*int(flippedBits()) {
		t.Fatal("the last group has 176 bytes")
	}
}

// After Close nothing is unproven: no flip cuts anything.
func TestEveryFlippedBitOfAClosedLogIsNoticed(t *testing.T) {
	fs := memfs.New(1)
	closeLog(t, filled(t, fs, small(), 100))
	if refused, cut, _ := flips(t, fs, entriesUpTo(100), 100); refused == 0 || cut != 0 {
		t.Fatalf("%d refused, %d cut", refused, cut)
	}
}

// After a restart, too, nothing is unproven, though the process before died without Close.
func TestEveryFlippedBitOfARecoveredLogIsNoticed(t *testing.T) {
	fs := memfs.New(1)
	filled(t, fs, small(), 30)
	fs = crashed(fs)
	open(t, fs, small())
	if refused, cut, _ := flips(t, fs, entriesUpTo(30), 30); refused == 0 || cut != 0 {
		t.Fatalf("%d refused, %d cut", refused, cut)
	}
}

// What a truncation kept of a group is proven with the truncation itself.
func TestEveryFlippedBitOfATruncatedLogIsNoticed(t *testing.T) {
	fs := memfs.New(1)
	log := open(t, fs, small())
	for zxid := uint64(1); zxid < 10; zxid += 3 {
		appendSync(t, log, entry(zxid), entry(zxid+1), entry(zxid+2))
	}
	if err := log.TruncateAfter(8); err != nil {
		t.Fatal(err)
	}
	if refused, cut, _ := flips(t, fs, entriesUpTo(8), 8); refused == 0 || cut != 0 {
		t.Fatalf("%d refused, %d cut", refused, cut)
	}
}

// Several groups that one Sync covered may be cut from the damage on, as nothing proves that this Sync returned; one
// more group, even unsynced, proves it.
func TestTheNextGroupProvesTheOnesBefore(t *testing.T) {
	build := func(more bool) (*memfs.FS, []wal.Entry) {
		fs := memfs.New(1)
		log := filled(t, fs, small(), 5)
		for zxid := uint64(6); zxid <= 8; zxid++ {
			if err := log.Append([]wal.Entry{entry(zxid)}); err != nil {
				t.Fatal(err)
			}
		}
		appendSync(t, log)
		if !more {
			return fs, entriesUpTo(8)
		}
		if err := log.Append([]wal.Entry{entry(9)}); err != nil {
			t.Fatal(err)
		}
		return fs.Crash(memfs.Variant{Data: memfs.Kept}), entriesUpTo(9)
	}
	fs, want := build(false)
	if _, cut, _ := flips(t, fs, want, 5); cut == 0 {
		t.Fatal("nothing was cut")
	}
	fs, want = build(true)
	flips(t, fs, want, 8)
}

// A segment that is missing between others is noticed, and named.
func TestAMissingSegmentIsNoticed(t *testing.T) {
	for _, seq := range []string{"2", "3"} {
		fs := memfs.New(1)
		filled(t, fs, small(), 200)
		disk := crashed(fs)
		if err := disk.Remove(segmentPath(seq)); err != nil {
			t.Fatal(err)
		}
		expectRefusal(t, disk, segmentPath(seq))
	}
}

// A file under another segment's name is noticed.
func TestARenamedSegmentIsNoticed(t *testing.T) {
	fs := memfs.New(1)
	filled(t, fs, small(), 200)
	disk := crashed(fs)
	if err := disk.Rename(segmentPath("3"), segmentPath("2")); err != nil {
		t.Fatal(err)
	}
	expectRefusal(t, disk, segmentPath("3"))
	disk = crashed(fs)
	writeAll(t, disk, segmentPath("2"), readAll(t, disk, segmentPath("3")))
	expectRefusal(t, disk, segmentPath("2"))
}

// A segment of another log in the place of one of this log is noticed.
func TestAForeignSegmentIsNoticed(t *testing.T) {
	fs, foreign := memfs.New(1), memfs.New(1)
	filled(t, fs, small(), 200)
	filled(t, foreign, small(), 200)
	disk := crashed(fs)
	writeAll(t, disk, segmentPath("2"), readAll(t, foreign, segmentPath("2")))
	expectRefusal(t, disk, segmentPath("2"))
}

// A segment that lost its end is noticed, also where nothing was written yet.
func TestAShortSegmentIsNoticed(t *testing.T) {
	fs := memfs.New(1)
	filled(t, fs, small(), 60)
	for _, seq := range []string{"1", "2"} {
		for _, size := range []int64{0, headerBytes - 1, headerBytes, 4096, 8191} {
			disk := crashed(fs)
			f, err := disk.OpenWrite(segmentPath(seq))
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Truncate(size); err != nil {
				t.Fatal(err)
			}
			if at := expectRefusal(t, disk, segmentPath(seq)).Offset; at > size {
				t.Fatalf("%d bytes are left, damage is reported at byte %d", size, at)
			}
		}
	}
}

// A read that fails is a failure, not a torn tail: nothing is cut because the device had a bad moment.
func TestAFailedReadCutsNothing(t *testing.T) {
	fs := memfs.New(1)
	filled(t, fs, small(), 60)
	for n := uint64(1); ; n++ {
		disk := crashed(fs)
		disk.SetFaults(memfs.Faults{FailAt: n})
		_, err := wal.Open(disk, logDir, small())
		if disk.Calls() < n {
			return
		}
		if disk.LastCall().Op == memfs.OpRead && (err == nil || errors.Is(err, wal.ErrDamaged)) {
			t.Fatalf("%v failed, Open said %v", disk.LastCall(), err)
		}
		expectEntries(t, open(t, crashed(disk), small()), 0, entriesUpTo(60)...)
	}
}

// Recovery says what it cut, and the next one finds nothing to cut.
func TestRecoveryReportsATornTail(t *testing.T) {
	fs := memfs.New(1)
	log := filled(t, fs, small(), 3)
	if err := log.Append([]wal.Entry{{Zxid: 4, Data: pattern(4, 5000)}}); err != nil {
		t.Fatal(err)
	}
	var torn *memfs.FS
	for seed := uint64(0); torn == nil; seed++ { // the first page of the frame arrived, the last one did not
		disk := fs.Crash(memfs.Variant{Data: memfs.TornPages, Seed: seed})
		data := readAll(t, disk, segmentPath("1"))
		kept := readAll(t, fs, segmentPath("1"))
		if bytes.Equal(data[:4096], kept[:4096]) && !bytes.Equal(data, kept) {
			torn = disk
		}
	}
	r := open(t, torn, small()).Recovery()
	if r.TornFile != segmentPath("1") || r.TornAt != headerBytes+3*176 || r.TornFrames != 1 || r.Entries != 3 || r.Frames != 3 || r.Segments != 1 {
		t.Fatalf("%+v", r)
	}
	if r := open(t, crashed(torn), small()).Recovery(); r.TornFile != "" || r.Entries != 3 {
		t.Fatalf("the second recovery: %+v", r)
	}
}
