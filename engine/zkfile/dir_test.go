package zkfile

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"bellwether/wal"
)

// The files of a directory are found by their names, in their order, wherever the caller points: at dataDir or at
// version-2 itself. What has another name is not looked at.
func TestOpenListsADirectory(t *testing.T) {
	d := newDisk(t)
	for _, name := range []string{"log.1", "log.200000001", "log.ff", "snapshot.0", "snapshot.100000000.gz", "snapshot.ff.snappy", "snapshot.ff",
		"snapshot.tmp", "snapshot.5.tmp", "log.x", "log.", "currentEpoch", "log.1.gz", "snapshot.12345678912345678"} {
		d.put(name, nil)
	}
	for _, at := range []string{"/zk", memDir} {
		dir, err := Open(d.fs, at, "")
		if err != nil {
			t.Fatal(err)
		}
		if want := []LogFile{{memDir + "/log.1", 1}, {memDir + "/log.ff", 0xff}, {memDir + "/log.200000001", 0x200000001}}; !reflect.DeepEqual(dir.Logs, want) {
			t.Errorf("logs %+v", dir.Logs)
		}
		if want := []SnapshotFile{{memDir + "/snapshot.100000000.gz", 0x100000000, Gzip}, {memDir + "/snapshot.ff", 0xff, Plain},
			{memDir + "/snapshot.ff.snappy", 0xff, Snappy}, {memDir + "/snapshot.0", 0, Plain}}; !reflect.DeepEqual(dir.Snapshots, want) {
			t.Errorf("snapshots %+v", dir.Snapshots)
		}
	}
}

// Logs may be kept apart from snapshots; what lies in the wrong one of the two directories is refused. So is a directory
// with nothing in it, and one that is not there.
func TestOpenWithLogsKeptApart(t *testing.T) {
	root := t.TempDir()
	put := func(path string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	put("data/version-2/snapshot.0")
	put("log/version-2/log.1")
	put("empty/version-2/acceptedEpoch")
	open := func(data, log string) (*Dir, error) {
		if log != "" {
			log = filepath.Join(root, log)
		}
		return Open(wal.OS, filepath.Join(root, data), log)
	}
	if d, err := open("data", "log"); err != nil || len(d.Snapshots) != 1 || len(d.Logs) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := open("log", "data"); err == nil {
		t.Error("mixed up directories were taken")
	}
	if _, err := open("empty", "data"); err == nil {
		t.Error("a snapshot among the logs was taken")
	}
	if _, err := open("empty", ""); !errors.Is(err, ErrNoData) {
		t.Error(err)
	}
	if _, err := open("nowhere", ""); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// The epochs are read by the rules a server starts by.
func TestEpochs(t *testing.T) {
	const none = ""
	for name, c := range map[string]struct {
		accepted, current, tmp string
		last                   int64
		want                   Epochs
		refused                bool
	}{
		"both":                            {"5", "4", none, 4 << 32, Epochs{Accepted: 5, Current: 4}, false},
		"a line end, as editors leave it": {"5\n", "4\n", none, 0, Epochs{Accepted: 5, Current: 4}, false},
		"neither":                         {none, none, none, 3<<32 | 9, Epochs{Accepted: 3, Current: 3}, false},
		"no accepted":                     {none, "3", none, 3 << 32, Epochs{Accepted: 3, Current: 3}, false},
		"no state":                        {"-1", "-1", none, 0, Epochs{}, false},
		"a crash before the rename":       {"5", "4", "5", 5<<32 | 1, Epochs{Accepted: 5, Current: 5}, false},
		"a log beyond the epoch":          {"5", "4", none, 5<<32 | 1, Epochs{}, true},
		"the same, and an old tmp":        {"5", "4", "4", 5<<32 | 1, Epochs{}, true},
		"accepted below current":          {"3", "4", none, 0, Epochs{}, true},
		"garbage":                         {"five", "4", none, 0, Epochs{}, true},
		"garbage, current":                {"5", "0x4", none, 0, Epochs{}, true},
		"too large":                       {"2147483648", "4", none, 0, Epochs{}, true},
	} {
		d := newDisk(t)
		d.put("snapshot.0", nil)
		for file, text := range map[string]string{acceptedEpochName: c.accepted, currentEpochName: c.current, currentEpochName + tmpSuffix: c.tmp} {
			if text != none {
				d.put(file, []byte(text))
			}
		}
		got, err := d.open().ReadEpochs(c.last)
		if (err != nil) != c.refused || err == nil && got != c.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// Epochs are written as servers write them, and read back.
func TestWriteEpochs(t *testing.T) {
	d := newDisk(t)
	d.put("snapshot.0", nil)
	want := Epochs{Accepted: 12, Current: 11}
	if err := WriteEpochs(d.fs, memDir, want); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{acceptedEpochName: "12", currentEpochName: "11"} {
		if got, err := wal.ReadFile(d.fs, filepath.Join(memDir, name)); err != nil || string(got) != text {
			t.Errorf("%s says %q, %v", name, got, err)
		}
	}
	if got, err := d.open().ReadEpochs(11 << 32); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}
