package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"bellwether/engine/zab"
	"bellwether/wal"
)

// store is the data directory:
//
//	<DataDir>/epochs        "accepted current", decimal
//	<DataDir>/snapshots/    what package wal writes there
//	<DataDir>/lock          held while a server runs
//	<LogDir>/log/           the log, with a lock of its own
type store struct {
	fs   wal.FS
	dir  string
	lock io.Closer
}

// openStore creates the directory at need and takes its lock.
func openStore(fsys wal.FS, dir string) (*store, error) {
	if err := refuseForeign(fsys, dir); err != nil {
		return nil, err
	}
	s := &store{fs: fsys, dir: dir}
	if err := fsys.MkdirAll(s.snapshots()); err != nil {
		return nil, fmt.Errorf("engine: create %s: %w", s.snapshots(), err)
	}
	lock, err := fsys.Lock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("engine: data directory %s: %w", dir, err)
	}
	s.lock = lock
	return s, nil
}

func (s *store) close() error      { return s.lock.Close() }
func (s *store) snapshots() string { return filepath.Join(s.dir, "snapshots") }
func (s *store) epochsFile() string {
	return filepath.Join(s.dir, "epochs")
}

// refuseForeign recognises the data of Apache ZooKeeper, which this server would otherwise ignore and start empty beside.
func refuseForeign(fsys wal.FS, dir string) error {
	names, err := fsys.List(filepath.Join(dir, "version-2"))
	if err != nil {
		return nil // there is none
	}
	for _, name := range names {
		if strings.HasPrefix(name, "snapshot.") || strings.HasPrefix(name, "log.") {
			return fmt.Errorf("engine: %s holds a database of Apache ZooKeeper (version-2/%s), whose format this server does "+
				"not keep its data in: name another directory, or move version-2 away to start empty", dir, name)
		}
	}
	return nil
}

// writeEpochs makes both epochs durable.
func (s *store) writeEpochs(e zab.Epochs) error {
	text := fmt.Sprintf("%d %d\n", e.Accepted, e.Current)
	if err := wal.WriteFileAtomic(s.fs, s.epochsFile(), []byte(text)); err != nil {
		return fmt.Errorf("engine: write the epochs to %s: %w", s.epochsFile(), err)
	}
	return nil
}

// readEpochs returns zero epochs if none were ever written.
func (s *store) readEpochs() (zab.Epochs, error) {
	b, err := wal.ReadFile(s.fs, s.epochsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return zab.Epochs{}, nil
	}
	if err != nil {
		return zab.Epochs{}, fmt.Errorf("engine: read the epochs: %w", err)
	}
	fields := strings.Fields(string(b))
	if len(fields) == 2 {
		accepted, err1 := strconv.ParseUint(fields[0], 10, 32)
		current, err2 := strconv.ParseUint(fields[1], 10, 32)
		if err1 == nil && err2 == nil {
			return zab.Epochs{Accepted: uint32(accepted), Current: uint32(current)}, nil
		}
	}
	return zab.Epochs{}, fmt.Errorf("engine: %s should hold two decimal numbers, the accepted and the current epoch, but holds %q: "+
		"restore the file from a copy", s.epochsFile(), b)
}
