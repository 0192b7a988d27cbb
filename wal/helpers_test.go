package wal_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"bellwether/wal"
	"bellwether/wal/memfs"
)

// What the format adds to the bytes of an entry; doc.go draws it.
const (
	headerBytes = 80 // of a segment
	frameBytes  = 64 // of a frame's header, and of a mark
	entryBytes  = 12
)

// small makes logs of segments of two pages, without background work.
func small() wal.Options { return wal.Options{SegmentBytes: 2 * 4096, Inline: true} }

func open(t testing.TB, fs wal.FS, opt wal.Options) *wal.Log {
	t.Helper()
	log, err := wal.Open(fs, logDir, opt)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func closeLog(t testing.TB, log *wal.Log) {
	t.Helper()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

func appendSync(t testing.TB, log *wal.Log, entries ...wal.Entry) {
	t.Helper()
	if err := log.Append(entries); err != nil {
		t.Fatal(err)
	}
	if err := log.Sync(); err != nil {
		t.Fatal(err)
	}
}

// entry is one of 100 bytes.
func entry(zxid uint64) wal.Entry { return wal.Entry{Zxid: zxid, Data: pattern(zxid, 100)} }

// entriesUpTo are the entries 1 to n.
func entriesUpTo(n uint64) []wal.Entry {
	var entries []wal.Entry
	for zxid := uint64(1); zxid <= n; zxid++ {
		entries = append(entries, entry(zxid))
	}
	return entries
}

// filled is a log of the entries 1 to n, each synced in a group of its own.
func filled(t testing.TB, fs wal.FS, opt wal.Options, n uint64) *wal.Log {
	t.Helper()
	log := open(t, fs, opt)
	for _, e := range entriesUpTo(n) {
		appendSync(t, log, e)
	}
	return log
}

func expectEntries(t testing.TB, log *wal.Log, after uint64, want ...wal.Entry) {
	t.Helper()
	var got []wal.Entry
	if err := log.Replay(after, func(e wal.Entry) error { got = append(got, e); return nil }); err != nil {
		t.Fatal(err)
	}
	same := func(a, b wal.Entry) bool { return a.Zxid == b.Zxid && bytes.Equal(a.Data, b.Data) }
	if !slices.EqualFunc(got, want, same) {
		t.Fatalf("after %#x the log holds zxids %x, want %x", after, zxids(got), zxids(want))
	}
	if len(want) > 0 && log.LastZxid() != want[len(want)-1].Zxid {
		t.Fatalf("LastZxid is %#x, want %#x", log.LastZxid(), want[len(want)-1].Zxid)
	}
}

func zxids(entries []wal.Entry) []uint64 {
	var zs []uint64
	for _, e := range entries {
		zs = append(zs, e.Zxid)
	}
	return zs
}

func expectError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

func readAll(t testing.TB, fs wal.FS, path string) []byte {
	t.Helper()
	data, err := wal.ReadFile(fs, path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeAll(t testing.TB, fs wal.FS, path string, data []byte) {
	t.Helper()
	if err := wal.WriteFileAtomic(fs, path, data); err != nil {
		t.Fatal(err)
	}
}

// crashed is what a power failure leaves that loses all that was not synced.
func crashed(fs *memfs.FS) *memfs.FS {
	return fs.Crash(memfs.Variant{Data: memfs.Lost, Names: memfs.Lost})
}

func commitSnapshot(t testing.TB, fs wal.FS, zxid uint64, data []byte) {
	t.Helper()
	w, err := wal.CreateSnapshot(fs, snapDir, zxid)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

func loadSnapshot(t testing.TB, fs wal.FS, zxid uint64) []byte {
	t.Helper()
	r, err := wal.OpenSnapshot(fs, snapDir, zxid)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
