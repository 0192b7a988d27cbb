package wal

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Names in a log's directory. A segment is named after its sequence number, a spare after a number of its own; a file
// under prepareName is being zeroed.
const (
	segmentSuffix = ".wal"
	spareSuffix   = ".spare"
	prepareName   = "prepare.tmp"
	lockName      = "LOCK"
)

// segment is one file of the log. Its file stays open while the log holds it.
type segment struct {
	header segmentHeader
	path   string
	file   File

	// Guarded by Log.mu.
	end     int64  // behind the last frame
	last    uint64 // last zxid at or before end; header.base when there is none
	readers int    // Replays under way; the file may be neither reused nor closed while there is one
	retired bool   // no longer part of the log
}

func numberedName(n uint64, suffix string) string { return fmt.Sprintf("%016x%s", n, suffix) }

func parseName(name, suffix string) (n uint64, ok bool) {
	hex, ok := strings.CutSuffix(name, suffix)
	if !ok || len(hex) != 16 {
		return 0, false
	}
	n, err := strconv.ParseUint(hex, 16, 64)
	return n, err == nil && numberedName(n, suffix) == name
}

// successor is the header of the segment that follows s when s ends as it now does.
func (s *segment) successor() segmentHeader {
	return segmentHeader{seq: s.header.seq + 1, prevSeq: s.header.seq, prevSalt: s.header.salt, prevEnd: s.end, base: s.last}
}

// room is how many bytes of frames still fit beside the mark that Close, or the next Open, adds. Below 0 there is none
// for that either.
func (s *segment) room() int64 { return s.header.size - frameHeaderSize - s.end }

// startSegment makes h (its salt and size still open) the header of a new active segment whose first frame holds kept.
// The log is then: the segments up to h.prevSeq, the last of them ending at h.prevEnd, and the new one. What came
// after h.prevEnd is retired.
//
// The order is the log's backbone: everything the header speaks of is durable (the caller's duty), then header and
// kept frame are written and synced in a spare file, then the file gets its name, then the name is made durable. A
// crash anywhere leaves either the log as it was or the log with the new segment, whole.
func (l *Log) startSegment(h segmentHeader, kept []Entry) error {
	spare, size, err := l.recycler.take()
	if err != nil {
		if !errors.Is(err, ErrNoSegment) {
			l.err = err
		}
		return err
	}
	h.salt = l.opt.Salt()
	if l.opt.bugs.skipSalt {
		h.salt = 0
	}
	s := &segment{path: filepath.Join(l.dir, numberedName(h.seq, segmentSuffix)), last: h.base}
	l.buf = append(l.buf[:0], zeroPage[:segmentHeaderSize]...)
	if len(kept) > 0 {
		var f frameHeader
		l.buf, f = l.encode(l.buf, kept)
		f.seal(l.buf[segmentHeaderSize:], h.salt, segmentHeaderSize, segmentHeaderSize, 0)
		s.last = f.last
	}
	h.synced = int64(len(l.buf))
	h.size = max(size, alignUp(h.synced+frameHeaderSize, pageSize)) // segments were larger when kept was appended
	h.append(l.buf[:0])
	s.header, s.end = h, h.synced
	if s.file, err = l.fs.OpenWrite(spare); err != nil {
		return l.fail("open", spare, err)
	}
	if err := l.publish(s, spare, size); err != nil {
		s.file.Close()
		return err
	}
	l.active, l.synced, l.run, l.marked, l.asked = s, s.end, 0, false, false
	return l.link(s)
}

// link makes s the newest segment in place of what its header cuts off.
func (l *Log) link(s *segment) error {
	l.mu.Lock()
	keep := 0
	for keep < len(l.segments) && l.segments[keep].header.seq <= s.header.prevSeq {
		keep++
	}
	if keep > 0 {
		l.segments[keep-1].end, l.segments[keep-1].last = s.header.prevEnd, s.header.base
	}
	cut := l.segments[keep:]
	l.segments = append(slices.Clone(l.segments[:keep]), s)
	l.mu.Unlock()
	return l.retire(cut)
}

// retire hands the files of segments that have left the log to the recycler.
func (l *Log) retire(cut []*segment) error {
	if len(cut) == 0 {
		return nil
	}
	files := make([]retirement, 0, len(cut))
	l.mu.Lock()
	for _, s := range cut {
		s.retired = true
		files = append(files, retirement{s.path, s.readers == 0 && s.header.size == l.opt.SegmentBytes})
		if s.readers == 0 {
			s.file.Close() // what counted in it is synced, and nothing in it counts any more
		}
	}
	l.mu.Unlock()
	if err := l.recycler.retire(files); err != nil {
		return l.fail("recycle", l.dir, err)
	}
	return nil
}

// publish writes l.buf to the start of a spare file of size bytes, makes it durable and gives it its segment's name.
func (l *Log) publish(s *segment, spare string, size int64) error {
	if s.header.size > size {
		if err := s.file.Truncate(s.header.size); err != nil {
			return l.fail("extend", spare, err)
		}
	}
	if _, err := s.file.WriteAt(padPage(l.buf, 0, s.header.size), 0); err != nil {
		return l.fail("write", spare, err)
	}
	if err := s.file.Sync(); err != nil {
		return l.fail("sync", spare, err)
	}
	if err := l.fs.Rename(spare, s.path); err != nil {
		return l.fail("rename", spare, err)
	}
	if l.opt.bugs.skipDirSync {
		return nil
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return l.fail("sync", l.dir, err)
	}
	return nil
}

// padPage extends b, which is to be written at off, with zeros to the end of its last page (or of the file, of size
// bytes), so that the kernel need not read that page first. Nothing behind b is in use yet.
func padPage(b []byte, off, size int64) []byte {
	n := len(b)
	padded := int(min(alignUp(off+int64(n), pageSize), size) - off)
	b = append(b, zeroPage[:padded-n]...)
	return b
}

var zeroPage [pageSize]byte
