package zkfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bellwether/engine/tree"
	"bellwether/wal"
	"bellwether/wal/memfs"
)

// disk is a data directory in memory.
type disk struct {
	t  *testing.T
	fs *memfs.FS
}

const memDir = "/zk/version-2"

func newDisk(t *testing.T) *disk {
	t.Helper()
	d := &disk{t, memfs.New(1)}
	if err := d.fs.MkdirAll(memDir); err != nil {
		t.Fatal(err)
	}
	return d
}

// put makes a file.
func (d *disk) put(name string, data []byte) {
	d.t.Helper()
	f, err := d.fs.Create(filepath.Join(memDir, name))
	if err == nil && len(data) > 0 {
		_, err = f.WriteAt(data, 0)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		d.t.Fatal(err)
	}
}

func (d *disk) open() *Dir {
	d.t.Helper()
	dir, err := Open(d.fs, "/zk", "")
	if err != nil {
		d.t.Fatal(err)
	}
	return dir
}

// recordedFile returns a file of a recorded directory.
func recordedFile(t testing.TB, c Compression, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(recordedDir(c), versionDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// lines is a Sink that writes down what it is given.
type lines []string

func (l *lines) AddSession(id int64, timeoutMs int32) error {
	*l = append(*l, fmt.Sprintf("session %x %d", id, timeoutMs))
	return nil
}

func (l *lines) AddZnode(z *tree.Znode) error {
	*l = append(*l, fmt.Sprintf("%+v", *z))
	return nil
}

// readLines reads the one snapshot of a disk.
func (d *disk) readLines() (lines, error) {
	dir := d.open()
	var l lines
	_, err := dir.ReadSnapshot(dir.Snapshots[0], &l)
	return l, err
}

// zxids reads all logs of a disk.
func (d *disk) zxids() (zxids []int64, end LogEnd, err error) {
	end, err = d.open().ReadLogs(func(r Record) error {
		zxids = append(zxids, r.Zxid)
		return nil
	})
	return zxids, end, err
}

// Whichever byte of a snapshot is wrong, it is noticed, and the error names the file and a place in it. In what only
// packs a snapshot there are bytes that mean nothing.
func TestSnapshotWithAWrongByte(t *testing.T) {
	for _, c := range []Compression{Plain, Gzip, Snappy} {
		name := snapshotName(0x20, c)
		whole := recordedFile(t, c, name)
		d := newDisk(t)
		d.put(name, whole)
		want, err := d.readLines()
		if err != nil {
			t.Fatal(err)
		}
		harmless := 0
		for i := range whole {
			broken := slices.Clone(whole)
			broken[i] ^= 1 << (i % 8)
			d.put(name, broken)
			got, err := d.readLines()
			var damage *DamageError
			switch {
			case errors.As(err, &damage):
				if damage.Path != filepath.Join(memDir, name) || damage.Offset < 0 || damage.Problem == "" {
					t.Errorf("%v, byte %d: %v", c, i, err)
				}
			case err == nil && slices.Equal(got, want):
				harmless++
			default:
				t.Errorf("%v, byte %d: read as something else, %v", c, i, err)
			}
		}
		if harmless > 0 && c == Plain || harmless > len(whole)/20 {
			t.Errorf("%v: %d wrong bytes were not noticed", c, harmless)
		}
	}
}

// A snapshot that is cut off is refused, wherever; unless that is behind a seal, where those of older versions end.
func TestSnapshotThatIsCutOff(t *testing.T) {
	for _, c := range []Compression{Plain, Gzip, Snappy} {
		name := snapshotName(0x20, c)
		whole := recordedFile(t, c, name)
		d := newDisk(t)
		read := 0
		for n := range whole {
			d.put(name, whole[:n])
			if _, err := d.readLines(); err == nil {
				read++
			} else if !errors.Is(err, ErrDamaged) {
				t.Errorf("%v, %d of %d bytes: %v", c, n, len(whole), err)
			}
			dir := d.open()
			if plausible, err := dir.Plausible(dir.Snapshots[0]); err != nil || n < minSnapshotSize && plausible {
				t.Errorf("%v, %d of %d bytes: plausible %v, %v", c, n, len(whole), plausible, err)
			}
		}
		if want := map[Compression]int{Plain: 1}[c]; read != want {
			t.Errorf("%v: read %d beginnings, want %d", c, read, want)
		}
	}
}

// The three generations of snapshots are read: with one seal, with the digest, and with the last zxid.
func TestSnapshotGenerations(t *testing.T) {
	dir := t.TempDir()
	state, err := restore(t, openDir(t, recordedDir(Plain)))
	if err != nil {
		t.Fatal(err)
	}
	path, err := WriteSnapshot(wal.OS, dir, State{state.tree, state.sessions}, Plain)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const seal, digest, last = 13, 8 + 4 + 8, 8
	for name, c := range map[string]struct {
		less         int
		digest, last bool
	}{"3.9": {0, true, true}, "3.6": {last + seal, true, false}, "3.5": {last + seal + digest + seal, false, false}} {
		d := newDisk(t)
		d.put(filepath.Base(path), whole[:len(whole)-c.less])
		files := d.open()
		info, err := files.ReadSnapshot(files.Snapshots[0], new(lines))
		if err != nil || info.HasDigest != c.digest || info.HasLastZxid != c.last || info.Znodes == 0 {
			t.Errorf("as of %s: %+v, %v", name, info, err)
		}
	}
}

// Whichever byte of a log is wrong, no transaction is changed or left out in silence: reading either fails, and says where,
// or stops at the end of the last record, which a crash may have cut off.
func TestLogWithAWrongByte(t *testing.T) {
	whole := recordedFile(t, Plain, "log.1")
	d := newDisk(t)
	d.put("log.1", whole)
	want, end, err := d.zxids()
	if err != nil || end.Torn || end.Offset != int64(len(whole)) {
		t.Fatal(end, err)
	}
	lastAt := lastRecord(t, d)
	for i := range whole {
		broken := slices.Clone(whole)
		broken[i] ^= 1 << (i % 8)
		d.put("log.1", broken)
		got, end, err := d.zxids()
		inLast := i >= lastAt
		var damage *DamageError
		switch {
		case i >= 8 && i < fileHeaderSize: // a number that nobody uses
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("byte %d: %v", i, err)
			}
		case errors.As(err, &damage):
			if damage.Path != memDir+"/log.1" || damage.Offset > int64(i) || damage.Problem == "" {
				t.Errorf("byte %d: %v", i, err)
			}
		case err == nil && inLast && end.Torn && slices.Equal(got, want[:len(want)-1]):
		default:
			t.Errorf("byte %d: %d of %d transactions, %+v, %v", i, len(got), len(want), end, err)
		}
	}
}

// lastRecord returns where the last record of the last log begins.
func lastRecord(t *testing.T, d *disk) (at int) {
	t.Helper()
	if _, err := d.open().ReadLogs(func(r Record) error { at = int(r.Offset); return nil }); err != nil {
		t.Fatal(err)
	}
	return at
}

// A log that ends anywhere, in nothing or in zeros, is read to its last whole record.
func TestLogThatIsCutOff(t *testing.T) {
	whole := recordedFile(t, Plain, "log.1")
	d := newDisk(t)
	d.put("log.1", whole)
	want, _, err := d.zxids()
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		for padding, text := range map[string]string{"nothing": "", "zeros": strings.Repeat("\x00", 1000)} {
			d.put("log.1", append(slices.Clone(whole[:n]), text...))
			got, end, err := d.zxids()
			if n < 8 && n > 0 && text != "" { // behind these the header is zeros
				if err == nil {
					t.Errorf("half a header and zeros were read")
				}
				continue
			}
			if err != nil || !slices.Equal(got, want[:len(got)]) || end.Offset > int64(max(n, fileHeaderSize)) {
				t.Errorf("%d of %d bytes, then %s: %d transactions, %+v, %v", n, len(whole), padding, len(got), end, err)
			}
		}
	}
}

