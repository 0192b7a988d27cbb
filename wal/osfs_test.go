package wal_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bellwether/wal"
)

// A second log on a directory is refused at once, with a message that names the directory and the holder's pid; after
// Close, and after a failed Open, the directory is free.
func TestADirectoryHasOneLog(t *testing.T) {
	dir := t.TempDir()
	opt := wal.Options{SegmentBytes: 4096}
	first, err := wal.Open(wal.OS, dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err = wal.Open(wal.OS, dir, opt)
		expectError(t, err, wal.ErrLocked)
		var locked *wal.LockedError
		if !errors.As(err, &locked) || locked.PID != os.Getpid() {
			t.Fatalf("%#v does not name process %d", err, os.Getpid())
		}
		if text := err.Error(); !strings.Contains(text, dir) || !strings.Contains(text, fmt.Sprint(os.Getpid())) {
			t.Fatalf("%q does not name %s and process %d", text, dir, os.Getpid())
		}
	}
	closeLog(t, first)
	again, err := wal.Open(wal.OS, dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	closeLog(t, again)
}

// The log works on the machine's own file system: a directory made with its parents, segments rolled, released and
// recycled in the background, a truncation, a restart, a snapshot, a small file.
func TestOnTheOperatingSystem(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "log")
	opt := wal.Options{SegmentBytes: 8192}
	log, err := wal.Open(wal.OS, dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entriesUpTo(150) {
		appendSync(t, log, e)
		if e.Zxid == 100 {
			if err := log.ReleaseBefore(90); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := log.TruncateAfter(140); err != nil {
		t.Fatal(err)
	}
	closeLog(t, log)
	if log, err = wal.Open(wal.OS, dir, opt); err != nil {
		t.Fatal(err)
	}
	expectEntries(t, log, log.Base(), entriesUpTo(140)[log.Base():]...)
	if log.Base() == 0 {
		t.Fatal("nothing was released")
	}
	closeLog(t, log)

	w, err := wal.CreateSnapshot(wal.OS, filepath.Join(dir, "snap"), 7)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("state")); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if zxids, err := wal.Snapshots(wal.OS, filepath.Join(dir, "snap")); err != nil || !slices.Equal(zxids, []uint64{7}) {
		t.Fatal(zxids, err)
	}
	writeAll(t, wal.OS, filepath.Join(dir, "epoch"), []byte("5"))
	if got := readAll(t, wal.OS, filepath.Join(dir, "epoch")); string(got) != "5" {
		t.Fatalf("the small file holds %q", got)
	}
}

// A missing file is told apart from a failure, on every way to one.
func TestAMissingFileIsNotExist(t *testing.T) {
	dir := t.TempDir()
	_, readErr := wal.ReadFile(wal.OS, filepath.Join(dir, "none"))
	_, snapErr := wal.OpenSnapshot(wal.OS, dir, 1)
	_, listErr := wal.OS.List(filepath.Join(dir, "none"))
	for _, err := range []error{readErr, snapErr, listErr, wal.OS.Remove(filepath.Join(dir, "none")), wal.OS.SyncDir(filepath.Join(dir, "none"))} {
		expectError(t, err, os.ErrNotExist)
	}
}

// A file where a directory should be is an error, not taken for one.
func TestMkdirAllOnAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := wal.Open(wal.OS, path, wal.Options{SegmentBytes: 4096}); err == nil {
		t.Fatal("opened a log in a file")
	}
}
