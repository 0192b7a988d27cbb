package zkfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"bellwether/engine/zab"
	"bellwether/wal"
)

// Epochs are the accepted and the current epoch of a server, as the files beside its snapshots have them.
type Epochs = zab.Epochs

const (
	acceptedEpochName = "acceptedEpoch"
	currentEpochName  = "currentEpoch"
)

// ReadEpochs returns the epochs of the server whose data this is, lastZxid being the end of its log, by the rules it would
// start by: a file that is missing stands for the epoch of lastZxid; a current epoch below that is wrong unless a crash
// left the right one in currentEpoch.tmp; an accepted epoch below the current one is wrong. -1, which a server without
// any state writes, reads as 0.
func (d *Dir) ReadEpochs(lastZxid int64) (e Epochs, err error) {
	last := uint32(uint64(lastZxid) >> 32)
	current, found, err := d.readEpoch(currentEpochName)
	if err != nil {
		return e, err
	}
	if !found {
		current = last
	}
	if current < last {
		written, found, err := d.readEpoch(currentEpochName + tmpSuffix)
		if err != nil || !found || written < last {
			return e, fmt.Errorf("zkfile: %s says %d, but the log ends at 0x%x", d.epochPath(currentEpochName), current, lastZxid)
		}
		current = written
	}
	accepted, found, err := d.readEpoch(acceptedEpochName)
	if err != nil {
		return e, err
	}
	if !found {
		accepted = last
	}
	if accepted < current {
		return e, fmt.Errorf("zkfile: %s says %d, but the current epoch is %d", d.epochPath(acceptedEpochName), accepted, current)
	}
	return Epochs{Accepted: accepted, Current: current}, nil
}

func (d *Dir) epochPath(name string) string { return filepath.Join(d.SnapshotDir, name) }

// readEpoch reads a decimal number from a file.
func (d *Dir) readEpoch(name string) (epoch uint32, found bool, err error) {
	text, err := wal.ReadFile(d.fs, d.epochPath(name))
	if errors.Is(err, os.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("zkfile: read %s: %w", name, err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n < -1 || n > 1<<31-1 {
		return 0, false, &DamageError{Path: d.epochPath(name), Problem: fmt.Sprintf("%.40q is no epoch", text)}
	}
	return uint32(max(n, 0)), true, nil
}

// WriteEpochs makes e durable in a directory of snapshots: the accepted epoch first, so that a crash between the two leaves
// a pair that a server starts with.
func WriteEpochs(fs wal.FS, dir string, e Epochs) error {
	for _, f := range [...]struct {
		name  string
		epoch uint32
	}{{acceptedEpochName, e.Accepted}, {currentEpochName, e.Current}} {
		if err := wal.WriteFileAtomic(fs, filepath.Join(dir, f.name), strconv.AppendUint(nil, uint64(f.epoch), 10)); err != nil {
			return fmt.Errorf("zkfile: write epoch: %w", err)
		}
	}
	return nil
}
