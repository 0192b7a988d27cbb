package wal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/s2"
)

// maxKeptBuffer bounds what one large group leaves allocated, in bytes.
const maxKeptBuffer = 8 << 20

// Log is a write-ahead log in one directory, which it holds locked.
//
// One goroutine calls Append, Sync, TruncateAfter, ReleaseBefore, Reset and Close. Any goroutine may call Replay,
// LastZxid, Base, Stats and Recovery.
type Log struct {
	fs       FS
	dir      string
	opt      Options
	lock     io.Closer
	recycler *recycler
	stats    counters

	// Of the appending goroutine alone.
	//
	// Invariant: segmentHeaderSize <= synced <= active.end; every byte of active before synced is on disk, as is all
	// of the older segments up to where they end.
	active *segment // the last of segments
	synced int64
	run    uint64 // of active; see frameHeader
	marked bool   // active ends in a mark: all of it is proven durable
	asked  bool   // the recycler knows that a spare will be needed soon
	err    error  // the first failure; final
	buf    []byte // the frame being written
	raw    []byte // its entries before compression

	mu       sync.Mutex
	segments []*segment // oldest first, never empty; guarded by mu, written by the appending goroutine alone
	recovery Recovery   // immutable once Open has returned
}

// Append writes one frame that holds entries, in order. They are not durable until Sync returns; no reference to them
// is kept. Zxids must rise, within the group and from the last one (ErrOutOfOrder). A group that takes more than a
// segment is refused with ErrTooLarge: entries take 12 bytes each beside their data, frame and segment 208 together.
// When a new segment is needed and cannot be had (full disk) it returns ErrNoSegment. After these three nothing was
// appended and the log stays usable; any other error is final.
func (l *Log) Append(entries []Entry) error {
	if l.err != nil {
		return l.err
	}
	if len(entries) == 0 {
		return nil
	}
	if err := l.check(entries); err != nil {
		return err
	}
	var h frameHeader
	l.buf, h = l.encode(l.buf[:0], entries)
	if int64(len(l.buf)) > l.active.room() {
		if err := l.roll(); err != nil {
			return err
		}
		// The roll used the buffer for the new segment's header.
		l.buf, h = l.encode(l.buf[:0], entries)
	}
	if err := l.writeFrame(h); err != nil {
		return err
	}
	l.stats.appended(len(entries), len(l.buf))
	l.shrink()
	if !l.asked && l.active.end > l.active.header.size/2 {
		l.asked = true
		l.recycler.want()
	}
	return nil
}

// Sync makes every entry appended so far durable. Its first failure is final: the log never syncs again, and what had
// not been acknowledged before may or may not be found after a restart.
func (l *Log) Sync() error {
	if l.err != nil {
		return l.err
	}
	if l.synced == l.active.end {
		return nil
	}
	start := time.Now()
	if !l.opt.bugs.ackBeforeSync {
		if err := l.active.file.Sync(); err != nil {
			return l.fail("sync", l.active.path, err)
		}
	}
	l.synced = l.active.end
	l.stats.synced(time.Since(start))
	return nil
}

// LastZxid returns the zxid of the last entry appended or recovered; where the log holds none, the zxid after which it
// continues (0 in a new log).
func (l *Log) LastZxid() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.segments[len(l.segments)-1].last
}

// Base returns the zxid after which the log begins: entries up to it are gone, those above it are all there.
func (l *Log) Base() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.segments[0].header.base
}

// Close syncs, marks the end as durable so that damage to the last group cannot pass for a torn tail, waits for the
// background work, closes the files and gives the lock back. No Replay may be under way. After a final error it
// returns that error. A second call returns nil.
func (l *Log) Close() error {
	if l.err == ErrClosed {
		return nil
	}
	err := l.Sync()
	if err == nil && !l.marked && l.active.end > segmentHeaderSize {
		err = l.mark()
	}
	err = errors.Join(err, l.recycler.close())
	for _, s := range l.segments {
		err = errors.Join(err, s.file.Close())
	}
	err = errors.Join(err, l.lock.Close())
	l.err = ErrClosed
	return err
}

