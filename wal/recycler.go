package wal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// zeroChunk is how much of a new segment is zeroed between two syncs: a sync of the log that falls into this time
// then never waits behind more than one chunk.
const zeroChunk = 1 << 20

// recycler keeps the log supplied with spare files: whole, of the right size, every byte already written once, so that
// a frame written into one later changes no metadata. It zeroes new ones and takes over segments the log has given up.
//
//	segment released ──retire──► renamed, directory synced ──┐
//	                                                         ├──► spares ──take──► next segment
//	nothing spare, one wanted ──► prepare.tmp zeroed, synced ┘
//
// The files named *.spare belong to the recycler. Its work is done by one goroutine, or by the caller when inline.
// A spare's old bytes are harmless in every state: frames are salted per segment.
type recycler struct {
	fs     FS
	dir    string
	size   int64 // of a spare, in bytes
	keep   int   // released segments kept as spares
	inline bool
	done   chan struct{} // closed when the goroutine has ended

	// Of the worker alone.
	next uint64 // number of the next spare

	mu      sync.Mutex
	changed sync.Cond // any of the fields below has changed
	queue   []retirement
	spares  []string // paths
	wanted  bool     // one spare is to be prepared if there is none
	failed  error    // why the last preparation came to nothing
	err     error    // a retirement failed: final, nothing is retired any more
	closing bool
}

// retirement is a file that is no longer part of the log.
type retirement struct {
	path  string
	reuse bool // false when somebody still reads it or its size is not known to fit: it is removed
}

func newRecycler(fs FS, dir string, opt Options) *recycler {
	r := &recycler{fs: fs, dir: dir, size: opt.SegmentBytes, keep: opt.SpareSegments, inline: opt.Inline, done: make(chan struct{})}
	r.changed.L = &r.mu
	return r
}

// start begins the background work.
func (r *recycler) start() {
	if r.inline {
		close(r.done)
		return
	}
	go func() {
		defer close(r.done)
		for r.step(true) {
		}
	}()
}

// want says that a spare will be needed soon. It never waits, unless inline.
func (r *recycler) want() {
	r.mu.Lock()
	r.wanted = len(r.spares) == 0
	r.wake()
}

// retire hands over files that have left the log, oldest first. Each one's new state is durable before the next one
// is touched, so a crash never leaves a hole among them. It waits only when inline. The error is that of any
// retirement so far, and final.
func (r *recycler) retire(files []retirement) error {
	r.mu.Lock()
	r.queue = append(r.queue, files...)
	r.wake()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// take returns the path and size of a spare, which is the caller's from here on. It waits for one to be prepared if it
// must; if that fails it returns an error that matches ErrNoSegment, and the next take tries again.
func (r *recycler) take() (path string, size int64, err error) {
	r.mu.Lock()
	if len(r.spares) == 0 {
		r.wanted, r.failed = true, nil
	}
	r.wake()
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.spares) == 0 && r.failed == nil && r.err == nil {
		r.changed.Wait()
	}
	if r.err != nil {
		return "", 0, r.err
	}
	if len(r.spares) == 0 {
		return "", 0, fmt.Errorf("%w: %w", ErrNoSegment, r.failed)
	}
	path, r.spares = r.spares[0], r.spares[1:]
	return path, r.size, nil
}

