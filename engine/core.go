package engine

import (
	"sync"
	"time"

	"bellwether/engine/replica"
	"bellwether/engine/zab"
)

// runCore is the core loop: it gives the replica what has come in, and the other loops what the replica wants done. It
// ends once it was told to stop and everything proposed is applied, or when the server has failed.
func (e *Engine) runCore() {
	for {
		<-e.inbox.signal
		e.core.mu.Lock()
		e.think()
		done := e.failed() || e.core.stopping && e.applied.Load() >= e.core.proposed
		e.core.mu.Unlock()
		e.bringToApply(false)
		if done {
			return
		}
	}
}

// core is what the core loop works with. Whoever holds mu is the core loop for a round: its goroutine, or a loop that
// brings a little while that one sleeps.
type core struct {
	mu       sync.Mutex
	work     work  // of this round
	proposed int64 // zxid of the last entry given to the log
	stopping bool
}

// little is how many requests or entries one may bring and work on oneself. Waking another thread costs more than they do;
// with more of them there is work for two.
const little = 16

// bringToCore has what was put into the inbox worked on: at once by the caller, if it is little and nobody is at it, else
// by the core loop's goroutine. With applyToo the caller also applies what comes of it.
func (e *Engine) bringToCore(isLittle, applyToo bool) {
	if !isLittle || !e.core.mu.TryLock() {
		e.inbox.signal.raise()
		return
	}
	e.think()
	e.core.mu.Unlock()
	if e.inbox.waiting() {
		e.inbox.signal.raise()
	}
	e.bringToApply(applyToo)
}

// think is one round of the core loop.
func (e *Engine) think() {
	w := &e.core.work
	e.inbox.take(w)
	e.core.stopping = e.core.stopping || w.stopping
	now := e.moment()
	e.replica.Applied(e.applied.Load(), w.closed)
	for _, epochs := range w.epochs {
		e.replica.EpochsPersisted(epochs)
	}
	if w.persisted != 0 {
		e.replica.Persisted(w.persisted)
	}
	for range w.ticks {
		e.replica.Tick(now)
	}
	e.replica.Submit(now, w.requests)
	for e.act(e.replica.Ready()) {
	}
}

// act hands out what the replica wants done and reports whether there was anything. An ensemble of one has no peers: no
// message, link or transfer ever stands in its Ready.
func (e *Engine) act(rd replica.Ready) bool {
	e.commitQueue.put(rd.Entries, rd.Epochs)
	e.applyQueue.put(rd.Committed, rd.Awaited)
	if n := len(rd.Entries); n > 0 {
		e.core.proposed = int64(rd.Entries[n-1].Zxid)
	}
	if rd.StateChanged {
		e.stateChanged(rd.State)
	}
	return len(rd.Entries)+len(rd.Committed)+len(rd.Awaited) > 0 || rd.Epochs != (zab.Epochs{}) || rd.StateChanged
}

func (e *Engine) stateChanged(s zab.State) {
	serving := s.Role == zab.Leading && s.Phase == zab.Broadcast
	e.serving.Store(serving)
	e.options.Log.Info("state", "role", s.Role.String(), "phase", s.Phase.String(), "epoch", s.Epoch)
	if serving {
		e.servingOnce.Do(func() { close(e.ready) })
	}
}

// moment reads both clocks.
func (e *Engine) moment() replica.Moment {
	return replica.Moment{WallMs: time.Now().UnixMilli(), MonoMs: e.clock.now() / nsPerMs}
}

// runTicks lets time pass for the core loop.
func (e *Engine) runTicks() {
	ticker := time.NewTicker(tickInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			e.inbox.put(func(w *work) { w.ticks++ })
			e.inbox.signal.raise()
		case <-e.stopTicks:
			return
		}
	}
}
