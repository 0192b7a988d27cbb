package zkfile

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/wire"
	"bellwether/wal"
	"bellwether/wal/memfs"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// txnOf is a transaction with this zxid.
func txnOf(zxid int64, size int) []byte {
	h := wire.TxnHeader{Zxid: zxid, Type: wire.OpDelete}
	return wire.AppendString(h.Append(nil), "/"+strings.Repeat("x", size))
}

// The snapshot of an empty tree is what servers of version 3.9 write, with all three seals.
func TestSnapshotOfAnEmptyTree(t *testing.T) {
	dir := t.TempDir()
	path, err := WriteSnapshot(wal.OS, dir, State{tree.New(), session.NewTable()}, Plain)
	if err != nil || filepath.Base(path) != "snapshot.0" {
		t.Fatal(path, err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head := "5a4b534e 00000002 ffffffffffffffff" + // magic, version, database
		"00000000" + // no sessions
		"00000001 0000000000000001 00000001 00000001 00000005 776f726c64 00000006 616e796f6e65" + // key 1: everybody may read
		"00000000 00000000 ffffffffffffffff" + strings.Repeat("00", statSize) // the root: no data, open
	if !bytes.HasPrefix(got, unhex(t, head)) {
		t.Errorf("begins\n%x\nwant\n%s", got[:120], head)
	}
	// 457 bytes with two seals is what version 3.8.0 writes of the same tree; the third section takes 21.
	const last = 8 + 8 + 4 + 1
	if len(got) != 457+last {
		t.Errorf("%d bytes", len(got))
	}
	java := recordedFile(t, Plain, "snapshot.0")
	if len(java) != 457 {
		t.Errorf("the server's has %d bytes", len(java))
	}
	if digest := TreeDigest(tree.New()); digest != 1371985504 {
		t.Errorf("digest %d", digest)
	}
}

// A log begins with the header that every server reads, and a record is what a server has written of the same transaction.
func TestLogRecord(t *testing.T) {
	txn := unhex(t, `0100001146e70000 00000001 0000000100000002 000001a20248033d 00000001
		00000002 2f61 00000001 78 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00 00000001
		00000002 00000001eaed419a`)
	dir := t.TempDir()
	w := NewLogWriter(wal.OS, dir, 0)
	if err := errors.Join(w.Append(txn), w.Close()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "log.100000002"))
	want := append(unhex(t, "5a4b4c47 00000002 0000000000000000  00000000666d0b10 00000057"), append(txn, 'B')...)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("written %x, %v\nwant    %x", got, err, want)
	}
}

// The digest of a tree is that which a server computed for the same tree.
func TestDigestOfOneZnode(t *testing.T) {
	tr := tree.New()
	tr.Lock(tree.AllShards)
	code := tr.Create("/a", []byte("x"), wire.OpenACL, 0, 1, 0x100000002, 1795334603581, nil)
	tr.Unlock(tree.AllShards)
	if got := TreeDigest(tr); code != wire.OK || got != 8236384666 {
		t.Errorf("digest %d, %v", got, code)
	}
}

