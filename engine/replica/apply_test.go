package replica

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// recorder is an Observer that writes down what it hears.
type recorder struct{ heard []string }

func (r *recorder) Changed(zxid int64, event wire.EventType, path string) {
	r.heard = append(r.heard, fmt.Sprintf("%d %v %s", zxid&0xff, event, path))
}

// Replies, byte for byte: header, and behind it what client-protocol §2.4 says.
func TestReplies(t *testing.T) {
	b := newBed(t, Options{ExtendedTypes: true})
	stat := func(path string) []byte {
		st := b.stat(path)
		return st.Append(nil)
	}
	check := func(out result, body ...[]byte) {
		t.Helper()
		want := wire.AppendReplyHeader(wire.BeginFrame(nil), out.txn.Cxid, int64(out.zxid), wire.OK)
		for _, part := range body {
			want = append(want, part...)
		}
		wire.EndFrame(want, 0)
		if string(out.reply) != string(want) {
			t.Errorf("%v: reply\n%x, want\n%x", out.txn.Type, out.reply, want)
		}
	}
	q := func(path string, mode wire.CreateMode) *wire.CreateRequest {
		return &wire.CreateRequest{Path: path, ACL: wire.OpenACL, Mode: mode}
	}
	path := func(p string) []byte { return wire.AppendString(nil, p) }
	check(b.ok(b.create("/a", wire.Persistent)), path("/a"))
	check(b.ok(b.by(alice, wire.OpCreate2, q("/b", wire.PersistentSequential))), path("/b0000000001"), stat("/b0000000001"))
	check(b.ok(b.by(alice, wire.OpCreateContainer, q("/c", wire.Container))), path("/c"), stat("/c"))
	check(b.ok(b.createTTL("/t", wire.PersistentTTL, 5)), path("/t"), stat("/t"))
	check(b.ok(b.set("/a", "new")), stat("/a"))
	check(b.ok(b.setACL("/a", entry(wire.PermAll, "world", "anyone"))), stat("/a"))
	check(b.ok(b.multi(b.create("/m", wire.Persistent), b.by(alice, wire.OpCreate2, q("/m2", 0)), b.set("/m", "x"), b.check("/m", 1), b.delete("/c"))),
		wire.AppendMultiResult(nil, wire.OpCreate), path("/m"),
		wire.AppendMultiResult(nil, wire.OpCreate2), path("/m2"), stat("/m2"),
		wire.AppendMultiResult(nil, wire.OpSetData), stat("/m"),
		wire.AppendMultiResult(nil, wire.OpCheck), wire.AppendMultiResult(nil, wire.OpDelete), wire.AppendMultiEnd(nil))
	check(b.ok(b.delete("/t")))
	check(b.ok(b.close(alice)))
}

// Whoever watches hears of every change, parents after children, in the order in which they happen; refusals and what a
// failed multi would have done make no sound (client-protocol §6.3).
func TestTheObserverHearsOfEveryChange(t *testing.T) {
	b := newBed(t, Options{ExtendedTypes: true})
	heard := &recorder{}
	b.applier = NewApplier(b.tree, b.sessions, heard)
	b.ok(b.create("/a", wire.Persistent))
	b.ok(b.create("/a/e", wire.Ephemeral))
	b.ok(b.set("/a", "x"))
	b.ok(b.setACL("/a", wire.OpenACL...))
	b.do(b.create("/a", wire.Persistent)).is(wire.NodeExists)
	b.ok(b.multi(b.set("/a", "y"), b.delete("/none")))
	b.ok(b.multi(b.set("/a", "y"), b.check("/a", 2), b.create("/b", wire.Ephemeral), b.delete("/a/e")))
	b.ok(b.close(alice))
	want := []string{
		"3 NodeCreated /a", "3 NodeChildrenChanged /",
		"4 NodeCreated /a/e", "4 NodeChildrenChanged /a",
		"5 NodeDataChanged /a",
		"9 NodeDataChanged /a", "9 NodeCreated /b", "9 NodeChildrenChanged /", "9 NodeDeleted /a/e", "9 NodeChildrenChanged /a",
		"10 NodeDeleted /b", "10 NodeChildrenChanged /",
	}
	if !slices.Equal(heard.heard, want) {
		t.Errorf("heard\n%s\nwant\n%s", strings.Join(heard.heard, "\n"), strings.Join(want, "\n"))
	}
}

// Applying again any part of the log that reaches to its end, to a state that has it all already, changes nothing; so does
// a state that came from the middle, and one that came from the end (quorum-and-storage §5.8).
func TestReplayReachesTheSameTree(t *testing.T) {
	seeds := uint64(150)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		if err := compareReplay(t, seed, noBug); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	for seed := uint64(0); compareReplay(t, seed, bugReplayKeepsChildren) == nil; seed++ {
		if seed == 300 {
			t.Fatal("a replay that leaves later znodes in place was not noticed")
		}
	}
}

