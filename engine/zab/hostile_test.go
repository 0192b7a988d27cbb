package zab

import (
	"math/rand/v2"
	"testing"
)

// A peer that says anything at all, on any link it can get, never panics a server and never makes its history inconsistent.
// (It can lie about its own disk, or claim to be the leader that everybody elected: nobody can tell that.)
func TestNoMessagePanicsOrCorrupts(t *testing.T) {
	for seed := range uint64(100) {
		hostile(t, seed, 3000)
	}
}

func FuzzStep(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { hostile(t, seed, 1000) })
}

// hostile runs a world in which now and then a message nobody sent arrives. Promises to clients may break (a liar took part);
// assertions may not.
func hostile(t *testing.T, seed uint64, steps int) {
	w := newWorld(seed, allFaults)
	rng := rand.New(rand.NewPCG(seed, 0xbad))
	for step := range steps {
		if !w.survives(w.step) {
			return // a promise was broken: the liar was believed
		}
		s := w.servers[rng.IntN(len(w.servers))]
		if !s.up || rng.IntN(10) > 0 {
			continue
		}
		m := w.lie(rng, s)
		if !w.survives(func() {
			if err := s.core.Step(m); err != nil {
				w.drop(s, m.Link)
			}
			if err := s.core.hist.check(); err != nil {
				t.Fatalf("seed %d, step %d: %v: %v", seed, step, m, err)
			}
			s.drain()
		}) {
			return
		}
	}
}

// survives runs f; it reports whether all promises held, and lets other panics pass.
func (w *world) survives(f func()) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, broken := r.(violation); !broken {
				panic(r)
			}
		}
	}()
	f()
	return true
}

// lie makes up a message to s: nonsense, or a plausible one that is a little off.
func (w *world) lie(rng *rand.Rand, s *server) Message {
	c := s.core
	pick := func(z ...Zxid) Zxid { return z[rng.IntN(len(z))] }
	zxid := func() Zxid {
		e := c.state.Epoch
		return pick(0, 1, c.hist.last, c.hist.last+1, c.hist.committed, c.hist.base, MakeZxid(e, 0), MakeZxid(e, 1), MakeZxid(e+1, 1), unknownZxid,
			noZxid, c.hist.last+Zxid(rng.IntN(5)), Zxid(rng.Uint64()))
	}
	number := func() int64 {
		return int64(pick(0, 1, Zxid(c.state.Epoch), Zxid(c.state.Epoch)+1, Zxid(c.asked.Accepted), unknownZxid, noZxid, 1<<31, Zxid(rng.Uint64())))
	}
	m := Message{Kind: Kind(rng.IntN(int(Handover) + 3)), State: Role(rng.IntN(6) - 1), Extended: rng.IntN(2) == 0, Version: int32(rng.IntN(3)),
		From: w.servers[rng.IntN(len(w.servers))].id, To: s.id, Zxid: zxid(), First: zxid(), Commit: zxid(), Floor: zxid(), Epoch: number(),
		Vote: Vote{Leader: ServerID(number()), Zxid: zxid(), PeerEpoch: number()}, Round: uint64(number())}
	if rng.IntN(2) == 0 {
		m.Vote.Leader = w.servers[rng.IntN(len(w.servers))].id
	}
	if rng.IntN(8) == 0 {
		m.From = ServerID(number())
	}
	links := []LinkID{c.follow.link, LinkID(rng.IntN(5)), LinkID(rng.Uint64())}
	for _, l := range c.learners {
		links = append(links, l.link)
		if rng.IntN(2) == 0 {
			m.Link, m.From = l.link, l.peer
		}
	}
	if m.Link == 0 {
		m.Link = links[rng.IntN(len(links))]
	}
	if m.Link == c.follow.link && m.Link != 0 && rng.IntN(4) > 0 {
		m.From = c.Leader()
	}
	for range rng.IntN(4) {
		m.Entries = append(m.Entries, Entry{zxid(), []byte("lie")})
	}
	if m.Kind == App || m.Kind == Ping {
		m.Kind = Commit // the harness reads what it wrote
	}
	return m
}