// Records rise; what does not, or is no transaction, is refused and changes nothing. After Close nothing is taken.
func TestLogWriterRefuses(t *testing.T) {
	d := newDisk(t)
	w := NewLogWriter(d.fs, memDir, 0)
	if err := w.Append(txnOf(5, 1)); err != nil {
		t.Fatal(err)
	}
	for _, txn := range [][]byte{txnOf(5, 1), txnOf(4, 1)} {
		if err := w.Append(txn); !errors.Is(err, ErrOrder) {
			t.Errorf("%v, want ErrOrder", err)
		}
	}
	if err := w.Append(txnOf(6, 1)[:31]); err == nil {
		t.Error("31 bytes were taken")
	}
	if err := errors.Join(w.Append(txnOf(7, 1)), w.Sync(), w.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	if err := w.Append(txnOf(8, 1)); err == nil {
		t.Error("taken after Close")
	}
	if got, _, err := d.zxids(); err != nil || !slices.Equal(got, []int64{5, 7}) {
		t.Errorf("read %v, %v", got, err)
	}
	again := NewLogWriter(d.fs, memDir, 0)
	if err := again.Append(txnOf(5, 9)); !errors.Is(err, os.ErrExist) {
		t.Errorf("a log was written over: %v", err)
	}
	if err := NewLogWriter(d.fs, memDir, 0).Close(); err != nil {
		t.Error(err)
	}
}

// Files roll at the limit, and are read as one history.
func TestLogWriterRolls(t *testing.T) {
	d := newDisk(t)
	w := NewLogWriter(d.fs, memDir, 10_000)
	var want []int64
	for z := int64(1); z <= 100; z++ {
		if err := w.Append(txnOf(z<<32|1, 1000)); err != nil {
			t.Fatal(err)
		}
		want = append(want, z<<32|1)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, _, err := d.zxids()
	if files := len(d.open().Logs); err != nil || !slices.Equal(got, want) || files < 10 || files > 12 {
		t.Errorf("%d transactions in %d files, %v", len(got), files, err)
	}
}

// A crash at any I/O call while a snapshot is written leaves the one before it, and either nothing or the whole of the new
// one; a call that fails is reported, and leaves nothing behind.
func TestSnapshotSurvivesEveryCrash(t *testing.T) {
	state, err := restore(t, openDir(t, recordedDir(Plain)))
	if err != nil {
		t.Fatal(err)
	}
	write := func(fs *memfs.FS) error {
		_, err := WriteSnapshot(fs, memDir, State{state.tree, state.sessions}, Plain)
		return err
	}
	want := dumpTree(state.tree)
	points := enumerate(t, write, func(point string, d *disk, err error) {
		dir := d.open()
		if len(dir.Snapshots) > 2 || dir.Snapshots[len(dir.Snapshots)-1].Zxid != 0x20 {
			t.Fatalf("%s: %v", point, dir.Snapshots)
		}
		if err == nil && len(dir.Snapshots) != 2 {
			t.Fatalf("%s: a snapshot that was written is gone", point)
		}
		if len(dir.Snapshots) == 2 {
			got, err := restore(t, dir)
			if err != nil || len(got.passed) > 0 {
				t.Fatalf("%s: %v, %v", point, err, got.passed)
			}
			sameLines(t, point, dumpTree(got.tree), want)
		}
	})
	if points < 50 {
		t.Errorf("%d points", points)
	}
	t.Logf("%d points", points)
}

// A crash at any I/O call while a log is written leaves every transaction that was synced, and invents none.
func TestLogSurvivesEveryCrash(t *testing.T) {
	var synced int64
	write := func(fs *memfs.FS) error {
		synced = 0
		w := NewLogWriter(fs, memDir, 3000)
		for z := int64(0x21); z < 0x30; z++ {
			if err := w.Append(txnOf(z, 600)); err != nil {
				return err
			}
			if z%3 == 0 {
				if err := w.Sync(); err != nil {
					return err
				}
				synced = z
			}
		}
		err := w.Close()
		if err == nil {
			synced = 0x2f
		}
		return err
	}
	points := enumerate(t, write, func(point string, d *disk, _ error) {
		last := int64(0x20)
		_, err := d.open().Restore(Restore{
			Begin: func(SnapshotFile) (Sink, error) { return new(lines), nil },
			Hole:  func(*DamageError) error { return nil },
			Txn: func(r Record) error {
				if last++; r.Zxid != last || !bytes.Equal(r.Txn, txnOf(r.Zxid, 600)) {
					return fmt.Errorf("0x%x", r.Zxid)
				}
				return nil
			},
		})
		if last < synced {
			t.Fatalf("%s: read up to 0x%x, synced up to 0x%x: %v", point, last, synced, err)
		}
		var gap *GapError
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.As(err, &gap) {
			t.Fatalf("%s: %v", point, err)
		}
	})
	if points < 50 {
		t.Errorf("%d points", points)
	}
	t.Logf("%d points", points)
}

// enumerate runs write on disks that hold a snapshot, stopping the machine at each call in turn, in every variant of what a
// crash may leave, and failing each call in turn. check gets what is on the disk then, and what write has returned.
func enumerate(t *testing.T, write func(*memfs.FS) error, check func(point string, d *disk, err error)) (points int) {
	t.Helper()
	prepare := func() *disk {
		d := newDisk(t)
		d.put("snapshot.20", recordedFile(t, Plain, "snapshot.20"))
		return &disk{t, d.fs.Crash(memfs.Variant{Data: memfs.Kept, Names: memfs.Kept})}
	}
	d := prepare()
	first := d.fs.Calls() + 1
	if err := write(d.fs); err != nil {
		t.Fatal(err)
	}
	last := d.fs.Calls()
	check("no fault", d, nil)
	for call := first; call <= last+1; call++ {
		d := prepare()
		d.fs.SetFaults(memfs.Faults{CrashAt: call})
		err := write(d.fs)
		for _, v := range memfs.Variants(2) {
			points++
			check(fmt.Sprintf("crash at call %d, %v", call, v), &disk{t, d.fs.Crash(v)}, err)
		}
		for _, short := range []bool{false, true} {
			points++
			d := prepare()
			d.fs.SetFaults(memfs.Faults{FailAt: call, Short: short})
			err := write(d.fs)
			at := d.fs.LastCall()
			d.fs.SetFaults(memfs.Faults{})
			if err == nil && call <= last && at.Op != memfs.OpRemove {
				t.Fatalf("call %d failed and nobody was told", call)
			}
			check(fmt.Sprintf("call %d failed", call), d, err)
			for _, path := range d.fs.Paths() {
				if strings.HasSuffix(path, tmpSuffix) && at.Op != memfs.OpRemove && at.Op != memfs.OpSyncDir {
					t.Fatalf("call %d failed, and %s was left behind", call, path)
				}
			}
		}
	}
	return points
}

// The body that travels over a link is read back from one stream, ended by its end; a body that goes on or stops early is
// refused.
func TestBody(t *testing.T) {
	state, err := restore(t, openDir(t, recordedDir(Plain)))
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	digest, err := WriteBody(&body, state.sessions, state.tree)
	if err != nil || digest != TreeDigest(state.tree) {
		t.Fatal(digest, err)
	}
	b := NewBuilder(tree.Options{})
	info, err := ReadBody(bytes.NewReader(body.Bytes()), b)
	if err != nil || info.Orphans != 0 {
		t.Fatal(info, err)
	}
	b.Loader.SetZxid(state.tree.Zxid())
	again, err := b.Loader.Finish()
	if err != nil {
		t.Fatal(err)
	}
	sameLines(t, "read back", dumpTree(again), dumpTree(state.tree))
	for n := range body.Len() {
		if _, err := ReadBody(bytes.NewReader(body.Bytes()[:n]), new(lines)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	if _, err := ReadBody(io.MultiReader(&body, strings.NewReader("x")), new(lines)); !errors.Is(err, errTrailing) {
		t.Error(err)
	}
	mine := errors.New("mine")
	if _, err := ReadBody(bytes.NewReader(recordedFile(t, Plain, "snapshot.20")[fileHeaderSize:]), failingSink{nil, mine}); !errors.Is(err, mine) {
		t.Error(err)
	}
}

// A writer that fails ends the writing, at whichever write it fails.
func TestWritingFails(t *testing.T) {
	state, err := restore(t, openDir(t, recordedDir(Plain)))
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		w := &failingWriter{n}
		_, err := WriteBody(w, state.sessions, state.tree)
		if (err == nil) != (w.left >= 0) {
			t.Fatalf("writer that fails at write %d: %v", n, err)
		}
		if err == nil {
			return
		}
	}
}

type failingWriter struct{ left int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, errors.New("full")
	}
	return len(p), nil
}

// A znode whose ACL list is missing is counted, and nobody may do anything with it until its list comes.
func TestOrphansAllowNothing(t *testing.T) {
	body := wire.AppendInt(wire.AppendInt(nil, 0), 0)
	for path, key := range map[string]int64{"": openACLKey} {
		body = wire.AppendLong(wire.AppendBuffer(wire.AppendString(body, path), nil), key)
		body = append(body, make([]byte, statSize)...)
	}
	body = wire.AppendLong(wire.AppendBuffer(wire.AppendString(body, "/a"), nil), 7)
	body = append(body, make([]byte, statSize)...)
	body = wire.AppendString(body, bodyEnd)
	b := NewBuilder(tree.Options{})
	info, err := ReadBody(bytes.NewReader(body), b)
	if err != nil || info.Orphans != 1 {
		t.Fatalf("%+v, %v", info, err)
	}
	tr, err := b.Loader.Finish()
	if err != nil {
		t.Fatal(err)
	}
	v := tr.View("/a")
	defer v.Close()
	if acl := v.ACL(); len(acl) != 1 || acl[0].Perms != 0 {
		t.Errorf("may be used by %v", acl)
	}
}
