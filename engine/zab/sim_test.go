package zab

import (
	"bytes"
	"fmt"
	"math/rand/v2"
)

// The simulator: a whole ensemble of bare cores in one thread, from one seed. Its network delays, stalls and breaks links, its
// disks answer when they like and forget what they had not answered, its servers crash and come back. After every step the
// checks of sim_check_test.go hold; in the end, with all faults healed, everybody must agree and a new proposal must get through.

// world is one run.
type world struct {
	seed     uint64
	rng      *rand.Rand
	faults   faults
	servers  []*server // by place in the member list
	links    []*wire
	nextID   LinkID
	steps    int
	calm     bool // no faults any more
	scripted bool // no dice at all: a scenario decides what happens
	check    checker
	trace    *bytes.Buffer // nil: no trace
	bug      bug
}

// faults are what a world may do to its servers: chances per step.
type faults struct {
	crash, restart, cut, heal, breakLink, wrongReachable float64
	loseNotification, doubleNotification                 float64
	handOver, snapshot, sickDisk                         float64
}

var allFaults = faults{
	crash: 0.004, restart: 0.02, cut: 0.003, heal: 0.01, breakLink: 0.004, wrongReachable: 0.002,
	loseNotification: 0.05, doubleNotification: 0.05, handOver: 0.002, snapshot: 0.01, sickDisk: 0.003,
}

// scale makes a world rougher or milder.
func (f *faults) scale(by float64) {
	for _, p := range []*float64{&f.crash, &f.restart, &f.cut, &f.heal, &f.breakLink, &f.wrongReachable, &f.handOver, &f.snapshot, &f.sickDisk} {
		*p *= by
	}
}

// newWorld makes an ensemble of a shape that the seed chooses.
func newWorld(seed uint64, f faults) *world {
	w := &world{seed: seed, rng: rand.New(rand.NewPCG(seed, 0x5eed)), faults: f, nextID: 1}
	w.faults.scale([]float64{0.3, 1, 1, 2, 4}[w.rng.IntN(5)])
	members := w.chooseMembers()
	w.check = newChecker(w, newQuorum(members))
	roll := uint32(0)
	if w.chance(0.3) {
		roll = uint32(2 + w.rng.IntN(20))
	}
	for i, m := range newQuorum(members).members {
		cfg := Config{ID: m.ID, Members: members, Seed: seed + uint64(i), InitTicks: 60, SyncTicks: 30, PingTicks: 8, FinalizeTicks: 4,
			NotifyTicks: 4, NotifyMaxTicks: 16, RedialTicks: 2, ConnectTicks: 12, RollCounter: roll, PlainLinks: w.chance(0.2)}
		cfg.WindowEntries = []int{-1, 1, 3, 10, 500}[w.rng.IntN(5)]
		s := &server{w: w, index: i, id: m.ID, observer: m.Observer, cfg: cfg}
		if cfg.PlainLinks && w.chance(0.5) {
			s.quirks = bugCommitBeforeUpToDate // some leaders of the Java kind do, and a learner must bear it
		}
		w.servers = append(w.servers, s)
	}
	for _, s := range w.servers {
		s.start()
	}
	return w
}

// chooseMembers: mostly three or five voters, sometimes observers, weights or groups.
func (w *world) chooseMembers() (members []Member) {
	voters := []int{1, 2, 3, 3, 3, 3, 4, 5, 5, 5}[w.rng.IntN(10)]
	weighted, groups := w.chance(0.15), 1+2*w.rng.IntN(2)
	for i := range voters {
		m := Member{ID: ServerID(i + 1)}
		if weighted {
			m.Group, m.Weight = 1+i%groups, 1+w.rng.IntN(3)
			if i > 0 && w.chance(0.2) {
				m.Weight = 0
			}
		}
		members = append(members, m)
	}
	if voters > 1 && w.chance(0.3) {
		members = append(members, Member{ID: ServerID(voters + 1), Observer: true})
	}
	w.rng.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return members
}

func (w *world) chance(p float64) bool { return !w.scripted && w.rng.Float64() < p }

// run makes n steps with faults, then heals everything and waits for agreement. It returns the first broken promise.
func (w *world) run(n int) (err error) {
	defer func() {
		if r := recover(); r != nil {
			v, ok := r.(violation)
			if !ok {
				v = violation{"Assertion", fmt.Sprint(r)}
			}
			err = fmt.Errorf("seed %d, step %d: %s: %s", w.seed, w.steps, v.invariant, v.what)
		}
	}()
	for range n {
		w.step()
	}
	w.settle()
	return nil
}

