package wal

import (
	"encoding/binary"
	"fmt"
)

// The tail rule decides, at the first byte p of the newest segment where no whole frame begins, between a torn tail
// (cut it and go on) and damage (refuse). In older segments the question does not arise: the next segment's header
// says how far they had been synced.
//
// Frames are written in order and synced now and then. Each frame carries durable: how far this segment had been
// synced when the frame was written. Let w be the largest durable of any frame header that is valid for this segment's
// salt and its own offset, wherever in the file it stands, before p or behind it; at least what the segment header says
// was synced together with it.
//
//	          proven durable               not proven
//	├───────────────────────────────┤w├─────────────────────┤
//	 header  frame  frame  frame       frame  frame  ▒▒▒▒▒▒  frame(durable=w)   old bytes, zeros …
//	                                                p
//
// If p < w it is damage: it was known that byte p is on disk, and it is not what it was.
// If p >= w it is a torn tail, and everything from p on is cut.
//
// Never a refusal after a legal crash. A crash takes only bytes written since the last Sync that returned. A valid
// header was written by this log, in this segment's present use (the salt), at this place (the offset is in the
// seed). Its durable was true when it was written and has been ever since: bytes before it are never written again but
// with the same value. So w lies at or before the end of what was synced, every frame before that end is whole, and
// p >= w. It does not matter which pages of the unsynced writes arrived, in which state, nor whether the header that
// bears witness still has its payload.
//
// Always a refusal of damage to synced bytes that other synced bytes follow. Let frame F be synced, and let G be
// appended and synced after that. durable(G) is behind F, so if F does not check, p <= F < durable(G) <= w. One
// flipped bit cannot damage both F and the header of G.
//
// What cannot be told apart is damage to the frames of the very last Sync, before anything was appended after it: no
// byte on disk says that this Sync had returned. The first Append after it ends this state. Close and Open end it by
// themselves: both append a mark, a frame without entries, to what they have synced.
//
// A cut must leave nothing that could pass for a frame once new frames have closed the gap before it: suppose A, B, C
// were unsynced, B was lost, C survived, and then a B' of B's length is written. Therefore every Open begins a run:
// it syncs what it found, appends a mark with the next run number, syncs that, and only then returns. Frames of
// earlier runs behind that mark are dead, whole or torn, for the frames before them have a higher run. They remain
// truthful witnesses.

// readTail reads the newest segment up to the first place without a whole frame and applies the rule to it.
func (l *Log) readTail(r *frames, s *segment) error {
	l.synced = s.header.synced // w, as far as it is known
	r.open(s, s.header.size)
	var torn string
	for {
		f, bad, err := r.next()
		if err != nil {
			return err
		}
		if torn = bad; bad != "" {
			break
		}
		if err := l.found(s, f); err != nil {
			return err
		}
		l.synced, l.run, l.marked = max(l.synced, f.durable), f.run, f.flags&flagMark != 0
	}
	return l.hearWitnesses(r, s, torn)
}

// hearWitnesses looks for proof that the end of the whole frames of s, where torn says what is wrong, had been synced.
func (l *Log) hearWitnesses(r *frames, s *segment, torn string) error {
	if l.synced > s.end {
		return &DamageError{s.path, s.end, torn + ", and the segment's header proves that it had been synced"}
	}
	for off := s.end; ; off += frameAlign {
		h, at, err := r.nextHeader(off)
		if err != nil || at < 0 {
			return err
		}
		if h.durable > s.end {
			return &DamageError{s.path, s.end, fmt.Sprintf("%s, and the frame at byte %d proves that it had been synced", torn, at)}
		}
		if h.run == l.run { // not already cut by an earlier recovery
			l.recovery.TornFile, l.recovery.TornAt = s.path, s.end
			l.recovery.TornFrames++
		}
		l.synced, off = max(l.synced, h.durable), at
	}
}

// nextHeader finds the first valid frame header at or behind off, whatever became of its payload; at is negative when
// there is none.
func (r *frames) nextHeader(off int64) (h frameHeader, at int64, err error) {
	for off+frameHeaderSize <= r.limit {
		b, err := r.at(off, readAhead)
		if err != nil {
			return h, 0, err
		}
		i := 0
		for ; i+frameHeaderSize <= len(b); i += frameAlign {
			if binary.LittleEndian.Uint32(b[i:]) != frameMagic {
				continue
			}
			if h, ok := parseFrameHeader(b[i:], r.salt, off+int64(i)); ok {
				return h, off + int64(i), nil
			}
		}
		off += int64(i)
	}
	return h, -1, nil
}

// settle makes what was found durable and the log ready for Append.
func (l *Log) settle() error {
	if l.active == nil {
		return l.startSegment(segmentHeader{seq: 1}, nil)
	}
	s := l.active
	if !l.opt.bugs.trustCache {
		if err := l.rewrite(l.synced, s.end); err != nil {
			return err
		}
	}
	if err := s.file.Sync(); err != nil {
		return l.fail("sync", s.path, err)
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return l.fail("sync", l.dir, err)
	}
	l.synced = s.end
	if l.opt.bugs.sameRun {
		return nil
	}
	if s.room() < 0 { // a full segment: nothing more is written to it, the next Append starts another
		l.marked = true
		return nil
	}
	l.run++
	return l.mark()
}

// rewrite writes the bytes [from, to) of the active segment back as they are. They may come from a process that died
// while its machine lived on, after a sync that had failed: then the kernel holds pages that it takes for clean and
// that the device never got, and a sync without this would succeed without writing them.
func (l *Log) rewrite(from, to int64) error {
	var w window
	w.reset(l.active.file, l.active.path, to)
	for from < to {
		b, err := w.at(from, readAhead)
		if err != nil {
			return err
		}
		if _, err := w.file.WriteAt(b, from); err != nil {
			return l.fail("write", w.path, err)
		}
		from += int64(len(b))
	}
	return nil
}