// A log that ends too early is noticed if another one follows: transactions are missing then.
func TestMissingTransactionsAreNoticed(t *testing.T) {
	first, second := recordedFile(t, Plain, "log.1"), recordedFile(t, Plain, "log.21")
	d := newDisk(t)
	d.put("snapshot.0", recordedFile(t, Plain, "snapshot.0"))
	d.put("log.1", first)
	d.put("log.21", second)
	if _, err := restore(t, d.open()); err != nil {
		t.Fatal(err)
	}
	for name, broken := range map[string][]byte{
		"cut off":              first[:len(first)-1],
		"cut off, padded":      append(slices.Clone(first[:len(first)-40]), make([]byte, 100)...),
		"without its last":     first[:len(first)/2],
		"with a hole of zeros": zeroed(first, 1000, 1100),
	} {
		d.put("log.1", broken)
		_, err := restore(t, d.open())
		var gap *GapError
		var damage *DamageError
		if !errors.As(err, &gap) && !errors.As(err, &damage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// In an earlier file not even the last record may have a wrong checksum: ZooKeeper would not start either.
	broken := slices.Clone(first)
	broken[len(broken)-3] ^= 1
	d.put("log.1", broken)
	if _, err := restore(t, d.open()); !errors.Is(err, ErrDamaged) {
		t.Errorf("a wrong checksum at the end of an earlier log: %v", err)
	}
}

func zeroed(b []byte, from, to int) []byte {
	b = slices.Clone(b)
	clear(b[from:to])
	return b
}

// Who asks for it goes on behind a hole, or where transactions are missing, as ZooKeeper does.
func TestHolesAndGapsCanBePassed(t *testing.T) {
	first := recordedFile(t, Plain, "log.1")
	d := newDisk(t)
	d.put("snapshot.0", recordedFile(t, Plain, "snapshot.0"))
	d.put("log.1", zeroed(first, 1000, 1300))
	d.put("log.21", recordedFile(t, Plain, "log.21"))
	txns, asked := 0, ""
	r := Restore{
		Begin:     func(SnapshotFile) (Sink, error) { return new(lines), nil },
		Txn:       func(Record) error { txns++; return nil },
		Hole:      func(e *DamageError) error { asked = e.Error(); return nil },
		AllowGaps: true,
	}
	out, err := d.open().Restore(r)
	if err != nil || txns == 0 || out.Txns != txns || !strings.Contains(asked, "whole records follow") {
		t.Errorf("%d transactions, %+v, %v; asked %q", txns, out, err, asked)
	}
	r.Hole = func(e *DamageError) error { return e }
	if _, err = d.open().Restore(r); !errors.Is(err, ErrDamaged) {
		t.Errorf("the answer is ignored: %v", err)
	}
}

// A last log that was created just before a crash, and has nothing in it, is no log; an earlier one is damage.
func TestEmptyLogs(t *testing.T) {
	for name, empty := range map[string][]byte{"nothing": nil, "half a header": []byte("ZKLG\x00"), "zeros": make([]byte, 5000), "a header": appendFileHeader(nil, logMagic, 0)} {
		d := newDisk(t)
		d.put("log.1", recordedFile(t, Plain, "log.1"))
		d.put("log.21", empty)
		got, _, err := d.zxids()
		if err != nil || len(got) != 0x20 {
			t.Errorf("%s at the end: %d transactions, %v", name, len(got), err)
		}
		d.put("log.30", recordedFile(t, Plain, "log.21"))
		if _, _, err = d.zxids(); (err != nil) != (name != "a header") {
			t.Errorf("%s in the middle: %v", name, err)
		}
	}
}

// What is not what its name says is refused with the reason.
func TestFilesThatAreSomethingElse(t *testing.T) {
	future := appendFileHeader(nil, logMagic, 0)
	future[7] = 9
	huge := append(appendFileHeader(nil, logMagic, 0), "\x00\x00\x00\x00\x00\x00\x00\x01\x7f\xff\xff\xff"...)
	for reason, data := range map[string][]byte{
		`it begins with "ZKSN", not with "ZKLG"`: recordedFile(t, Plain, "snapshot.20"),
		"version 9 of the format":                future,
		"a record of 2147483647 bytes":           huge,
	} {
		d := newDisk(t)
		d.put("log.1", data)
		if _, _, err := d.zxids(); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), memDir+"/log.1") {
			t.Errorf("%v, want an error that says %q", err, reason)
		}
	}
	d := newDisk(t)
	d.put("snapshot.20", recordedFile(t, Plain, "log.1"))
	if _, err := d.readLines(); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), `not with "ZKSN"`) {
		t.Error(err)
	}
}