// mark writes and syncs a frame without entries, which bears witness that all before it was durable.
func (l *Log) mark() error {
	last := l.LastZxid()
	l.buf = append(l.buf[:0], zeroPage[:frameHeaderSize]...)
	if err := l.writeFrame(frameHeader{flags: flagMark, first: last, last: last}); err != nil {
		return err
	}
	l.marked = true
	return l.Sync()
}

// roll seals the active segment and starts the next one.
func (l *Log) roll() error {
	if err := l.Sync(); err != nil {
		return err
	}
	return l.startSegment(l.active.successor(), nil)
}

// check refuses what cannot be appended, before anything is written.
func (l *Log) check(entries []Entry) error {
	last := l.LastZxid()
	for i := range entries {
		if entries[i].Zxid <= last {
			return fmt.Errorf("%w: %#x after %#x", ErrOutOfOrder, entries[i].Zxid, last)
		}
		last = entries[i].Zxid
	}
	if size, most := frameSize(rawPayloadSize(entries)), l.maxFrame(); size > most {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, size, most)
	}
	return nil
}

// maxFrame is what fits an empty segment beside the mark.
func (l *Log) maxFrame() int64 { return l.opt.SegmentBytes - segmentHeaderSize - frameHeaderSize }

// encode appends a frame for entries to dst: room for its header, the payload, padding. The header it returns still
// lacks what depends on the place in the file.
func (l *Log) encode(dst []byte, entries []Entry) ([]byte, frameHeader) {
	start := len(dst)
	raw := rawPayloadSize(entries)
	dst = slices.Grow(dst, int(frameSize(raw))+pageSize)
	dst = append(dst, zeroPage[:frameHeaderSize]...)
	h := frameHeader{count: uint32(len(entries)), first: entries[0].Zxid, last: entries[len(entries)-1].Zxid}
	if l.opt.CompressAbove > 0 && raw > int64(l.opt.CompressAbove) {
		dst, h.flags = l.compress(dst, entries)
	} else {
		dst = appendPayload(dst, entries)
	}
	h.payload = uint32(len(dst) - start - frameHeaderSize)
	return append(dst, zeroPage[:frameSize(int64(h.payload))-int64(len(dst)-start)]...), h
}

// compress appends the payload as an S2 block, or as it is when S2 does not make it smaller.
func (l *Log) compress(dst []byte, entries []Entry) ([]byte, uint32) {
	l.raw = appendPayload(l.raw[:0], entries)
	most := s2.MaxEncodedLen(len(l.raw))
	dst = slices.Grow(dst, most+pageSize)
	block := s2.Encode(dst[len(dst):len(dst)+most], l.raw)
	if len(block) >= len(l.raw) {
		return append(dst, l.raw...), 0
	}
	return dst[:len(dst)+len(block)], flagS2
}

// writeFrame writes the frame in l.buf at the end of the active segment, which has room for it.
func (l *Log) writeFrame(h frameHeader) error {
	s, size := l.active, int64(len(l.buf))
	if s.end+size > s.header.size {
		panic("wal: frame written past the end of its segment")
	}
	h.seal(l.buf, s.header.salt, s.end, l.synced, l.run) // from here on the frame is bound to its place
	l.buf = padPage(l.buf, s.end, s.header.size)
	if _, err := s.file.WriteAt(l.buf, s.end); err != nil {
		return l.fail("write", s.path, err)
	}
	l.buf = l.buf[:size]
	l.marked = false
	l.mu.Lock()
	s.end += size
	s.last = h.last
	l.mu.Unlock()
	return nil
}

// shrink drops the buffers that one unusually large group has left.
func (l *Log) shrink() {
	if cap(l.buf) > maxKeptBuffer {
		l.buf = nil
	}
	if cap(l.raw) > maxKeptBuffer {
		l.raw = nil
	}
}

// fail records the first failure. What the disk holds of the operation is unknown from here on, so nothing is retried.
func (l *Log) fail(what, path string, err error) error {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err // it names the file as it was called when it was opened, perhaps as a spare
	}
	l.err = fmt.Errorf("wal: %s %s: %w", what, path, err)
	return l.err
}
