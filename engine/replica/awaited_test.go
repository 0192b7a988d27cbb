package replica

import (
	"fmt"
	"testing"

	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// Every request is answered exactly once, in the order of submission: transactions when they are applied, the others when
// all before them is.
func TestEveryRequestIsAnsweredOnceInOrder(t *testing.T) {
	b := newBed(t, Options{})
	broken := b.create("/x", wire.Persistent)
	broken.Body = broken.Body[:3]
	read := b.by(alice, wire.OpGetData, &wire.PathWatch{Path: "/a"})
	requests := []Request{
		resume(alice, 5000), b.create("/a", wire.Persistent), broken, read, b.create("/a", wire.Persistent),
		{Op: OpBarrier}, {Op: OpBarrier}, b.multi(), resume(stranger, 5000), b.close(bob), b.delete("/a"), broken,
	}
	for i := range requests {
		requests[i].Origin = Origin{Loop: 1, Conn: uint32(i + 1)}
		requests[i].Received = int64(i + 1)
	}
	first := b.core.LastZxid()
	b.answers = nil
	b.replica.Submit(b.now, requests)
	b.collect()
	b.settle()
	codes := []wire.Code{0, 0, wire.MarshallingError, 0, 0, 0, 0, 0, wire.SessionExpired, 0, 0, wire.MarshallingError}
	consumed := []zab.Zxid{0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5} // so many before it and with it
	if len(b.answers) != len(requests) {
		t.Fatalf("%d answers to %d requests", len(b.answers), len(requests))
	}
	for i, a := range b.answers {
		want := Awaited{Origin: requests[i].Origin, Session: requests[i].Session, Cxid: requests[i].Cxid, Op: requests[i].Op,
			Received: int64(i + 1), Code: codes[i]}
		if place := int64(first + consumed[i]); a.reply != nil {
			want.Zxid = place
		} else {
			want.Barrier, want.After = true, place
			want.Body, want.IDs = requests[i].Body, requests[i].IDs
		}
		if fmt.Sprint(a.Awaited) != fmt.Sprint(want) {
			t.Errorf("answer %d: %+v, want %+v", i, a.Awaited, want)
		}
	}
}

// A read goes to its place among the writes of its session, with all that is needed to execute it there.
func TestAReadKeepsItsPlace(t *testing.T) {
	b := newBed(t, Options{})
	before := b.propose(b.create("/a", wire.Persistent))
	for _, op := range []wire.OpCode{wire.OpGetData, wire.OpExists, wire.OpGetChildren2, wire.OpSync, wire.OpPing, wire.OpMultiRead} {
		q := b.by(alice, op, &wire.PathWatch{Path: "/a"})
		out := b.propose(q)
		if w := out.awaited; out.zxid != 0 || w.Code != wire.OK || w.Op != op || w.After != int64(before.zxid) ||
			string(w.Body) != string(q.Body) || len(w.IDs) != len(identities[alice]) {
			t.Errorf("%v: %+v", op, w)
		}
	}
	b.settle()
}

// An expired session's closeSession has cxid 0. A client's request may have cxid 0 too, and must not be taken for answered
// by it: the client would believe in a write that never happened.
func TestExpiryDoesNotAnswerARequestWithXidZero(t *testing.T) {
	b := newBed(t, Options{})
	b.do(resume(alice, 4000))
	b.now.MonoMs += 6000
	b.replica.Tick(b.now)
	late := b.set("/zookeeper", "x")
	late.Cxid, late.Origin = 0, Origin{Loop: 1, Conn: 1}
	b.answers = nil
	b.replica.Submit(b.now, []Request{late})
	b.collect()
	b.settle()
	if len(b.answers) != 1 {
		t.Fatalf("%d answers", len(b.answers))
	}
	r := wire.NewReader(b.answers[0].reply[wire.FrameHeaderSize:])
	var h wire.ReplyHeader
	if err := h.Decode(&r); err != nil || h.Err != wire.SessionExpired {
		t.Fatalf("the answer is %+v, want %v", h, wire.SessionExpired)
	}
}

// The rule of who is meant by a transaction, as a forwarder knows it and as the maker does.
func TestBecomes(t *testing.T) {
	txn := (&wire.TxnHeader{ClientID: alice, Cxid: 7, Zxid: 100, Type: wire.OpDelete}).Append(nil)
	cases := []struct {
		name string
		w    Awaited
		want bool
	}{
		{"session and cxid", Awaited{Session: alice, Cxid: 7}, true},
		{"session, cxid and zxid", Awaited{Session: alice, Cxid: 7, Zxid: 100}, true},
		{"another zxid", Awaited{Session: alice, Cxid: 7, Zxid: 101}, false},
		{"another cxid", Awaited{Session: alice, Cxid: 8}, false},
		{"another session", Awaited{Session: bob, Cxid: 7}, false},
		{"a barrier", Awaited{Session: alice, Cxid: 7, Barrier: true}, false},
	}
	for _, c := range cases {
		if got := c.w.Becomes(100, txn); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if (&Awaited{}).Becomes(100, make([]byte, 11)) {
		t.Error("eleven bytes are no transaction")
	}
}

// What Ready returned stays as it is until the next Ready, whatever is submitted meanwhile.
func TestReadyIsValidUntilTheNext(t *testing.T) {
	b := newBed(t, Options{})
	b.replica.Submit(b.now, []Request{{Op: OpBarrier, Origin: Origin{Loop: 1, Conn: 1}}})
	rd := b.replica.Ready()
	b.replica.Submit(b.now, []Request{{Op: OpBarrier, Origin: Origin{Loop: 2, Conn: 2}}})
	if got := rd.Awaited[0].Origin; got.Conn != 1 {
		t.Fatalf("%+v", got)
	}
	if got := b.replica.Ready().Awaited[0].Origin; got.Conn != 2 {
		t.Fatalf("%+v", got)
	}
}

// A server that does not lead refuses with ConnectionLoss and keeps no trace.
func TestAServerThatDoesNotLeadRefuses(t *testing.T) {
	b := newBed(t, Options{})
	core, err := zab.New(zab.Config{ID: 1, Members: []zab.Member{{ID: 1}}}, zab.Durable{})
	if err != nil {
		t.Fatal(err)
	}
	r := New(core, b.tree, b.tracker, 77, nil, Options{})
	origin := Origin{Loop: 1, Conn: 1}
	r.Submit(b.now, []Request{
		{Session: alice, Op: wire.OpCloseSession, Origin: origin}, {Session: alice, Op: OpResume, Origin: origin},
		{Op: OpBarrier, Origin: origin}, {Session: alice, Op: wire.OpCloseSession},
	})
	for i, w := range r.Ready().Awaited {
		want := []wire.Code{wire.ConnectionLoss, wire.ConnectionLoss, wire.OK}[i]
		if !w.Barrier || w.Code != want || w.After != 77 {
			t.Errorf("%d: %+v, want %v", i, w, want)
		}
	}
	if b.tracker.Closing(alice) {
		t.Error("the session is closing")
	}
}
