package loadgen

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"bellwether/loadgen/client"
)

// ErrUnreachable is in the error of a run that was given up because no server answered.
var ErrUnreachable = errors.New("loadgen: all servers unreachable")

// run is one run of a Config: what the workers share. The goroutine of Run leads the workers through the steps.
type run struct {
	config Config
	name   string // of the directory of what is created
	addrs  []netip.AddrPort
	keys   *keyChooser
	values []byte

	roots     []string // the path to the run's znodes, from the top, then the run directory
	madeRoots []bool   // which of them were made; worker 0 only

	workers []*worker
	done    sync.WaitGroup
	reached chan struct{} // one value from each worker that has done the step
	step    atomic.Int32  // how many steps may be left behind
	seconds chan *interval

	zero, start, end int64 // of the load; set before its step

	aborted atomic.Bool // nothing more is to be done
	stop    atomic.Bool // the caller wants an end: stop loading, clean up
	mu      sync.Mutex
	err     error // why it was aborted; under mu, as is gone of every worker

	progress progress
	series   series
}

// steps are what a run consists of. All workers finish one before any begins the next.
var steps = []struct {
	name string
	do   func(w *worker) error
}{
	{"connect", (*worker).connect},
	{"prepare", (*worker).makeRoot},
	{"prepare", (*worker).makeDirs},
	{"prepare", (*worker).makeKeys},
	{loadStep, (*worker).load},
	{"clean up", (*worker).cleanKeys},
	{"clean up", (*worker).cleanDirs},
	{"clean up", (*worker).cleanRoot},
	{"close", (*worker).closeSessions},
}

const loadStep = "load"

// Run does what c describes: connects, makes the key space, warms up, measures, cleans up. It returns when all of that is done
// and no goroutine is left.
//
// An invalid c, servers that cannot be reached or refuse to prepare the keys, give an error and no result. When the servers
// go away for longer than c.Patience during the load, or ctx ends, there is an error and also a Result, marked partial, of what was
// measured until then. A generator that was itself the limit is no error: see Result.Verdict.
func Run(ctx context.Context, c Config) (*Result, error) {
	c = c.withDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	r, err := newRun(ctx, c)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	servers := askServers(ctx, r.addrs)
	r.lead(ctx)
	if r.workers[0].recorder == nil { // it never came to the load
		return nil, r.reason(ctx)
	}
	res := r.result(started, servers)
	err = r.reason(ctx)
	if err != nil {
		res.Partial, res.PartialReason = true, err.Error()
		res.judge()
	}
	return res, err
}

func newRun(ctx context.Context, c Config) (*run, error) {
	addrs, err := client.Resolve(ctx, c.Servers)
	if err != nil {
		return nil, err
	}
	r := &run{
		config: c, addrs: addrs, name: fmt.Sprintf("run-%016x", time.Now().UnixNano()),
		keys: newKeyChooser(c.Keys, c.KeyDist), values: randomValues(&c),
		reached: make(chan struct{}, c.Workers), seconds: make(chan *interval, 4*c.Workers),
	}
	r.progress.init(&c)
	r.series.workers = c.Workers
	for n := range c.Workers {
		w, err := newWorker(r, n)
		if err != nil {
			for _, w := range r.workers {
				w.loop.Close()
			}
			return nil, err
		}
		r.workers = append(r.workers, w)
	}
	r.roots = rootPaths(c.Chroot + c.KeyPrefix)
	if c.Mix[Create] > 0 {
		r.roots = append(r.roots, string([]byte(r.workers[0].paths.runDir())))
	}
	r.madeRoots = make([]bool, len(r.roots))
	return r, nil
}

// rootPaths lists a path's ancestors from the top, and the path.
func rootPaths(path string) []string {
	var all []string
	for end := 1; end <= len(path); end++ {
		if end == len(path) || path[end] == '/' {
			all = append(all, path[:end])
		}
	}
	return all
}

// randomValues is what values are cut from: random bytes, somewhat more than one value.
func randomValues(c *Config) []byte {
	random := newRandom(c.Seed, valueStream, 0)
	values := make([]byte, c.ValueSize+4096)
	for i := range values {
		values[i] = byte(random.next())
	}
	return values
}

// lead starts the workers, takes them through the steps and waits for their end.
func (r *run) lead(ctx context.Context) {
	r.done.Add(len(r.workers))
	for _, w := range r.workers {
		go w.main()
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	cancelled := ctx.Done()
	for i, s := range steps {
		r.progress.phase(s.name)
		// Every worker arrives at every step, even in a run that was given up: it then does nothing in it.
		for arrived := 0; arrived < len(r.workers); {
			select {
			case <-r.reached:
				arrived++
			case second := <-r.seconds:
				r.take(second)
			case <-tick.C:
				r.progress.tick()
			case <-cancelled:
				cancelled = nil
				r.stop.Store(true)
				r.wake()
			}
		}
		if i+1 < len(steps) && steps[i+1].name == loadStep {
			r.setTimes()
		}
		r.step.Store(int32(i + 1))
		r.wake()
	}
	r.done.Wait()
	for len(r.seconds) > 0 {
		r.take(<-r.seconds)
	}
}

// setTimes fixes the times of the load, a little ahead so that all workers begin together.
func (r *run) setTimes() {
	r.zero = client.Now() + int64(20*time.Millisecond)
	r.start = r.zero + int64(r.config.Warmup)
	if r.end = endless; r.config.Duration > 0 {
		r.end = r.start + int64(r.config.Duration)
	}
	r.series.window(r.zero, r.start, r.end)
}

// take puts a worker's second into the series.
func (r *run) take(second *interval) {
	if merged, ok := r.series.add(second); ok {
		r.progress.second(merged)
	}
}

// wake makes every worker look at what has changed.
func (r *run) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.workers {
		if !w.gone {
			w.loop.Wake()
		}
	}
}

// interrupted reports whether the caller wants an end.
func (r *run) interrupted() bool { return r.stop.Load() }

// abort ends the run for a reason. The first one counts. Safe from any goroutine.
func (r *run) abort(err error) {
	r.mu.Lock()
	if r.err == nil {
		r.err = err
	}
	r.mu.Unlock()
	r.aborted.Store(true)
}

// reason is why the run ended early, nil if it did not.
func (r *run) reason(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.workers {
		if r.err == nil && w.orderError != nil {
			return fmt.Errorf("loadgen: the server broke the order of replies: %w", w.orderError)
		}
	}
	if r.err == nil && r.stop.Load() {
		return fmt.Errorf("loadgen: interrupted: %w", context.Cause(ctx))
	}
	return r.err
}

// closeSessions ends every session, so that the servers need not wait for their expiry.
func (w *worker) closeSessions() error {
	w.closing = true
	for i := range w.sessions {
		w.sessions[i].conn.Close()
	}
	for limit := client.Now() + int64(5*time.Second); w.loop.OpenCount() > 0 && client.Now() < limit; {
		if err := w.turn(client.Now() + int64(50*time.Millisecond)); err != nil {
			return nil // the result stands without it
		}
	}
	return nil
}
