package wal_test

import (
	"bytes"
	"errors"
	"slices"
	"syscall"
	"testing"

	"bellwether/wal"
	"bellwether/wal/memfs"
)

// What Sync has returned for survives; what was only appended may not.
func TestSyncedEntriesSurviveACrash(t *testing.T) {
	fs := memfs.New(1)
	log := filled(t, fs, small(), 5)
	if err := log.Append([]wal.Entry{entry(6)}); err != nil {
		t.Fatal(err)
	}
	expectEntries(t, log, 0, entriesUpTo(6)...)
	expectEntries(t, open(t, crashed(fs), small()), 0, entriesUpTo(5)...)
}

// A log spans as many segments as it needs, and a group is never split between two.
func TestALogSpansSegments(t *testing.T) {
	fs := memfs.New(1)
	log := filled(t, fs, small(), 200)
	if n := log.Stats().Segments; n < 4 {
		t.Fatalf("%d segments, want several", n)
	}
	expectEntries(t, log, 0, entriesUpTo(200)...)
	closeLog(t, log)
	log = open(t, fs, small())
	expectEntries(t, log, 0, entriesUpTo(200)...)
	appendSync(t, log, entry(201))
	expectEntries(t, open(t, crashed(fs), small()), 0, entriesUpTo(201)...)
}

// Replay starts above any zxid, one that has no entry included, and stops at the caller's error.
func TestReplayFromAnyZxid(t *testing.T) {
	fs := memfs.New(1)
	log := open(t, fs, small())
	var all []wal.Entry
	for i := uint64(1); i <= 120; i += 3 {
		group := []wal.Entry{entry(2 * i), entry(2*i + 2), entry(2*i + 4)}
		appendSync(t, log, group...)
		all = append(all, group...)
	}
	for after := uint64(0); after < 250; after++ {
		i := slices.IndexFunc(all, func(e wal.Entry) bool { return e.Zxid > after })
		if i < 0 {
			i = len(all)
		}
		var got []wal.Entry
		if err := log.Replay(after, func(e wal.Entry) error { got = append(got, e); return nil }); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(zxids(got), zxids(all[i:])) {
			t.Fatalf("after %d: %d", after, zxids(got))
		}
	}
	enough := errors.New("enough")
	expectError(t, log.Replay(0, func(wal.Entry) error { return enough }), enough)
}

// What Replay hands out stays as it is, whatever is replayed or appended later.
func TestReplayedDataBelongsToTheCaller(t *testing.T) {
	log := filled(t, memfs.New(1), small(), 50)
	var first []wal.Entry
	keep := func(e wal.Entry) error { first = append(first, e); return nil }
	if err := log.Replay(0, keep); err != nil {
		t.Fatal(err)
	}
	appendSync(t, log, entry(51))
	expectEntries(t, log, 0, entriesUpTo(51)...)
	for i, e := range first {
		if !bytes.Equal(e.Data, entry(uint64(i+1)).Data) {
			t.Fatalf("entry %d has changed", i+1)
		}
	}
}

// A zxid that does not rise, within a group or after the last one, is refused and nothing is written.
func TestZxidsMustRise(t *testing.T) {
	fs := memfs.New(1)
	log := filled(t, fs, small(), 3)
	calls := fs.Calls()
	expectError(t, log.Append([]wal.Entry{entry(3)}), wal.ErrOutOfOrder)
	expectError(t, log.Append([]wal.Entry{entry(4), entry(6), entry(6)}), wal.ErrOutOfOrder)
	if fs.Calls() != calls {
		t.Fatal("something was written")
	}
	appendSync(t, log, entry(4))
	expectEntries(t, log, 0, entriesUpTo(4)...)
}

// A group fits a segment exactly or is refused whole; a refusal leaves the log usable.
func TestAGroupFitsASegmentOrIsRefused(t *testing.T) {
	const most = 2*4096 - headerBytes - 2*frameBytes - entryBytes // one of the two frames is a mark
	log := filled(t, memfs.New(1), small(), 1)
	expectError(t, log.Append([]wal.Entry{{Zxid: 2, Data: make([]byte, most+1)}}), wal.ErrTooLarge)
	big := wal.Entry{Zxid: 2, Data: pattern(2, most)}
	appendSync(t, log, big)
	expectEntries(t, log, 0, entry(1), big)
}

