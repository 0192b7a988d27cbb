package replica

import (
	"testing"

	"bellwether/engine/wire"
)

func resume(id int64, timeoutMs int32) Request {
	return Request{Session: id, Op: OpResume, Body: wire.AppendInt(nil, timeoutMs)}
}

// A session exists for the requests behind its createSession before anything is applied.
func TestASessionMayWriteBeforeItIsApplied(t *testing.T) {
	b := newBed(t, Options{})
	const carol = 0x1_00000003
	b.propose(Request{Session: carol, Op: wire.OpCreateSession, Body: wire.AppendInt(nil, 8000)}).is(wire.OK).
		body(&wire.CreateSessionTxn{Timeout: 8000})
	b.propose(as(carol, b.create("/mine", wire.Ephemeral))).is(wire.OK)
	b.settle()
	if ms, ok := b.sessions.Timeout(carol); !ok || ms != 8000 {
		t.Fatalf("session table: %d ms, %v", ms, ok)
	}
	if st := b.stat("/mine"); st.EphemeralOwner != carol {
		t.Fatalf("%+v", st)
	}
}

// closeSession lists, in order, the ephemerals that the session will own at its place in the order: those applied and
// those pending, not those deleted meanwhile, by whomever, nor others' of the same name.
func TestClosingListsWhatTheSessionWillOwn(t *testing.T) {
	b := newBed(t, Options{})
	for _, path := range []string{"/applied", "/deleted", "/replaced", "/handed"} {
		b.ok(b.create(path, wire.Ephemeral))
	}
	b.ok(b.create("/dir", wire.Persistent))
	b.propose(b.create("/dir/pending", wire.Ephemeral)).is(wire.OK)
	b.propose(b.create("/dir/s", wire.EphemeralSequential)).is(wire.OK)
	b.propose(b.create("/brief", wire.Ephemeral)).is(wire.OK)
	b.propose(as(bob, b.delete("/brief"))).is(wire.OK)
	b.propose(as(bob, b.delete("/deleted"))).is(wire.OK)
	b.propose(b.multi(b.delete("/replaced"), b.create("/replaced", wire.Ephemeral))).is(wire.OK)
	b.propose(b.delete("/handed")).is(wire.OK)
	b.propose(as(bob, b.create("/handed", wire.Ephemeral))).is(wire.OK)
	b.propose(b.multi(b.create("/never", wire.Ephemeral), b.delete("/none"))).is(wire.OK)
	b.propose(b.close(alice)).is(wire.OK).
		body(&wire.CloseSessionTxn{Paths: []string{"/applied", "/dir/pending", "/dir/s0000000001", "/replaced"}})
	b.propose(as(bob, b.create("/applied", wire.Ephemeral))).is(wire.OK)
	b.settle()
	if b.sessions.Has(alice) || b.tracker.Known(alice) {
		t.Fatal("the session is still there")
	}
	for path, owner := range map[string]int64{"/handed": bob, "/applied": bob} {
		if st := b.stat(path); st.EphemeralOwner != owner {
			t.Errorf("%s: %+v", path, st)
		}
	}
	if st := b.stat("/dir"); st.NumChildren != 0 || st.Cversion != 4 {
		t.Errorf("/dir: %+v", st)
	}
	if paths := b.tree.Ephemerals(nil, alice); len(paths) != 0 {
		t.Errorf("ephemerals left: %q", paths)
	}
}

// All ephemerals go in one transaction: every parent gets its zxid as pzxid.
func TestClosingIsOneStep(t *testing.T) {
	b := newBed(t, Options{})
	b.ok(b.create("/a", wire.Persistent))
	b.ok(b.create("/b", wire.Persistent))
	b.ok(b.create("/a/e", wire.Ephemeral))
	b.ok(b.create("/b/e", wire.Ephemeral))
	out := b.ok(b.close(alice))
	for _, path := range []string{"/a", "/b"} {
		if st := b.stat(path); st.Pzxid != int64(out.zxid) || st.NumChildren != 0 || st.Cversion != 2 {
			t.Errorf("%s: %+v", path, st)
		}
	}
	want := wire.AppendReply(nil, b.cxid, int64(out.zxid), wire.OK)
	if string(out.reply) != string(want) {
		t.Errorf("reply %x, want %x", out.reply, want)
	}
}

