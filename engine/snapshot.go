package engine

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"bellwether/engine/tree"
	"bellwether/wal"
)

// snapshotter decides when a snapshot is due and has it written beside everything else: the walk takes what the apply loop
// has not changed meanwhile, and the apply loop saves what it changes before the walk gets there (package tree), so writes
// go on and the snapshot still is the tree at one zxid.
type snapshotter struct {
	engine  *Engine
	txns    int64 // since the last snapshot began
	bytes   int64
	running atomic.Bool
	writers sync.WaitGroup
}

// count notes a transaction that was applied. Apply loop only.
func (s *snapshotter) count(bytes int) {
	s.txns++
	s.bytes += int64(bytes)
}

// consider starts a snapshot if enough was logged since the last one: at least as much as the tree is large, so that
// writing snapshots costs no more than writing the log. Apply loop only, between two transactions.
func (s *snapshotter) consider() {
	o := &s.engine.options
	if s.txns < o.SnapshotTxns || s.bytes < max(o.SnapshotBytes, s.engine.tree.SizeBytes()) || s.running.Load() {
		return
	}
	snap, err := s.engine.tree.StartSnapshot()
	if err != nil {
		return // the last one's walk is not quite done
	}
	s.txns, s.bytes = 0, 0
	sessions := s.engine.sessions.AppendSnapshot(make([]byte, 8))
	binary.BigEndian.PutUint64(sessions, uint64(len(sessions)-8))
	s.running.Store(true)
	s.writers.Add(1)
	go func() {
		defer s.writers.Done()
		defer s.running.Store(false)
		s.write(snap, sessions)
	}()
}

// write writes one snapshot and lets go of what it makes unnecessary. A snapshot that cannot be written is no reason to
// stop: the log still has everything.
func (s *snapshotter) write(snap *tree.Snapshot, sessions []byte) {
	began := time.Now()
	log := s.engine.options.Log.With("snapshot", fmt.Sprintf("0x%x", snap.Zxid()))
	if err := s.stream(snap, sessions); err != nil {
		s.engine.metrics.snapshotErrors.Add(1)
		log.Error("writing a snapshot failed; the log is kept", "error", err)
		return
	}
	s.engine.metrics.snapshots.Add(1)
	log.Info("snapshot written", "took", time.Since(began).Round(time.Millisecond))
	if err := s.retire(); err != nil {
		log.Error("removing old snapshots failed", "error", err)
	}
}

func (s *snapshotter) stream(snap *tree.Snapshot, sessions []byte) error {
	defer snap.Abort()
	w, err := wal.CreateSnapshot(s.engine.options.FS, s.engine.store.snapshots(), uint64(snap.Zxid()))
	if err != nil {
		return err
	}
	if _, err := w.Write(sessions); err != nil {
		return abort(w, err)
	}
	var part []byte
	for more := true; more; {
		part, more = snap.Next(part[:0])
		if _, err := w.Write(part); err != nil {
			return abort(w, err)
		}
	}
	return w.Commit()
}

func abort(w *wal.SnapshotWriter, err error) error {
	_ = w.Abort()
	return err
}

// retire removes all snapshots but the newest few, and the log that only they needed.
func (s *snapshotter) retire() error {
	o := &s.engine.options
	dir := s.engine.store.snapshots()
	zxids, err := wal.Snapshots(o.FS, dir)
	if err != nil {
		return err
	}
	if len(zxids) < o.RetainSnapshots {
		return nil
	}
	for _, zxid := range zxids[o.RetainSnapshots:] {
		if err := wal.RemoveSnapshot(o.FS, dir, zxid); err != nil {
			return err
		}
	}
	s.engine.commitQueue.release(zxids[o.RetainSnapshots-1] + 1)
	return nil
}

// wait returns once no snapshot is being written.
func (s *snapshotter) wait() { s.writers.Wait() }
