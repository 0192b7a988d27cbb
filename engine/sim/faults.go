package sim

import (
	"errors"
	"math/rand/v2"

	"bellwether/wal/memfs"
)

// Faults are the probabilities, a step each, of what may go wrong.
type Faults struct {
	Crash     float64 // a machine loses power: what was not synced is lost, torn, reordered
	CrashCall float64 // the same, in the middle of one of the next I/O calls
	Kill      float64 // a process dies, its machine lives
	Stop      float64 // a process is stopped and ends as it should
	FailCall  float64 // one of the next I/O calls fails
	FullDisk  float64 // no file can grow for some time
	SlowDisk  float64 // the next sync takes long
	Cut       float64 // a link breaks
	Jump      float64 // the wall clocks jump
}

func (f *Faults) total() float64 {
	return f.Crash + f.CrashCall + f.Kill + f.Stop + f.FailCall + f.FullDisk + f.SlowDisk + f.Cut + f.Jump
}

// AllFaults draws how often each fault happens; in some worlds some never do.
func AllFaults(seed uint64) Faults {
	rng := rand.New(rand.NewPCG(seed, 0xfa017))
	draw := func(most float64) float64 {
		if rng.IntN(4) == 0 {
			return 0
		}
		return most * rng.Float64()
	}
	return Faults{
		Crash: draw(0.001), CrashCall: draw(0.001), Kill: draw(0.0005), Stop: draw(0.0002), FailCall: draw(0.0005),
		FullDisk: draw(0.0003), SlowDisk: draw(0.005), Cut: draw(0.003), Jump: draw(0.001),
	}
}

// errInjected is what a call fails with that a simulation has made fail.
var errInjected = errors.New("sim: the disk fails")

// trouble makes one of the faults happen, drawn by their probabilities.
func (w *World) trouble(s *server) error {
	f := &w.faults
	x := w.rng.Float64() * f.total()
	for _, t := range []struct {
		p    float64
		make func(*server) error
	}{
		{f.Crash, (*server).crash},
		{f.CrashCall, (*server).armCrash},
		{f.Kill, (*server).kill},
		{f.Stop, (*server).stop},
		{f.FailCall, (*server).armFailure},
		{f.FullDisk, (*server).fillUp},
		{f.SlowDisk, (*server).slowDown},
		{f.Cut, func(*server) error { w.cut(); return nil }},
		{f.Jump, func(*server) error { w.jump(); return nil }},
	} {
		if x -= t.p; x < 0 {
			return t.make(s)
		}
	}
	return nil
}

// armCrash lets the machine stop during one of its next I/O calls.
func (s *server) armCrash() error {
	s.w.note("s%d: will crash in an I/O call", s.id)
	s.failAt = 0
	s.disk.SetFaults(memfs.Faults{CrashAt: s.disk.Calls() + 1 + uint64(s.w.rng.IntN(30))})
	return nil
}

// armFailure lets one of the next I/O calls fail.
func (s *server) armFailure() error {
	s.w.note("s%d: an I/O call will fail", s.id)
	s.failAt = s.disk.Calls() + 1 + uint64(s.w.rng.IntN(20))
	s.disk.SetFaults(memfs.Faults{FailAt: s.failAt, Err: errInjected, Short: s.w.rng.IntN(2) == 0})
	return nil
}

// fillUp leaves no room on the disk for some time. Segments have their room already, so writes go on until the next one is
// needed.
func (s *server) fillUp() error {
	s.fullUntilMs = s.w.nowMs + int64(s.w.rng.IntN(int(20*s.w.settings.tickMs)))
	s.w.note("s%d: the disk is full until %d ms", s.id, s.fullUntilMs)
	s.failAt = 0
	s.disk.SetFaults(memfs.Faults{Capacity: 1})
	return nil
}

// makeRoom ends what fillUp has begun when the time has come, or when all trouble is to end.
func (s *server) makeRoom() {
	if s.fullUntilMs != 0 && (s.w.nowMs >= s.fullUntilMs || s.w.quiet) {
		s.fullUntilMs = 0
		s.w.note("s%d: the disk has room again", s.id)
		s.disk.SetFaults(memfs.Faults{})
	}
}

// slowDown makes the next sync take long, compared with the timeouts of sessions.
func (s *server) slowDown() error {
	if s.proc != nil {
		longest := 4 * s.w.settings.tickMs
		if s.w.rng.IntN(8) == 0 {
			longest *= 10
		}
		s.proc.commit.readyAtMs = s.w.nowMs + int64(s.w.rng.IntN(int(longest)))
		s.w.note("s%d: the disk is slow until %d ms", s.id, s.proc.commit.readyAtMs)
	}
	return nil
}

// cut breaks a link: either side has got what it has got and hears no more.
func (w *World) cut() {
	if len(w.links) == 0 {
		return
	}
	l := w.links[w.rng.IntN(len(w.links))]
	w.note("%v breaks", l)
	w.stats.Broken++
	l.up = l.up[:w.rng.IntN(len(l.up)+1)]
	l.down = l.down[:w.rng.IntN(len(l.down)+1)]
	l.upEnds, l.downEnds = true, true
}

// jump moves the wall clocks, forwards or backwards.
func (w *World) jump() {
	w.skewMs += int64(w.rng.IntN(20_000)) - 10_000
	w.note("wall clocks are wrong by %d ms", w.skewMs)
}