// An empty group, and a Sync with nothing to sync, cost nothing.
func TestNothingToDoCostsNothing(t *testing.T) {
	fs := memfs.New(1)
	log := filled(t, fs, small(), 1)
	calls := fs.Calls()
	appendSync(t, log)
	if fs.Calls() != calls {
		t.Fatalf("the last call was %v", fs.LastCall())
	}
}

// Entries without data, and data of any bytes, come back as they were.
func TestAnyBytesComeBack(t *testing.T) {
	fs := memfs.New(1)
	opt := small()
	opt.CompressAbove = 64
	log := open(t, fs, opt)
	own := readAll(t, fs, logDir+"/0000000000000001.wal")[:200]
	all := []wal.Entry{{Zxid: 1}, {Zxid: 2, Data: own}, {Zxid: 3, Data: bytes.Repeat([]byte("BFRM"), 100)}, {Zxid: 1<<64 - 1, Data: []byte{0}}}
	for _, e := range all {
		appendSync(t, log, e)
	}
	expectEntries(t, open(t, crashed(fs), opt), 0, all...)
}

// Compressed frames take less room and read the same, by whatever option they are read.
func TestCompressionIsInvisible(t *testing.T) {
	written := map[int]uint64{}
	for _, above := range []int{0, 100} {
		fs, opt := memfs.New(1), small()
		opt.CompressAbove = above
		log := open(t, fs, opt)
		e := wal.Entry{Zxid: 1, Data: bytes.Repeat([]byte("/path/to/znode "), 100)}
		appendSync(t, log, e)
		written[above] = log.Stats().Bytes
		expectEntries(t, open(t, crashed(fs), small()), 0, e)
	}
	if written[100] > written[0]/4 {
		t.Fatalf("%d bytes compressed, %d plain", written[100], written[0])
	}
}

// A failed sync is final: each later call returns the very same error and touches nothing.
func TestAFailedSyncIsFinal(t *testing.T) {
	fs := memfs.New(1)
	log := filled(t, fs, small(), 1)
	fs.SetFaults(memfs.Faults{FailAt: fs.Calls() + 2})
	if err := log.Append([]wal.Entry{entry(2)}); err != nil {
		t.Fatal(err)
	}
	failure := log.Sync()
	expectError(t, failure, syscall.EIO)
	calls := fs.Calls()
	for _, err := range []error{log.Sync(), log.Append([]wal.Entry{entry(3)}), log.TruncateAfter(0), log.Reset(9), log.ReleaseBefore(9)} {
		if err != failure {
			t.Fatalf("later: %v", err)
		}
	}
	if fs.Calls() != calls {
		t.Fatal("the disk was used after the failure")
	}
	expectError(t, log.Close(), syscall.EIO)
}

