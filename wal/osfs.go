package wal

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What others than the owner and the group may not read: the entries hold users' data.
const (
	filePerm = 0o640
	dirPerm  = 0o750
)

// OS is the operating system's own file system.
var OS FS = osFS{}

type osFS struct{}

func (osFS) Create(path string) (File, error) {
	return openOS(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func (osFS) Open(path string) (File, error) { return openOS(path, os.O_RDONLY) }

func (osFS) OpenWrite(path string) (File, error) { return openOS(path, os.O_RDWR) }

func (osFS) Rename(from, to string) error { return os.Rename(from, to) }

func (osFS) Remove(path string) error { return os.Remove(path) }

// List does not use os.ReadDir, which asks for the type of each file.
func (osFS) List(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// MkdirAll syncs the parent of every directory it makes, from the top down: a log in a directory that a crash takes
// away would be lost whole.
func (fs osFS) MkdirAll(dir string) error {
	err := os.Mkdir(dir, dirPerm)
	if errors.Is(err, os.ErrNotExist) && filepath.Dir(dir) != dir {
		if err := fs.MkdirAll(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, dirPerm)
	}
	if errors.Is(err, os.ErrExist) {
		info, statErr := os.Stat(dir)
		if statErr == nil && info.IsDir() {
			return nil
		}
	}
	if err != nil {
		return err
	}
	return fs.SyncDir(filepath.Dir(dir))
}

func (osFS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

// Lock uses flock: it belongs to the open file, so a second Lock conflicts even within one process, and the kernel
// gives it back however the process ends. The file is never removed: whoever waits on a removed file locks nothing.
func (osFS) Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, filePerm)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		holder := readPID(f)
		f.Close()
		return nil, &LockedError{Path: path, PID: holder}
	}
	if err == nil {
		err = writePID(f)
	}
	if err != nil {
		f.Close()
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return f, nil
}

// The pid in the lock file only serves the message of whoever finds it locked; it is not synced and proves nothing.
func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func readPID(f *os.File) int {
	var text [16]byte
	n, _ := f.ReadAt(text[:], 0)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	return pid
}

// osFile takes ReadAt, WriteAt, Truncate and Close from os.File. It keeps the descriptor because asking for it each
// time would cost a lock per Sync.
type osFile struct {
	*os.File
	fd int
}

func openOS(path string, flag int) (File, error) {
	f, err := os.OpenFile(path, flag, filePerm)
	if err != nil {
		return nil, err
	}
	return &osFile{File: f, fd: int(f.Fd())}, nil
}

// Sync never tries again after an error: the kernel may have dropped the pages it could not write, and a second call
// would then succeed without them.
func (f *osFile) Sync() error {
	for {
		err := fdatasync(f.fd)
		if err == unix.EINTR { // a signal arrived before the kernel began: not a failed sync
			continue
		}
		if err != nil {
			return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
		}
		return nil
	}
}

func (f *osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
