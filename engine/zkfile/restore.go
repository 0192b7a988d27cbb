package zkfile

import (
	"errors"
	"fmt"
)

// Restore says where the state of a directory goes.
type Restore struct {
	// Begin is called before a snapshot is read, and returns what takes it. If the snapshot turns out to be damaged, Begin
	// is called again for the one before it, and what the first sink was given is to be forgotten. For a directory without
	// any snapshot (see TrustEmpty) it is not called.
	Begin func(f SnapshotFile) (Sink, error)
	// Ready is called when a snapshot was read to its end, before the first Txn. It may be nil.
	Ready func(SnapshotInfo) error
	// Txn takes each transaction behind the snapshot, in the order of the logs. The snapshot may hold its effects already,
	// or some of them, and the same transaction may come twice: it is to be applied by the rules of a replay.
	Txn func(Record) error
	// Passed is told of a snapshot that was passed over because it is damaged, or because it cannot be complete. It may be
	// nil.
	Passed func(f SnapshotFile, reason error)
	// Hole is asked where a record is broken or missing but whole ones follow in the same file. They were lost to damage, or
	// a crash cut off several writes at once, and those that follow were never acknowledged; nothing tells which. If it
	// returns nil, reading goes on with the next file, which is what ZooKeeper does without asking. Else, and if it is nil
	// itself, that is an error.
	Hole func(*DamageError) error
	// TrustEmpty allows logs without a snapshot, which servers before 3.5 could leave behind.
	TrustEmpty bool
	// AllowGaps goes on where transactions are missing.
	AllowGaps bool
}

// Restored says what a directory held.
type Restored struct {
	Snapshot SnapshotInfo
	File     SnapshotFile
	Txns     int
	LastZxid int64  // the snapshot's, or that of the last transaction, whichever is later
	End      LogEnd // of the last log
	EndPath  string // its path; "" if there is no log behind the snapshot
}

// maxCandidates is how many snapshots are tried.
const maxCandidates = 100

// Restore reads the state: the newest snapshot that is whole, then every transaction in the logs behind it. Snapshots that
// are damaged are passed over, as ZooKeeper does; but it is an error, a *GapError, if the logs do not go on where the
// snapshot ends. Nothing in the directory is changed.
func (d *Dir) Restore(r Restore) (out Restored, err error) {
	out.File, out.Snapshot, err = d.restoreSnapshot(&r)
	if err != nil {
		return out, err
	}
	out.LastZxid = out.File.Zxid
	if r.Ready != nil && out.File.Path != "" {
		if err := r.Ready(out.Snapshot); err != nil {
			return out, err
		}
	}
	err = d.replay(&r, &out)
	return out, err
}

// restoreSnapshot reads the newest snapshot that is whole.
func (d *Dir) restoreSnapshot(r *Restore) (f SnapshotFile, info SnapshotInfo, err error) {
	if len(d.Snapshots) == 0 {
		if r.TrustEmpty {
			return f, info, nil
		}
		return f, info, fmt.Errorf("%w: %s", ErrNoSnapshot, d.SnapshotDir)
	}
	var damage []error
	for i := range d.Snapshots[:min(len(d.Snapshots), maxCandidates)] {
		f = d.Snapshots[i]
		err = d.trySnapshot(f, r, &info)
		if err == nil {
			return f, info, nil
		}
		if !errors.Is(err, ErrDamaged) {
			return f, info, err
		}
		damage = append(damage, err)
		if r.Passed != nil {
			r.Passed(f, err)
		}
	}
	return f, info, fmt.Errorf("zkfile: no snapshot in %s is whole: %w", d.SnapshotDir, errors.Join(damage...))
}

func (d *Dir) trySnapshot(f SnapshotFile, r *Restore, info *SnapshotInfo) error {
	plausible, err := d.Plausible(f)
	if err != nil {
		return err
	}
	if !plausible {
		return &DamageError{Path: f.Path, Problem: "it is not a complete snapshot, by its size, its beginning or its end"}
	}
	sink, err := r.Begin(f)
	if err != nil {
		return err
	}
	*info, err = d.ReadSnapshot(f, sink)
	return err
}

// replay hands out the transactions behind the snapshot.
func (d *Dir) replay(r *Restore, out *Restored) error {
	logs := d.Logs[d.firstLog(out.LastZxid):]
	snapshot := out.LastZxid
	for i, f := range logs {
		end, err := d.readLog(f.Path, i == len(logs)-1, r.Hole, func(rec Record) error {
			if uint64(rec.Zxid) <= uint64(snapshot) {
				return nil
			}
			if !follows(rec.Zxid, out.LastZxid) && !r.AllowGaps {
				return &GapError{Path: rec.Path, Offset: rec.Offset, After: out.LastZxid, Next: rec.Zxid}
			}
			if err := r.Txn(rec); err != nil {
				return fmt.Errorf("zkfile: apply transaction 0x%x of %s at byte %d: %w", rec.Zxid, rec.Path, rec.Offset, err)
			}
			out.Txns++
			out.LastZxid = int64(max(uint64(out.LastZxid), uint64(rec.Zxid)))
			return nil
		})
		if err != nil {
			return err
		}
		out.End, out.EndPath = end, f.Path
	}
	return nil
}

// firstLog returns the index of the first log that can hold a transaction behind zxid: the last one whose first
// transaction is not behind the next one.
func (d *Dir) firstLog(zxid int64) int {
	first := 0
	for i, f := range d.Logs {
		if uint64(f.Zxid) <= uint64(zxid)+1 {
			first = i
		}
	}
	return first
}

// follows says that no transaction is missing between last and next: next comes directly after it, begins a later epoch, or
// comes once more.
func follows(next, last int64) bool {
	if uint64(next) <= uint64(last)+1 {
		return true
	}
	return uint64(next)>>32 > uint64(last)>>32 && uint32(next) == 1
}

// ReadLogs hands out every transaction of every log, oldest first, whatever snapshots say, and returns how the last log
// ended. For looking at a directory, not for restoring it.
func (d *Dir) ReadLogs(fn func(Record) error) (end LogEnd, err error) {
	for i, f := range d.Logs {
		if end, err = d.readLog(f.Path, i == len(d.Logs)-1, nil, fn); err != nil {
			return end, err
		}
	}
	return end, nil
}
