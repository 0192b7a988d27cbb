package wal

import (
	"bytes"
	"fmt"
	"sort"

	"github.com/klauspost/compress/s2"
)

// Replay calls fn with every entry above zxid after, in order, up to the last one appended before the call, and stops
// at fn's first error, which it returns. Data belongs to fn for good, but entries of one group share one allocation.
// It returns ErrReleased when entries above after are no longer there (after < Base), a *DamageError when the file is
// not as it was written. Safe for concurrent use with everything but Close; what a truncation or a release takes away
// meanwhile stays readable for this call.
func (l *Log) Replay(after uint64, fn func(Entry) error) error {
	pinned, ends, err := l.pin(after)
	if err != nil {
		return err
	}
	defer l.unpin(pinned)
	var r frames
	var entries []Entry
	for i, s := range pinned {
		r.open(s, ends[i])
		for r.off < ends[i] {
			f, bad, err := r.next()
			if err != nil {
				return err
			}
			if bad != "" {
				return &DamageError{s.path, r.off, bad}
			}
			if f.last <= after || f.count == 0 {
				continue
			}
			if entries, err = f.entries(s, entries[:0]); err != nil {
				return err
			}
			if err := above(after, entries, fn); err != nil {
				return err
			}
		}
	}
	return nil
}

// above calls fn with the entries above after. A group may begin at or below it.
func above(after uint64, entries []Entry, fn func(Entry) error) error {
	for _, e := range entries {
		if e.Zxid <= after {
			continue
		}
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

// entries appends the frame's entries to dst. Their data is memory of its own.
func (f *frame) entries(s *segment, dst []Entry) ([]Entry, error) {
	raw, ok := f.unpack()
	for ok && len(raw) > 0 {
		var e Entry
		e, raw, ok = nextEntry(raw)
		dst = append(dst, e)
	}
	if !ok || uint32(len(dst)) != f.count {
		return nil, &DamageError{s.path, f.off, fmt.Sprintf("the frame does not hold its %d entries", f.count)}
	}
	return dst, nil
}

// unpack returns a copy of the frame's encoded entries.
func (f *frame) unpack() ([]byte, bool) {
	if f.flags&flagS2 == 0 {
		return bytes.Clone(f.payload), true
	}
	if n, err := s2.DecodedLen(f.payload); err != nil || n > maxSegmentBytes {
		return nil, false
	}
	raw, err := s2.Decode(nil, f.payload)
	return raw, err == nil
}

// pin returns the segments that may hold entries above after, and where each ends. They stay readable until unpin.
func (l *Log) pin(after uint64) (pinned []*segment, ends []int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if base := l.segments[0].header.base; after < base {
		return nil, nil, fmt.Errorf("%w: those above %#x were asked for, the log begins after %#x", ErrReleased, after, base)
	}
	pinned = append(pinned, l.segments[l.holding(after):]...)
	for _, s := range pinned {
		s.readers++
		ends = append(ends, s.end)
	}
	return pinned, ends, nil
}

// unpin closes the files that only these readers kept open.
func (l *Log) unpin(pinned []*segment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range pinned {
		if s.readers--; s.readers == 0 && s.retired {
			s.file.Close() // it was only read since it left the log
		}
	}
}

// holding returns the index of the segment where the entries above after begin. It needs mu, and after >= Base.
func (l *Log) holding(after uint64) int {
	return sort.Search(len(l.segments), func(i int) bool { return l.segments[i].header.base > after }) - 1
}
