package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"bellwether/engine/replica"
	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/watch"
	"bellwether/engine/zab"
	"bellwether/wal"
)

const (
	// connBits is how many bits of a watcher's number are the connection's number in its loop.
	connBits = 20
	// tickInterval is one tick of zab.
	tickInterval = 10 * time.Millisecond
	nsPerMs      = int64(time.Millisecond)
)

// clock is a clock that never jumps. It starts at an hour, so that 0 always means "never".
type clock struct{ base time.Time }

func newClock() clock { return clock{base: time.Now().Add(-time.Hour)} }

// now returns ns since the clock's zero.
func (c clock) now() int64 { return int64(time.Since(c.base)) }

// Engine is one running server without its network. Open recovers its state, NewLoop gives it event loops, Start
// sets it going, Close ends it.
type Engine struct {
	options Options
	clock   clock
	store   *store
	log     *wal.Log

	tree     *tree.Tree
	sessions *session.Table
	watches  *watch.Table
	lives    *lives

	inbox       inbox
	commitQueue commitQueue
	applyQueue  applyQueue
	loops       []*Loop

	core    core
	replica *replica.Replica // whoever holds core.mu
	applier *applier         // whoever holds its mu
	snaps   snapshotter      // the same, but for what it says itself

	applied     atomic.Int64 // zxid up to which the tree is
	serving     atomic.Bool
	servingOnce sync.Once
	draining    atomic.Bool   // no further request is taken
	ready       chan struct{} // closed once the server serves

	maxOutstanding      int   // requests per loop; fixed by Start, as is
	maxOutstandingBytes int64 // what they hold on to, per loop

	ids *session.IDs

	latency Latency
	metrics Metrics
	started time.Time

	stopTicks chan struct{}
	loopsDone sync.WaitGroup // the core, commit and apply loops
	ticksDone sync.WaitGroup
	failure   failure
}

// failure is the first error after which nothing is known any more.
type failure struct {
	once sync.Once
	err  error
	done chan struct{}
}

// Open recovers the state from disk. An error says what is wrong with which file or option.
func Open(o Options) (*Engine, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	e := &Engine{
		options: o, clock: newClock(), watches: watch.NewTable(), lives: newLives(),
		inbox: inbox{signal: newSignal()}, commitQueue: commitQueue{signal: newSignal()},
		applyQueue: applyQueue{signal: newSignal()},
		ready:      make(chan struct{}), stopTicks: make(chan struct{}), started: time.Now(),
		failure: failure{done: make(chan struct{})},
	}
	if err := e.recover(); err != nil {
		return nil, err
	}
	return e, nil
}

// Start sets the pipeline going. All loops have been added by then.
func (e *Engine) Start() {
	e.maxOutstanding = max(1, e.options.MaxOutstanding/max(1, len(e.loops)))
	e.maxOutstandingBytes = max(1, e.options.MaxOutstandingBytes/int64(max(1, len(e.loops))))
	e.loopsDone.Add(3)
	go func() { defer e.loopsDone.Done(); e.runCore(); e.commitQueue.close(); e.applyQueue.close() }()
	go func() { defer e.loopsDone.Done(); e.runCommit() }()
	go func() { defer e.loopsDone.Done(); e.applier.run() }()
	e.ticksDone.Add(1)
	go func() { defer e.ticksDone.Done(); e.runTicks() }()
	e.inbox.signal.raise()
}

// Ready is closed once the server serves.
func (e *Engine) Ready() <-chan struct{} { return e.ready }

// Failed is closed if the server cannot go on: a sync that failed, a transaction that is none. Err says why. Whoever owns
// the process ends it: nothing is acknowledged any more.
func (e *Engine) Failed() <-chan struct{} { return e.failure.done }

// Err returns why the server failed, after Failed is closed.
func (e *Engine) Err() error { return e.failure.err }

func (e *Engine) fail(err error) {
	e.failure.once.Do(func() {
		e.failure.err = err
		e.serving.Store(false)
		close(e.failure.done)
		e.inbox.signal.raise()
	})
}

func (e *Engine) failed() bool {
	select {
	case <-e.failure.done:
		return true
	default:
		return false
	}
}

// Close finishes what was handed over, writes it down, and releases the data directory. The event loops must have stopped.
func (e *Engine) Close() error {
	close(e.stopTicks)
	e.ticksDone.Wait()
	e.inbox.put(func(w *work) { w.stopping = true })
	e.inbox.signal.raise()
	e.waitStopped()
	e.snaps.wait()
	err := e.failure.errIfFailed()
	return errors.Join(err, e.log.Close(), e.store.close())
}

// Drain takes no further request and returns once those handed over are answered, or ctx is over.
func (e *Engine) Drain(ctx context.Context) {
	e.draining.Store(true)
	for ctx.Err() == nil && !e.failed() && e.Status().Outstanding > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(tickInterval):
		}
	}
}

// waitStopped waits for the loops. The core loop ends when all it has proposed is applied, which it only looks at when
// woken: the apply loop's last step may come after the last wake-up.
func (e *Engine) waitStopped() {
	stopped := make(chan struct{})
	go func() { e.loopsDone.Wait(); close(stopped) }()
	for {
		select {
		case <-stopped:
			return
		case <-time.After(tickInterval):
			e.inbox.signal.raise()
		}
	}
}

func (f *failure) errIfFailed() error {
	select {
	case <-f.done:
		return f.err
	default:
		return nil
	}
}

// newReplica makes the mind from what recovery has found.
func (e *Engine) newReplica(epochs zab.Epochs, last zab.Zxid) error {
	id := zab.ServerID(e.options.ServerID)
	core, err := zab.New(
		zab.Config{ID: id, Members: []zab.Member{{ID: id}}, WindowEntries: -1},
		zab.Durable{Epochs: epochs, LastZxid: last})
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	tracker := session.NewTracker(int64(e.options.TickMs))
	tracker.Reset(e.sessions.All(), e.clock.now()/nsPerMs)
	e.replica = replica.New(core, e.tree, tracker, int64(last), e.lives.heard,
		replica.Options{ExtendedTypes: e.options.ExtendedTypes, SkipACL: e.options.SkipACL})
	return nil
}
