package wal

import (
	"fmt"
	"slices"
)

// TruncateAfter removes every entry above zxid, durably and exactly, even when that splits a group. It changes no byte
// of the log: a new segment is started whose header says that its predecessor ends where the first removed group
// begins, and whose first frame holds what is kept of that group. The rename that gives the segment its name is the
// moment of truncation. It returns ErrReleased, with nothing changed, when zxid is below Base, and ErrNoSegment like
// Append.
func (l *Log) TruncateAfter(zxid uint64) error {
	if err := l.Sync(); err != nil { // the new header will say so of all that is kept
		return err
	}
	if zxid >= l.LastZxid() {
		return nil
	}
	if base := l.Base(); zxid < base {
		return fmt.Errorf("%w: cannot truncate after %#x, the log begins after %#x", ErrReleased, zxid, base)
	}
	l.mu.Lock()
	i := l.holding(zxid)
	l.mu.Unlock()
	s := l.segments[i]
	end, last, kept, err := l.findCut(s, zxid)
	if err != nil {
		return err
	}
	h := s.successor()
	h.seq, h.prevEnd, h.base = l.active.header.seq+1, end, last
	return l.startSegment(h, kept)
}

// findCut returns where in s the first group with an entry above zxid begins, the last zxid before it, and the entries
// of that group that stay.
func (l *Log) findCut(s *segment, zxid uint64) (end int64, last uint64, kept []Entry, err error) {
	var r frames
	r.open(s, s.end)
	last = s.header.base
	for r.off < s.end {
		f, bad, err := r.next()
		if err != nil {
			return 0, 0, nil, l.fail("truncate", s.path, err)
		}
		if bad != "" {
			return 0, 0, nil, l.fail("truncate", s.path, &DamageError{s.path, r.off, bad})
		}
		if f.last <= zxid {
			last = f.last
			continue
		}
		entries, err := f.entries(s, nil)
		if err != nil {
			return 0, 0, nil, l.fail("truncate", s.path, err)
		}
		n := 0
		for n < len(entries) && entries[n].Zxid <= zxid {
			n++
		}
		return f.off, last, entries[:n], nil
	}
	return s.end, last, nil, nil // the cut falls between this segment and the next one
}

// ReleaseBefore gives up the segments that hold only entries below zxid; they are recycled in the background. Entries
// from zxid on stay, and so may older ones. A crash may bring released segments back.
func (l *Log) ReleaseBefore(zxid uint64) error {
	if l.err != nil {
		return l.err
	}
	n := 0
	for n < len(l.segments)-1 && l.segments[n].last < zxid {
		n++
	}
	l.mu.Lock()
	released := l.segments[:n]
	l.segments = slices.Clone(l.segments[n:])
	l.mu.Unlock()
	return l.retire(released)
}

// Reset empties the log, durably and in one step, and lets it continue after zxid: for a server whose state came from
// elsewhere, as a snapshot at zxid. What the log held is gone even where it was above zxid. It returns ErrNoSegment
// like Append.
func (l *Log) Reset(zxid uint64) error {
	if l.err != nil {
		return l.err
	}
	return l.startSegment(segmentHeader{seq: l.active.header.seq + 1, base: zxid}, nil)
}
