package memfs

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"bellwether/wal"
)

// FS is one disk, and the one machine that uses it. It implements wal.FS.
type FS struct {
	mu      sync.Mutex // guards everything, the inodes included: a call is one step
	seed    uint64     // with calls, the source of every random choice
	faults  Faults
	calls   uint64 // so far
	last    Call
	crashed bool // for good: only the disk that Crash or Kill returns goes on
	ticks   uint64
	nextID  uint64                // of the next inode
	dirs    map[string]*directory // by path
	locks   map[string]bool       // by path; those of the process that uses this FS
}

var _ wal.FS = (*FS)(nil)

// New returns an empty disk. Equal seeds give equal histories.
func New(seed uint64) *FS {
	return &FS{seed: seed, dirs: map[string]*directory{}, locks: map[string]bool{}}
}

// directory holds names twice: as the process sees them and as they are durable. A directory itself is durable from
// MkdirAll on.
type directory struct {
	now, durable map[string]*inode
	pending      []nameChange // from durable to now, oldest first
}

// nameChange binds to to node; from, if not empty, loses its name. A removal has an empty to.
type nameChange struct {
	from, to string
	node     *inode
}

// apply is one step: there is no moment at which a renamed file has two names or none.
func (c nameChange) apply(names map[string]*inode) {
	if c.from != "" {
		delete(names, c.from)
	}
	if c.to != "" {
		names[c.to] = c.node
	}
}

func (d *directory) change(c nameChange) {
	c.apply(d.now)
	d.pending = append(d.pending, c)
}

// Create implements wal.FS. The new name is durable after SyncDir; emptying an existing file is a change like a write.
func (fs *FS) Create(path string) (wal.File, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fault := fs.begin(OpCreate, path, 0)
	if fault.failed() {
		return nil, fault.err
	}
	dir, name, err := fs.dir("create", path)
	if err != nil {
		return nil, err
	}
	node, ok := dir.now[name]
	if !ok {
		fs.nextID++
		node = &inode{id: fs.nextID}
		dir.change(nameChange{to: name, node: node})
	} else if len(node.now) > 0 {
		node.resize(0)
	}
	return &file{fs: fs, node: node, path: path, writable: true}, fault.err
}

// Open implements wal.FS.
func (fs *FS) Open(path string) (wal.File, error) { return fs.open(path, false) }

// OpenWrite implements wal.FS.
func (fs *FS) OpenWrite(path string) (wal.File, error) { return fs.open(path, true) }

func (fs *FS) open(path string, writable bool) (wal.File, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fault := fs.begin(OpOpen, path, 0); fault.err != nil {
		return nil, fault.err
	}
	_, _, node, err := fs.find("open", path)
	if err != nil {
		return nil, err
	}
	return &file{fs: fs, node: node, path: path, writable: writable}, nil
}

// Rename implements wal.FS, within one directory.
func (fs *FS) Rename(from, to string) error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fault := fs.begin(OpRename, from, 0)
	if fault.failed() {
		return fault.err
	}
	dir, old, node, err := fs.find("rename", from)
	if err != nil {
		return err
	}
	if filepath.Dir(from) != filepath.Dir(to) {
		return &os.PathError{Op: "rename", Path: to, Err: os.ErrInvalid} // nobody here needs it
	}
	dir.change(nameChange{from: old, to: filepath.Base(to), node: node})
	return fault.err
}

// Remove implements wal.FS. The file's bytes live on as long as a handle to them, or a crash that brings back the name.
func (fs *FS) Remove(path string) error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fault := fs.begin(OpRemove, path, 0)
	if fault.failed() {
		return fault.err
	}
	dir, name, node, err := fs.find("remove", path)
	if err != nil {
		return err
	}
	dir.change(nameChange{from: name, node: node})
	return fault.err
}

// List implements wal.FS. Directories inside the directory are not listed.
func (fs *FS) List(path string) ([]string, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fault := fs.begin(OpList, path, 0); fault.err != nil {
		return nil, fault.err
	}
	dir, ok := fs.dirs[filepath.Clean(path)]
	if !ok {
		return nil, &os.PathError{Op: "list", Path: path, Err: os.ErrNotExist}
	}
	return sortedNames(dir.now), nil
}

// MkdirAll implements wal.FS. What it makes is durable when it returns, and not there when the machine stops during it.
func (fs *FS) MkdirAll(path string) error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fault := fs.begin(OpMkdir, path, 0); fault.err != nil {
		return fault.err
	}
	for p := filepath.Clean(path); fs.dirs[p] == nil; p = filepath.Dir(p) {
		fs.dirs[p] = &directory{now: map[string]*inode{}, durable: map[string]*inode{}}
	}
	return nil
}

// SyncDir implements wal.FS. When it fails, the changes stay as they were: not durable, and open to the next SyncDir.
func (fs *FS) SyncDir(path string) error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fault := fs.begin(OpSyncDir, path, 0); fault.err != nil {
		return fault.err
	}
	dir, ok := fs.dirs[filepath.Clean(path)]
	if !ok {
		return &os.PathError{Op: "sync", Path: path, Err: os.ErrNotExist}
	}
	for _, c := range dir.pending {
		c.apply(dir.durable)
	}
	dir.pending = nil
	return nil
}

// Lock implements wal.FS. It conflicts within this FS only, that is, within one life of one process; no file stands for
// it.
func (fs *FS) Lock(path string) (io.Closer, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fault := fs.begin(OpLock, path, 0); fault.err != nil {
		return nil, fault.err
	}
	if fs.locks[path] {
		return nil, &wal.LockedError{Path: path, PID: 1}
	}
	fs.locks[path] = true
	return &lock{fs, path}, nil
}

type lock struct {
	fs   *FS
	path string
}

func (l *lock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	delete(l.fs.locks, l.path)
	return nil
}

// dir finds the directory that path is in.
func (fs *FS) dir(op, path string) (*directory, string, error) {
	dir, ok := fs.dirs[filepath.Dir(path)]
	if !ok {
		return nil, "", &os.PathError{Op: op, Path: path, Err: os.ErrNotExist}
	}
	return dir, filepath.Base(path), nil
}

func (fs *FS) find(op, path string) (dir *directory, name string, node *inode, err error) {
	dir, name, err = fs.dir(op, path)
	if err != nil {
		return nil, "", nil, err
	}
	node, ok := dir.now[name]
	if !ok {
		return nil, "", nil, &os.PathError{Op: op, Path: path, Err: os.ErrNotExist}
	}
	return dir, name, node, nil
}

// Paths returns the path of every file there is now, sorted, without counting as a call.
func (fs *FS) Paths() []string {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var paths []string
	for path, dir := range fs.dirs {
		for name := range dir.now {
			paths = append(paths, filepath.Join(path, name))
		}
	}
	slices.Sort(paths)
	return paths
}

func sortedNames(names map[string]*inode) []string {
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	return sorted
}
