package sim

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"bellwether/engine/replica"
	"bellwether/engine/wire"
)

// Options say what a simulation is like. Zero fields stand for what the seed draws.
type Options struct {
	Clients int
	Faults  Faults
	Trace   io.Writer // nil: none

	bugs bugs
}

// World is servers, their disks, the network between them and their clients, and a clock: all of it in one thread, and
// every choice drawn from one seed.
type World struct {
	seed   uint64
	rng    *rand.Rand
	trace  trace
	steps  int
	nowMs  int64 // since the beginning, the only true clock
	skewMs int64 // of the wall clocks, which jump

	settings settings
	faults   Faults
	bugs     bugs
	quiet    bool // nothing goes wrong any more, and nobody asks for more

	servers []*server
	clients []*client
	links   []*link
	actions []action // reused by choose
	judge   judge
	history history
	stats   Stats
}

// settings are drawn from the seed once, so that the worlds of different seeds differ in kind.
type settings struct {
	tickMs          int64 // the grain of session expiry
	snapshotTxns    int
	retainSnapshots int
	segmentBytes    int64
	groupBytes      int
	rollCounter     uint32
	readsWait       bool // a read behind writes waits in the connection, instead of going to its place among them
	depth           int  // requests a client may have in flight
	weights         [actionKinds]int
	options         replica.Options
}

// zabTickMs is one tick of zab.
const zabTickMs = 10

// NewWorld returns a world in which nothing has happened yet. The same seed and options give the same history.
func NewWorld(seed uint64, o Options) *World {
	w := &World{seed: seed, rng: rand.New(rand.NewPCG(seed, 0x5eed)), trace: newTrace(o.Trace), faults: o.Faults, bugs: o.bugs}
	w.settings = w.drawSettings()
	w.judge.init(w)
	w.servers = append(w.servers, newServer(w, 1))
	if o.Clients == 0 {
		o.Clients = 1 + w.rng.IntN(5)
	}
	for i := range o.Clients {
		w.clients = append(w.clients, newClient(w, i))
	}
	return w
}

func (w *World) drawSettings() settings {
	s := settings{
		tickMs:          zabTickMs * int64(1+w.rng.IntN(4)),
		snapshotTxns:    5 + w.rng.IntN(100),
		retainSnapshots: 1 + w.rng.IntN(3),
		segmentBytes:    int64(4+w.rng.IntN(5)) * 4 << 10, // the largest request takes 13 KiB
		groupBytes:      1 + w.rng.IntN(8<<10),
		readsWait:       w.rng.IntN(2) == 0,
		depth:           1 + w.rng.IntN(8),
		options:         replica.Options{ExtendedTypes: w.rng.IntN(4) > 0, SkipACL: w.rng.IntN(8) == 0},
	}
	if w.rng.IntN(4) == 0 {
		s.rollCounter = uint32(3 + w.rng.IntN(200))
	}
	for kind := range s.weights {
		s.weights[kind] = 4 << w.rng.IntN(6)
	}
	s.weights[tickTime] = 1 << w.rng.IntN(4)
	return s
}

// Steps returns how many steps were taken.
func (w *World) Steps() int { return w.steps }

// Hash is that of everything that has happened: equal seeds give equal hashes.
func (w *World) Hash() uint64 { return w.trace.sum() }

// Stats returns what has happened so far.
func (w *World) Stats() Stats {
	w.stats.SimulatedMs = w.nowMs
	return w.stats
}

// Stats count what a simulation was made of.
type Stats struct {
	SimulatedMs                                    int64
	Txns, Reads, Sessions, Expired                 int
	Crashes, Kills, DiskFailures, Starts, Rollings int
	Snapshots, Links, Broken                       int
	RegisterOps                                    int
}

// Run takes steps, then lets the world come to rest, and returns the first promise that was broken, nil if none was.
func (w *World) Run(steps int) error {
	for range steps {
		if err := w.step(); err != nil {
			return w.violation(err)
		}
	}
	if err := w.rest(); err != nil {
		return w.violation(err)
	}
	return nil
}

func (w *World) violation(err error) error {
	return fmt.Errorf("seed %d, step %d, %d ms: %w", w.seed, w.steps, w.nowMs, err)
}

// step does one thing that could happen now.
func (w *World) step() error {
	w.steps++
	return w.do(w.choose())
}

// do does one thing, and checks what must hold after it.
func (w *World) do(a action) error {
	if err := w.perform(a); err != nil {
		return err
	}
	return w.settle()
}

// settle looks after servers whose disk has stopped or failed under them.
func (w *World) settle() error {
	for _, s := range w.servers {
		if err := s.settle(); err != nil {
			return err
		}
	}
	return nil
}

// restSteps bounds how long a world may take to come to rest.
const restSteps = 200_000

// rest ends all trouble, has everything answered and applied, and looks at what is left: then once more after a clean
// restart.
func (w *World) rest() error {
	w.quiet, w.faults = true, Faults{}
	for range restSteps {
		if w.resting() {
			return w.epilogue()
		}
		if err := w.step(); err != nil {
			return err
		}
	}
	return errors.New("the world does not come to rest: something waits for what never comes")
}

// resting reports whether every server serves and nobody waits for anything.
func (w *World) resting() bool {
	for _, s := range w.servers {
		if s.proc == nil || !s.proc.idle() {
			return false
		}
	}
	for _, c := range w.clients {
		if len(c.outstanding) > 0 || c.state == clientJoining {
			return false
		}
	}
	for _, l := range w.links {
		if len(l.up)+len(l.down) > 0 || l.upEnds || l.downEnds {
			return false
		}
	}
	return true
}

// epilogue compares every server with the model, restarts it cleanly, and compares again; then it judges the histories.
func (w *World) epilogue() error {
	for _, s := range w.servers {
		if err := s.proc.compareAll(); err != nil {
			return err
		}
		if err := s.stop(); err != nil {
			return err
		}
		if err := s.start(); err != nil {
			return err
		}
	}
	w.stats.RegisterOps = len(w.history.operations)
	return w.history.check()
}

// wallMs is what the wall clocks show.
func (w *World) wallMs() int64 { return 1_700_000_000_000 + w.nowMs + w.skewMs }

func (w *World) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

func (w *World) note(format string, args ...any) { w.trace.note(w.steps, w.nowMs, format, args...) }

// describe names a request in a few words.
func describe(q *replica.Request) string {
	if q.Op == replica.OpResume {
		return "resume"
	}
	if q.Op == replica.OpBarrier {
		return "barrier"
	}
	r := wire.NewReader(q.Body)
	if path := r.String(); q.Op != wire.OpMulti && q.Op != wire.OpCreateSession && q.Op != wire.OpCloseSession && r.Err() == nil {
		return fmt.Sprintf("%v %q", q.Op, path)
	}
	return q.Op.String()
}

// Add adds the counts of another world.
func (s *Stats) Add(o Stats) {
	s.SimulatedMs += o.SimulatedMs
	for _, c := range []struct {
		to   *int
		from int
	}{
		{&s.Txns, o.Txns}, {&s.Reads, o.Reads}, {&s.Sessions, o.Sessions}, {&s.Expired, o.Expired}, {&s.Crashes, o.Crashes},
		{&s.Kills, o.Kills}, {&s.DiskFailures, o.DiskFailures}, {&s.Starts, o.Starts}, {&s.Rollings, o.Rollings},
		{&s.Snapshots, o.Snapshots}, {&s.Links, o.Links}, {&s.Broken, o.Broken}, {&s.RegisterOps, o.RegisterOps},
	} {
		*c.to += c.from
	}
}
