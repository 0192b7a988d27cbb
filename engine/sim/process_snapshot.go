package sim

import (
	"encoding/binary"

	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/zab"
	"bellwether/wal"
)

// snapshotStage is the writer of snapshots, which goes on beside everything else.
type snapshotStage struct {
	txns     int // since the last snapshot began
	walk     *tree.Snapshot
	sessions []byte
	writer   *wal.SnapshotWriter // nil: not begun
	zxid     uint64
}

func (s *snapshotStage) possible() bool { return s.walk != nil }

// considerSnapshot starts a snapshot if enough was applied since the last one. The apply loop calls it between two
// transactions.
func (p *process) considerSnapshot() {
	s := &p.snap
	if s.txns < p.w.settings.snapshotTxns || s.walk != nil {
		return
	}
	walk, err := p.tree.StartSnapshot()
	if err != nil {
		p.fail(err)
		return
	}
	*s = snapshotStage{walk: walk, zxid: uint64(walk.Zxid()), sessions: p.encodeSessions()}
	p.w.note("s%d: snapshot %v begins", p.server.id, zab.Zxid(s.zxid))
	if p.w.bugs.releaseEarly {
		p.commit.waiting.release = s.zxid + 1
	}
}

func (p *process) encodeSessions() []byte {
	sessions := p.sessions
	if p.w.bugs.noSessions {
		sessions = session.NewTable()
	}
	b := sessions.AppendSnapshot(make([]byte, 8))
	binary.BigEndian.PutUint64(b, uint64(len(b)-8))
	return b
}

// snapshotStep writes a little more. A snapshot that cannot be written is given up; the log still has everything.
func (p *process) snapshotStep() error {
	err := p.writeSnapshot()
	if err == nil {
		return nil
	}
	p.snap.abort()
	if p.server.injured() && !p.server.disk.Crashed() { // not every layer passes the disk's error on
		p.w.note("s%d: snapshot given up: %v", p.server.id, err)
		return nil
	}
	p.fail(err)
	return nil
}

func (s *snapshotStage) abort() {
	if s.walk == nil { // complete, and old ones are being removed
		return
	}
	if s.writer != nil {
		_ = s.writer.Abort() // what is left of it is removed with the next snapshot
	}
	s.walk.Abort()
	*s = snapshotStage{}
}

func (p *process) writeSnapshot() error {
	s := &p.snap
	disk := p.server.disk
	if s.writer == nil {
		if p.w.bugs.lateZxid {
			s.zxid = uint64(p.tree.Zxid())
		}
		w, err := wal.CreateSnapshot(disk, snapshotsDir, s.zxid)
		if err != nil {
			return err
		}
		s.writer = w
		_, err = w.Write(s.sessions)
		return err
	}
	for range 1 + p.w.rng.IntN(32) {
		part, more := s.walk.Next(nil)
		if _, err := s.writer.Write(part); err != nil {
			return err
		}
		if !more {
			return p.finishSnapshot()
		}
	}
	return nil
}

// finishSnapshot completes the snapshot and lets go of what it makes unnecessary.
func (p *process) finishSnapshot() error {
	s, keep := &p.snap, p.w.settings.retainSnapshots
	if err := s.writer.Commit(); err != nil {
		return err
	}
	p.w.stats.Snapshots++
	p.w.note("s%d: snapshot %v is complete", p.server.id, zab.Zxid(s.zxid))
	*s = snapshotStage{txns: s.txns}
	zxids, err := wal.Snapshots(p.server.disk, snapshotsDir)
	if err != nil {
		return p.tolerate(err)
	}
	oldest, err := wal.PurgeSnapshots(p.server.disk, snapshotsDir, keep)
	if err != nil {
		return p.tolerate(err)
	}
	if len(zxids) >= keep {
		p.commit.waiting.release = oldest + 1
	}
	return nil
}

// tolerate is for what may fail without harm.
func (p *process) tolerate(err error) error {
	if p.server.injured() && !p.server.disk.Crashed() {
		p.w.note("s%d: old snapshots stay: %v", p.server.id, err)
		return nil
	}
	return err
}
