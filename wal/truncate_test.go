package wal_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"bellwether/wal"
	"bellwether/wal/memfs"
)

// TruncateAfter removes exactly the entries above a zxid, wherever it falls: at a segment's edge, between groups,
// inside one, on a zxid that has no entry; durably, and with the log usable after it.
func TestTruncateAfterIsExact(t *testing.T) {
	fs := memfs.New(1)
	log := open(t, fs, small())
	var all []wal.Entry
	for i := uint64(1); i <= 60; i += 3 {
		group := []wal.Entry{entry(2 * i), entry(2*i + 2), entry(2*i + 4)}
		appendSync(t, log, group...)
		all = append(all, group...)
	}
	for zxid := uint64(0); zxid <= 126; zxid++ {
		kept := all
		if i := slices.IndexFunc(all, func(e wal.Entry) bool { return e.Zxid > zxid }); i >= 0 {
			kept = all[:i]
		}
		disk := crashed(fs)
		log := open(t, disk, small())
		if err := log.TruncateAfter(zxid); err != nil {
			t.Fatal(err)
		}
		expectEntries(t, log, 0, kept...)
		disk = crashed(disk)
		log = open(t, disk, small())
		expectEntries(t, log, 0, kept...)
		next := slices.Concat(kept, []wal.Entry{{Zxid: 500, Data: []byte("next")}})
		appendSync(t, log, next[len(kept)])
		expectEntries(t, open(t, crashed(disk), small()), 0, next...)
	}
}

// Truncations after truncations, with appends, releases and restarts between them, agree with a slice.
func TestTruncationsAgreeWithAModel(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 0))
		w := newWorld(memfs.New(seed), small(), small(), seed)
		steps := []func() error{w.some(3), w.together(1), w.sync, w.reopen, w.reset}
		for step := range 60 {
			do := steps[rng.IntN(len(steps))]
			if rng.IntN(3) == 0 {
				do = w.truncate(rng.Float64())
			} else if rng.IntN(6) == 0 {
				do = w.release(rng.Float64())
			}
			if w.log == nil {
				do = w.open
			}
			if err := do(); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
			found, err := read(w.log)
			if err == nil {
				_, err = w.m.explain(found)
			}
			if err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
		}
	}
}

// What was released cannot be truncated or replayed: the caller is told instead of being given a log with a hole.
func TestReleasedEntriesAreNotPretended(t *testing.T) {
	fs := memfs.New(1)
	log := filled(t, fs, small(), 200)
	if err := log.ReleaseBefore(150); err != nil {
		t.Fatal(err)
	}
	base := log.Base()
	if base == 0 || base >= 150 {
		t.Fatalf("the log begins after %d", base)
	}
	nothing := func(wal.Entry) error { return nil }
	expectError(t, log.Replay(base-1, nothing), wal.ErrReleased)
	expectError(t, log.TruncateAfter(base-1), wal.ErrReleased)
	expectEntries(t, log, base, entriesUpTo(200)[base:]...)
	if err := log.TruncateAfter(base); err != nil {
		t.Fatal(err)
	}
	expectEntries(t, log, base)
	if log.LastZxid() != base {
		t.Fatalf("LastZxid is %d, want %d", log.LastZxid(), base)
	}
}

// ReleaseBefore keeps the entry it names and everything above, and the log's last segment whatever it holds.
func TestReleaseKeepsWhatIsNeeded(t *testing.T) {
	for zxid := uint64(0); zxid <= 210; zxid += 7 {
		fs := memfs.New(1)
		log := filled(t, fs, small(), 200)
		if err := log.ReleaseBefore(zxid); err != nil {
			t.Fatal(err)
		}
		if base := log.Base(); base >= max(zxid, 1) || base >= 200 {
			t.Fatalf("released before %d, the log begins after %d", zxid, base)
		}
		log = open(t, crashed(fs), small())
		expectEntries(t, log, log.Base(), entriesUpTo(200)[log.Base():]...)
	}
}

// Reset leaves an empty log that continues after the given zxid, be it below or above what the log held.
func TestResetBeginsAnew(t *testing.T) {
	for _, zxid := range []uint64{50, 1000} {
		t.Run(fmt.Sprint(zxid), func(t *testing.T) {
			fs := memfs.New(1)
			log := filled(t, fs, small(), 200)
			if err := log.Reset(zxid); err != nil {
				t.Fatal(err)
			}
			disk := crashed(fs)
			log = open(t, disk, small())
			if log.LastZxid() != zxid || log.Base() != zxid {
				t.Fatalf("the log is (%d, %d], want empty after %d", log.Base(), log.LastZxid(), zxid)
			}
			expectError(t, log.Append([]wal.Entry{entry(zxid)}), wal.ErrOutOfOrder)
			appendSync(t, log, entry(zxid+1))
			expectEntries(t, open(t, crashed(disk), small()), zxid, entry(zxid+1))
		})
	}
}
