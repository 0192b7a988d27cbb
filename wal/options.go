package wal

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
)

const (
	// pageSize is what writes are rounded up to: a whole page is never read from disk before it is written.
	pageSize = 4096
	// DefaultSegmentBytes is the size of a segment unless Options says otherwise.
	DefaultSegmentBytes = 64 << 20
	// DefaultSpareSegments is how many released segments wait for reuse unless Options says otherwise.
	DefaultSpareSegments = 4

	minSegmentBytes = pageSize
	maxSegmentBytes = 1 << 30
)

// Options of a Log. The zero value is the default.
type Options struct {
	// SegmentBytes is the size of a new segment in bytes, a multiple of 4096; 0 means DefaultSegmentBytes. A group
	// may not be larger (see Append). Segments of another size that are already there stay readable.
	SegmentBytes int64
	// SpareSegments bounds the released segments kept for reuse; 0 means DefaultSpareSegments. The others are
	// removed.
	SpareSegments int
	// CompressAbove is the payload size in bytes above which a frame is S2-compressed; 0 means never.
	CompressAbove int
	// Inline prepares and recycles segments on the caller's goroutine, in a fixed order, instead of in the
	// background. For simulators: one seed must give one sequence of I/O calls.
	Inline bool
	// Salt returns a number that no segment in this directory had before; nil means a random one. For simulators.
	Salt func() uint64

	bugs bugs
}

// bugs are mistakes that only a test of this package can ask for: each must be caught by the crash enumeration.
type bugs struct {
	skipDirSync   bool // a new segment's name is not made durable
	skipSalt      bool // every segment has the same salt
	ackBeforeSync bool // Sync returns without syncing
	sameRun       bool // recovery does not begin a new run behind a torn tail
	trustCache    bool // recovery syncs the tail without writing it again
}

// Validate reports the first option that cannot be honoured.
func (o Options) Validate() error {
	switch {
	case o.SegmentBytes != 0 && (o.SegmentBytes < minSegmentBytes || o.SegmentBytes > maxSegmentBytes):
		return fmt.Errorf("wal: segment size %d is outside [%d, %d]", o.SegmentBytes, minSegmentBytes, maxSegmentBytes)
	case o.SegmentBytes%pageSize != 0:
		return fmt.Errorf("wal: segment size %d is not a multiple of %d", o.SegmentBytes, pageSize)
	case o.SpareSegments < 0:
		return fmt.Errorf("wal: number of spare segments %d is negative", o.SpareSegments)
	case o.CompressAbove < 0:
		return fmt.Errorf("wal: compression threshold %d is negative", o.CompressAbove)
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = DefaultSegmentBytes
	}
	if o.SpareSegments == 0 {
		o.SpareSegments = DefaultSpareSegments
	}
	if o.Salt == nil {
		o.Salt = randomSalt
	}
	return o
}

// randomSalt is drawn from the system's source because a client must not be able to guess it: whoever knew the salt
// could store bytes that pass for a frame.
func randomSalt() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (documented in crypto/rand)
	return binary.LittleEndian.Uint64(b[:])
}
