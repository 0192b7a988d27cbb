package engine

import (
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bellwether/engine/replica"
	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/zab"
	"bellwether/wal"
)

// recover brings tree and sessions to the end of the log: the newest snapshot that is whole, then every transaction behind
// it. An ensemble of one has nobody who could know of a shorter history, so the whole log counts.
func (e *Engine) recover() (err error) {
	began := time.Now()
	if e.store, err = openStore(e.options.FS, e.options.DataDir); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = e.store.close()
		}
	}()
	epochs, err := e.store.readEpochs()
	if err != nil {
		return err
	}
	dir := filepath.Join(e.options.LogDir, "log")
	if epochs != (zab.Epochs{}) && !holdsLog(e.options.FS, dir) {
		return fmt.Errorf("engine: %s says that this server has run before, but there is no log in %s: name the directory that has "+
			"it (dataLogDir), or restore it from a copy", e.store.epochsFile(), dir)
	}
	if e.log, err = wal.Open(e.options.FS, dir, wal.Options{SegmentBytes: e.options.SegmentBytes}); err != nil {
		return err
	}
	if err = e.restore(epochs, began); err != nil {
		_ = e.log.Close()
	}
	return err
}

// holdsLog reports whether a log was ever opened in dir. It is there before the first epochs are written.
func holdsLog(fsys wal.FS, dir string) bool {
	names, err := fsys.List(dir)
	return err == nil && slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, ".wal") })
}

func (e *Engine) restore(epochs zab.Epochs, began time.Time) error {
	snapshot, err := e.loadNewest()
	if err != nil {
		return err
	}
	e.applier = &applier{engine: e, replica: replica.NewApplier(e.tree, e.sessions, nil), last: snapshot}
	replayed, err := e.replay(snapshot)
	if err != nil {
		return err
	}
	last := e.applier.last
	e.applier.replica = replica.NewApplier(e.tree, e.sessions, e.applier)
	e.applier.reader.engine = e
	e.applied.Store(last)
	e.core.proposed = last
	e.snaps = snapshotter{engine: e, txns: replayed}
	e.armSessions()
	if err := e.newReplica(epochs, zab.Zxid(last)); err != nil {
		return err
	}
	e.options.Log.Info("recovered", "zxid", fmt.Sprintf("0x%x", last), "snapshot", fmt.Sprintf("0x%x", snapshot),
		"transactions", replayed, "znodes", e.tree.NodeCount(), "sessions", e.sessions.Len(), "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// armSessions gives every known session its full timeout again: how long it was silent while the server was down, nobody
// can know.
func (e *Engine) armSessions() {
	now := e.clock.now() / nsPerMs
	e.ids = session.NewIDs(byte(e.options.ServerID), time.Now().UnixMilli())
	for id := range e.sessions.All() {
		e.lives.add(id, now)
		e.ids.SkipPast(id)
	}
}

// loadNewest loads the newest snapshot that is whole and returns its zxid, 0 without any. One that is damaged is passed
// over, loudly, as long as the log still reaches back to the one before it.
func (e *Engine) loadNewest() (int64, error) {
	zxids, err := wal.Snapshots(e.options.FS, e.store.snapshots())
	if err != nil {
		return 0, err
	}
	var damage error
	for _, zxid := range zxids {
		err := e.loadSnapshot(zxid)
		if err == nil {
			return int64(zxid), e.checkReach(zxid, damage)
		}
		damage = err
		e.options.Log.Error("snapshot is damaged, falling back to the one before it", "snapshot", fmt.Sprintf("0x%x", zxid), "error", err)
	}
	e.tree, e.sessions = tree.New(), session.NewTable()
	return 0, e.checkReach(0, damage)
}

// checkReach refuses to start if the log does not begin where the snapshot ends.
func (e *Engine) checkReach(snapshot uint64, damage error) error {
	if base := e.log.Base(); base > snapshot {
		err := fmt.Errorf("engine: the log begins behind zxid 0x%x, but the newest usable snapshot ends at 0x%x: transactions are "+
			"missing; restore the snapshots from a copy", base, snapshot)
		if damage != nil {
			err = fmt.Errorf("%w (%w)", err, damage)
		}
		return err
	}
	return nil
}

// loadSnapshot replaces tree and sessions by those of a snapshot:
//
//	length of the session table, 8 bytes | session table | tree
func (e *Engine) loadSnapshot(zxid uint64) error {
	r, err := wal.OpenSnapshot(e.options.FS, e.store.snapshots(), zxid)
	if err != nil {
		return err
	}
	defer r.Close()
	var size [8]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return fmt.Errorf("engine: snapshot 0x%x: %w", zxid, err)
	}
	sessions := session.NewTable()
	encoded, err := io.ReadAll(io.LimitReader(r, int64(binary.BigEndian.Uint64(size[:]))))
	if err == nil {
		err = sessions.Load(encoded)
	}
	if err != nil {
		return fmt.Errorf("engine: snapshot 0x%x: session table: %w", zxid, err)
	}
	loader := tree.NewLoader(tree.Options{})
	if _, err := io.Copy(loader, r); err != nil {
		return fmt.Errorf("engine: snapshot 0x%x: %w", zxid, err)
	}
	t, err := loader.Finish()
	if err != nil {
		return fmt.Errorf("engine: snapshot 0x%x: %w", zxid, err)
	}
	e.tree, e.sessions = t, sessions
	return nil
}

// replay applies every transaction of the log behind zxid and returns how many.
func (e *Engine) replay(zxid int64) (n int64, err error) {
	told := time.Now()
	err = e.log.Replay(uint64(zxid), func(entry wal.Entry) error {
		if _, _, err := e.applier.replica.Apply(nil, int64(entry.Zxid), entry.Data, false); err != nil {
			return err
		}
		e.applier.last = int64(entry.Zxid)
		if n++; n%65536 == 0 && time.Since(told) > 5*time.Second {
			told = time.Now()
			e.options.Log.Info("replaying the log", "zxid", fmt.Sprintf("0x%x", entry.Zxid), "transactions", n)
		}
		return nil
	})
	return n, err
}
