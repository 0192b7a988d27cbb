package zkfile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/adler32"
	"io"
	"path/filepath"

	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/wire"
	"bellwether/wal"
)

// State is what a snapshot holds, at one zxid. Nothing may change it while it is written.
type State struct {
	Tree     *tree.Tree // its Zxid is that of the snapshot
	Sessions *session.Table
}

// WriteSnapshot writes a snapshot with all sections into a directory, durably, and returns its path. Until it is complete
// and synced it has another name, which no server reads; an error leaves nothing behind. A snapshot of the same zxid is
// replaced.
func WriteSnapshot(fs wal.FS, dir string, s State, c Compression) (path string, err error) {
	path = filepath.Join(dir, snapshotName(s.Tree.Zxid(), c))
	tmp := path + tmpSuffix
	file, err := fs.Create(tmp)
	if err != nil {
		return "", fmt.Errorf("zkfile: create %s: %w", tmp, err)
	}
	err = s.writeFile(file, c)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = fs.Rename(tmp, path)
	}
	if err == nil {
		err = fs.SyncDir(dir)
	}
	if err != nil {
		_ = fs.Remove(tmp)
		return "", fmt.Errorf("zkfile: write snapshot %s: %w", path, err)
	}
	return path, nil
}

// writeFile writes the whole file.
func (s State) writeFile(f wal.File, c Compression) error {
	buffered := bufio.NewWriterSize(&appender{f: f}, 256<<10)
	packed := c.writer(buffered)
	out := &sealer{w: bufio.NewWriterSize(packed, 64<<10), sum: adler32.New()}
	if err := s.write(out); err != nil {
		return err
	}
	if err := errors.Join(out.w.Flush(), packed.Close()); err != nil {
		return err
	}
	return buffered.Flush()
}

func (s State) write(out *sealer) error {
	zxid := s.Tree.Zxid()
	if _, err := out.Write(appendFileHeader(nil, snapshotMagic, snapshotDBID)); err != nil {
		return err
	}
	digest, err := WriteBody(out, s.Sessions, s.Tree)
	if err != nil {
		return err
	}
	section := wire.AppendLong(wire.AppendInt(wire.AppendLong(nil, zxid), DigestVersion), int64(digest))
	for _, b := range [...][]byte{nil, section, wire.AppendLong(nil, zxid)} {
		if _, err := out.Write(b); err != nil {
			return err
		}
		if err := out.seal(); err != nil {
			return err
		}
	}
	return nil
}

func appendFileHeader(dst []byte, magic string, database int64) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, magic...), fileVersion)
	return binary.BigEndian.AppendUint64(dst, uint64(database))
}

// sealer keeps the checksum of what is written.
type sealer struct {
	w   *bufio.Writer
	sum hash.Hash32
}

func (s *sealer) Write(p []byte) (int, error) {
	_, _ = s.sum.Write(p)
	return s.w.Write(p)
}

// seal writes the checksum of everything before.
func (s *sealer) seal() error {
	b := wire.AppendLong(nil, int64(s.sum.Sum32()))
	_, err := s.Write(wire.AppendString(b, sealTerminator))
	return err
}

// appender writes to a file from its beginning, one write behind the other.
type appender struct {
	f   io.WriterAt
	off int64
}

func (a *appender) Write(p []byte) (int, error) {
	n, err := a.f.WriteAt(p, a.off)
	a.off += int64(n)
	return n, err
}