// step lets one random server do one random thing, and now and then breaks something.
func (w *world) step() {
	w.steps++
	if !w.calm {
		w.misfortune()
	}
	s := w.servers[w.rng.IntN(len(w.servers))]
	if !s.up {
		return
	}
	switch r := w.rng.Float64(); {
	case r < 0.15:
		s.core.Tick()
	case r < 0.25 && len(s.tasks) > 0:
		s.doTask()
	case r < 0.45:
		s.disk.finishOne(s)
	case r < 0.53 && !w.calm:
		s.clientWrites()
	case r < 0.57:
		s.appSpeaks()
	default:
		s.hearSomething()
	}
	if s.up && (w.calm || w.chance(0.8)) {
		s.drain()
	}
	w.check.afterStep()
}

// misfortune rolls the dice for every fault.
func (w *world) misfortune() {
	f, s := &w.faults, w.servers[w.rng.IntN(len(w.servers))]
	r := w.rng.Float64()
	hit := func(p float64) bool {
		r -= p
		return r < 0 && r >= -p
	}
	switch {
	case hit(f.crash):
		if s.up {
			s.crash()
			if w.chance(0.5) {
				s.start()
			}
		}
	case hit(f.restart):
		if !s.up {
			s.start()
		}
	case hit(f.cut):
		w.cut(s)
	case hit(f.heal):
		w.heal()
	case hit(f.breakLink):
		if len(w.links) > 0 {
			w.links[w.rng.IntN(len(w.links))].break_()
		}
	case hit(f.wrongReachable):
		if s.up {
			peer := w.servers[w.rng.IntN(len(w.servers))]
			s.core.VoterReachable(peer.id, w.chance(0.5))
		}
	case hit(f.handOver):
		if s.up && s.core.Role() == Leading {
			s.handOver()
		}
	case hit(f.sickDisk):
		s.slowDisk = []float64{0, 0, 0.9, 0.99}[w.rng.IntN(4)]
	case hit(f.snapshot):
		if s.up {
			s.takeSnapshot()
		}
	}
}

// cut partitions s off: from all or from some, in both directions or in one.
func (w *world) cut(s *server) {
	oneWay := w.rng.IntN(3)
	for _, o := range w.servers {
		if o == s || w.chance(0.3) {
			continue
		}
		if oneWay != 1 {
			s.deafTo = s.deafTo.with(o.index)
		}
		if oneWay != 2 {
			o.deafTo = o.deafTo.with(s.index)
		}
	}
	w.log("cut off %d", s.id)
}

func (w *world) heal() {
	for _, s := range w.servers {
		s.deafTo = 0
	}
	w.log("heal")
}

// settle ends all faults and demands liveness.
func (w *world) settle() {
	w.calm = true
	w.heal()
	for _, s := range w.servers {
		if !s.up {
			s.start()
		}
	}
	const limit = 40_000
	var last Zxid
	for i := range limit {
		w.step()
		if i%50 != 0 {
			continue
		}
		leader := w.leader()
		if leader != nil && (last == 0 || w.check.lost(last, leader)) {
			last, _ = leader.propose()
		}
		if last != 0 && w.check.everybodyHas(last) {
			return
		}
	}
	w.fail("Liveness", "no agreement %d steps after everything was healed:%s", limit, w.describe())
}

// leader returns a server that leads in broadcast, if there is one.
func (w *world) leader() *server {
	for _, s := range w.servers {
		if s.up && s.core.Role() == Leading && s.core.Phase() == Broadcast {
			return s
		}
	}
	return nil
}

func (w *world) describe() string {
	var b bytes.Buffer
	for _, s := range w.servers {
		fmt.Fprintf(&b, "\n  %d: ", s.id)
		if !s.up {
			b.WriteString("down")
			continue
		}
		c := s.core
		fmt.Fprintf(&b, "%v %v of %d, epoch %d, log to %v, persisted %v, committed %v, follow %+v", c.Role(), c.Phase(), c.Leader(), c.Epoch(),
			c.hist.last, c.hist.persisted, c.hist.committed, c.follow)
		for _, l := range c.learners {
			fmt.Fprintf(&b, "\n       learner %+v", *l)
		}
	}
	return b.String()
}

// log adds a line to the trace.
func (w *world) log(format string, args ...any) {
	if w.trace != nil {
		if !w.scripted {
			fmt.Fprintf(w.trace, "%d ", w.steps)
		}
		fmt.Fprintf(w.trace, format, args...)
		w.trace.WriteByte('\n')
	}
}

// violation is a broken promise; it travels as a panic to world.run.
type violation struct{ invariant, what string }

func (w *world) fail(invariant, format string, args ...any) {
	panic(violation{invariant, fmt.Sprintf(format, args...)})
}

// useBug breaks a rule in every server.
func (w *world) useBug(b bug) {
	w.bug = b
	for _, s := range w.servers {
		s.core.bug = b | s.quirks
	}
}
