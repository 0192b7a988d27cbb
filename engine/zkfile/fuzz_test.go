package zkfile

import (
	"bytes"
	"errors"
	"testing"

	"bellwether/engine/tree"
)

// No file makes the reader of snapshots panic, and it fails with damage only; what it reads, and a tree can be made of,
// survives being written.
func FuzzSnapshot(f *testing.F) {
	for _, name := range []string{"snapshot.0", "snapshot.20"} {
		f.Add(recordedFile(f, Plain, name), uint8(Plain))
		f.Add(recordedFile(f, Gzip, name+".gz"), uint8(Gzip))
		f.Add(recordedFile(f, Snappy, name+".snappy"), uint8(Snappy))
	}
	f.Fuzz(func(t *testing.T, data []byte, packed uint8) {
		d := newDisk(t)
		d.put(snapshotName(0x20, Compression(packed%3)), data)
		dir := d.open()
		b := NewBuilder(tree.Options{})
		info, err := dir.ReadSnapshot(dir.Snapshots[0], b)
		if err != nil {
			return
		}
		b.Loader.SetZxid(info.Zxid)
		tr, err := b.Loader.Finish()
		if err != nil || info.Orphans > 0 {
			return
		}
		var body bytes.Buffer
		if _, err := WriteBody(&body, b.Sessions, tr); err != nil {
			t.Fatal(err)
		}
		again := NewBuilder(tree.Options{})
		if _, err := ReadBody(&body, again); err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
	})
}

// No file makes the reader of logs panic; it hands out whole records only, and fails with damage only.
func FuzzLog(f *testing.F) {
	for _, name := range []string{"log.1", "log.21"} {
		f.Add(recordedFile(f, Plain, name), true)
		f.Add(append(recordedFile(f, Plain, name), make([]byte, 100)...), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, last bool) {
		d := newDisk(t)
		d.put("log.1", data)
		dir := d.open()
		at := int64(fileHeaderSize)
		end, err := dir.readLog(dir.Logs[0].Path, last, nil, func(r Record) error {
			if r.Offset != at || len(r.Txn) < 32 {
				t.Fatalf("record of %d bytes at %d, want one at %d", len(r.Txn), r.Offset, at)
			}
			at += recordHeaderSize + int64(len(r.Txn)) + 1
			return nil
		})
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		if err == nil && end.Offset != at && !(at == fileHeaderSize && end.Offset == 0) {
			t.Fatalf("ends at %d, want %d", end.Offset, at)
		}
	})
}
