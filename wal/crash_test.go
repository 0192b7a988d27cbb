package wal_test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"

	"bellwether/wal"
	"bellwether/wal/memfs"
)

// crashSeeds is how many random choices are tried for each kind of crash at each call.
const crashSeeds = 4

// WAL_CRASH_SHAPES is how many histories, of different sizes and zxids, are crashed and failed at every call; 1 if not
// set, which takes some ten seconds.
func crashShapes(t *testing.T) uint64 {
	text := os.Getenv("WAL_CRASH_SHAPES")
	if text == "" {
		return 1
	}
	shapes, err := strconv.ParseUint(text, 10, 16)
	if err != nil || shapes < 1 {
		t.Fatalf("WAL_CRASH_SHAPES=%q is not a positive number", text)
	}
	return shapes
}

// Small segments roll often, and each page of them is a quarter of the whole.
func crashOptions() wal.Options {
	return wal.Options{SegmentBytes: 4 * 4096, SpareSegments: 2, CompressAbove: 1000}
}

// runUntil runs the history on a disk that stops at call n; it reports false when the history ends before.
func runUntil(n uint64, opt, next wal.Options, shape uint64) (*world, bool, error) {
	w := newWorld(memfs.New(n), opt, next, shape)
	w.fs.SetFaults(memfs.Faults{CrashAt: n})
	err := w.history()
	if w.fs.Crashed() {
		return w, true, nil
	}
	return w, false, err
}

// enumerate crashes the history at every call in every variant, and returns the first violation with how many disks
// were recovered.
func enumerate(opt, next wal.Options, shape uint64, seeds int, nested bool) (points, disks int, err error) {
	variants := memfs.Variants(seeds)
	for n := uint64(1); ; n += stride {
		w, crashed, err := runUntil(n, opt, next, shape)
		if err != nil {
			return points, disks, fmt.Errorf("without a fault: %w", err)
		}
		if !crashed {
			return points, disks, nil
		}
		points++
		for i, v := range variants {
			disks++
			if err := w.recoverFrom(w.fs.Crash(v)); err != nil {
				return points, disks, fmt.Errorf("crash at %v, %v: %w", w.fs.LastCall(), v, err)
			}
			if nested && points%len(variants) == i {
				more, err := w.crashRecovery(v)
				if disks += more; err != nil {
					return points, disks, fmt.Errorf("crash at %v, %v: %w", w.fs.LastCall(), v, err)
				}
			}
		}
		disks++
		call := w.fs.LastCall()
		if err := w.recoverFrom(w.fs.Kill()); err != nil {
			return points, disks, fmt.Errorf("kill at %v: %w", call, err)
		}
	}
}

// crashRecovery crashes the recovery from one crash at every call of its own, each time in another variant.
func (w *world) crashRecovery(v memfs.Variant) (disks int, err error) {
	variants := memfs.Variants(1)
	for n := uint64(1); ; n++ {
		disk := w.fs.Crash(v)
		disk.SetFaults(memfs.Faults{CrashAt: n})
		_, err := wal.Open(disk, logDir, w.next)
		if !disk.Crashed() {
			return disks, err
		}
		disks++
		second := variants[int(n)%len(variants)]
		if err := w.recoverFrom(disk.Crash(second)); err != nil {
			return disks, fmt.Errorf("then in recovery at %v, %v: %w", disk.LastCall(), second, err)
		}
	}
}

// Whatever call a crash hits and whatever it leaves of what was not synced: every acknowledged entry is there, nothing
// is invented, the order is kept, the log starts, and starting once more shows the same.
func TestEveryCrashKeepsWhatWasAcknowledged(t *testing.T) {
	for shape := range crashShapes(t) {
		points, disks, err := enumerate(crashOptions(), crashOptions(), shape, crashSeeds, true)
		if err != nil {
			t.Fatalf("shape %d: %v", shape, err)
		}
		t.Logf("shape %d: %d crash points (every %d. call), %d disks recovered, 0 violations", shape, points, stride, disks)
	}
}

