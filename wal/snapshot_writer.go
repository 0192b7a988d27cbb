package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"
)

const (
	snapshotMagic       = "BWSNAP\x00" + string(rune(formatVersion))
	snapshotHeaderSize  = 24
	snapshotBlockHeader = 16
	snapshotTrailerSize = 40
	// snapshotBlockBytes is how much a block holds before compression, at most.
	snapshotBlockBytes = 1 << 20
	// snapshotSyncBytes is how much is written between two syncs. A snapshot synced only at its end would leave the
	// kernel with all of it to write at once, and the log's next sync to wait behind it.
	snapshotSyncBytes = 4 << 20
)

// SnapshotWriter writes one snapshot: opaque bytes that Write takes in pieces of any size. It is a snapshot from the
// moment Commit has renamed it; until then, and after a crash, it is a file that nobody is offered. One goroutine uses
// it. After an error only Abort may follow.
type SnapshotWriter struct {
	fs     FS
	file   File
	path   string // the final one
	tmp    string
	zxid   uint64
	zip    *zstd.Encoder
	block  []byte // bytes not yet in a block
	out    []byte // the block as written
	off    int64  // where the next block goes
	synced int64
	blocks uint64
	size   uint64 // bytes taken by Write
	err    error  // the first failure; final
}

// CreateSnapshot begins the snapshot of the state at zxid in dir, which it makes if need be. The caller Commits or
// Aborts.
func CreateSnapshot(fs FS, dir string, zxid uint64) (*SnapshotWriter, error) {
	if err := fs.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("wal: make %s: %w", dir, err)
	}
	zip, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("wal: start compression: %w", err)
	}
	path := snapshotPath(dir, zxid)
	w := &SnapshotWriter{
		fs: fs, path: path, tmp: path + tmpSuffix, zxid: zxid, zip: zip, block: make([]byte, 0, snapshotBlockBytes),
	}
	if w.file, err = fs.Create(w.tmp); err != nil {
		return nil, fmt.Errorf("wal: create %s: %w", w.tmp, err)
	}
	header := binary.LittleEndian.AppendUint64([]byte(snapshotMagic), zxid)
	w.put(binary.LittleEndian.AppendUint64(header, xxhash.Sum64(header)))
	if w.err != nil {
		return nil, errors.Join(w.err, w.Abort())
	}
	return w, nil
}

// Write adds p to the snapshot. It keeps no reference to p.
func (w *SnapshotWriter) Write(p []byte) (int, error) {
	n := 0
	for w.err == nil && n < len(p) {
		part := p[n:min(len(p), n+snapshotBlockBytes-len(w.block))]
		w.block = append(w.block, part...)
		n += len(part)
		w.size += uint64(len(part))
		if len(w.block) == snapshotBlockBytes {
			w.flush()
		}
	}
	return n, w.err
}

// Commit completes the snapshot and makes it durable under its name, replacing one of the same zxid. After an error
// call Abort.
func (w *SnapshotWriter) Commit() error {
	if len(w.block) > 0 {
		w.flush()
	}
	w.put(w.trailer())
	if w.err == nil {
		w.sync()
	}
	if w.err == nil {
		w.err = w.file.Close()
		w.file = nil
	}
	if w.err == nil {
		w.err = moveInto(w.fs, w.tmp, w.path)
	}
	if w.err != nil {
		return w.err
	}
	w.err = ErrClosed
	return nil
}

// Abort gives the snapshot up and removes what was written. After Commit has succeeded it does nothing.
func (w *SnapshotWriter) Abort() error {
	if w.err == ErrClosed {
		return nil
	}
	w.err = ErrClosed
	var err error
	if w.file != nil {
		err = w.file.Close()
	}
	if err = errors.Join(err, w.fs.Remove(w.tmp)); err != nil {
		return fmt.Errorf("wal: abort %s: %w", w.tmp, err)
	}
	return nil
}

// flush writes the bytes gathered as one block: compressed, or as they are when that is not smaller.
func (w *SnapshotWriter) flush() {
	w.out = append(w.out[:0], zeroPage[:snapshotBlockHeader]...)
	w.out = w.zip.EncodeAll(w.block, w.out)
	if len(w.out)-snapshotBlockHeader >= len(w.block) {
		w.out = append(w.out[:snapshotBlockHeader], w.block...)
	}
	binary.LittleEndian.PutUint32(w.out[0:], uint32(len(w.out)-snapshotBlockHeader))
	binary.LittleEndian.PutUint32(w.out[4:], uint32(len(w.block)))
	binary.LittleEndian.PutUint64(w.out[8:], blockSum(w.zxid, w.blocks, w.out))
	w.put(w.out)
	w.block = w.block[:0]
	w.blocks++
	if w.off-w.synced >= snapshotSyncBytes {
		w.sync()
	}
}

// blockSum is xxh64 over the block's number, its two lengths and its stored bytes, seeded with the snapshot's zxid, so
// that neither blocks of another snapshot nor exchanged ones pass.
func blockSum(zxid, number uint64, block []byte) uint64 {
	var d xxhash.Digest
	d.ResetWithSeed(zxid)
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], number)
	_, _ = d.Write(n[:]) // never fails, nor do the next
	_, _ = d.Write(block[:8])
	_, _ = d.Write(block[snapshotBlockHeader:])
	return d.Sum64()
}

// trailer proves completeness: how many blocks, bytes before compression and bytes of file there must be.
func (w *SnapshotWriter) trailer() []byte {
	le := binary.LittleEndian
	t := le.AppendUint64(make([]byte, 0, snapshotTrailerSize), 0) // where a block would say its length: none follows
	t = le.AppendUint64(t, w.blocks)
	t = le.AppendUint64(t, w.size)
	t = le.AppendUint64(t, uint64(w.off)+snapshotTrailerSize)
	return le.AppendUint64(t, checksum(w.zxid, 0, t))
}

// put writes b behind what was written so far.
func (w *SnapshotWriter) put(b []byte) {
	if w.err != nil {
		return
	}
	if _, err := w.file.WriteAt(b, w.off); err != nil {
		w.err = fmt.Errorf("wal: write %s: %w", w.tmp, err)
		return
	}
	w.off += int64(len(b))
}

func (w *SnapshotWriter) sync() {
	if w.err != nil {
		return
	}
	if err := w.file.Sync(); err != nil {
		w.err = fmt.Errorf("wal: sync %s: %w", w.tmp, err)
		return
	}
	w.synced = w.off
}

func snapshotPath(dir string, zxid uint64) string {
	return filepath.Join(dir, numberedName(zxid, snapshotSuffix))
}
