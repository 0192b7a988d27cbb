package wal

import (
	"errors"
	"fmt"
	"io"
)

// readAhead is how much of a segment is read at once.
const readAhead = 256 << 10

// window reads a file front to back through one buffer. It is the reading side's only way to the disk.
type window struct {
	file  File
	path  string
	limit int64 // no byte at or behind it is read
	start int64 // file offset of buf[0]
	buf   []byte
}

// reset points the window at another file; the buffer is kept.
func (w *window) reset(file File, path string, limit int64) {
	w.file, w.path, w.limit, w.start, w.buf = file, path, limit, 0, w.buf[:0]
}

// at returns up to n bytes at off, fewer only at the limit. They are valid until the next call.
func (w *window) at(off, n int64) ([]byte, error) {
	n = max(0, min(n, w.limit-off))
	if off < w.start || off+n > w.start+int64(len(w.buf)) {
		if err := w.fill(off, n); err != nil {
			return nil, err
		}
	}
	return w.buf[off-w.start:][:n], nil
}

func (w *window) fill(off, n int64) error {
	want := min(max(n, readAhead), w.limit-off)
	if int64(cap(w.buf)) < want {
		w.buf = make([]byte, want)
	}
	w.start, w.buf = off, w.buf[:want]
	got, err := w.file.ReadAt(w.buf, off)
	if int64(got) == want {
		return nil
	}
	w.buf = w.buf[:0]
	if errors.Is(err, io.EOF) {
		return &DamageError{w.path, off + int64(got), "the file ends before its segment does"}
	}
	return fmt.Errorf("wal: read %s at byte %d: %w", w.path, off, err)
}

// frames walks a segment's frames from its first one on.
type frames struct {
	window
	salt uint64
	off  int64  // of the next frame
	run  uint64 // of the frame before it
}

// frame is one whole frame. Payload aliases the window: valid until the next call of next.
type frame struct {
	frameHeader
	off     int64
	size    int64
	payload []byte
}

// open starts at the first frame; the limit is where frames must end.
func (r *frames) open(s *segment, limit int64) {
	r.reset(s.file, s.path, limit)
	r.salt, r.off, r.run = s.header.salt, segmentHeaderSize, 0
}

// next returns the frame at the present offset and steps over it. If there is no whole frame it stays and says in bad
// why not; err is a failure to read.
func (r *frames) next() (f frame, bad string, err error) {
	head, err := r.at(r.off, frameHeaderSize)
	if err != nil {
		return f, "", err
	}
	h, ok := parseFrameHeader(head, r.salt, r.off)
	if !ok {
		return f, "there is no valid frame header", nil
	}
	if h.run != r.run && !(h.run == r.run+1 && h.flags&flagMark != 0) {
		return f, "the frame belongs to an earlier run", nil
	}
	f = frame{frameHeader: h, off: r.off, size: frameSize(int64(h.payload))}
	if r.off+f.size > r.limit {
		return f, "the frame is longer than its segment", nil
	}
	body, err := r.at(r.off, frameHeaderSize+int64(h.payload))
	if err != nil {
		return f, "", err
	}
	f.payload = body[frameHeaderSize:]
	if checksum(r.salt, r.off, f.payload) != h.payloadSum {
		return f, "the frame's payload does not match its checksum", nil
	}
	r.off, r.run = r.off+f.size, h.run
	return f, "", nil
}