// close finishes the retirements under way and waits for the goroutine's end.
func (r *recycler) close() error {
	r.mu.Lock()
	r.closing = true
	r.wake()
	<-r.done
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// wake releases r.mu and lets the worker look; inline, it does the work.
func (r *recycler) wake() {
	r.changed.Broadcast()
	r.mu.Unlock()
	if r.inline {
		for r.step(false) {
		}
	}
}

// step retires a file or prepares a spare. With wait it waits for such work and returns false only at the end; without,
// it returns false when there is none.
func (r *recycler) step(wait bool) bool {
	file, ok := r.pick(wait)
	switch {
	case !ok:
		return false
	case file.path == "":
		r.prepared(r.prepare())
	default:
		r.retired(r.retireFile(file))
	}
	return true
}

// pick returns the next file to retire, or one without a path when a spare is to be prepared.
func (r *recycler) pick(wait bool) (file retirement, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for wait && !r.closing && !r.pending() {
		r.changed.Wait()
	}
	switch {
	case len(r.queue) > 0 && r.err == nil:
		file, r.queue = r.queue[0], r.queue[1:]
		file.reuse = file.reuse && len(r.spares) < r.keep
		return file, true
	case r.wanted && len(r.spares) == 0 && !r.closing:
		return file, true
	}
	return file, false
}

func (r *recycler) prepared(path string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wanted, r.failed = false, err
	if err == nil {
		r.spares = append(r.spares, path)
	}
	r.changed.Broadcast()
}

// retired takes note of a retirement; the path is empty when the file was removed.
func (r *recycler) retired(path string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	if path != "" {
		r.spares = append(r.spares, path)
	}
	r.changed.Broadcast()
}

func (r *recycler) pending() bool {
	return len(r.queue) > 0 && r.err == nil || r.wanted && len(r.spares) == 0
}

// retireFile makes a former segment a spare and returns its path, or removes it, durably.
func (r *recycler) retireFile(file retirement) (spare string, err error) {
	if file.reuse {
		spare = r.nextPath()
		err = r.fs.Rename(file.path, spare)
	} else {
		err = r.fs.Remove(file.path)
	}
	if err == nil {
		// Before the next segment, lest a crash keep that change and not this one: a hole. And before reuse, lest a
		// crash bring back the old name over new contents.
		err = r.fs.SyncDir(r.dir)
	}
	if err != nil {
		return "", fmt.Errorf("wal: retire %s: %w", file.path, err)
	}
	return spare, nil
}

// prepare makes a spare from nothing. Whatever fails, the log is not concerned: the file is thrown away.
func (r *recycler) prepare() (string, error) {
	tmp := filepath.Join(r.dir, prepareName)
	f, err := r.fs.Create(tmp)
	if err != nil {
		return "", err
	}
	err = errors.Join(zero(f, r.size), f.Close())
	path := r.nextPath()
	if err == nil {
		err = r.fs.Rename(tmp, path)
	}
	if err != nil {
		if rmErr := r.fs.Remove(tmp); rmErr != nil && !errors.Is(rmErr, os.ErrNotExist) {
			err = errors.Join(err, rmErr)
		}
		return "", err
	}
	return path, nil
}

// zero writes zeros from the start to size, in chunks that are each synced. Reserving the space would not do: the
// first write into reserved space still changes metadata, which costs the sync that follows about a fifth more.
func zero(f File, size int64) error {
	zeros := make([]byte, min(size, zeroChunk))
	for off := int64(0); off < size; off += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-off)], off); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return nil
}

func (r *recycler) nextPath() string {
	r.next++
	return filepath.Join(r.dir, numberedName(r.next, spareSuffix))
}

// adopt takes stock of the spares an earlier run left. Those of another size and those above the bound are removed, as
// is a half-prepared one. Called by Open, before start.
func (r *recycler) adopt(names []string) error {
	for _, name := range names {
		path := filepath.Join(r.dir, name)
		if name == prepareName {
			if err := r.fs.Remove(path); err != nil {
				return fmt.Errorf("wal: remove %s: %w", path, err)
			}
			continue
		}
		n, ok := parseName(name, spareSuffix)
		if !ok {
			continue
		}
		r.next = max(r.next, n)
		if err := r.adoptSpare(path); err != nil {
			return fmt.Errorf("wal: take over %s: %w", path, err)
		}
	}
	return nil
}

func (r *recycler) adoptSpare(path string) error {
	f, err := r.fs.Open(path)
	if err != nil {
		return err
	}
	size, err := f.Size()
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if size != r.size || len(r.spares) >= r.keep {
		return r.fs.Remove(path)
	}
	r.spares = append(r.spares, path)
	return nil
}
