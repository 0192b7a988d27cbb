package zkfile

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bellwether/engine/tree"
	"bellwether/wal"
)

var captureInto = flag.String("capture", "", "have Apache ZooKeeper write data directories below this one (see TestCapture)")

// recordedDir is where a data directory that Apache ZooKeeper 3.8.0 has written is kept: with its snapshots packed in one
// of the three ways, its logs without their padding, and what its clients saw last, in expected.txt.
func recordedDir(c Compression) string { return filepath.Join("testdata", "java-3.8.0", c.String()) }

// TestCapture has Apache ZooKeeper write the directories that the other tests read. It is no test and runs only when asked:
//
//	go test -run TestCapture ./engine/zkfile -args -capture testdata/java-3.8.0
func TestCapture(t *testing.T) {
	if *captureInto == "" {
		t.Skip("has nothing written without -capture")
	}
	for _, c := range []Compression{Plain, Gzip, Snappy} {
		var flags []string
		if c != Plain {
			flags = []string{"-Dzookeeper.snapshot.compression.method=" + c.String()}
		}
		data := t.TempDir()
		s := startJava(t, data, flags...)
		everyKind(t, s.connect())
		s.kill()
		s = startJava(t, data, flags...)
		client := s.connect()
		if err := client.AddAuth("digest", []byte("bell:wether")); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Set("/plain", []byte("after a restart"), -1); err != nil {
			t.Fatal(err)
		}
		if err := client.Delete("/parent/seq-0000000001", -1); err != nil {
			t.Fatal(err)
		}
		seen := strings.Join(s.dump(client), "\n") + "\n"
		s.kill()
		keep(t, data, filepath.Join(*captureInto, c.String()), seen)
	}
}

// keep copies a data directory, without the padding of its logs.
func keep(t *testing.T, from, to, seen string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(to, versionDir), 0o755); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(from, versionDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if strings.Contains(name, logPrefix) {
			b = bytes.TrimRight(b, "\x00")
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, versionDir, filepath.Base(name)), b, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(to, "expected.txt"), []byte(seen), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The recorded directories are read, from each of their snapshots, to what clients of the server that wrote them saw.
func TestReadsRecordedDirectories(t *testing.T) {
	for _, c := range []Compression{Plain, Gzip, Snappy} {
		text, err := os.ReadFile(filepath.Join(recordedDir(c), "expected.txt"))
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		d := openDir(t, recordedDir(c))
		digests := 0
		for skip := range d.Snapshots {
			older := *d
			older.Snapshots = d.Snapshots[skip:]
			digests += readAs(t, &older, want).digests
		}
		if len(d.Snapshots) < 2 || len(d.Logs) < 2 || len(want) < 25 || digests < 30 {
			t.Errorf("%v: %d snapshots, %d logs, %d znodes, %d digests: too few to mean anything", c, len(d.Snapshots), len(d.Logs), len(want), digests)
		}
	}
}

// A log that is written from the records of another is that log, but for its padding; and a snapshot that is written from
// the state that one was read into says the same.
func TestWritesWhatWasRead(t *testing.T) {
	for _, c := range []Compression{Plain, Gzip, Snappy} {
		from, to := openDir(t, recordedDir(c)), t.TempDir()
		for _, f := range from.Logs {
			w := NewLogWriter(wal.OS, to, 0)
			if _, err := from.readLog(f.Path, false, nil, func(r Record) error { return w.Append(r.Txn) }); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			original, err := os.ReadFile(f.Path)
			if err != nil {
				t.Fatal(err)
			}
			written, err := os.ReadFile(filepath.Join(to, filepath.Base(f.Path)))
			if err != nil || !bytes.Equal(written, original) {
				t.Errorf("%s: %d bytes, written as %d, %v", f.Path, len(original), len(written), err)
			}
		}
		state, err := restore(t, from)
		if err != nil {
			t.Fatal(err)
		}
		for _, packed := range []Compression{Plain, Gzip, Snappy} {
			dir := t.TempDir()
			if _, err := WriteSnapshot(wal.OS, dir, State{state.tree, state.sessions}, packed); err != nil {
				t.Fatal(err)
			}
			again, err := restore(t, openDir(t, dir))
			if err != nil {
				t.Fatal(err)
			}
			sameLines(t, packed.String(), dumpTree(again.tree), dumpTree(state.tree))
			info := again.Snapshot
			if !bytes.Equal(again.sessions.AppendSnapshot(nil), state.sessions.AppendSnapshot(nil)) || info.Sessions == 0 {
				t.Errorf("%v: the sessions differ", packed)
			}
			if info.Digest != TreeDigest(state.tree) || info.DigestZxid != state.tree.Zxid() || info.LastZxid != state.tree.Zxid() || !info.HasLastZxid || info.Orphans != 0 {
				t.Errorf("%v: says %+v", packed, info)
			}
		}
	}
}

// The body of a snapshot as a leader of version 3.8.0 has sent it to an observer is read; written and read again it is the
// same. (Not to the byte: ACL lists have other keys, and those that nothing refers to are left out.)
func TestReadsARecordedBody(t *testing.T) {
	body, err := os.ReadFile(filepath.Join("testdata", "java-3.8.0", "snap-body"))
	if err != nil {
		t.Fatal(err)
	}
	b := NewBuilder(tree.Options{})
	info, err := ReadBody(bytes.NewReader(body), b)
	if err != nil || info.Sessions == 0 || info.Znodes < 8 || info.Orphans > 0 {
		t.Fatalf("%+v, %v", info, err)
	}
	tr, err := b.Loader.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Check(); err != nil {
		t.Error(err)
	}
	var again bytes.Buffer
	if _, err := WriteBody(&again, b.Sessions, tr); err != nil || again.Len() > len(body) {
		t.Errorf("%d bytes, written as %d, %v", len(body), again.Len(), err)
	}
	var first, second lines
	if _, err := ReadBody(bytes.NewReader(body), &first); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadBody(&again, &second); err != nil {
		t.Fatal(err)
	}
	slices.Sort(first)
	slices.Sort(second)
	if !slices.Equal(first, second) {
		t.Errorf("read as\n%s\nthen as\n%s", strings.Join(first, "\n"), strings.Join(second, "\n"))
	}
}
