package zkfile

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"bellwether/engine/replica"
	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/wire"
	"bellwether/wal"
)

// restored is what a directory held.
type restored struct {
	Restored
	tree     *tree.Tree
	sessions *session.Table
	digests  int // transactions that said what the digest of the tree is behind them, and were right
	passed   []error
}

// restore reads a directory into memory. Where a transaction says what the digest of the tree should be, it is compared,
// from the first one on that is not within a snapshot that was taken while the server went on. Each transaction is shown
// to the observers before it is applied.
func restore(t *testing.T, d *Dir, observers ...func(State, Record) error) (out restored, err error) {
	t.Helper()
	var b *Builder
	var a *replica.Applier
	var fuzzyUntil int64
	out.Restored, err = d.Restore(Restore{
		Begin: func(SnapshotFile) (Sink, error) {
			b = NewBuilder(tree.Options{})
			return b, nil
		},
		Ready: func(info SnapshotInfo) (err error) {
			b.Loader.SetZxid(info.Zxid)
			if out.tree, err = b.Loader.Finish(); err != nil {
				return err
			}
			out.sessions, fuzzyUntil = b.Sessions, max(info.DigestZxid, info.Zxid)
			a = replica.NewApplier(out.tree, out.sessions, nil)
			return nil
		},
		Txn: func(rec Record) error {
			for _, observe := range observers {
				if err := observe(State{out.tree, out.sessions}, rec); err != nil {
					return err
				}
			}
			if _, _, err := a.Apply(nil, rec.Zxid, rec.Txn, false); err != nil {
				return err
			}
			checked, err := checkDigest(out.tree, rec, fuzzyUntil)
			out.digests += checked
			return err
		},
		Passed: func(_ SnapshotFile, reason error) { out.passed = append(out.passed, reason) },
	})
	return out, err
}

// checkDigest compares the digest behind a transaction with that of the tree, and returns 1 if there was one to compare.
func checkDigest(t *tree.Tree, rec Record, fuzzyUntil int64) (int, error) {
	var txn wire.Txn
	if err := txn.Decode(rec.Txn); err != nil {
		return 0, err
	}
	if !txn.HasDigest || rec.Zxid <= fuzzyUntil {
		return 0, nil
	}
	if got := TreeDigest(t); got != uint64(txn.Digest.Tree) {
		return 0, fmt.Errorf("the digest of the tree is %d, should be %d", got, txn.Digest.Tree)
	}
	return 1, nil
}

func openDir(t *testing.T, dir string) *Dir {
	t.Helper()
	d, err := Open(wal.OS, dir, "")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A directory that Apache ZooKeeper has written under load is read completely: from its newest snapshot, and from every
// older one, the tree is what its clients saw last, and the digest is right behind every transaction.
func TestReadsWhatApacheZooKeeperWrites(t *testing.T) {
	for _, c := range []Compression{Plain, Gzip, Snappy} {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			flags := []string{"-Dzookeeper.snapCount=120", "-Dzookeeper.preAllocSize=64"}
			if c != Plain {
				flags = append(flags, "-Dzookeeper.snapshot.compression.method="+c.String())
			}
			data := t.TempDir()
			s := startJava(t, data, flags...)
			client := s.connect()
			everyKind(t, client)
			churn(t, s, 1200)
			want := s.dump(client)
			s.kill()
			d := openDir(t, data)
			if len(d.Snapshots) < 4 || len(d.Logs) < 4 {
				t.Errorf("only %d snapshots and %d logs", len(d.Snapshots), len(d.Logs))
			}
			digests := 0
			for skip := range d.Snapshots {
				older := *d
				older.Snapshots = d.Snapshots[skip:]
				got := readAs(t, &older, want)
				if older.Snapshots[0].Zxid != 0 && got.File.Compression != c {
					t.Errorf("%s is %v", got.File.Path, got.File.Compression)
				}
				digests += got.digests
			}
			t.Logf("%d snapshots, %d logs, %d znodes, %d digests", len(d.Snapshots), len(d.Logs), len(want), digests)
		})
	}
}

// readAs restores a directory and compares it with what clients saw.
func readAs(t *testing.T, d *Dir, want []string) restored {
	t.Helper()
	got, err := restore(t, d)
	if err != nil || len(got.passed) > 0 {
		t.Fatalf("from %s: %v, passed over %v", d.Snapshots[0].Path, err, got.passed)
	}
	sameLines(t, d.Snapshots[0].Path, dumpTree(got.tree), want)
	if err := got.tree.Check(); err != nil {
		t.Error(err)
	}
	checkSessions(t, got)
	return got
}

// checkSessions checks that every ephemeral has a session, and that some have.
func checkSessions(t *testing.T, r restored) {
	t.Helper()
	owners := r.tree.EphemeralSessions(nil)
	if len(owners) == 0 {
		t.Error("no session has ephemerals")
	}
	for _, id := range owners {
		if timeoutMs, known := r.sessions.Timeout(id); !known || timeoutMs != 600000 {
			t.Errorf("session 0x%x has ephemerals; known %v, timeout %d", id, known, timeoutMs)
		}
	}
}

// What is written is read by Apache ZooKeeper, every section and seal of it: clients see every znode as it was, and the
// server finds nothing to complain about. What it then makes of the directory is read again.
func TestApacheZooKeeperReadsWhatIsWritten(t *testing.T) {
	needJava(t)
	original := t.TempDir()
	s := startJava(t, original)
	everyKind(t, s.connect())
	s.kill()
	want, err := restore(t, openDir(t, original))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Compression{Plain, Gzip, Snappy} {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			copied := t.TempDir()
			zxid := rewrite(t, openDir(t, original), copied, want.Txns/2, c)
			s := startJava(t, copied)
			client := s.connect()
			if err := client.AddAuth("digest", []byte("bell:wether")); err != nil {
				t.Fatal(err)
			}
			sameLines(t, "seen by a client", s.dump(client), dumpTree(want.tree))
			s.noComplaints()
			if _, err := client.Set("/plain", []byte("afterwards"), -1); err != nil {
				t.Fatal(err)
			}
			seen := s.dump(client)
			s.kill()
			again, err := restore(t, openDir(t, copied))
			if err != nil {
				t.Fatal(err)
			}
			sameLines(t, "read back", dumpTree(again.tree), seen)
			if again.digests == 0 {
				t.Error("no digest was compared")
			}
			t.Logf("snapshot at 0x%x, then %d transactions in %d logs, %d znodes", zxid, again.Txns, len(openDir(t, copied).Logs), len(seen))
		})
	}
}

// rewrite writes the state of one directory into another, which it makes: a snapshot behind the first transactions, and
// the others as logs. It returns the snapshot's zxid.
func rewrite(t *testing.T, from *Dir, to string, first int, c Compression) (zxid int64) {
	t.Helper()
	dir := filepath.Join(to, versionDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w := NewLogWriter(wal.OS, dir, 1<<10) // several files
	n := 0
	_, err := restore(t, from, func(s State, rec Record) error {
		if n++; n <= first {
			return nil
		}
		if n == first+1 {
			zxid = s.Tree.Zxid()
			if _, err := WriteSnapshot(wal.OS, dir, s, c); err != nil {
				return err
			}
		}
		return w.Append(rec.Txn)
	})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return zxid
}
