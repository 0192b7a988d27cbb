package wal

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/cespare/xxhash/v2"
)

// segmentHeaderSize is where a segment's first frame begins.
const segmentHeaderSize = 80

// formatVersion is the last byte of the magic number.
const formatVersion = 1

const segmentMagic = "BWALSEG" + string(rune(formatVersion))

// segmentHeader opens every segment; doc.go draws it. It is durable before the file gets a segment's name, so under
// such a name a header that does not check is damage, never the trace of a crash.
type segmentHeader struct {
	seq  uint64
	salt uint64
	size int64 // of the file, in bytes, from its first moment on

	// The segment before this one: its sequence number (0: none, the log begins here), its salt, and where its last
	// frame ends. Invariant: the frames before prevEnd were durable before this header was written; whatever stands
	// behind prevEnd has been cut off by this header.
	prevSeq  uint64
	prevSalt uint64
	prevEnd  int64
	// base is the last zxid before this segment's first frame.
	base uint64
	// synced is where what was durable together with this header ends: behind the frame that a truncation kept, or
	// behind the header itself.
	synced int64
}

func (h segmentHeader) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, segmentMagic...)
	for _, v := range [...]uint64{h.seq, h.salt, uint64(h.size), h.prevSeq, h.prevSalt, uint64(h.prevEnd), h.base, uint64(h.synced)} {
		dst = binary.LittleEndian.AppendUint64(dst, v)
	}
	return binary.LittleEndian.AppendUint64(dst, xxhash.Sum64(dst[start:]))
}

// parseSegmentHeader returns what is wrong with b as a message, or an empty string.
func parseSegmentHeader(b []byte) (h segmentHeader, bad string) {
	if len(b) < segmentHeaderSize {
		return h, "the file is shorter than a segment header"
	}
	if string(b[:7]) != segmentMagic[:7] {
		return h, "this is not a segment header"
	}
	u64 := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	if u64(9) != xxhash.Sum64(b[:segmentHeaderSize-8]) {
		return h, "the segment header's checksum does not match"
	}
	if b[7] != formatVersion {
		return h, fmt.Sprintf("the segment has format %d and this program reads format %d", b[7], formatVersion)
	}
	if u64(3) > math.MaxInt64 || u64(6) > math.MaxInt64 || u64(8) < segmentHeaderSize || u64(8) > u64(3) {
		return h, "the segment header holds an impossible size"
	}
	h = segmentHeader{
		seq: u64(1), salt: u64(2), size: int64(u64(3)),
		prevSeq: u64(4), prevSalt: u64(5), prevEnd: int64(u64(6)), base: u64(7), synced: int64(u64(8)),
	}
	return h, ""
}