// A full disk refuses groups that need another segment, says so, and corrupts nothing; with space again the log goes on.
func TestAFullDiskRefusesAndRecovers(t *testing.T) {
	fs := memfs.New(1)
	log := open(t, fs, small())
	fs.SetFaults(memfs.Faults{Capacity: 3 * 8192}) // the active segment, one spare, not a third
	var refused error
	n := uint64(0)
	for refused == nil {
		if refused = log.Append([]wal.Entry{entry(n + 1)}); refused == nil {
			n++
			if err := log.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	expectError(t, refused, wal.ErrNoSegment)
	expectError(t, refused, syscall.ENOSPC)
	expectError(t, log.Append([]wal.Entry{entry(n + 1)}), wal.ErrNoSegment)
	expectEntries(t, log, 0, entriesUpTo(n)...)
	expectEntries(t, open(t, crashed(fs), small()), 0, entriesUpTo(n)...)

	fs.SetFaults(memfs.Faults{})
	appendSync(t, log, entry(n+1))
	expectEntries(t, open(t, crashed(fs), small()), 0, entriesUpTo(n+1)...)
}

// A server whose disk is full starts, however often, wherever in its last segment the log ends; with space again it
// goes on.
func TestAFullDiskStarts(t *testing.T) {
	for last := 4; last <= 580; last += 8 { // bytes of the last entry; with 580 the segment is full but for one mark
		fs := memfs.New(1)
		log := filled(t, fs, small(), 42)
		all := append(entriesUpTo(42), wal.Entry{Zxid: 43, Data: pattern(43, last)})
		appendSync(t, log, all[42])
		disk := crashed(fs)
		for range 5 {
			disk.SetFaults(memfs.Faults{Capacity: 1})
			log := open(t, disk, small())
			expectEntries(t, log, 0, all...)
			closeLog(t, log)
			expectEntries(t, open(t, crashed(disk), small()), 0, all...)
		}
		disk.SetFaults(memfs.Faults{})
		log = open(t, disk, small())
		all = append(all, entry(44))
		appendSync(t, log, all[43])
		expectEntries(t, open(t, crashed(disk), small()), 0, all...)
	}
}

// A closed log says so, and can be opened again at once.
func TestClose(t *testing.T) {
	fs := memfs.New(1)
	log := filled(t, fs, small(), 1)
	closeLog(t, log)
	expectError(t, log.Append([]wal.Entry{entry(2)}), wal.ErrClosed)
	expectError(t, log.Sync(), wal.ErrClosed)
	closeLog(t, log)
	expectEntries(t, open(t, fs, small()), 0, entry(1))
}

// Opening and closing over and over neither loses anything nor fills the disk.
func TestManyRestarts(t *testing.T) {
	fs := memfs.New(1)
	closeLog(t, filled(t, fs, small(), 10))
	for range 300 {
		log := open(t, fs, small())
		expectEntries(t, log, 0, entriesUpTo(10)...)
		closeLog(t, log)
	}
	if n := len(fs.Paths()); n > 8 {
		t.Fatalf("%d files", n)
	}
}

// Options that cannot be honoured are refused before anything is touched.
func TestOptionsAreChecked(t *testing.T) {
	for _, opt := range []wal.Options{
		{SegmentBytes: 4095}, {SegmentBytes: 4097}, {SegmentBytes: -4096}, {SegmentBytes: 2 << 30}, {SpareSegments: -1}, {CompressAbove: -1},
	} {
		fs := memfs.New(1)
		if _, err := wal.Open(fs, logDir, opt); err == nil || fs.Calls() != 0 {
			t.Errorf("%+v: error %v after %d calls", opt, err, fs.Calls())
		}
	}
}

// The size of segments may change between runs: old ones are read, new ones have the new size.
func TestTheSegmentSizeMayChange(t *testing.T) {
	fs, opt := memfs.New(1), small()
	closeLog(t, filled(t, fs, opt, 100))
	opt.SegmentBytes = 4096
	log := open(t, fs, opt)
	expectEntries(t, log, 0, entriesUpTo(100)...)
	for zxid := uint64(101); zxid <= 200; zxid++ {
		appendSync(t, log, entry(zxid))
	}
	closeLog(t, log)
	opt.SegmentBytes = 4 * 4096
	log = open(t, fs, opt)
	expectEntries(t, log, 0, entriesUpTo(200)...)

	// A truncation inside a group that is larger than segments now are.
	group := []wal.Entry{{Zxid: 201, Data: pattern(201, 9000)}, {Zxid: 202, Data: pattern(202, 100)}}
	appendSync(t, log, group...)
	closeLog(t, log)
	opt.SegmentBytes = 8192
	log = open(t, fs, opt)
	if err := log.TruncateAfter(201); err != nil {
		t.Fatal(err)
	}
	expectEntries(t, open(t, crashed(fs), opt), 0, append(entriesUpTo(200), group[0])...)
	closeLog(t, log)
	opt.SegmentBytes = 4 * 4096
	log = open(t, fs, opt)
	if err := log.TruncateAfter(200); err != nil {
		t.Fatal(err)
	}

	// Released segments of the old size are not taken for ones of the new.
	if err := log.ReleaseBefore(200); err != nil {
		t.Fatal(err)
	}
	for zxid := uint64(201); zxid <= 400; zxid++ {
		appendSync(t, log, entry(zxid))
	}
	log = open(t, crashed(fs), opt)
	expectEntries(t, log, log.Base(), entriesUpTo(400)[log.Base():]...)
}

// An Open that fails, at whatever call, holds neither the lock nor a file afterwards.
func TestAFailedOpenLetsGo(t *testing.T) {
	fs := memfs.New(1)
	filled(t, fs, small(), 100)
	for n := uint64(1); ; n++ {
		disk := crashed(fs)
		disk.SetFaults(memfs.Faults{FailAt: n})
		log, err := wal.Open(disk, logDir, small())
		if disk.Calls() < n {
			return
		}
		if err == nil { // a failure that only concerns a spare
			closeLog(t, log)
		}
		expectEntries(t, open(t, disk, small()), 0, entriesUpTo(100)...)
	}
}
