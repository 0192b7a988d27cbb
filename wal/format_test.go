package wal_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bellwether/wal"
	"bellwether/wal/memfs"
)

var update = flag.Bool("update", false, "rewrite the golden files; read the diff before committing it")

// golden compares with a file of testdata, a dump without the rows of zeros at the end.
func golden(t *testing.T, name string, data []byte) {
	t.Helper()
	dump := hex.Dump(bytes.TrimRight(data, "\x00"))
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(dump), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if dump != string(want) {
		t.Fatalf("%s: the format has changed:\n%s\nwant:\n%s", name, dump, want)
	}
}

// undump is the inverse of golden's dump.
func undump(t *testing.T, name string, size int) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 0, size)
	for line := range strings.Lines(string(text)) {
		row, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(line[8:60]), " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, row...)
	}
	return append(data, make([]byte, max(0, size-len(data)))...)
}

// goldenLog writes two segments: groups of one and two entries, one compressed, a mark at each end of a run; then a
// truncation that splits a group.
func goldenLog(t *testing.T) *memfs.FS {
	fs := memfs.New(0)
	salt := uint64(0x0102030405060708)
	opt := wal.Options{SegmentBytes: 4096, CompressAbove: 100, Inline: true, Salt: func() uint64 { salt++; return salt }}
	log := open(t, fs, opt)
	appendSync(t, log, wal.Entry{Zxid: 0x100000001, Data: []byte("one entry")})
	appendSync(t, log, wal.Entry{Zxid: 0x100000002, Data: []byte("a group")}, wal.Entry{Zxid: 0x100000003, Data: []byte("of two")})
	closeLog(t, log)
	log = open(t, fs, opt)
	appendSync(t, log, wal.Entry{Zxid: 0x200000001, Data: bytes.Repeat([]byte("compressed "), 20)})
	if err := log.TruncateAfter(0x100000002); err != nil {
		t.Fatal(err)
	}
	closeLog(t, log)
	return fs
}

// The format of segments is fixed: what one version writes, the next one reads.
func TestSegmentFormatIsFixed(t *testing.T) {
	fs := goldenLog(t)
	golden(t, "segment1.hex", readAll(t, fs, logDir+"/0000000000000001.wal"))
	golden(t, "segment2.hex", readAll(t, fs, logDir+"/0000000000000002.wal"))
}

// Files of this format are understood whoever wrote them.
func TestGoldenSegmentsAreRead(t *testing.T) {
	fs := memfs.New(0)
	if err := fs.MkdirAll(logDir); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"segment1.hex", "segment2.hex"} {
		path := logDir + "/000000000000000" + string(rune('1'+i)) + ".wal"
		writeAll(t, fs, path, undump(t, name, 4096))
	}
	log := open(t, fs, wal.Options{SegmentBytes: 4096, Inline: true})
	expectEntries(t, log, 0, wal.Entry{Zxid: 0x100000001, Data: []byte("one entry")}, wal.Entry{Zxid: 0x100000002, Data: []byte("a group")})
}

// The format of snapshots is fixed. Its example holds one block that zstd cannot make smaller, so that the bytes do not
// depend on the compressor's version.
func TestSnapshotFormatIsFixed(t *testing.T) {
	fs := memfs.New(0)
	commitSnapshot(t, fs, 0x100000002, []byte("all znodes"))
	golden(t, "snapshot.hex", readAll(t, fs, snapDir+"/0000000100000002.snap"))

	fs = memfs.New(0)
	if err := fs.MkdirAll(snapDir); err != nil {
		t.Fatal(err)
	}
	writeAll(t, fs, snapDir+"/0000000100000002.snap", undump(t, "snapshot.hex", 0))
	if got := loadSnapshot(t, fs, 0x100000002); string(got) != "all znodes" {
		t.Fatalf("the golden snapshot holds %q", got)
	}
}
