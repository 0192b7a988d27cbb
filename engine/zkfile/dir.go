package zkfile

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"bellwether/wal"
)

// versionDir is where ZooKeeper keeps what it writes, below dataDir and dataLogDir.
const versionDir = "version-2"

// Dir is a server's data: where its snapshots and its logs are, and which. Reading one changes nothing in it.
type Dir struct {
	SnapshotDir string
	LogDir      string
	Snapshots   []SnapshotFile // newest first
	Logs        []LogFile      // oldest first

	fs wal.FS
}

// SnapshotFile is a file that by its name is a snapshot.
type SnapshotFile struct {
	Path        string
	Zxid        int64 // everything up to it is in the snapshot; more may be
	Compression Compression
}

// LogFile is a file that by its name is a log.
type LogFile struct {
	Path string
	Zxid int64 // of its first transaction
}

// Open lists the data of a server: dataDir and logDir are what its configuration calls dataDir and dataLogDir, the latter
// "" if it is not set; the directories version-2 in them, or such directories themselves. It fails with ErrNoData if there
// is nothing, and refuses logs among the snapshots of a server that keeps the two apart, or the other way round, as
// ZooKeeper does: one of the two was copied to the wrong place.
func Open(fs wal.FS, dataDir, logDir string) (*Dir, error) {
	if logDir == "" {
		logDir = dataDir
	}
	d := &Dir{fs: fs}
	var err error
	if d.SnapshotDir, err = locate(fs, dataDir); err != nil {
		return nil, err
	}
	if d.LogDir, err = locate(fs, logDir); err != nil {
		return nil, err
	}
	strayLogs, err := d.list(d.SnapshotDir)
	if err != nil {
		return nil, err
	}
	if d.SnapshotDir != d.LogDir {
		if strayLogs > 0 {
			return nil, fmt.Errorf("zkfile: %s holds logs, but they should be in %s", d.SnapshotDir, d.LogDir)
		}
		snapshots := len(d.Snapshots)
		if _, err := d.list(d.LogDir); err != nil {
			return nil, err
		}
		if len(d.Snapshots) > snapshots {
			return nil, fmt.Errorf("zkfile: %s holds snapshots, but they should be in %s", d.LogDir, d.SnapshotDir)
		}
	}
	if len(d.Snapshots)+len(d.Logs) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNoData, d.SnapshotDir)
	}
	slices.SortFunc(d.Snapshots, func(a, b SnapshotFile) int {
		return cmp.Or(cmp.Compare(uint64(b.Zxid), uint64(a.Zxid)), strings.Compare(a.Path, b.Path))
	})
	slices.SortFunc(d.Logs, func(a, b LogFile) int { return cmp.Compare(uint64(a.Zxid), uint64(b.Zxid)) })
	return d, nil
}

// locate returns version-2 in dir, or dir itself if there is none.
func locate(fs wal.FS, dir string) (string, error) {
	below := filepath.Join(dir, versionDir)
	_, err := fs.List(below)
	if err == nil {
		return below, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("zkfile: list %s: %w", below, err)
	}
	return dir, nil
}

// list notes the files of a directory and returns how many logs were among them.
func (d *Dir) list(dir string) (logs int, err error) {
	names, err := d.fs.List(dir)
	if err != nil {
		return 0, fmt.Errorf("zkfile: list %s: %w", dir, err)
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		if zxid, c, ok := parseSnapshotName(name); ok {
			d.Snapshots = append(d.Snapshots, SnapshotFile{Path: path, Zxid: zxid, Compression: c})
		} else if zxid, ok := parseName(name, logPrefix); ok {
			d.Logs = append(d.Logs, LogFile{Path: path, Zxid: zxid})
			logs++
		}
	}
	return logs, nil
}

const (
	snapshotPrefix = "snapshot."
	logPrefix      = "log."
	tmpSuffix      = ".tmp"
)

func parseSnapshotName(name string) (zxid int64, c Compression, ok bool) {
	for _, c = range []Compression{Gzip, Snappy, Plain} {
		if base, is := strings.CutSuffix(name, c.suffix()); is {
			zxid, ok = parseName(base, snapshotPrefix)
			return zxid, c, ok
		}
	}
	return 0, Plain, false
}

// parseName reads the zxid in a file name.
func parseName(name, prefix string) (zxid int64, ok bool) {
	hex, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(hex, 16, 64)
	return int64(n), err == nil
}

func snapshotName(zxid int64, c Compression) string {
	return snapshotPrefix + strconv.FormatUint(uint64(zxid), 16) + c.suffix()
}

func logName(zxid int64) string { return logPrefix + strconv.FormatUint(uint64(zxid), 16) }
