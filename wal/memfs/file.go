package memfs

import (
	"io"
	"os"
	"slices"
	"syscall"

	"bellwether/wal"
)

// inode is a file's contents, twice: as the process sees them and as they are durable.
type inode struct {
	id           uint64 // in order of creation, so that random choices do not depend on names
	now, durable []byte
	pending      []change // since the last successful Sync, oldest first
	shared       bool     // the bytes of now and durable may be those of another inode or of each other
}

// own makes now and durable the inode's own before one of them is changed.
func (n *inode) own() {
	if n.shared {
		n.now, n.durable, n.shared = slices.Clone(n.now), slices.Clone(n.durable), false
	}
}

// change is one write, or one change of size.
type change struct {
	off    int64
	data   []byte // nil: the size becomes off
	resize bool
}

// write copies data: the caller's buffer may be used again at once, the change must outlive it.
func (n *inode) write(off int64, data []byte) {
	n.own()
	c := change{off: off, data: slices.Clone(data)}
	n.now = c.apply(n.now)
	n.pending = append(n.pending, c)
}

func (n *inode) resize(size int64) {
	n.own()
	c := change{off: size, resize: true}
	n.now = c.apply(n.now)
	n.pending = append(n.pending, c)
}

// apply returns b after the change; it may use b's memory.
func (c change) apply(b []byte) []byte {
	if c.resize {
		return extend(b, c.off)[:c.off]
	}
	b = extend(b, c.off+int64(len(c.data)))
	copy(b[c.off:], c.data)
	return b
}

// extend returns b with at least size bytes; new ones are zero.
func extend(b []byte, size int64) []byte {
	if more := size - int64(len(b)); more > 0 {
		return append(b, make([]byte, more)...)
	}
	return b
}

// sync carries the changes over one by one rather than copying now: what an earlier failed Sync has dropped is in now,
// and not among the changes.
func (n *inode) sync() {
	n.own()
	for _, c := range n.pending {
		n.durable = c.apply(n.durable)
	}
	n.pending = nil
}

// file is an open file, a wal.File. It keeps its inode whatever becomes of the name. Its methods hold the disk's lock.
type file struct {
	fs       *FS
	node     *inode
	path     string
	writable bool
	closed   bool
}

var _ wal.File = (*file)(nil)

func (f *file) check(op string) error {
	if f.closed {
		return &os.PathError{Op: op, Path: f.path, Err: os.ErrClosed}
	}
	return nil
}

// ReadAt sees every write so far, synced or not.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if fault := f.fs.begin(OpRead, f.path, len(p)); fault.err != nil {
		return 0, fault.err
	}
	if err := f.check("read"); err != nil {
		return 0, err
	}
	if off >= int64(len(f.node.now)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.now[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt fails with ENOSPC, after writing nothing, when the file would grow past the disk's capacity.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	fault := f.fs.begin(OpWrite, f.path, len(p))
	if fault.failed() {
		n := 0
		if fault.short {
			n = len(p) / 2
			f.node.write(off, p[:n])
		}
		return n, fault.err
	}
	if err := f.check("write"); err != nil {
		return 0, err
	}
	if !f.writable {
		return 0, &os.PathError{Op: "write", Path: f.path, Err: syscall.EBADF}
	}
	if !f.fs.fits(off + int64(len(p)) - int64(len(f.node.now))) {
		return 0, &os.PathError{Op: "write", Path: f.path, Err: syscall.ENOSPC}
	}
	f.node.write(off, p)
	return len(p), fault.err
}

// Sync makes the file's bytes and size durable, and not its name.
func (f *file) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	fault := f.fs.begin(OpSync, f.path, 0)
	if fault.device {
		// What did not get through is forgotten: it can be read as long as the machine lives, and no later Sync
		// writes it.
		v := Variant{Data: TornSectors}
		f.node.own()
		f.node.durable = f.node.survivors(v, v.choice(f.fs, f.node.id))
		f.node.pending = nil
		return fault.err
	}
	if fault.err != nil { // the machine stops: as if the sync had not begun
		return fault.err
	}
	if err := f.check("sync"); err != nil {
		return err
	}
	f.node.sync()
	return nil
}

// Truncate is a change like a write: not durable until Sync.
func (f *file) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	fault := f.fs.begin(OpTruncate, f.path, 0)
	if fault.failed() {
		return fault.err
	}
	if err := f.check("truncate"); err != nil {
		return err
	}
	f.node.resize(size)
	return fault.err
}

func (f *file) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if fault := f.fs.begin(OpSize, f.path, 0); fault.err != nil {
		return 0, fault.err
	}
	return int64(len(f.node.now)), f.check("size")
}

// Close is not counted: it does nothing to the disk.
func (f *file) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	err := f.check("close")
	f.closed = true
	return err
}
