package engine

import (
	"sync"

	"bellwether/engine/replica"
	"bellwether/engine/zab"
)

// signal wakes one waiting goroutine. Raising it again before it is seen changes nothing.
type signal chan struct{}

func newSignal() signal { return make(signal, 1) }

func (s signal) raise() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// inbox holds what waits for the core loop. Whoever brings something takes the lock once per batch, and then sees to it that
// somebody works on it (bringToCore, or the signal); the core loop takes all of it at once.
type inbox struct {
	signal signal

	mu   sync.Mutex
	work work
}

// work is one batch for the core loop.
type work struct {
	requests  []replica.Request
	persisted zab.Zxid     // the highest zxid known to be on disk, 0: no news
	epochs    []zab.Epochs // now durable, in order
	ticks     int
	closed    []int64 // sessions closed by applied transactions
	stopping  bool
}

func (w *work) reset() {
	clear(w.requests)
	*w = work{requests: w.requests[:0], closed: w.closed[:0], epochs: w.epochs[:0]}
}

// submit appends requests, which are copied.
func (b *inbox) submit(requests []replica.Request) {
	b.mu.Lock()
	b.work.requests = append(b.work.requests, requests...)
	b.mu.Unlock()
}

// put changes the waiting work under the lock.
func (b *inbox) put(change func(*work)) {
	b.mu.Lock()
	change(&b.work)
	b.mu.Unlock()
}

// waiting reports whether there is anything to take.
func (b *inbox) waiting() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := &b.work
	return len(w.requests)+len(w.epochs)+len(w.closed)+w.ticks > 0 || w.persisted != 0 || w.stopping
}

// take swaps the waiting work for the used-up w.
func (b *inbox) take(w *work) {
	w.reset()
	b.mu.Lock()
	b.work, *w = *w, b.work
	b.mu.Unlock()
}
