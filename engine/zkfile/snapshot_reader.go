package zkfile

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"bellwether/engine/tree"
	"bellwether/wal"
)

// A snapshot file, uncompressed; all numbers are big endian:
//
//	header    "ZKSN" | int version 2 | long database -1
//	body      see body.go
//	seal      long Adler-32 of every byte before it | string "/"
//	digest    long zxid | int version | long digest | seal            since 3.6; may be absent
//	last      long zxid | seal                                        since 3.9; may be absent
const (
	snapshotMagic   = "ZKSN"
	fileVersion     = 2
	snapshotDBID    = -1
	fileHeaderSize  = 16
	maxHexDigest    = 1024 // bytes that the digest of an old version may take as text
	digestIsNumber  = 2    // from this version on
	sealTerminator  = "/"
	minSnapshotSize = 10
)

// SnapshotInfo says what a snapshot file held.
type SnapshotInfo struct {
	BodyInfo
	Zxid int64 // by its name

	HasDigest     bool
	DigestZxid    int64 // the last transaction applied when the snapshot was complete; 0: none
	DigestVersion int32
	Digest        uint64 // of the tree after that transaction; 0 with versions below 2

	HasLastZxid bool
	LastZxid    int64
}

// ReadSnapshot reads a snapshot file to its end, checks its seals, and gives what it holds to the sink, which must forget
// it if there is an error. Damage is a *DamageError; an error of the sink's is returned wrapped.
func (d *Dir) ReadSnapshot(f SnapshotFile, sink Sink) (info SnapshotInfo, err error) {
	file, err := d.fs.Open(f.Path)
	if err != nil {
		return info, fmt.Errorf("zkfile: open %s: %w", f.Path, err)
	}
	defer file.Close()
	stream, err := openStream(file)
	if err != nil {
		return info, fmt.Errorf("zkfile: read %s: %w", f.Path, err)
	}
	unpacked, err := f.Compression.reader(stream)
	if err != nil {
		return info, &DamageError{Path: f.Path, Problem: err.Error()}
	}
	in := newInput(unpacked)
	info.Zxid = f.Zxid
	watched := &watchedSink{sink: sink}
	if err := info.read(in, watched); err != nil {
		return info, &DamageError{Path: f.Path, Offset: in.off, Problem: problem(err)}
	}
	if watched.err != nil {
		return info, fmt.Errorf("zkfile: load %s: %w", f.Path, watched.err)
	}
	return info, nil
}

// watchedSink gives a sink what was read until that fails. Then the rest of the file is still read: a sink that cannot make
// sense of a znode may have been given a damaged one, and only the seal at the end tells.
type watchedSink struct {
	sink Sink
	err  error
}

func (w *watchedSink) AddSession(id int64, timeoutMs int32) error {
	if w.err == nil {
		w.err = w.sink.AddSession(id, timeoutMs)
	}
	return nil
}

func (w *watchedSink) AddZnode(z *tree.Znode) error {
	if w.err == nil {
		w.err = w.sink.AddZnode(z)
	}
	return nil
}

// problem puts the end of a file in words.
func problem(err error) string {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return "the file ends too early"
	}
	return strings.TrimPrefix(err.Error(), "zkfile: ")
}

// openStream returns a file as a stream from its beginning.
func openStream(f wal.File) (io.Reader, error) {
	size, err := f.Size()
	return io.NewSectionReader(f, 0, size), err
}

func (info *SnapshotInfo) read(in *input, sink Sink) (err error) {
	if err = readFileHeader(in, snapshotMagic); err != nil {
		return err
	}
	if info.BodyInfo, err = readBody(in, sink); err != nil {
		return err
	}
	if err = readSeal(in); err != nil {
		return err
	}
	info.DigestZxid = in.long()
	if in.err == io.EOF {
		return nil // as servers before 3.6 write it
	}
	if err = info.readDigest(in); err != nil {
		return err
	}
	info.LastZxid = in.long()
	if in.err == io.EOF {
		return nil // before 3.9
	}
	if err = readSeal(in); err != nil {
		return err
	}
	info.HasLastZxid = true
	return in.drain()
}

// drain reads to the end: what later versions may have added is not known here, but packed files have a checksum there.
func (in *input) drain() error {
	_, err := io.Copy(io.Discard, in.r)
	return err
}

// readDigest reads what stands behind the digest's zxid.
func (info *SnapshotInfo) readDigest(in *input) error {
	info.HasDigest = true
	if info.DigestVersion = in.int(); info.DigestVersion >= digestIsNumber {
		info.Digest = uint64(in.long())
	} else if text := in.buffer(); len(text) > maxHexDigest {
		return fmt.Errorf("a digest of %d bytes", len(text))
	}
	return readSeal(in)
}

// readFileHeader reads the first bytes of a snapshot or a log.
func readFileHeader(in *input, magic string) error {
	switch got := string(in.fixed(4)); {
	case in.err != nil:
		return in.ended()
	case got != magic:
		return fmt.Errorf("it begins with %q, not with %q", got, magic)
	}
	if v := in.int(); in.err == nil && v != fileVersion {
		return fmt.Errorf("version %d of the format; known is %d", v, fileVersion)
	}
	in.long() // a database id that nobody uses
	return in.ended()
}

// readSeal reads a seal and compares it with the checksum of everything before it.
func readSeal(in *input) error {
	want := int64(in.checksum())
	got := in.long()
	mark := in.text()
	switch {
	case in.err != nil:
		return in.ended()
	case got != want:
		return fmt.Errorf("the checksum of what stands before is 0x%08x, but the file says 0x%x", want, got)
	case mark != sealTerminator:
		return fmt.Errorf("a seal ends in %q", mark)
	}
	return nil
}

// Plausible says whether a file can be a complete snapshot, by a look at its size and its first or last bytes: the test by
// which ZooKeeper picks candidates before it reads any.
func (d *Dir) Plausible(f SnapshotFile) (bool, error) {
	file, err := d.fs.Open(f.Path)
	if err != nil {
		return false, fmt.Errorf("zkfile: open %s: %w", f.Path, err)
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return false, fmt.Errorf("zkfile: size of %s: %w", f.Path, err)
	}
	if size < minSnapshotSize {
		return false, nil
	}
	var b [8]byte
	at, want := int64(0), "\x1f\x8b"
	switch f.Compression {
	case Snappy:
		want = xerialHeader[:8]
	case Plain:
		at, want = size-5, "\x00\x00\x00\x01/"
	}
	if _, err := file.ReadAt(b[:len(want)], at); err != nil {
		return false, fmt.Errorf("zkfile: read %s: %w", f.Path, err)
	}
	return string(b[:len(want)]) == want, nil
}
