package wal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const snapshotSuffix = ".snap"

// Snapshots returns the zxids of the snapshots in dir, newest first; none when there is no dir. Only committed ones
// have such names. OpenSnapshot tells whether they are still whole.
func Snapshots(fs FS, dir string) ([]uint64, error) {
	names, err := fs.List(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("wal: list %s: %w", dir, err)
	}
	var zxids []uint64
	for _, name := range names {
		if zxid, ok := parseName(name, snapshotSuffix); ok {
			zxids = append(zxids, zxid)
		}
	}
	slices.Reverse(zxids) // names sort as their zxids do
	return zxids, nil
}

// RemoveSnapshot removes the snapshot of zxid, durably.
func RemoveSnapshot(fs FS, dir string, zxid uint64) error {
	if err := fs.Remove(snapshotPath(dir, zxid)); err != nil {
		return fmt.Errorf("wal: remove snapshot: %w", err)
	}
	if err := fs.SyncDir(dir); err != nil {
		return fmt.Errorf("wal: sync %s: %w", dir, err)
	}
	return nil
}

// PurgeSnapshots removes all but the keep newest snapshots, oldest first, and what a crash left of unfinished ones. It
// returns the zxid of the oldest one kept (0 without any): the log may be released before that. No snapshot may be being
// written meanwhile.
func PurgeSnapshots(fs FS, dir string, keep int) (oldest uint64, err error) {
	zxids, err := Snapshots(fs, dir)
	if err != nil || len(zxids) == 0 {
		return 0, errors.Join(err, removeUnfinished(fs, dir))
	}
	kept := zxids[:min(len(zxids), max(keep, 1))]
	for i := len(zxids) - 1; i >= len(kept); i-- {
		if err := RemoveSnapshot(fs, dir, zxids[i]); err != nil {
			return 0, err
		}
	}
	return kept[len(kept)-1], removeUnfinished(fs, dir)
}

// removeUnfinished needs no directory sync: should a crash bring such a file back, the next purge removes it.
func removeUnfinished(fs FS, dir string) error {
	names, err := fs.List(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("wal: list %s: %w", dir, err)
	}
	for _, name := range names {
		whole, isTmp := strings.CutSuffix(name, tmpSuffix)
		if _, ok := parseName(whole, snapshotSuffix); !isTmp || !ok {
			continue
		}
		if err := fs.Remove(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("wal: remove unfinished snapshot: %w", err)
		}
	}
	return nil
}
