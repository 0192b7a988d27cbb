package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"bellwether/engine/replica"
	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/zab"
	"bellwether/wal"
)

// recoverProcess makes a process of what a disk has: the newest snapshot that is whole, then every transaction of the log
// behind it.
func recoverProcess(s *server) (*process, error) {
	p := &process{w: s.w, server: s, lives: map[int64]*live{}, bootMs: s.w.nowMs, conns: make([]*conn, 1)}
	disk := s.disk
	if err := disk.MkdirAll(snapshotsDir); err != nil {
		return nil, err
	}
	var err error
	if p.lock, err = disk.Lock(lockFile); err != nil {
		return nil, err
	}
	epochs, err := readEpochs(disk)
	if err != nil {
		return nil, err
	}
	salt := uint64(s.id)<<56 | uint64(s.starts)<<32
	p.log, err = wal.Open(disk, logDir, wal.Options{
		SegmentBytes: s.w.settings.segmentBytes, SpareSegments: 2, Inline: true,
		Salt: func() uint64 { salt++; return salt * 0x9e3779b97f4a7c15 },
	})
	if err != nil {
		return nil, err
	}
	if err := p.loadNewest(); err != nil {
		return nil, err
	}
	if err := p.replay(); err != nil {
		return nil, err
	}
	return p, p.awaken(epochs)
}

func readEpochs(disk wal.FS) (e zab.Epochs, err error) {
	text, err := wal.ReadFile(disk, epochsFile)
	if errors.Is(err, os.ErrNotExist) {
		return e, nil
	}
	if err == nil {
		_, err = fmt.Sscanf(string(text), "%d %d\n", &e.Accepted, &e.Current)
	}
	return e, err
}

// loadNewest loads the newest snapshot, or begins with nothing. No crash leaves one that is damaged.
func (p *process) loadNewest() error {
	zxids, err := wal.Snapshots(p.server.disk, snapshotsDir)
	if err != nil {
		return err
	}
	p.tree, p.sessions = tree.New(), session.NewTable()
	if len(zxids) > 0 {
		p.snapshotZxid = int64(zxids[0])
		if err := p.loadSnapshot(zxids[0]); err != nil {
			return fmt.Errorf("snapshot %#x: %w", zxids[0], err)
		}
	}
	if base := p.log.Base(); base > uint64(p.snapshotZxid) {
		return fmt.Errorf("the log begins behind %#x, the newest snapshot is %#x", base, p.snapshotZxid)
	}
	return nil
}

func (p *process) loadSnapshot(zxid uint64) error {
	r, err := wal.OpenSnapshot(p.server.disk, snapshotsDir, zxid)
	if err != nil {
		return err
	}
	var size [8]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return err
	}
	encoded, err := io.ReadAll(io.LimitReader(r, int64(binary.BigEndian.Uint64(size[:]))))
	if err != nil {
		return err
	}
	if err := p.sessions.Load(encoded); err != nil {
		return err
	}
	loader := tree.NewLoader(tree.Options{})
	if _, err := io.Copy(loader, r); err != nil {
		return err
	}
	if p.tree, err = loader.Finish(); err != nil {
		return err
	}
	return r.Close()
}

// replay applies every transaction behind the snapshot.
func (p *process) replay() error {
	p.applier = replica.NewApplier(p.tree, p.sessions, nil)
	p.apply.last = p.snapshotZxid
	return p.log.Replay(uint64(p.snapshotZxid), func(e wal.Entry) error {
		if err := p.w.judge.found(zab.Entry{Zxid: zab.Zxid(e.Zxid), Data: e.Data}); err != nil {
			return err
		}
		p.apply.last = int64(e.Zxid)
		p.snap.txns++
		if p.w.bugs.skipReplay && p.snap.txns == 1 && p.snapshotZxid != 0 {
			p.tree.SetZxid(int64(e.Zxid))
			return nil
		}
		_, _, err := p.applier.Apply(nil, int64(e.Zxid), e.Data, false)
		return err
	})
}

// awaken gives every session its full timeout again and makes the mind.
func (p *process) awaken(epochs zab.Epochs) error {
	last := p.apply.last
	id := zab.ServerID(p.server.id)
	core, err := zab.New(
		zab.Config{ID: id, Members: []zab.Member{{ID: id}}, WindowEntries: -1, RollCounter: p.w.settings.rollCounter, Seed: p.w.seed},
		zab.Durable{Epochs: epochs, LastZxid: zab.Zxid(last)})
	if err != nil {
		return err
	}
	p.core, p.applied = core, last
	// A clock that was set back may repeat the ids of sessions that are closed; here it never is, nor does a restart take no time.
	p.ids = session.NewIDs(byte(p.server.id), p.w.nowMs+int64(p.server.starts)<<24)
	p.tracker = session.NewTracker(p.w.settings.tickMs)
	if !p.w.bugs.forgetSessions {
		p.tracker.Reset(p.sessions.All(), p.monoMs())
	}
	p.expiry.init()
	for sid, timeoutMs := range p.sessions.All() {
		p.lives[sid] = &live{heardMs: p.monoMs()}
		p.ids.SkipPast(sid)
		p.expiry.add(sid, timeoutMs, p.monoMs())
	}
	p.replica = replica.New(core, p.tree, p.tracker, last, p.heard, p.w.settings.options)
	return nil
}
