package wal

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// Recovery says what Open found.
type Recovery struct {
	Segments int    // that make up the log
	Frames   uint64 // whole ones
	Entries  uint64
	// A torn tail that was cut: the file, the byte at which its whole frames end, and how many frame headers were
	// found behind. TornFile is empty when nothing of the kind was found.
	TornFile   string
	TornAt     int64
	TornFrames int
}

// Open locks dir, making it if need be, and recovers the log in it: every frame is read and checked, a torn tail is
// cut, and what is found is durable when Open returns, so that another recovery finds the same. It returns a
// *LockedError when the directory is in use and a *DamageError, with nothing changed, when bytes that had been synced
// are not as they were written.
func Open(fs FS, dir string, opt Options) (*Log, error) {
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	opt = opt.withDefaults()
	if err := fs.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("wal: make %s: %w", dir, err)
	}
	lock, err := fs.Lock(filepath.Join(dir, lockName))
	if err != nil {
		if errors.Is(err, ErrLocked) {
			return nil, err
		}
		return nil, fmt.Errorf("wal: lock %s: %w", dir, err)
	}
	l := &Log{fs: fs, dir: dir, opt: opt, lock: lock, recycler: newRecycler(fs, dir, opt)}
	leftovers, err := l.recover()
	l.recycler.start()
	if err == nil {
		err = l.settle()
	}
	if err == nil {
		err = l.recycler.retire(leftovers)
	}
	if err != nil {
		return nil, errors.Join(err, l.abandon())
	}
	return l, nil
}

// abandon gives back what a failed Open holds.
func (l *Log) abandon() error {
	_ = l.recycler.close() // if that is what failed, Open says so
	for _, s := range l.segments {
		_ = s.file.Close() // nothing written through it counts
	}
	return l.lock.Close()
}

// recover reads everything before it changes anything. It leaves l without segments if the directory has none.
// Leftovers are segments that a truncation or a reset cut off and a crash kept from being retired.
func (l *Log) recover() (leftovers []retirement, err error) {
	names, err := l.fs.List(l.dir)
	if err != nil {
		return nil, fmt.Errorf("wal: list %s: %w", l.dir, err)
	}
	if leftovers, err = l.loadChain(names); err != nil {
		return nil, err
	}
	var r frames
	for i, s := range l.segments {
		if i+1 < len(l.segments) {
			err = l.readSealed(&r, s, l.segments[i+1])
		} else {
			l.active = s
			err = l.readTail(&r, s)
		}
		if err != nil {
			return nil, err
		}
	}
	l.recovery.Segments = len(l.segments)
	return leftovers, l.recycler.adopt(names)
}

// loadChain opens the segments that make up the log, from the newest back along the links in the headers. Which file
// states a crash can leave, and which it cannot:
//   - segments between a header and the one it names as its predecessor: cut off by a truncation, not yet retired;
//   - segments older than a header that names none: cut off by a reset, not yet retired;
//   - nothing at the named predecessor and nothing older: it was released, the log begins here;
//   - nothing there, but something older: never, for segments are retired oldest first, each one durably.
func (l *Log) loadChain(names []string) (leftovers []retirement, err error) {
	var seqs []uint64 // ascending, as names are
	for _, name := range names {
		if seq, ok := parseName(name, segmentSuffix); ok {
			seqs = append(seqs, seq)
		}
	}
	for i := len(seqs) - 1; i >= 0; i-- {
		path := filepath.Join(l.dir, numberedName(seqs[i], segmentSuffix))
		if !l.nextInChain(seqs[i]) {
			leftovers = append(leftovers, retirement{path: path})
			continue
		}
		if len(l.segments) > 0 && seqs[i] != l.segments[0].header.prevSeq {
			missing := filepath.Join(l.dir, numberedName(l.segments[0].header.prevSeq, segmentSuffix))
			return nil, &DamageError{missing, 0, fmt.Sprintf("the segment is missing, between %s and %s",
				filepath.Base(path), filepath.Base(l.segments[0].path))}
		}
		s, err := l.openSegment(path, seqs[i])
		if err != nil {
			return nil, err
		}
		l.segments = slices.Insert(l.segments, 0, s)
	}
	slices.Reverse(leftovers)
	return leftovers, nil
}

