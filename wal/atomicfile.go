package wal

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

const tmpSuffix = ".tmp"

// WriteFileAtomic makes data the contents of the file at path, durably: after a crash the file is either as it was
// before or holds all of data. It writes beside it, under the name with ".tmp" added, and renames. For small files; one
// caller a path at a time.
func WriteFileAtomic(fs FS, path string, data []byte) error {
	tmp := path + tmpSuffix
	f, err := fs.Create(tmp)
	if err != nil {
		return fmt.Errorf("wal: create %s: %w", tmp, err)
	}
	_, err = f.WriteAt(data, 0) // a failure leaves the temporary file, which the next call empties
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("wal: write %s: %w", tmp, err)
	}
	return moveInto(fs, tmp, path)
}

// moveInto gives a synced file its final name, durably.
func moveInto(fs FS, tmp, path string) error {
	if err := fs.Rename(tmp, path); err != nil {
		return fmt.Errorf("wal: rename %s: %w", tmp, err)
	}
	if err := fs.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("wal: sync %s: %w", filepath.Dir(path), err)
	}
	return nil
}

// ReadFile returns the contents of a small file. The error matches os.ErrNotExist when there is none.
func ReadFile(fs FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, fmt.Errorf("wal: open %s: %w", path, err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, fmt.Errorf("wal: size of %s: %w", path, err)
	}
	data := make([]byte, size)
	if n, err := f.ReadAt(data, 0); int64(n) < size {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("wal: read %s: %w", path, err)
	}
	return data, nil
}
