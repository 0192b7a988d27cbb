package sim

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"bellwether/engine/replica"
	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// What replica makes of random requests, prepared ahead of a tree that lags, is what the model makes of them one by one:
// the same transactions, replies and tree, to the byte.
func TestReplicaDoesWhatTheModelDoes(t *testing.T) {
	seeds := uint64(200)
	if testing.Short() {
		seeds = 40
	}
	for seed := range seeds {
		for _, o := range []replica.Options{{ExtendedTypes: true}, {SkipACL: true}} {
			if err := compareWithModel(seed, o); err != nil {
				t.Fatalf("seed %d, %+v: %v", seed, o, err)
			}
		}
	}
}

// pair is a replica and a model that get the same requests.
type pair struct {
	core      *zab.Core
	replica   *replica.Replica
	applier   *replica.Applier
	tree      *tree.Tree
	sessions  *session.Table
	model     *Model
	now       replica.Moment
	proposals []proposal
	committed []zab.Entry
}

func newPair(o replica.Options) (*pair, error) {
	core, err := zab.New(zab.Config{ID: 1, Members: []zab.Member{{ID: 1}}, WindowEntries: -1}, zab.Durable{})
	if err != nil {
		return nil, err
	}
	p := &pair{core: core, tree: tree.New(), sessions: session.NewTable(), model: NewModel(o)}
	p.replica = replica.New(core, p.tree, session.NewTracker(1000), 0, nil, o)
	p.applier = replica.NewApplier(p.tree, p.sessions, nil)
	for !p.replica.Serving() {
		p.replica.Tick(p.now)
		if rd := p.replica.Ready(); rd.Epochs != (zab.Epochs{}) {
			p.replica.EpochsPersisted(rd.Epochs)
		}
	}
	return p, nil
}

// submit gives the replica a request.
func (p *pair) submit(req replica.Request) error {
	before := p.core.LastZxid()
	p.replica.Submit(p.now, []replica.Request{req})
	p.committed = append(p.committed, p.replica.Ready().Committed...)
	consumed := p.core.LastZxid() != before
	if consumed != p.model.Consumes(&req) {
		return fmt.Errorf("%v %x consumed a zxid: %v", req.Op, req.Body, consumed)
	}
	if consumed {
		p.proposals = append(p.proposals, proposal{q: req, timeMs: p.now.WallMs})
	}
	return nil
}

// persist commits everything proposed.
func (p *pair) persist() {
	p.replica.Persisted(p.core.LastZxid())
	p.committed = append(p.committed, p.replica.Ready().Committed...)
}

// apply applies n transactions to both, and compares what comes of it.
func (p *pair) apply(n int) error {
	for _, e := range p.committed[:n] {
		o := p.proposals[0]
		p.proposals = p.proposals[1:]
		want := p.model.Do(&o.q, int64(e.Zxid), o.timeMs)
		reply, _, err := p.applier.Apply(nil, int64(e.Zxid), e.Data, true)
		if err != nil {
			return err
		}
		if !bytes.Equal(want.Txn, e.Data) {
			return fmt.Errorf("%v of session %d became\n%x, want\n%x", o.q.Op, o.q.Session, e.Data, want.Txn)
		}
		if !bytes.Equal(want.Reply, reply) {
			return fmt.Errorf("%v of session %d is answered\n%x, want\n%x", o.q.Op, o.q.Session, reply, want.Reply)
		}
	}
	p.committed = p.committed[n:]
	return p.model.Compare(p.tree, p.sessions)
}

func compareWithModel(seed uint64, o replica.Options) error {
	p, err := newPair(o)
	if err != nil {
		return err
	}
	g := generator{rng: rand.New(rand.NewPCG(seed, 1))}
	ids := []int64{101, 102, 103, 104}
	for range 200 {
		p.now.WallMs += int64(g.pick(2))
		n := g.pick(len(ids))
		q := g.write()
		req := replica.Request{Session: ids[n], Cxid: int32(g.pick(1000)), Op: q.op, Body: q.body, IDs: identities(n)}
		switch {
		case g.chance(5):
			ids[n] += 10
			req.Session, req.Op, req.Body = ids[n], wire.OpCreateSession, wire.AppendInt(nil, int32(g.pick(9000)))
		case g.chance(3):
			req.Op = wire.OpCloseSession
		case g.chance(3):
			req.Session, req.Op, req.Body = 0, wire.OpDeleteContainer, wire.AppendString(nil, g.path())
		}
		if err := p.submit(req); err != nil {
			return err
		}
		if g.chance(30) {
			p.persist()
		}
		if g.chance(30) {
			if err := p.apply(g.pick(len(p.committed) + 1)); err != nil {
				return err
			}
		}
		if g.chance(30) {
			p.replica.Applied(p.tree.Zxid(), nil)
		}
	}
	p.persist()
	return p.apply(len(p.committed))
}

// Whatever bytes a client sends, replica and model make the same of them. The input is requests, each its operation, the
// length of its body, and the body.
func FuzzRequests(f *testing.F) {
	g := generator{rng: rand.New(rand.NewPCG(1, 1))}
	for range 50 {
		var in []byte
		for range 5 {
			q := g.write()
			in = append(in, byte(q.op), byte(min(len(q.body), 255)))
			in = append(in, q.body[:min(len(q.body), 255)]...)
		}
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := newPair(replica.Options{ExtendedTypes: true})
		if err != nil {
			t.Fatal(err)
		}
		err = p.submit(replica.Request{Session: 7, Op: wire.OpCreateSession, Body: []byte{0, 0, 9, 9}})
		for len(in) >= 2 && err == nil {
			op, size := wire.OpCode(in[0]), min(int(in[1]), len(in)-2)
			if op.IsWrite() {
				err = p.submit(replica.Request{Session: 7, Op: op, Body: in[2 : 2+size], IDs: identities(2)})
			}
			in = in[2+size:]
		}
		if p.persist(); err == nil {
			err = p.apply(len(p.committed))
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}
