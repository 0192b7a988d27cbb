package replica

import (
	"testing"

	"bellwether/engine/wire"
)

// results decodes the reply to a multi: the code of each operation, or for a success minus its type so that both can
// stand in one list.
func (r result) results() (list []int32) {
	r.bed.Helper()
	in := wire.NewReader(r.reply[wire.FrameHeaderSize:])
	var h wire.ReplyHeader
	if err := h.Decode(&in); err != nil || h.Err != wire.OK || h.Zxid != int64(r.zxid) {
		r.bed.Fatalf("reply header %+v: %v", h, err)
	}
	m := wire.NewMultiResultReader(in)
	for {
		op, code, done, err := m.Next()
		if err != nil {
			r.bed.Fatalf("reply %x: %v", r.reply, err)
		}
		if done {
			if m.Remaining() != 0 {
				r.bed.Fatalf("%d bytes behind the end of %x", m.Remaining(), r.reply)
			}
			return list
		}
		switch op {
		case wire.OpError:
			list = append(list, int32(code))
			continue
		case wire.OpCreate:
			var p wire.CreateResponse
			err = p.Decode(&m.Reader)
		case wire.OpCreate2:
			var p wire.Create2Response
			err = p.Decode(&m.Reader)
		case wire.OpSetData:
			var st wire.Stat
			err = st.Decode(&m.Reader)
		}
		if err != nil {
			r.bed.Fatalf("reply %x: %v", r.reply, err)
		}
		list = append(list, success(op))
	}
}

// success stands for a successful result in a list of results.
func success(op wire.OpCode) int32 { return 1000 + int32(op) }

func (r result) gives(want ...int32) result {
	r.bed.Helper()
	got := r.results()
	if len(got) != len(want) {
		r.bed.Fatalf("results %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			r.bed.Fatalf("results %v, want %v", got, want)
		}
	}
	return r
}

// parts decodes a multi's transaction: the types of its parts, errors with their code.
func (r result) parts() (list []int32) {
	r.bed.Helper()
	m := wire.NewMultiTxnReader(wire.NewReader(r.txn.Body))
	for sub, ok := m.Next(); ok; sub, ok = m.Next() {
		n := success(sub.Type)
		if sub.Type == wire.OpError {
			in := wire.NewReader(sub.Body)
			n = in.Int()
		}
		list = append(list, n)
	}
	return list
}

// Each operation of a multi is checked against what the ones before it will have done.
func TestAMultiSeesItsOwnChanges(t *testing.T) {
	b := newBed(t, Options{})
	b.ok(b.create("/old", wire.Persistent))
	b.ok(b.multi(
		b.create("/a", wire.Persistent), b.create("/a/b", wire.Persistent), b.create("/a/s", wire.PersistentSequential),
		b.create("/a/s", wire.PersistentSequential), b.set("/a/b", "x"), b.check("/a/b", 1),
		b.by(alice, wire.OpSetData, &wire.SetDataRequest{Path: "/a/b", Version: 1}), b.check("/a/b", 2),
		b.delete("/old"), b.create("/old", wire.Ephemeral),
	)).gives(success(1), success(1), success(1), success(1), success(5), success(13), success(5), success(13), success(2), success(1))
	if st := b.stat("/a"); st.NumChildren != 3 || st.Cversion != 3 {
		t.Fatalf("/a: %+v", st)
	}
	if st := b.stat("/old"); st.EphemeralOwner != alice || st.Version != 0 {
		t.Fatalf("/old: %+v", st)
	}
	for _, path := range []string{"/a/s0000000001", "/a/s0000000002"} {
		if !b.exists(path) {
			t.Errorf("no %s", path)
		}
	}
}

