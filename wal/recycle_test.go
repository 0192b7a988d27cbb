package wal_test

import (
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"bellwether/wal"
	"bellwether/wal/memfs"
)

func count(fs *memfs.FS, suffix string) int {
	n := 0
	for _, path := range fs.Paths() {
		if strings.HasSuffix(path, suffix) {
			n++
		}
	}
	return n
}

// In the steady state no segment is zeroed: released ones are used again.
func TestReleasedSegmentsAreReused(t *testing.T) {
	fs, opt := memfs.New(1), small()
	log := filled(t, fs, opt, 300)
	next := uint64(301)
	round := func() {
		t.Helper()
		if err := log.ReleaseBefore(next); err != nil {
			t.Fatal(err)
		}
		for range 80 { // less than two segments
			appendSync(t, log, entry(next))
			next++
		}
	}
	round()
	files := count(fs, "")
	for range 10 {
		round()
	}
	if n := count(fs, ""); n != files {
		t.Fatalf("%d files at first, %d later", files, n)
	}
	log = open(t, crashed(fs), opt)
	expectEntries(t, log, log.Base(), entriesUpTo(next - 1)[log.Base():]...)
}

// No more spares are kept than asked for; the other released segments are removed.
func TestSparesAreBounded(t *testing.T) {
	fs, opt := memfs.New(1), small()
	opt.SpareSegments = 2
	log := filled(t, fs, opt, 500)
	if err := log.ReleaseBefore(500); err != nil {
		t.Fatal(err)
	}
	if spares, segments := count(fs, ".spare"), count(fs, ".wal"); spares > 2 || segments != 1 {
		t.Fatalf("%d spares, %d segments", spares, segments)
	}
	opt.SpareSegments = 1
	open(t, crashed(fs), opt)
}

// Spares of an earlier run are taken over; half-prepared ones and those of another size are removed.
func TestSparesAreTakenOver(t *testing.T) {
	fs, opt := memfs.New(1), small()
	log := filled(t, fs, opt, 200)
	if err := log.ReleaseBefore(200); err != nil {
		t.Fatal(err)
	}
	closeLog(t, log)
	spares := count(fs, ".spare")
	writeAll(t, fs, filepath.Join(logDir, "prepare.tmp"), []byte("half"))
	writeAll(t, fs, filepath.Join(logDir, "00000000000000ff.spare"), []byte("another size"))
	writeAll(t, fs, filepath.Join(logDir, "notes.txt"), []byte("not ours"))
	closeLog(t, open(t, fs, opt))
	if n := count(fs, ".spare"); n != spares || count(fs, ".tmp") != 0 || count(fs, "notes.txt") != 1 {
		t.Fatalf("%d spares before; now: %v", spares, fs.Paths())
	}
}

// With the work in the background, crashes at any call keep the same promises, though the order of calls varies.
func TestBackgroundWorkSurvivesCrashes(t *testing.T) {
	variants := memfs.Variants(1)
	for n := uint64(1); ; n += 3 {
		w := newWorld(memfs.New(n), crashOptions(), crashOptions(), 0)
		w.opt.Inline = false
		w.fs.SetFaults(memfs.Faults{CrashAt: n})
		err := w.history()
		if w.log != nil {
			_ = w.log.Close() // the process is dead; its goroutine must end
		}
		if !w.fs.Crashed() {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		for _, v := range variants {
			if err := w.recoverFrom(w.fs.Crash(v)); err != nil {
				t.Fatalf("crash at %v, %v: %v", w.fs.LastCall(), v, err)
			}
		}
	}
}

// Replays may run beside everything the appending goroutine does: each sees the log as it was when it began.
func TestReplayBesideEverything(t *testing.T) {
	fs := memfs.New(1)
	w := newWorld(fs, crashOptions(), crashOptions(), 0)
	w.opt.Inline = false
	if err := w.open(); err != nil {
		t.Fatal(err)
	}
	done, replays, finished := make(chan struct{}), sync.WaitGroup{}, atomic.Int64{}
	for range 2 {
		log := w.log
		replays.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				last := uint64(0)
				err := log.Replay(log.Base(), func(e wal.Entry) error {
					if e.Zxid <= last || string(e.Data) != string(pattern(e.Zxid, len(e.Data))) {
						t.Errorf("entry %#x after %#x", e.Zxid, last)
					}
					last = e.Zxid
					return nil
				})
				if err != nil && !strings.Contains(err.Error(), wal.ErrReleased.Error()) { // released since Base returned
					t.Error(err)
				}
				log.Stats()
				log.LastZxid()
				finished.Add(1)
			}
		})
	}
	for round := 0; round < 20 || finished.Load() < 100; round++ {
		for _, step := range []func() error{w.some(10), w.release(0.3), w.evenly(10), w.truncate(0.9), w.release(0.9), w.some(5), w.reset} {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(done)
	replays.Wait()
	closeLog(t, w.log)
}
