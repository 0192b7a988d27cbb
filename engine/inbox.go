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

// inbox holds what waits for the core loop. Whoever brings something takes the lock once per batch; the core loop takes
// all of it at once.
type inbox struct {
	signal signal

	mu   sync.Mutex
	work work
}

// work is one batch for the core loop.
type work struct {
	requests  []replica.Request
	persisted zab.Zxid // the highest zxid known to be on disk, 0: no news
	epochs    *zab.Epochs
	ticks     int
	closed    []int64 // sessions closed by applied transactions
	stopping  bool
}

func (w *work) reset() {
	clear(w.requests)
	*w = work{requests: w.requests[:0], closed: w.closed[:0]}
}

// submit appends requests, which are copied.
func (b *inbox) submit(requests []replica.Request) {
	b.mu.Lock()
	b.work.requests = append(b.work.requests, requests...)
	b.mu.Unlock()
	b.signal.raise()
}

// put changes the waiting work under the lock and wakes the core loop.
func (b *inbox) put(change func(*work)) {
	b.mu.Lock()
	change(&b.work)
	b.mu.Unlock()
	b.signal.raise()
}

// take swaps the waiting work for the used-up w.
func (b *inbox) take(w *work) {
	w.reset()
	b.mu.Lock()
	b.work, *w = *w, b.work
	b.mu.Unlock()
}

// queue is a mailbox between two loops of the pipeline: the producer appends batches, the consumer takes all there is.
// It is bounded by the requests that event loops may have outstanding.
type queue[T any] struct {
	signal signal

	mu     sync.Mutex
	items  []T
	closed bool
}

func newQueue[T any]() queue[T] { return queue[T]{signal: newSignal()} }

// put appends items, which are copied.
func (q *queue[T]) put(items []T) {
	if len(items) == 0 {
		return
	}
	q.mu.Lock()
	q.items = append(q.items, items...)
	q.mu.Unlock()
	q.signal.raise()
}

// close lets the consumer end once it has taken everything.
func (q *queue[T]) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.signal.raise()
}

// take waits for items and swaps them for the used-up spare. ok is false once the queue is closed and empty.
func (q *queue[T]) take(spare []T) (items []T, ok bool) {
	clear(spare)
	for {
		q.mu.Lock()
		if len(q.items) > 0 {
			items, q.items = q.items, spare[:0]
			q.mu.Unlock()
			return items, true
		}
		closed := q.closed
		q.mu.Unlock()
		if closed {
			return nil, false
		}
		<-q.signal
	}
}