// All parts have one zxid and one time, and the results of create2, createContainer and createTTL are all of type create2
// (client-protocol §5.1).
func TestResultsOfAMulti(t *testing.T) {
	b := newBed(t, Options{ExtendedTypes: true})
	q := &wire.CreateRequest{Path: "/two", ACL: wire.OpenACL}
	box := &wire.CreateRequest{Path: "/box", ACL: wire.OpenACL, Mode: wire.Container}
	out := b.ok(b.multi(b.by(alice, wire.OpCreate2, q), b.by(alice, wire.OpCreateContainer, box), b.createTTL("/ttl", wire.PersistentTTL, 9))).
		gives(success(15), success(15), success(15))
	if got := out.parts(); got[0] != success(15) || got[1] != success(19) || got[2] != success(21) {
		t.Fatalf("parts %v keep their own types", got)
	}
	for _, path := range []string{"/two", "/box", "/ttl"} {
		if st := b.stat(path); st.Czxid != int64(out.zxid) || st.Ctime != b.now.WallMs || st.EphemeralOwner != 0 {
			t.Errorf("%s: %+v", path, st)
		}
	}
}

// Inside a multi the container flag makes a create or create2 a createContainer, with its type of result.
func TestContainerFlagInAMultiMakesAContainer(t *testing.T) {
	b := newBed(t, Options{})
	two := &wire.CreateRequest{Path: "/two", ACL: wire.OpenACL, Mode: wire.Container}
	out := b.ok(b.multi(b.create("/one", wire.Container), b.by(alice, wire.OpCreate2, two))).gives(success(15), success(15))
	if got := out.parts(); got[0] != success(19) || got[1] != success(19) {
		t.Fatalf("parts %v, want containers", got)
	}
}

// The first operation that fails decides: 0 for those before it, its code, -2 for those behind it. Nothing happens, a zxid
// is consumed.
func TestAMultiIsAllOrNothing(t *testing.T) {
	b := furnished(t)
	before := dumpWithoutZxid(b)
	const rolledBack, behind = 0, int32(wire.RuntimeInconsistency)
	failing := []struct {
		request Request
		code    wire.Code
	}{
		{b.delete("/none"), wire.NoNode},
		{b.check("/open", 5), wire.BadVersion},
		{b.check("open", 2), wire.BadArguments},
		{b.check("/none", -1), wire.NoNode},
		{b.check("/closed", -1), wire.NoAuth},
		{b.create("/open", wire.Persistent), wire.NodeExists},
		{b.createWith("/fine"), wire.InvalidACL},
		{b.create("/eph/kid", wire.Persistent), wire.NoChildrenForEphemerals},
		{b.createTTL("/late", wire.PersistentTTL, 0), wire.BadArguments},
		{b.delete("/fullbox"), wire.NotEmpty},
		{b.set("/closed", "x"), wire.NoAuth},
	}
	for _, f := range failing {
		out := b.propose(b.multi(b.create("/new", wire.EphemeralSequential), b.delete("/open/kid"), f.request, b.set("/open", "x"), b.delete("/none")))
		want := []int32{success(1), success(2), int32(f.code), behind, behind}
		if got := out.is(wire.OK).parts(); len(got) != 5 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] || got[3] != want[3] || got[4] != want[4] {
			t.Fatalf("parts %v, want %v", got, want)
		}
		b.settle()
		out.reply = b.answers[len(b.answers)-1].reply
		out.gives(rolledBack, rolledBack, int32(f.code), behind, behind)
	}
	if after := dumpWithoutZxid(b); after != before {
		t.Fatal(difference(after, before))
	}
	if n := len(b.replica.prepare.pending.index); n != 0 {
		t.Fatalf("%d znodes are pending", n)
	}
}

func TestAnEmptyMultiSucceeds(t *testing.T) {
	b := newBed(t, Options{})
	b.do(b.multi()).is(wire.OK).gives()
}

// The operations of a multi of a session that is gone are refused like any of its writes.
func TestAMultiOfAnExpiredSession(t *testing.T) {
	b := newBed(t, Options{})
	b.do(as(stranger, b.multi(b.create("/a", wire.Persistent), b.delete("/none")))).is(wire.OK).
		gives(int32(wire.SessionExpired), int32(wire.RuntimeInconsistency))
}

