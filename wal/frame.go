package wal

import (
	"encoding/binary"
	"math"

	"github.com/cespare/xxhash/v2"
)

// Entry is one record of the log.
type Entry struct {
	Zxid uint64
	Data []byte
}

const (
	frameMagic      = 0x4d524642 // "BFRM" in little-endian order
	frameHeaderSize = 64
	entryHeaderSize = 12
	frameAlign      = 8

	flagS2   = 1 << 0 // the payload is one S2 block
	flagMark = 1 << 1 // no entries: the frame bears witness to durable, and may begin a run
)

// frameHeader opens every frame; doc.go draws it.
type frameHeader struct {
	payload     uint32 // bytes of the payload as stored
	count       uint32 // entries
	flags       uint32
	first, last uint64 // zxids; in a mark both are the last zxid before it
	// durable is how far this segment was known to be synced when the frame was written: every byte before it had
	// been acknowledged to be on disk. Recovery tells damage from a torn tail by it.
	durable int64
	// run counts how often the log was opened since the segment was started. A mark begins each run but the first;
	// a frame of an earlier run than the frame before it is what a cut left behind.
	run        uint64
	payloadSum uint64
}

// checksum is xxh64 seeded with the segment's salt and the place in the file: bytes are valid only in the segment and
// at the offset for which they were written.
func checksum(salt uint64, off int64, b []byte) uint64 {
	var d xxhash.Digest
	d.ResetWithSeed(salt + uint64(off))
	_, _ = d.Write(b) // never fails
	return d.Sum64()
}

// seal completes h and writes it into the first bytes of a frame that will stand at off. Bytes before durable must be
// on disk.
func (h *frameHeader) seal(frame []byte, salt uint64, off, durable int64, run uint64) {
	h.durable, h.run = durable, run
	h.payloadSum = checksum(salt, off, frame[frameHeaderSize:frameHeaderSize+int(h.payload)])
	h.put(frame, salt, off)
}

// put writes the header into dst, which must hold frameHeaderSize bytes, for a frame at off.
func (h *frameHeader) put(dst []byte, salt uint64, off int64) {
	le := binary.LittleEndian
	le.PutUint32(dst[0:], frameMagic)
	le.PutUint32(dst[4:], h.payload)
	le.PutUint32(dst[8:], h.count)
	le.PutUint32(dst[12:], h.flags)
	le.PutUint64(dst[16:], h.first)
	le.PutUint64(dst[24:], h.last)
	le.PutUint64(dst[32:], uint64(h.durable))
	le.PutUint64(dst[40:], h.run)
	le.PutUint64(dst[48:], h.payloadSum)
	le.PutUint64(dst[56:], checksum(salt, off, dst[:56]))
}

// parseFrameHeader reports whether b begins with a frame header written for this salt and offset.
func parseFrameHeader(b []byte, salt uint64, off int64) (h frameHeader, ok bool) {
	le := binary.LittleEndian
	if len(b) < frameHeaderSize || le.Uint32(b) != frameMagic || le.Uint64(b[56:]) != checksum(salt, off, b[:56]) {
		return h, false
	}
	durable := le.Uint64(b[32:])
	if durable > math.MaxInt64 {
		return h, false
	}
	return frameHeader{
		payload: le.Uint32(b[4:]), count: le.Uint32(b[8:]), flags: le.Uint32(b[12:]),
		first: le.Uint64(b[16:]), last: le.Uint64(b[24:]),
		durable: int64(durable), run: le.Uint64(b[40:]), payloadSum: le.Uint64(b[48:]),
	}, true
}

// frameSize is what a frame with that payload takes in the file: header, payload, zeros up to the next multiple of 8.
func frameSize(payload int64) int64 { return alignUp(frameHeaderSize+payload, frameAlign) }

func alignUp(n, to int64) int64 { return (n + to - 1) / to * to }

// rawPayloadSize is the size of the entries before compression.
func rawPayloadSize(entries []Entry) int64 {
	n := int64(len(entries)) * entryHeaderSize
	for i := range entries {
		n += int64(len(entries[i].Data))
	}
	return n
}

// appendPayload encodes entries one after the other: zxid, length, bytes.
func appendPayload(dst []byte, entries []Entry) []byte {
	for i := range entries {
		dst = binary.LittleEndian.AppendUint64(dst, entries[i].Zxid)
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(entries[i].Data)))
		dst = append(dst, entries[i].Data...)
	}
	return dst
}

// nextEntry cuts the first entry off raw. The entry's data aliases raw.
func nextEntry(raw []byte) (e Entry, rest []byte, ok bool) {
	if len(raw) < entryHeaderSize {
		return e, nil, false
	}
	n := int64(binary.LittleEndian.Uint32(raw[8:]))
	if int64(len(raw)) < entryHeaderSize+n {
		return e, nil, false
	}
	end := entryHeaderSize + n
	return Entry{Zxid: binary.LittleEndian.Uint64(raw), Data: raw[entryHeaderSize:end:end]}, raw[end:], true
}
