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

func compareWithModel(seed uint64, o replica.Options) error {
	core, err := zab.New(zab.Config{ID: 1, Members: []zab.Member{{ID: 1}}, WindowEntries: -1}, zab.Durable{})
	if err != nil {
		return err
	}
	tr, sessions, tracker := tree.New(), session.NewTable(), session.NewTracker(1000)
	r, a, m := replica.New(core, tr, tracker, 0, nil, o), replica.NewApplier(tr, sessions, nil), NewModel(o)
	g := generator{rng: rand.New(rand.NewPCG(seed, 1))}
	var now replica.Moment
	for !r.Serving() {
		r.Tick(now)
		if rd := r.Ready(); rd.Epochs != (zab.Epochs{}) {
			r.EpochsPersisted(rd.Epochs)
		}
	}
	type proposal struct {
		req  replica.Request
		time int64
	}
	var proposals []proposal
	var committed []zab.Entry
	ids := []int64{101, 102, 103, 104}
	apply := func(n int) error {
		for _, e := range committed[:n] {
			p := proposals[0]
			proposals = proposals[1:]
			want := m.Do(&p.req, int64(e.Zxid), p.time)
			reply, _, err := a.Apply(nil, int64(e.Zxid), e.Data, true)
			if err != nil {
				return err
			}
			if !bytes.Equal(want.Txn, e.Data) {
				return fmt.Errorf("%v of session %d became\n%x, want\n%x", p.req.Op, p.req.Session, e.Data, want.Txn)
			}
			if !bytes.Equal(want.Reply, reply) {
				return fmt.Errorf("%v of session %d is answered\n%x, want\n%x", p.req.Op, p.req.Session, reply, want.Reply)
			}
		}
		committed = committed[n:]
		return m.Compare(tr, sessions)
	}
	for range 200 {
		now.WallMs += int64(g.pick(2))
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
		before := core.LastZxid()
		r.Submit(now, []replica.Request{req})
		rd := r.Ready()
		committed = append(committed, rd.Committed...)
		if consumed := core.LastZxid() != before; consumed != m.Consumes(&req) {
			return fmt.Errorf("%v %x consumed a zxid: %v", req.Op, req.Body, consumed)
		} else if consumed {
			proposals = append(proposals, proposal{req, now.WallMs})
		}
		if g.chance(30) {
			r.Persisted(core.LastZxid())
			committed = append(committed, r.Ready().Committed...)
		}
		if g.chance(30) {
			if err := apply(g.pick(len(committed) + 1)); err != nil {
				return err
			}
		}
		if g.chance(30) {
			r.Applied(tr.Zxid(), nil)
		}
	}
	r.Persisted(core.LastZxid())
	committed = append(committed, r.Ready().Committed...)
	return apply(len(committed))
}