// A multi that cannot be decoded, or holds what may not stand in one, is refused as a whole, and consumes a zxid.
func TestImpossibleMultisAreRefusedAsAWhole(t *testing.T) {
	b := furnished(t)
	before := dumpWithoutZxid(b)
	whole := b.multi(b.create("/a", wire.Persistent), b.delete("/open/kid"))
	cut := whole
	cut.Body = whole.Body[:len(whole.Body)-1]
	endless := whole
	endless.Body = whole.Body[:len(whole.Body)-9]
	read := wire.Record(&wire.PathWatch{Path: "/open"})
	cases := map[string]Request{
		"cut short":                cut,
		"without an end":           endless,
		"nothing at all":           {Session: alice, Op: wire.OpMulti},
		"setACL":                   b.multi(b.create("/a", wire.Persistent), b.setACL("/open", wire.OpenACL...)),
		"exists":                   b.multi(b.by(alice, wire.OpExists, read)),
		"a read":                   b.multi(b.by(alice, wire.OpGetData, read)),
		"a read among them":        b.multi(b.create("/a", wire.Persistent), b.by(alice, wire.OpGetChildren, read)),
		"a multi":                  b.multi(b.multi()),
		"deleteContainer":          b.multi(b.by(alice, wire.OpDeleteContainer, &wire.DeleteContainerRequest{Path: "/box"})),
		"closeSession":             b.multi(b.close(alice)),
		"unknown flag":             b.multi(b.create("/a", wire.Persistent), b.create("/b", 7)),
		"unknown flag, TTL":        b.multi(b.createTTL("/b", -1, 5)),
		"a TTL flag without a TTL": b.multi(b.create("/b", wire.PersistentTTL)),
		"unknown flag later":       b.multi(b.delete("/none"), b.create("/b", 7)),
		"null path":                b.multi(b.create("/a", wire.Persistent), b.by(alice, wire.OpDelete, &wire.DeleteRequest{NullPath: true})),
		"null path, setData":       b.multi(b.by(alice, wire.OpSetData, &wire.SetDataRequest{NullPath: true})),
		"null path, check":         b.multi(b.by(alice, wire.OpCheck, &wire.CheckVersionRequest{NullPath: true})),
		"null path, create":        b.multi(b.by(alice, wire.OpCreate, &wire.CreateRequest{NullPath: true, ACL: wire.OpenACL})),
		"null id":                  b.multi(b.create("/a", wire.Persistent), b.createWith("/b", nullWorld...)),
	}
	for name, req := range cases {
		t.Run(name, func(t *testing.T) {
			out := b.do(req).is(wire.MarshallingError)
			if want := wire.AppendReply(nil, req.Cxid, int64(out.zxid), wire.MarshallingError); string(out.reply) != string(want) {
				t.Fatalf("reply %x, want %x", out.reply, want)
			}
			if n := len(b.replica.prepare.pending.index); n != 0 {
				t.Fatalf("%d znodes are pending", n)
			}
		})
	}
	if after := dumpWithoutZxid(b); after != before {
		t.Fatal(difference(after, before))
	}
}

// A check in the transaction carries the version after the checked one, as Apache ZooKeeper writes it.
func TestBodyOfACheck(t *testing.T) {
	b := furnished(t)
	out := b.ok(b.multi(b.check("/open", 2), b.check("/open/kid", -1)))
	want := wire.MultiTxn{Txns: []wire.SubTxn{
		{Type: wire.OpCheck, Body: (&wire.CheckTxn{Path: "/open", Version: 3}).Append(nil)},
		{Type: wire.OpCheck, Body: (&wire.CheckTxn{Path: "/open/kid", Version: 1}).Append(nil)},
	}}
	out.body(&want).gives(success(13), success(13))
}
