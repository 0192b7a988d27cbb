package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"
)

// SnapshotReader reads one snapshot back, checking each block before it hands out a byte of it. One goroutine uses it.
type SnapshotReader struct {
	w      window
	zxid   uint64
	size   uint64 // bytes of the whole snapshot
	blocks uint64
	zip    *zstd.Decoder

	off   int64  // of the next block
	block uint64 // its number
	taken uint64 // bytes of the blocks before it
	raw   []byte // the present block
	rest  []byte // what of raw was not yet read
	err   error  // final; io.EOF at the end
}

// OpenSnapshot opens the snapshot of zxid in dir. Before it returns it has checked header and trailer: a file that is
// not complete is refused at once, with a *DamageError. It has the error os.ErrNotExist when there is no such snapshot.
func OpenSnapshot(fs FS, dir string, zxid uint64) (*SnapshotReader, error) {
	path := snapshotPath(dir, zxid)
	file, err := fs.Open(path)
	if err != nil {
		return nil, fmt.Errorf("wal: open snapshot: %w", err)
	}
	r := &SnapshotReader{zxid: zxid}
	err = r.open(file, path)
	if err == nil {
		r.zip, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(8*snapshotBlockBytes))
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return r, nil
}

// Size returns how many bytes Read will give in all.
func (r *SnapshotReader) Size() uint64 { return r.size }

// Read implements io.Reader. A damaged block is a *DamageError that names the file and the block's offset; bytes of the
// blocks before it have been handed out then, so a caller uses nothing of a snapshot before it has seen io.EOF.
func (r *SnapshotReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 && r.err == nil {
		r.err = r.next()
	}
	if len(r.rest) == 0 {
		return 0, r.err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Close gives back file and memory.
func (r *SnapshotReader) Close() error {
	r.zip.Close()
	r.err, r.rest = ErrClosed, nil
	return r.w.file.Close()
}

// open checks the trailer before the header: a file cut anywhere is told to be incomplete, not damaged at its start.
func (r *SnapshotReader) open(file File, path string) error {
	size, err := file.Size()
	if err != nil {
		return fmt.Errorf("wal: size of %s: %w", path, err)
	}
	r.w.reset(file, path, size)
	if size < snapshotHeaderSize+snapshotTrailerSize {
		return r.damage(size, "the snapshot is cut short")
	}
	t, err := r.w.at(size-snapshotTrailerSize, snapshotTrailerSize)
	if err != nil {
		return err
	}
	u64 := func(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	if u64(t, 0) != 0 || u64(t, 3) != uint64(size) || u64(t, 4) != checksum(r.zxid, 0, t[:32]) {
		return r.damage(size-snapshotTrailerSize, "there is no valid trailer: the snapshot is not complete")
	}
	r.blocks, r.size = u64(t, 1), u64(t, 2)
	h, err := r.w.at(0, snapshotHeaderSize)
	if err != nil {
		return err
	}
	switch {
	case u64(h, 2) != xxhash.Sum64(h[:16]) || string(h[:7]) != snapshotMagic[:7]:
		return r.damage(0, "the snapshot's header does not match its checksum")
	case h[7] != formatVersion:
		return r.damage(0, fmt.Sprintf("the snapshot has format %d and this program reads format %d", h[7], formatVersion))
	case u64(h, 1) != r.zxid:
		return r.damage(8, fmt.Sprintf("the header belongs to the snapshot of %#x: the file was renamed or copied", u64(h, 1)))
	}
	r.off = snapshotHeaderSize
	return nil
}

// next decodes the next block into rest.
func (r *SnapshotReader) next() error {
	// The blocks must end exactly where the trailer begins, and be as many, with as many bytes, as it says.
	if r.off == r.w.limit-snapshotTrailerSize {
		if r.block != r.blocks || r.taken != r.size {
			return r.damage(r.off, "the trailer does not match what stands before it")
		}
		return io.EOF
	}
	head, err := r.w.at(r.off, snapshotBlockHeader)
	if err != nil {
		return err
	}
	if len(head) < snapshotBlockHeader {
		return r.damage(r.off, "the block is cut short")
	}
	stored, raw := binary.LittleEndian.Uint32(head[0:]), binary.LittleEndian.Uint32(head[4:])
	length := snapshotBlockHeader + int64(stored)
	// Bounds before the checksum: the lengths decide how much is read and allocated.
	if raw > snapshotBlockBytes || stored > raw || r.off+length > r.w.limit-snapshotTrailerSize {
		return r.damage(r.off, "the block has an impossible length")
	}
	b, err := r.w.at(r.off, length)
	if err != nil {
		return err
	}
	if binary.LittleEndian.Uint64(b[8:]) != blockSum(r.zxid, r.block, b) {
		return r.damage(r.off, "the block does not match its checksum")
	}
	if stored == raw {
		r.raw = append(r.raw[:0], b[snapshotBlockHeader:]...)
	} else if r.raw, err = r.zip.DecodeAll(b[snapshotBlockHeader:], r.raw[:0]); err != nil || len(r.raw) != int(raw) {
		return r.damage(r.off, "the block does not decompress to its length")
	}
	r.rest, r.off = r.raw, r.off+length
	r.block, r.taken = r.block+1, r.taken+uint64(raw)
	return nil
}

func (r *SnapshotReader) damage(off int64, reason string) error {
	return &DamageError{r.w.path, off, reason}
}