// The enumerations can tell: each of these mistakes, made by the process that crashes or by the one that recovers, is
// found by the enumeration of crashes or, what only a failing sync shows, by that of failures.
func TestDeliberateBugsAreCaught(t *testing.T) {
	if stride > 1 {
		t.Skip("needs every call: run without the race detector")
	}
	for name, bug := range wal.Bugs {
		t.Run(name, func(t *testing.T) {
			opt, next := crashOptions(), crashOptions()
			if bug.InRecovery {
				bug.Plant(&next)
			} else {
				bug.Plant(&opt)
			}
			var err error
			if bug.NeedsFailure {
				_, err = failEveryCall(opt, next, 0)
			} else {
				_, _, err = enumerate(opt, next, 0, 2, false)
			}
			if err == nil {
				t.Fatal("nothing was found")
			}
			t.Logf("caught: %v", err)
		})
	}
}

// failEveryCall lets every call of the history fail in turn, in several ways.
func failEveryCall(opt, next wal.Options, shape uint64) (points int, err error) {
	kinds := []memfs.Faults{{Err: syscall.EIO}, {Err: syscall.ENOSPC}, {Err: syscall.ENOSPC, Short: true}}
	for n := uint64(1); ; n += stride {
		for _, faults := range kinds {
			faults.FailAt = n
			w := newWorld(memfs.New(n), opt, next, shape)
			w.fs.SetFaults(faults)
			historyErr := w.history()
			if w.fs.Calls() < n {
				return points, historyErr
			}
			points++
			if err := w.checkFailure(historyErr); err != nil {
				return points, fmt.Errorf("call %d fails (%v, short %v), history said %v: %w", n, faults.Err, faults.Short, historyErr, err)
			}
		}
	}
}

// checkFailure looks at a process some call of which has failed.
func (w *world) checkFailure(failure error) error {
	if failure != nil && w.log != nil {
		if err := w.checkFinal(failure); err != nil {
			return err
		}
	}
	// The machine dies with the process, or the process alone, and after its restart the machine.
	if err := w.recoverFrom(w.fs.Crash(memfs.Variant{Data: memfs.Lost})); err != nil {
		return fmt.Errorf("after a crash: %w", err)
	}
	if err := w.recoverFrom(w.fs.Crash(memfs.Variant{Data: memfs.Kept, Names: memfs.Kept})); err != nil {
		return fmt.Errorf("after a crash that kept all: %w", err)
	}
	if err := w.recoverFrom(w.fs.Kill()); err != nil {
		return fmt.Errorf("after a restart of the process: %w", err)
	}
	return nil
}

// checkFinal wants every later call to return the failure again without touching the disk.
func (w *world) checkFinal(failure error) error {
	calls := w.fs.Calls()
	for name, err := range map[string]error{
		"Append":        w.log.Append([]wal.Entry{{Zxid: 1 << 60}}),
		"Sync":          w.log.Sync(),
		"TruncateAfter": w.log.TruncateAfter(0),
		"ReleaseBefore": w.log.ReleaseBefore(1 << 60),
		"Reset":         w.log.Reset(1 << 60),
	} {
		if err != failure && !errors.Is(err, wal.ErrClosed) {
			return fmt.Errorf("%s after the failure: %v", name, err)
		}
	}
	if w.fs.Calls() != calls {
		return errors.New("the disk was used after the failure")
	}
	return nil
}

// Whatever call fails: what was acknowledged stays, the failure is final unless it says otherwise, and the next start
// finds a whole log, even if the kernel had dropped what a failed sync was to write.
func TestEveryFailingCallKeepsWhatWasAcknowledged(t *testing.T) {
	for shape := range crashShapes(t) {
		points, err := failEveryCall(crashOptions(), crashOptions(), shape)
		if err != nil {
			t.Fatalf("shape %d: %v", shape, err)
		}
		t.Logf("shape %d: %d failing calls (every %d. call), 0 violations", shape, points, stride)
	}
}
