package replica

import (
	"fmt"
	"testing"

	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// When zab takes no proposal, because the epoch's numbers are used up, the request is refused as if it had never been
// prepared: once the next epoch has begun nothing is left of it.
func TestARefusedProposalLeavesNothingPending(t *testing.T) {
	const room = 12 // proposals an epoch
	b := newBedWith(t, Options{}, zab.Config{ID: 1, Members: []zab.Member{{ID: 1}}, WindowEntries: -1, RollCounter: room + 1})
	b.ok(b.create("/q", wire.Persistent))
	accepted, refused := 0, 0
	for i := range 200 {
		req := b.create("/q/n", wire.PersistentSequential)
		switch i % 4 {
		case 1:
			req = b.multi(b.create("/q/n", wire.PersistentSequential), b.set("/q", fmt.Sprint(i)))
		case 2:
			req = b.create(fmt.Sprintf("/e%d", i), wire.Ephemeral)
		}
		out := b.propose(req)
		switch {
		case out.zxid != 0 && out.code == wire.OK:
			if accepted++; i%4 != 2 {
				continue
			}
		case out.zxid == 0 && out.code == wire.ConnectionLoss:
			refused++
			if again := b.propose(b.create("/late", wire.Persistent)); again.code != wire.ConnectionLoss {
				t.Fatalf("%v while the epoch rolls", again.code)
			}
		default:
			t.Fatalf("request %d: %v with zxid %v", i, out.code, out.zxid)
		}
		b.persist()
		b.apply(len(b.committed))
		b.elect()
		b.release()
	}
	b.settle()
	if refused == 0 || b.core.Epoch() < 10 {
		t.Fatalf("%d refused, epoch %d: the test did not get where it wanted", refused, b.core.Epoch())
	}
	if n := len(b.replica.prepare.pending.index); n != 0 {
		t.Fatalf("%d znodes are pending", n)
	}
	if b.exists("/late") {
		t.Fatal("a refused create happened")
	}
	v := b.tree.View("/q")
	children, cversion := v.NumChildren(), v.Info().Cversion
	v.Close()
	if children != cversion {
		t.Fatalf("%d children, numbered up to %d: a number was lost", children, cversion)
	}
}

// A session that is due while zab takes no proposal expires as soon as it takes some again; a close that was refused has
// not begun.
func TestSessionsExpireAfterTheRoll(t *testing.T) {
	const room = 4
	b := newBedWith(t, Options{}, zab.Config{ID: 1, Members: []zab.Member{{ID: 1}}, WindowEntries: -1, RollCounter: room + 1})
	b.do(b.create("/mine", wire.Ephemeral)).is(wire.OK)
	for b.propose(b.multi()).zxid != 0 { // until the numbers of the epoch are used up
	}
	if out := b.propose(b.close(bob)); out.code != wire.ConnectionLoss || b.tracker.Closing(bob) {
		t.Fatalf("close: %v, closing %v", out.code, b.tracker.Closing(bob))
	}
	b.propose(resume(alice, 4000))
	b.now.MonoMs += 10_000
	b.replica.Tick(b.now)
	if !b.replica.Serving() || len(b.replica.expired) != 1 {
		t.Fatalf("%#x are due and refused, want alice", b.replica.expired)
	}
	if out := b.propose(resume(alice, 4000)); out.code != wire.ConnectionLoss {
		t.Fatalf("resume of a session whose close is not in the order yet: %v", out.code)
	}
	b.persist()
	b.elect()
	first := len(b.history) + len(b.committed)
	b.do(b.create("/late", wire.Persistent)).is(wire.SessionExpired) // and behind its closeSession, as anybody can see
	var h wire.TxnHeader
	if r := wire.NewReader(b.history[first].Data); h.Decode(&r) != nil || h.Type != wire.OpCloseSession || h.ClientID != alice {
		t.Fatalf("the epoch begins with %+v", h)
	}
	if b.sessions.Has(alice) || b.exists("/mine") {
		t.Fatal("the session never expired")
	}
	if !b.sessions.Has(bob) || b.tracker.Closing(bob) {
		t.Fatal("bob, whose close was refused, is gone")
	}
	b.do(as(bob, b.create("/bobs", wire.Ephemeral))).is(wire.OK)
}

// A connection of which a request was given up gets nothing executed any more until it is closed: else a later write of a
// client would be there, and an earlier one not.
func TestNothingIsExecutedBehindARequestThatWasGivenUp(t *testing.T) {
	const room = 4
	b := newBedWith(t, Options{}, zab.Config{ID: 1, Members: []zab.Member{{ID: 1}}, WindowEntries: -1, RollCounter: room + 1})
	lost, other := Origin{Loop: 1, Conn: 7}, Origin{Loop: 1, Conn: 8}
	from := func(o Origin, req Request) Request {
		req.Origin = o
		return req
	}
	for b.propose(from(other, b.multi())).awaited.Zxid != int64(zab.MakeZxid(1, room)) {
	}
	if out := b.propose(from(lost, b.create("/first", wire.Persistent))); out.code != wire.ConnectionLoss {
		t.Fatalf("%v when the epoch is full", out.code)
	}
	b.persist()
	b.elect()
	behind := []Request{b.create("/second", wire.Persistent), resume(alice, 5000), b.by(alice, wire.OpSync, nil), b.close(alice)}
	for _, req := range behind {
		if out := b.propose(from(lost, req)); out.code != wire.ConnectionLoss {
			t.Fatalf("%v behind what was given up: %v", req.Op, out.code)
		}
	}
	b.propose(from(other, b.create("/others", wire.Persistent))).is(wire.OK)
	if out := b.propose(Request{Op: OpBarrier, Origin: lost}); out.code != wire.OK {
		t.Fatalf("barrier: %v", out.code)
	}
	b.propose(from(lost, b.create("/next", wire.Persistent))).is(wire.OK) // another connection of that number
	b.settle()
	if b.exists("/second") {
		t.Fatal("the later write is there, the earlier one is not")
	}
}