// A closeSession always says what goes with it, also if that is nothing: without a list others would have to guess.
func TestClosingWithoutEphemeralsListsNone(t *testing.T) {
	b := newBed(t, Options{})
	b.ok(b.close(alice)).body(&wire.CloseSessionTxn{Paths: []string{}})
	b.ok(b.close(bob)).body(&wire.CloseSessionTxn{Paths: []string{}})
}

// Behind its closeSession a session's requests are refused, each with a zxid of its own, before and after it is applied;
// closing again is no error.
func TestAClosingSessionIsRefused(t *testing.T) {
	b := newBed(t, Options{})
	b.propose(b.close(alice)).is(wire.OK)
	b.propose(b.create("/a", wire.Ephemeral)).is(wire.SessionExpired)
	b.propose(b.close(alice)).is(wire.OK).body(&wire.CloseSessionTxn{Paths: []string{}})
	if out := b.propose(resume(alice, 5000)); out.zxid != 0 || out.code != wire.SessionExpired {
		t.Fatalf("resume: %v with zxid %v", out.code, out.zxid)
	}
	b.settle()
	b.do(b.create("/a", wire.Ephemeral)).is(wire.SessionExpired)
	b.do(b.close(alice)).is(wire.OK)
	if out := b.do(resume(alice, 5000)); out.zxid != 0 || out.code != wire.SessionExpired {
		t.Fatalf("resume: %v with zxid %v", out.code, out.zxid)
	}
}

// A silent session expires no earlier than its timeout after the last word and no later than a tick after that; what was
// heard by an event loop or by a resume counts, and a resume may change the timeout.
func TestSilentSessionsExpire(t *testing.T) {
	b := newBed(t, Options{})
	start := b.now.MonoMs
	heard := map[int64]int64{}
	b.replica.heard = func(id int64) int64 { return heard[id] }
	b.ok(b.create("/mine", wire.Ephemeral))
	b.do(resume(alice, 5000))
	expired := func(id int64) bool {
		b.replica.Tick(b.now)
		b.collect()
		b.settle()
		return !b.sessions.Has(id)
	}
	heard[alice] = start + 3000
	for b.now.MonoMs = start; b.now.MonoMs <= start+8000; b.now.MonoMs += 10 {
		if expired(alice) {
			t.Fatalf("expired %d ms after the last word", b.now.MonoMs-heard[alice])
		}
	}
	b.now.MonoMs = start + 9000
	if !expired(alice) || b.exists("/mine") {
		t.Fatal("the session lives a tick after its timeout, or its ephemeral does")
	}
	last := b.history[len(b.history)-1]
	var txn wire.Txn
	if err := txn.Decode(last.Data); err != nil || txn.ClientID != alice || txn.Cxid != 0 || txn.Type != wire.OpCloseSession {
		t.Fatalf("the last transaction is %+v", txn)
	}
	if expired(bob) {
		t.Fatal("bob expired, whose timeout is a minute")
	}
}

// A resume is answered only when everything before it is applied, so that the session's own createSession is.
func TestResumeWaitsForWhatIsBeforeIt(t *testing.T) {
	b := newBed(t, Options{})
	before := b.propose(b.create("/a", wire.Persistent))
	out := b.propose(resume(alice, 5000))
	if out.zxid != 0 || out.code != wire.OK || !out.awaited.Barrier || out.awaited.After != int64(before.zxid) {
		t.Fatalf("%+v behind %v", out.awaited, before.zxid)
	}
	b.settle()
}
