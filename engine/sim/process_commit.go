package sim

import (
	"errors"
	"fmt"
	"path/filepath"

	"bellwether/engine/zab"
	"bellwether/wal"
)

// commitStage is the commit loop: what has queued while the last group was synced is the next group.
type commitStage struct {
	waiting   commitWork
	work      commitWork
	phase     commitPhase
	readyAtMs int64 // the disk takes so long
}

type commitWork struct {
	entries []zab.Entry
	epochs  zab.Epochs // unless zero: durable behind entries
	release uint64     // unless 0: the log is needed from this zxid on only
}

type commitPhase uint8

const (
	commitTake commitPhase = iota
	commitAppend
	commitSync
	commitTell
	commitEpochs
	commitTellEpochs
	commitRelease
)

func (w *commitWork) empty() bool {
	return len(w.entries) == 0 && w.epochs == (zab.Epochs{}) && w.release == 0
}

// String names what there is.
func (w *commitWork) String() string {
	var text []byte
	if n := len(w.entries); n > 0 {
		text = fmt.Appendf(text, " %v to %v", w.entries[0].Zxid, w.entries[n-1].Zxid)
	}
	if w.epochs != (zab.Epochs{}) {
		text = fmt.Appendf(text, " epochs %v", w.epochs)
	}
	if w.release != 0 {
		text = fmt.Appendf(text, " release before %v", zab.Zxid(w.release))
	}
	return string(text)
}

func (c *commitStage) put(entries []zab.Entry, epochs zab.Epochs) {
	c.waiting.entries = append(c.waiting.entries, entries...)
	if epochs != (zab.Epochs{}) {
		c.waiting.epochs = epochs
	}
}

func (c *commitStage) possible(nowMs int64) bool {
	if c.phase == commitTake {
		return !c.waiting.empty()
	}
	return c.phase != commitSync || nowMs >= c.readyAtMs
}

// commitStep does the next thing, and decides what comes then.
func (p *process) commitStep() error {
	c := &p.commit
	err := p.commitPhase(c)
	if err != nil {
		if p.w.bugs.retrySync && c.phase == commitSync && errors.Is(err, errInjected) {
			err = nil // as if it had not happened
		} else {
			p.fail(err)
			return nil
		}
	}
	for c.phase++; c.phase <= commitRelease && !p.due(c); c.phase++ {
	}
	if c.phase > commitRelease {
		c.phase, c.work = commitTake, commitWork{}
	}
	return nil
}

// due reports whether the work has anything for the phase.
func (p *process) due(c *commitStage) bool {
	switch c.phase {
	case commitAppend, commitSync, commitTell:
		return len(c.work.entries) > 0
	case commitEpochs, commitTellEpochs:
		return c.work.epochs != (zab.Epochs{})
	}
	return c.work.release != 0
}

func (p *process) commitPhase(c *commitStage) error {
	switch c.phase {
	case commitTake:
		c.work, c.waiting = c.waiting, commitWork{}
		p.w.note("s%d: commit takes%v", p.server.id, &c.work)
	case commitAppend:
		p.w.note("s%d: appends", p.server.id)
		if p.w.bugs.ackBeforeSync {
			p.tellPersisted()
		}
		return p.appendGroups(c.work.entries)
	case commitSync:
		p.w.note("s%d: syncs", p.server.id)
		return p.log.Sync()
	case commitTell:
		p.tellPersisted()
	case commitEpochs:
		p.w.note("s%d: writes epochs", p.server.id)
		if p.w.bugs.forgetEpochs {
			return nil
		}
		text := fmt.Sprintf("%d %d\n", c.work.epochs.Accepted, c.work.epochs.Current)
		return wal.WriteFileAtomic(p.server.disk, epochsFile, []byte(text))
	case commitTellEpochs:
		epochs := c.work.epochs
		p.inbox.epochs = &epochs
	case commitRelease:
		p.w.note("s%d: releases the log before %v", p.server.id, zab.Zxid(c.work.release))
		return p.log.ReleaseBefore(c.work.release)
	}
	return nil
}

func (p *process) tellPersisted() {
	p.inbox.persisted = p.commit.work.entries[len(p.commit.work.entries)-1].Zxid
}

// appendGroups writes entries as frames bounded in bytes.
func (p *process) appendGroups(entries []zab.Entry) error {
	for len(entries) > 0 {
		var group []wal.Entry
		size := 0
		for len(entries) > 0 && (len(group) == 0 || size+len(entries[0].Data) <= p.w.settings.groupBytes) {
			group = append(group, wal.Entry{Zxid: uint64(entries[0].Zxid), Data: entries[0].Data})
			size += len(entries[0].Data)
			entries = entries[1:]
		}
		if err := p.log.Append(group); err != nil {
			return err
		}
	}
	return nil
}

// The data directory, as package engine lays it out.
const (
	dataDir = "data"
)

var (
	epochsFile   = filepath.Join(dataDir, "epochs")
	snapshotsDir = filepath.Join(dataDir, "snapshots")
	logDir       = filepath.Join(dataDir, "log")
	lockFile     = filepath.Join(dataDir, "lock")
)
