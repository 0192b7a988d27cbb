package wal

import "io"

// FS is the disk as this package sees it: the few operations whose durability can be stated exactly. OS is the
// machine's own; memfs.FS is one that can crash, fail and tear. Paths are those of package filepath. All methods are
// safe for concurrent use. A missing file is reported as an error that matches os.ErrNotExist.
type FS interface {
	// Create makes an empty file for reading and writing; one that is there already is emptied. The name is not
	// durable until SyncDir.
	Create(path string) (File, error)
	// Open opens an existing file for reading only.
	Open(path string) (File, error)
	// OpenWrite opens an existing file for reading and writing.
	OpenWrite(path string) (File, error)
	// Rename gives a file another name in one step, replacing what had that name. Not durable until SyncDir.
	Rename(from, to string) error
	// Remove takes a file's name away; files already open stay readable. Not durable until SyncDir.
	Remove(path string) error
	// List returns the names (not paths) of what a directory holds, sorted.
	List(dir string) ([]string, error)
	// MkdirAll makes a directory and its missing parents, durably.
	MkdirAll(dir string) error
	// SyncDir makes every Create, Rename and Remove done so far in dir durable.
	SyncDir(dir string) error
	// Lock takes the lock named path for this process, or returns a *LockedError at once when it is held. Close of
	// what it returns gives it back, as does the end of the process.
	Lock(path string) (io.Closer, error)
}

// File is an open file. ReadAt and WriteAt are those of the io package: a short count always comes with an error.
// Distinct byte ranges may be read and written concurrently.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes the file's bytes and its size durable (fdatasync: not its times). After an error nothing is known
	// of any byte written since the last Sync that succeeded, and calling it again proves nothing.
	Sync() error
	// Truncate sets the size in bytes; new bytes read as zero.
	Truncate(size int64) error
	// Size returns the size in bytes.
	Size() (int64, error)
}