func compareReplay(t *testing.T, seed uint64, mistake bug) error {
	b := newBed(t, Options{ExtendedTypes: true})
	w := newWorkload(seed)
	for range 250 {
		b.do(w.next())
	}
	want := b.dump()
	rng := rand.New(rand.NewPCG(seed, 3))
	replayed, sessions := tree.New(), session.NewTable()
	a := NewApplier(replayed, sessions, nil)
	a.bug = mistake
	apply := func(history []zab.Entry) {
		for _, e := range history {
			if _, _, err := a.Apply(nil, int64(e.Zxid), e.Data, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	apply(b.history)
	if got := dump(replayed, sessions); got != want {
		return fmt.Errorf("once through the log: %w", difference(got, want))
	}
	for range 5 {
		from := rng.IntN(len(b.history))
		apply(b.history[from:])
		if got := dump(replayed, sessions); got != want {
			return fmt.Errorf("again from transaction %d: %w", from, difference(got, want))
		}
		if err := replayed.Check(); err != nil {
			return err
		}
	}
	return nil
}

// A deleted znode does not live on in a later one of its name: the story behind the rule.
func TestReplayedDeleteTakesTheLaterZnodeAway(t *testing.T) {
	b := newBed(t, Options{})
	b.ok(b.create("/a", wire.Persistent))
	b.ok(b.set("/a", "of the first"))
	b.ok(b.delete("/a"))
	b.ok(b.createWith("/a", wire.OpenACL...))
	b.ok(b.create("/a/b", wire.Persistent))
	want := b.dump()
	for _, e := range b.history[3:] { // from the setData on
		if _, _, err := b.applier.Apply(nil, int64(e.Zxid), e.Data, false); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.dump(); got != want {
		t.Fatal(difference(got, want))
	}
}

// A replayed multi, and a replayed closeSession, lock no less than a replayed delete.
func TestReplayedMultiAndClose(t *testing.T) {
	b := newBed(t, Options{})
	b.ok(b.create("/a", wire.Persistent))
	b.ok(b.multi(b.set("/a", "x"), b.delete("/a"), b.create("/e", wire.Ephemeral)))
	b.ok(b.close(alice))
	b.ok(as(bob, b.create("/a", wire.Persistent)))
	b.ok(as(bob, b.create("/a/b", wire.Persistent)))
	b.ok(as(bob, b.create("/e", wire.Persistent)))
	b.ok(as(bob, b.create("/e/f", wire.Persistent)))
	want := b.dump()
	for from := range b.history {
		for _, e := range b.history[from:] {
			if _, _, err := b.applier.Apply(nil, int64(e.Zxid), e.Data, false); err != nil {
				t.Fatal(err)
			}
		}
		if got := b.dump(); got != want {
			t.Fatalf("after a replay from %d: %v", from, difference(got, want))
		}
	}
}

// What is no transaction stops the server: it is an error, and nothing was changed.
func TestWhatIsNoTransactionIsAnError(t *testing.T) {
	b := furnished(t)
	before := dumpWithoutZxid(b)
	header := func(op wire.OpCode) []byte {
		return (&wire.TxnHeader{ClientID: alice, Cxid: 1, Zxid: 1 << 40, Time: 1, Type: op}).Append(nil)
	}
	half := (&wire.MultiTxn{Txns: []wire.SubTxn{
		{Type: wire.OpDelete, Body: (&wire.DeleteTxn{Path: "/open/kid"}).Append(nil)}, {Type: wire.OpDelete, Body: []byte{0, 0, 0, 9}},
	}}).Append(header(wire.OpMulti))
	unknown := (&wire.MultiTxn{Txns: []wire.SubTxn{{Type: 99}}}).Append(header(wire.OpMulti))
	cases := map[string][]byte{
		"nothing": nil, "half a header": header(wire.OpDelete)[:20], "an unknown type": header(99), "a read": header(wire.OpGetData),
		"a multi of which a part does not decode": half, "a multi with an unknown part": unknown, "a multi without a body": header(wire.OpMulti),
	}
	for _, op := range []wire.OpCode{wire.OpCreate, wire.OpCreate2, wire.OpCreateContainer, wire.OpCreateTTL, wire.OpDelete,
		wire.OpDeleteContainer, wire.OpSetData, wire.OpSetACL, wire.OpError, wire.OpCreateSession, wire.OpReconfig} {
		cases[op.String()+" without a body"] = header(op)
	}
	for name, txn := range cases {
		dst := []byte("kept")
		got, _, err := b.applier.Apply(dst, 1<<40, txn, true)
		if err == nil || string(got) != "kept" {
			t.Errorf("%s: %v, %q", name, err, got)
		}
	}
	if after := dumpWithoutZxid(b); after != before {
		t.Fatal(difference(after, before))
	}
}

// Transactions that only other servers have written: a check by itself, a closeSession without a list, a digest behind.
func TestTransactionsOfOtherServers(t *testing.T) {
	b := newBed(t, Options{})
	b.ok(b.create("/e", wire.Ephemeral))
	header := func(op wire.OpCode) []byte {
		return (&wire.TxnHeader{ClientID: alice, Cxid: 1, Zxid: 1 << 40, Time: 1, Type: op}).Append(nil)
	}
	digest := func(txn []byte) []byte { return (&wire.TxnDigest{Version: 2, Tree: 5}).Append(txn) }
	apply := func(zxid int64, txn []byte) {
		t.Helper()
		if _, _, err := b.applier.Apply(nil, zxid, txn, false); err != nil || b.tree.Zxid() != zxid {
			t.Fatalf("zxid %#x, %v", b.tree.Zxid(), err)
		}
	}
	apply(1<<40, (&wire.CheckTxn{Path: "/e"}).Append(header(wire.OpCheck)))
	apply(1<<40+1, digest((&wire.SetDataTxn{Path: "/e", Data: []byte("x"), Version: 1}).Append(header(wire.OpSetData))))
	apply(1<<40+2, digest(header(wire.OpCloseSession)))
	if b.exists("/e") || b.sessions.Has(alice) {
		t.Fatal("a closeSession without a list left something")
	}
}