// The newest snapshot that is whole is taken; those passed over are told. If the logs do not reach back to it, that is
// said; if none is whole, too.
func TestRestoreFallsBackToAnOlderSnapshot(t *testing.T) {
	d := newDisk(t)
	newest := recordedFile(t, Plain, "snapshot.20")
	d.put("snapshot.0", recordedFile(t, Plain, "snapshot.0"))
	d.put("snapshot.20", zeroed(newest, 100, 101))
	d.put("snapshot.1f.gz", newest) // not what its name says
	d.put("snapshot.1e", newest[:len(newest)-1])
	d.put("log.1", recordedFile(t, Plain, "log.1"))
	d.put("log.21", recordedFile(t, Plain, "log.21"))
	got, err := restore(t, d.open())
	if err != nil || got.File.Zxid != 0 || len(got.passed) != 3 || got.LastZxid != 0x23 {
		t.Errorf("%+v, passed over %v, %v", got.Restored, got.passed, err)
	}
	if err := d.fs.Remove(memDir + "/log.1"); err != nil {
		t.Fatal(err)
	}
	var gap *GapError
	if _, err = restore(t, d.open()); !errors.As(err, &gap) || gap.After != 0 || gap.Next != 0x21 {
		t.Errorf("without the older log: %v", err)
	}
	if err := d.fs.Remove(memDir + "/snapshot.0"); err != nil {
		t.Fatal(err)
	}
	if _, err = restore(t, d.open()); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "no snapshot in "+memDir+" is whole") {
		t.Errorf("without any: %v", err)
	}
}

