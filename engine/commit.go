package engine

import (
	"fmt"
	"sync"
	"time"

	"bellwether/engine/zab"
	"bellwether/wal"
)

// commitQueue carries what is to be made durable from the core loop to the commit loop.
type commitQueue struct {
	signal signal

	mu     sync.Mutex
	work   commitWork
	closed bool
}

type commitWork struct {
	entries []zab.Entry
	epochs  []epochsAt
	release uint64 // unless 0: the log is needed from this zxid on only
}

// epochsAt are epochs to be durable behind the first so many entries, and before the next.
type epochsAt struct {
	zab.Epochs
	behind int
}

func (w *commitWork) empty() bool { return len(w.entries) == 0 && len(w.epochs) == 0 && w.release == 0 }

func (q *commitQueue) put(entries []zab.Entry, epochs zab.Epochs) {
	if len(entries) == 0 && epochs == (zab.Epochs{}) {
		return
	}
	q.mu.Lock()
	q.work.entries = append(q.work.entries, entries...)
	if epochs != (zab.Epochs{}) {
		q.work.epochs = append(q.work.epochs, epochsAt{epochs, len(q.work.entries)})
	}
	q.mu.Unlock()
	q.signal.raise()
}

func (q *commitQueue) release(zxid uint64) {
	q.mu.Lock()
	q.work.release = zxid
	q.mu.Unlock()
	q.signal.raise()
}

func (q *commitQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.signal.raise()
}

// waiting reports whether there is anything to take.
func (q *commitQueue) waiting() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.work.empty()
}

// take waits for work and swaps it for the used-up w; false once the queue is closed and empty.
func (q *commitQueue) take(w *commitWork) bool {
	clear(w.entries)
	*w = commitWork{entries: w.entries[:0], epochs: w.epochs[:0]}
	for {
		q.mu.Lock()
		if !q.work.empty() {
			q.work, *w = *w, q.work
			q.mu.Unlock()
			return true
		}
		closed := q.closed
		q.mu.Unlock()
		if closed {
			return false
		}
		<-q.signal
	}
}

// maxGroupBytes bounds what one frame of the log holds; a larger batch is written as several, still with one sync. Of a small
// segment a frame takes at most half. entryOverhead is more than what a frame adds to an entry's data.
const (
	maxGroupBytes = 4 << 20
	entryOverhead = 32
)

// runCommit is the commit loop: what has queued while the last group was synced is the next group. There is no timer.
func (e *Engine) runCommit() {
	var w commitWork
	var group []wal.Entry
	for e.commitQueue.take(&w) {
		if err := e.commit(&w, &group); err != nil {
			e.fail(err)
			return
		}
	}
}

// commit makes w durable, in its order, and tells the core loop.
func (e *Engine) commit(w *commitWork, group *[]wal.Entry) error {
	done := 0
	for _, epochs := range w.epochs {
		if err := e.commitEntries(w.entries[done:epochs.behind], group); err != nil {
			return err
		}
		done = epochs.behind
		if err := e.store.writeEpochs(epochs.Epochs); err != nil {
			return err
		}
		e.inbox.put(func(in *work) { in.epochs = append(in.epochs, epochs.Epochs) })
		e.inbox.signal.raise()
	}
	if err := e.commitEntries(w.entries[done:], group); err != nil {
		return err
	}
	if w.release != 0 {
		if err := e.log.ReleaseBefore(w.release); err != nil {
			return fmt.Errorf("engine: release the log before 0x%x: %w", w.release, err)
		}
	}
	return nil
}

// commitEntries is one group commit.
func (e *Engine) commitEntries(entries []zab.Entry, group *[]wal.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if err := e.appendGroups(entries, group); err != nil {
		return err
	}
	began := e.clock.now()
	if err := e.log.Sync(); err != nil {
		return err
	}
	if took := time.Duration(e.clock.now() - began); took > e.options.SlowSync {
		e.options.Log.Warn("slow sync of the log", "took", took, "directory", e.options.LogDir, "entries", len(entries))
	}
	last := entries[len(entries)-1].Zxid
	e.inbox.put(func(in *work) { in.persisted = last })
	alone := len(entries) <= little && !e.commitQueue.waiting() // else the next sync must not wait for the apply
	e.bringToCore(alone, alone)
	return nil
}

// appendGroups writes entries as few frames, each bounded in bytes.
func (e *Engine) appendGroups(entries []zab.Entry, group *[]wal.Entry) error {
	limit := int(min(maxGroupBytes, e.options.SegmentBytes/2))
	for len(entries) > 0 {
		g, size := (*group)[:0], 0
		for len(entries) > 0 && (len(g) == 0 || size+len(entries[0].Data)+entryOverhead <= limit) {
			g = append(g, wal.Entry{Zxid: uint64(entries[0].Zxid), Data: entries[0].Data})
			size += len(entries[0].Data) + entryOverhead
			entries = entries[1:]
		}
		err := e.log.Append(g)
		clear(g)
		*group = g[:0]
		if err != nil {
			return err
		}
	}
	return nil
}
