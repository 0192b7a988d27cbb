package zkfile

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"bellwether/engine/tree"
	"bellwether/engine/wire"
	"bellwether/wal"
)

// Arranger is a Sink that takes sessions and znodes in any order, as a snapshot hands them out that is taken while a server
// goes on, and writes them as a body, where parents stand before their children and ACL lists before all znodes.
//
//	AddZnode ──► depth 0  ──► arrange-0 ┐
//	             depth 1  ──► arrange-1 ├──► WriteTo: sessions | ACL lists | depth 0, 1, 2 … | "/"
//	             depth 2  ──► arrange-2 ┘
//
// What it takes goes to files in a directory of its own; in memory it keeps a buffer a file, the ACL lists, and znodes that
// lie deeper than maxSpoolDepth. Not safe for concurrent use. The first error is final.
type Arranger struct {
	fs       wal.FS
	dir      string
	sessions []byte
	count    int32
	lists    *aclLists
	levels   []*spool    // by depth
	deep     []deepZnode // below all of them
	digest   uint64
	buf      []byte
	err      error
}

// maxSpoolDepth is the depth up to which znodes have a file. Few applications go beyond ten.
const maxSpoolDepth = 32

// spoolBytes are gathered before they are written to a file.
const spoolBytes = 64 << 10

// spool is one file: the znodes of one depth, encoded.
type spool struct {
	path string
	file wal.File
	size int64
	buf  []byte
}

// deepZnode is an encoded znode that lies deeper than maxSpoolDepth.
type deepZnode struct {
	depth   int
	encoded []byte
}

// NewArranger returns an Arranger that may use dir, which must exist and be empty, until Close.
func NewArranger(fs wal.FS, dir string) *Arranger {
	return &Arranger{fs: fs, dir: dir, lists: newLists()}
}

// AddSession adds a session.
func (a *Arranger) AddSession(id int64, timeoutMs int32) error {
	a.sessions = appendSession(a.sessions, id, timeoutMs)
	a.count++
	return a.err
}

// AddZnode adds a znode. It keeps no reference to what z refers to.
func (a *Arranger) AddZnode(z *tree.Znode) error {
	if a.err != nil {
		return a.err
	}
	a.digest += znodeDigest(z)
	a.buf = appendZnode(a.buf[:0], z, a.lists.key(z.ACL))
	depth := strings.Count(bodyPath(z), "/")
	if depth > maxSpoolDepth {
		a.deep = append(a.deep, deepZnode{depth, slices.Clone(a.buf)})
		return nil
	}
	for len(a.levels) <= depth {
		a.levels = append(a.levels, nil)
	}
	if a.levels[depth] == nil {
		a.levels[depth] = a.create(depth)
	}
	if a.err == nil {
		a.levels[depth].buf = append(a.levels[depth].buf, a.buf...)
		if len(a.levels[depth].buf) >= spoolBytes {
			a.fail(a.levels[depth].flush())
		}
	}
	return a.err
}

func (a *Arranger) create(depth int) *spool {
	s := &spool{path: filepath.Join(a.dir, fmt.Sprintf("arrange-%d", depth))}
	var err error
	s.file, err = a.fs.Create(s.path)
	a.fail(err)
	return s
}

func (a *Arranger) fail(err error) {
	if err != nil && a.err == nil {
		a.err = fmt.Errorf("zkfile: arrange a snapshot in %s: %w", a.dir, err)
	}
}

func (s *spool) flush() error {
	n, err := s.file.WriteAt(s.buf, s.size)
	s.size += int64(n)
	s.buf = s.buf[:0]
	return err
}

// WriteTo writes everything as a body and returns its size in bytes. It may be called once.
func (a *Arranger) WriteTo(w io.Writer) (int64, error) {
	for _, s := range a.levels {
		if s != nil && a.err == nil {
			a.fail(s.flush())
		}
	}
	if a.err != nil {
		return 0, a.err
	}
	out := &counter{w: bufio.NewWriterSize(w, 64<<10)}
	_, _ = out.Write(a.lists.append(append(wire.AppendInt(nil, a.count), a.sessions...)))
	for _, s := range a.levels {
		if s != nil {
			if _, err := io.Copy(out, io.NewSectionReader(s.file, 0, s.size)); err != nil {
				a.fail(err)
				return out.n, a.err
			}
		}
	}
	slices.SortStableFunc(a.deep, func(x, y deepZnode) int { return cmp.Compare(x.depth, y.depth) })
	for _, z := range a.deep {
		_, _ = out.Write(z.encoded)
	}
	_, _ = out.Write(wire.AppendString(nil, bodyEnd))
	a.fail(out.w.Flush()) // the first error of all these writes
	return out.n, a.err
}

// counter counts what is written.
type counter struct {
	w *bufio.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// Digest is that of the tree the znodes make.
func (a *Arranger) Digest() uint64 { return a.digest }

// Close removes the files.
func (a *Arranger) Close() error {
	var errs []error
	for _, s := range a.levels {
		if s != nil && s.file != nil {
			errs = append(errs, s.file.Close(), a.fs.Remove(s.path))
		}
	}
	a.levels = nil
	a.fail(errClosed)
	return errors.Join(errs...)
}

var errClosed = errors.New("closed")