// nextInChain reports whether the present oldest header leaves a place for an older segment seq: it does unless it
// names no predecessor, or a predecessor that is older still.
func (l *Log) nextInChain(seq uint64) bool {
	if len(l.segments) == 0 {
		return true
	}
	prev := l.segments[0].header.prevSeq
	return prev != 0 && seq <= prev
}

func (l *Log) openSegment(path string, seq uint64) (*segment, error) {
	file, err := l.fs.OpenWrite(path)
	if err != nil {
		return nil, fmt.Errorf("wal: open segment: %w", err)
	}
	s := &segment{path: path, file: file}
	if err := s.readHeader(seq); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return s, nil
}

func (s *segment) readHeader(seq uint64) error {
	size, err := s.file.Size()
	if err != nil {
		return fmt.Errorf("wal: size of %s: %w", s.path, err)
	}
	var w window
	w.reset(s.file, s.path, min(size, segmentHeaderSize))
	b, err := w.at(0, segmentHeaderSize)
	if err != nil {
		return err
	}
	h, bad := parseSegmentHeader(b)
	switch {
	case bad != "":
		return &DamageError{s.path, 0, bad}
	case h.seq != seq:
		return &DamageError{s.path, 8, fmt.Sprintf("the header belongs to segment %016x: the file was renamed or copied", h.seq)}
	case h.prevSeq >= h.seq:
		return &DamageError{s.path, 32, "the header names a later segment as its predecessor"}
	case size < h.size:
		return &DamageError{s.path, size, fmt.Sprintf("the file has %d bytes and was made with %d", size, h.size)}
	}
	s.header, s.end, s.last = h, segmentHeaderSize, h.base
	return nil
}

// readSealed checks a segment that has a successor: what lies before the end that the successor's header names was
// durable before that header was written, so no frame there may be anything but whole.
func (l *Log) readSealed(r *frames, s, next *segment) error {
	h := next.header
	if h.prevSalt != s.header.salt || h.prevEnd < segmentHeaderSize || h.prevEnd > s.header.size {
		return &DamageError{next.path, 40, fmt.Sprintf("the header does not continue %s", s.path)}
	}
	r.open(s, h.prevEnd)
	for r.off < h.prevEnd {
		f, bad, err := r.next()
		if err != nil {
			return err
		}
		if bad != "" {
			return &DamageError{s.path, s.end, bad + ", and " + next.path + " proves that it had been synced"}
		}
		if err := l.found(s, f); err != nil {
			return err
		}
	}
	if s.last != h.base {
		return &DamageError{next.path, 56, fmt.Sprintf("the header continues after zxid %#x, and %s ends at %#x", h.base, s.path, s.last)}
	}
	return nil
}

// found takes a whole frame into account. Its checksums hold, so what it says was said by this package; a
// contradiction is a bug or a hand, and refused like damage.
func (l *Log) found(s *segment, f frame) error {
	entries := f.flags&flagMark == 0
	switch {
	case entries && (f.count == 0 || f.first <= s.last || f.last < f.first):
		return &DamageError{s.path, f.off, fmt.Sprintf("the frame's zxids %#x..%#x do not follow %#x", f.first, f.last, s.last)}
	case !entries && f.last != s.last:
		return &DamageError{s.path, f.off, fmt.Sprintf("the mark's zxid %#x is not %#x", f.last, s.last)}
	case f.durable > f.off:
		return &DamageError{s.path, f.off, "the frame claims that bytes behind it were durable"}
	}
	s.end, s.last = f.off+f.size, f.last
	l.recovery.Frames++
	l.recovery.Entries += uint64(f.count)
	return nil
}