// Logs without a snapshot are refused, unless the caller knows better.
func TestRestoreWithoutASnapshot(t *testing.T) {
	d := newDisk(t)
	d.put("log.1", recordedFile(t, Plain, "log.1"))
	if _, err := d.open().Restore(Restore{}); !errors.Is(err, ErrNoSnapshot) {
		t.Error(err)
	}
	n := 0
	out, err := d.open().Restore(Restore{TrustEmpty: true, Txn: func(Record) error { n++; return nil }})
	if err != nil || n != 0x20 || out.LastZxid != 0x20 {
		t.Errorf("%d transactions, %+v, %v", n, out, err)
	}
}

// An error of whoever takes the state is not mistaken for damage: no older snapshot is tried for it.
func TestRestoreStopsAtErrorsOfItsCaller(t *testing.T) {
	mine := errors.New("mine")
	d := openDir(t, recordedDir(Plain))
	for name, r := range map[string]Restore{
		"begin":   {Begin: func(SnapshotFile) (Sink, error) { return nil, mine }},
		"session": {Begin: func(SnapshotFile) (Sink, error) { return failingSink{mine, nil}, nil }},
		"znode":   {Begin: func(SnapshotFile) (Sink, error) { return failingSink{nil, mine}, nil }},
		"ready":   {Begin: func(SnapshotFile) (Sink, error) { return new(lines), nil }, Ready: func(SnapshotInfo) error { return mine }},
		"txn":     {Begin: func(SnapshotFile) (Sink, error) { return new(lines), nil }, Txn: func(Record) error { return mine }},
	} {
		passed := 0
		r.Passed = func(SnapshotFile, error) { passed++ }
		if _, err := d.Restore(r); !errors.Is(err, mine) || passed > 0 {
			t.Errorf("%s: %v, %d snapshots passed over", name, err, passed)
		}
	}
}

type failingSink struct{ session, znode error }

func (f failingSink) AddSession(int64, int32) error { return f.session }
func (f failingSink) AddZnode(*tree.Znode) error    { return f.znode }
