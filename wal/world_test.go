package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"

	"bellwether/wal"
	"bellwether/wal/memfs"
)

const (
	logDir    = "/data/log"
	snapDir   = "/data/snap"
	epochFile = "/data/log/epoch"
)

// world is a process that uses a log on a disk that may fail or crash at any call, and the model of what it did.
type world struct {
	fs   *memfs.FS
	opt  wal.Options
	next wal.Options // of the processes that come after this one
	log  *wal.Log
	m    *model
	rng  *rand.Rand
	zxid uint64
}

// newWorld's shape chooses the sizes and zxids in the history.
func newWorld(fs *memfs.FS, opt, next wal.Options, shape uint64) *world {
	opt.Salt, opt.Inline = rand.New(rand.NewPCG(1, 1)).Uint64, true
	next.Salt, next.Inline = rand.New(rand.NewPCG(1, 2)).Uint64, true
	return &world{fs: fs, opt: opt, next: next, m: newModel(), rng: rand.New(rand.NewPCG(2, shape)), zxid: 1 << 32}
}

// history is the workload that is crashed and failed at every call: groups of many shapes, some synced together;
// segments rolled, released and recycled; truncations inside a group, between groups and across segments; a reset;
// restarts; snapshots made, given up and removed; a small file rewritten.
func (w *world) history() error {
	steps := []func() error{
		w.open, w.epoch, w.some(3), w.snapshot,
		w.evenly(45), w.release(0.7), w.evenly(40), w.release(0.9), // recycled segments whose frames stand where old ones stood
		w.together(3), w.epoch, w.truncate(0.97), w.some(4), w.snapshot, w.reopen,
		w.together(4), w.sync, w.some(5), w.truncate(0.6), w.together(2), w.truncate(1), w.reopen, w.some(3),
		w.abortSnapshot, w.release(0.5), w.removeSnapshot, w.some(6), w.reset, w.pages, w.sync, w.some(4), w.snapshot,
		w.truncate(0.5), w.together(3), w.sync, w.reopen, w.epoch, w.evenly(18), w.release(1), w.some(4), w.together(3), w.close,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) open() (err error) {
	w.log, err = wal.Open(w.fs, logDir, w.opt)
	return err
}

func (w *world) close() error {
	err := w.log.Close()
	if err == nil {
		w.m.sync()
	}
	return err
}

func (w *world) reopen() error {
	if err := w.close(); err != nil {
		return err
	}
	return w.open()
}

// group makes entries of the given sizes with the next zxids.
func (w *world) group(sizes ...int) []wal.Entry {
	var entries []wal.Entry
	for _, size := range sizes {
		w.zxid += 1 + w.rng.Uint64N(2)
		entries = append(entries, wal.Entry{Zxid: w.zxid, Data: pattern(w.zxid, size)})
	}
	return entries
}

// pattern is size bytes that no other zxid has; they compress well when size is odd and not at all when it is even.
func pattern(zxid uint64, size int) []byte {
	data := make([]byte, size)
	rng := rand.New(rand.NewPCG(zxid, 0))
	word := rng.Uint64()
	for i := range data {
		if i%8 == 0 && size%2 == 0 {
			word = rng.Uint64()
		}
		data[i] = byte(word >> (i % 8 * 8))
	}
	return data
}

func (w *world) append(entries []wal.Entry) error {
	before := *w.m
	w.m.append(entries) // even if the call fails, they may be there
	err := w.log.Append(entries)
	if errors.Is(err, wal.ErrNoSegment) && !w.fs.Crashed() {
		*w.m = before // now they may not
		w.m.append(entries)
		err = w.log.Append(entries)
	}
	return err
}

func (w *world) sync() error {
	err := w.log.Sync()
	if err == nil {
		w.m.sync()
	}
	return err
}

// some appends and syncs n groups of random shapes.
func (w *world) some(n int) func() error {
	return func() error {
		for range n {
			sizes := make([]int, 1+w.rng.IntN(4))
			for i := range sizes {
				sizes[i] = w.rng.IntN(600)
			}
			if err := w.append(w.group(sizes...)); err != nil {
				return err
			}
			if err := w.sync(); err != nil {
				return err
			}
		}
		return nil
	}
}

// evenly appends and syncs n groups of one size.
func (w *world) evenly(n int) func() error {
	return func() error {
		for range n {
			if err := w.append(w.group(300)); err != nil {
				return err
			}
			if err := w.sync(); err != nil {
				return err
			}
		}
		return nil
	}
}

// together appends n groups that one sync will cover, each of more than a page.
func (w *world) together(n int) func() error {
	return func() error {
		for i := range n {
			if err := w.append(w.group(1500+100*i, 30, 3000)); err != nil {
				return err
			}
		}
		return nil
	}
}

// pages appends, to a new segment, groups whose frames each end with a page, and syncs the first. Only such a frame can
// be written anew without writing zeros over the start of what comes behind it.
func (w *world) pages() error {
	if err := w.append(w.group(4096 - headerBytes - frameBytes - entryBytes)); err != nil {
		return err
	}
	if err := w.sync(); err != nil {
		return err
	}
	for range 2 {
		if err := w.append(w.group(4096 - frameBytes - entryBytes)); err != nil {
			return err
		}
	}
	return nil
}

// at returns the zxid at a share of the log.
func (w *world) at(share float64) uint64 { return w.m.zxidAt(int(share * float64(len(w.m.entries)))) }

func (w *world) release(share float64) func() error {
	return func() error {
		w.m.floor = max(w.m.floor, w.at(share))
		return w.log.ReleaseBefore(w.m.floor)
	}
}

func (w *world) truncate(share float64) func() error {
	return func() error {
		zxid := max(w.at(share), w.log.Base())
		return w.replace(w.m.truncated(zxid), func() error { return w.log.TruncateAfter(zxid) })
	}
}

func (w *world) reset() error {
	w.zxid = (w.zxid>>32 + 1) << 32
	return w.replace(w.m.reset(w.zxid), func() error { return w.log.Reset(w.zxid) })
}

// replace runs an operation after which the log is as in next.
func (w *world) replace(next *model, operation func() error) error {
	w.m.other = next
	err := operation()
	if errors.Is(err, wal.ErrNoSegment) && !w.fs.Crashed() {
		err = operation()
	}
	if err == nil {
		w.m.become(next)
	}
	return err
}

func snapshotBytes(zxid uint64) []byte { return pattern(zxid, 1000) }

func (w *world) snapshot() error {
	zxid := w.m.zxidAt(w.m.acked)
	w.m.snapshots[zxid] = false
	s, err := wal.CreateSnapshot(w.fs, snapDir, zxid)
	if err != nil {
		return w.survived(err)
	}
	if _, err = s.Write(snapshotBytes(zxid)); err == nil {
		err = s.Commit()
	}
	if err == nil {
		w.m.snapshots[zxid] = true
	} else {
		_ = s.Abort() // may well fail too
	}
	return w.survived(err)
}

func (w *world) abortSnapshot() error {
	s, err := wal.CreateSnapshot(w.fs, snapDir, w.zxid)
	if err != nil {
		return w.survived(err)
	}
	_, _ = s.Write(snapshotBytes(w.zxid))
	return w.survived(s.Abort())
}

func (w *world) removeSnapshot() error {
	zxids, err := wal.Snapshots(w.fs, snapDir)
	if err != nil || len(zxids) == 0 {
		return w.survived(err)
	}
	oldest := zxids[len(zxids)-1]
	w.m.snapshots[oldest] = false
	if err = wal.RemoveSnapshot(w.fs, snapDir, oldest); err == nil {
		delete(w.m.snapshots, oldest)
	}
	return w.survived(err)
}

func (w *world) epoch() error {
	value := fmt.Sprint("epoch ", w.zxid)
	w.m.epoch = append(slices.Clip(w.m.epoch), value)
	err := wal.WriteFileAtomic(w.fs, epochFile, []byte(value))
	if err == nil {
		w.m.epoch = []string{value}
	}
	return w.survived(err)
}

// survived lets the process go on after a failure that does not concern the log.
func (w *world) survived(err error) error {
	if w.fs.Crashed() {
		return err
	}
	return nil
}

// recoverFrom starts on a disk that a crash left and returns why that contradicts the history, if it does.
func (w *world) recoverFrom(disk *memfs.FS) error {
	log, err := wal.Open(disk, logDir, w.next)
	if err != nil {
		return fmt.Errorf("refused to start: %w", err)
	}
	found, err := read(log)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	end, err := w.m.explain(found)
	if err != nil {
		return err
	}
	if err := w.checkFiles(disk); err != nil {
		return err
	}
	for _, again := range []memfs.Variant{{Data: memfs.Lost}, {Data: memfs.Kept, Names: memfs.Kept}} {
		if err := expect(disk.Crash(again), w.next, found); err != nil {
			return fmt.Errorf("second recovery (%v): %w", again, err)
		}
	}
	return w.goOn(disk, log, found, end)
}

// goOn appends a group of the shape of the first one that was lost, so that it ends where that one did and whatever
// was behind it comes next.
func (w *world) goOn(disk *memfs.FS, log *wal.Log, found contents, end int) error {
	sizes := []int{300}
	if i := slices.IndexFunc(w.m.groups, func(g int) bool { return g > end }); i >= 0 {
		sizes = nil
		for _, e := range w.m.entries[end:w.m.groups[i]] {
			sizes = append(sizes, len(e.Data))
		}
	}
	for i, size := range sizes {
		zxid := found.last + 1 + uint64(i) // as a new leader's would be: perhaps equal to a lost one
		found.entries = append(found.entries, wal.Entry{Zxid: zxid, Data: pattern(^zxid, size)})
	}
	added := found.entries[len(found.entries)-len(sizes):]
	found.last = added[len(added)-1].Zxid
	if err := log.Append(added); err != nil {
		return fmt.Errorf("append after recovery: %w", err)
	}
	if err := log.Sync(); err != nil {
		return fmt.Errorf("sync after recovery: %w", err)
	}
	if err := expect(disk.Crash(memfs.Variant{Data: memfs.Lost}), w.next, found); err != nil {
		return fmt.Errorf("after going on: %w", err)
	}
	return nil
}

// expect recovers from disk and wants exactly these contents.
func expect(disk *memfs.FS, opt wal.Options, want contents) error {
	log, err := wal.Open(disk, logDir, opt)
	if err != nil {
		return fmt.Errorf("refused to start: %w", err)
	}
	found, err := read(log)
	if err == nil && !found.equal(want) {
		err = fmt.Errorf("found %v, want %v", found, want)
	}
	return err
}

func (w *world) checkFiles(disk *memfs.FS) error {
	epoch, err := wal.ReadFile(disk, epochFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if !slices.Contains(w.m.epoch, string(epoch)) {
		return fmt.Errorf("the small file holds %q, want one of %q", epoch, w.m.epoch)
	}
	zxids, err := wal.Snapshots(disk, snapDir)
	if err != nil {
		return err
	}
	for zxid, sure := range w.m.snapshots {
		if sure && !slices.Contains(zxids, zxid) {
			return fmt.Errorf("committed snapshot %#x is gone", zxid)
		}
	}
	for _, zxid := range zxids {
		if _, ok := w.m.snapshots[zxid]; !ok {
			return fmt.Errorf("snapshot %#x was never committed", zxid)
		}
		if err := checkSnapshot(disk, zxid); err != nil {
			return err
		}
	}
	return nil
}

func checkSnapshot(disk *memfs.FS, zxid uint64) error {
	r, err := wal.OpenSnapshot(disk, snapDir, zxid)
	if err != nil {
		return err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(data, snapshotBytes(zxid)) {
		err = fmt.Errorf("snapshot %#x does not hold what was written", zxid)
	}
	return err
}
