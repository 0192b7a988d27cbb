package replica

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// bed is a server of one without disk or network: whatever is proposed counts as durable when the test says so.
type bed struct {
	testing.TB
	core     *zab.Core
	tree     *tree.Tree
	sessions *session.Table
	tracker  *session.Tracker
	replica  *Replica
	applier  *Applier
	now      Moment

	logged    []zab.Entry // handed to the log, not yet said to be durable
	committed []zab.Entry // not yet applied
	history   []zab.Entry // applied
	awaited   []Awaited   // not yet answered
	answers   []answer
	closed    []int64 // sessions, not yet told to the replica
	cxid      int32
	conns     uint32
}

// answer is a request that was answered; reply is the frame if it became a transaction.
type answer struct {
	Awaited
	reply []byte
}

// The sessions that every bed has, and what their connections have proved.
const (
	alice    int64 = 0x1_00000001
	bob      int64 = 0x1_00000002
	stranger int64 = 0x1_0000ffff // never created
)

var identities = map[int64][]Identity{
	alice:    {{"ip", "127.0.0.1"}, {"digest", "alice:secret"}},
	bob:      {{"ip", "10.0.0.7"}},
	stranger: {{"ip", "10.0.0.9"}},
}

const wallStart = 1_700_000_000_000 // ms since 1970

func newBed(tb testing.TB, o Options) *bed {
	return newBedWith(tb, o, zab.Config{ID: 1, Members: []zab.Member{{ID: 1}}, WindowEntries: -1})
}

func newBedWith(tb testing.TB, o Options, c zab.Config) *bed {
	tb.Helper()
	core, err := zab.New(c, zab.Durable{})
	if err != nil {
		tb.Fatal(err)
	}
	b := &bed{
		TB: tb, core: core, tree: tree.New(), sessions: session.NewTable(), tracker: session.NewTracker(1000),
		now: Moment{WallMs: wallStart, MonoMs: 3_600_000}, cxid: 1000,
	}
	b.replica = New(core, b.tree, b.tracker, 0, nil, o)
	b.applier = NewApplier(b.tree, b.sessions, nil)
	b.elect()
	for _, id := range []int64{alice, bob} {
		b.do(Request{Session: id, Op: wire.OpCreateSession, Body: wire.AppendInt(nil, 60_000)})
	}
	return b
}

// elect lets time pass until the server leads.
func (b *bed) elect() {
	b.Helper()
	for range 10_000 {
		if b.replica.Serving() {
			return
		}
		b.replica.Tick(b.now)
		b.collect()
		b.persist()
	}
	b.Fatal("no leader after 10000 ticks")
}

// collect takes what the replica wants done.
func (b *bed) collect() {
	b.Helper()
	rd := b.replica.Ready()
	b.logged = append(b.logged, rd.Entries...)
	b.committed = append(b.committed, rd.Committed...)
	b.awaited = append(b.awaited, rd.Awaited...)
	if rd.Epochs != (zab.Epochs{}) {
		b.replica.EpochsPersisted(rd.Epochs)
	}
}

// persist says that everything logged is durable, which commits it.
func (b *bed) persist() {
	b.Helper()
	if n := len(b.logged); n > 0 {
		b.replica.Persisted(b.logged[n-1].Zxid)
		b.logged = b.logged[:0]
	}
	b.collect()
}

// propose submits a request, from a connection of its own unless it says otherwise, and returns its transaction, or what
// became of it instead.
func (b *bed) propose(req Request) result {
	b.Helper()
	if req.Origin.None() {
		b.conns++
		req.Origin = Origin{Loop: 1, Conn: b.conns}
	}
	if req.IDs == nil {
		req.IDs = identities[req.Session]
	}
	before, awaited := b.core.LastZxid(), len(b.awaited)
	b.replica.Submit(b.now, []Request{req})
	b.collect()
	if len(b.awaited) != awaited+1 {
		b.Fatalf("%v is awaited %d times, want once", req.Op, len(b.awaited)-awaited)
	}
	w := &b.awaited[awaited]
	out := result{bed: b, awaited: *w}
	if b.core.LastZxid() == before {
		if !w.Barrier {
			b.Fatalf("%v became no transaction and waits for one", req.Op)
		}
		out.code = w.Code
		return out
	}
	if w.Barrier {
		b.Fatalf("%v became a transaction and waits as a barrier", req.Op)
	}
	last := b.logged[len(b.logged)-1]
	out.zxid, out.raw = last.Zxid, last.Data
	if err := out.txn.Decode(last.Data); err != nil {
		b.Fatalf("%v became %x: %v", req.Op, last.Data, err)
	}
	want := wire.TxnHeader{ClientID: req.Session, Cxid: req.Cxid, Zxid: int64(last.Zxid), Time: b.now.WallMs, Type: out.txn.Type}
	if out.txn.TxnHeader != want {
		b.Fatalf("header %+v, want %+v", out.txn.TxnHeader, want)
	}
	if out.txn.Type == wire.OpError {
		r := wire.NewReader(out.txn.Body)
		out.code = wire.Code(r.Int())
	} else if out.txn.Type != req.Op {
		b.Fatalf("transaction of type %v, want %v", out.txn.Type, req.Op)
	}
	return out
}

// apply applies n committed transactions and answers the requests whose place has come.
func (b *bed) apply(n int) {
	b.Helper()
	b.answerBarriers()
	for _, e := range b.committed[:n] {
		waits := len(b.awaited) > 0 && b.awaited[0].Becomes(int64(e.Zxid), e.Data)
		reply, out, err := b.applier.Apply(nil, int64(e.Zxid), e.Data, waits)
		if err != nil {
			b.Fatal(err)
		}
		if out.Type == wire.OpCloseSession {
			b.closed = append(b.closed, out.Session)
		}
		if waits {
			b.answers = append(b.answers, answer{b.awaited[0], reply})
			b.awaited = b.awaited[1:]
		}
		b.history = append(b.history, e)
		b.answerBarriers()
	}
	b.committed = b.committed[n:]
}

func (b *bed) answerBarriers() {
	for len(b.awaited) > 0 && b.awaited[0].Barrier && b.awaited[0].After <= b.tree.Zxid() {
		b.answers = append(b.answers, answer{Awaited: b.awaited[0]})
		b.awaited = b.awaited[1:]
	}
}

// release tells the replica how far the tree is.
func (b *bed) release() {
	b.replica.Applied(b.tree.Zxid(), b.closed)
	b.closed = b.closed[:0]
}

// settle makes everything proposed durable, applies it and releases it.
func (b *bed) settle() {
	b.Helper()
	b.persist()
	b.apply(len(b.committed))
	b.release()
	if len(b.awaited) > 0 {
		b.Fatalf("%d requests are not answered though all is applied", len(b.awaited))
	}
}

// do proposes a request and settles it. What it returns has the reply.
func (b *bed) do(req Request) result {
	b.Helper()
	out := b.propose(req)
	b.settle()
	out.reply = b.answers[len(b.answers)-1].reply
	return out
}

// ok is do for what must succeed.
func (b *bed) ok(req Request) result {
	b.Helper()
	out := b.do(req)
	if out.code != wire.OK {
		b.Fatalf("%v: %v", req.Op, out.code)
	}
	return out
}

// result is what became of a request.
type result struct {
	bed     *bed
	code    wire.Code // as the transaction says, or the barrier
	zxid    zab.Zxid  // 0: it consumed none
	txn     wire.Txn
	raw     []byte
	reply   []byte // frame
	awaited Awaited
}

// is fails unless the request was answered with code, and consumed a zxid.
func (r result) is(code wire.Code) result {
	r.bed.Helper()
	if r.code != code || r.zxid == 0 {
		r.bed.Fatalf("%v with zxid %v, want %v with a zxid", r.code, r.zxid, code)
	}
	return r
}

// body fails unless the transaction's body is that of want.
func (r result) body(want wire.Record) result {
	r.bed.Helper()
	if !bytes.Equal(r.txn.Body, want.Append(nil)) {
		r.bed.Fatalf("body of %v\n%x, want\n%x: %+v", r.txn.Type, r.txn.Body, want.Append(nil), want)
	}
	return r
}

// path returns the path in the reply of a create.
func (r result) path() string {
	r.bed.Helper()
	var p wire.CreateResponse
	in := wire.NewReader(r.reply[wire.FrameHeaderSize+wire.ReplyHeaderSize:])
	if err := p.Decode(&in); err != nil {
		r.bed.Fatalf("reply %x: %v", r.reply, err)
	}
	return p.Path
}

// by makes a request of session, each with a cxid of its own.
func (b *bed) by(session int64, op wire.OpCode, record wire.Record) Request {
	b.cxid++
	return request(session, b.cxid, op, record)
}

func request(session int64, cxid int32, op wire.OpCode, record wire.Record) Request {
	req := Request{Session: session, Cxid: cxid, Op: op}
	if record != nil {
		req.Body = record.Append(nil)
	}
	return req
}

// The requests of most tests, by alice.

func (b *bed) create(path string, mode wire.CreateMode) Request {
	return b.by(alice, wire.OpCreate, &wire.CreateRequest{Path: path, Data: []byte("data"), ACL: wire.OpenACL, Mode: mode})
}

func (b *bed) createWith(path string, acl ...wire.ACL) Request {
	return b.by(alice, wire.OpCreate, &wire.CreateRequest{Path: path, Data: []byte("data"), ACL: acl})
}

func (b *bed) createTTL(path string, mode wire.CreateMode, ttlMs int64) Request {
	return b.by(alice, wire.OpCreateTTL, &wire.CreateTTLRequest{CreateRequest: wire.CreateRequest{Path: path, ACL: wire.OpenACL, Mode: mode}, TTL: ttlMs})
}

func (b *bed) delete(path string) Request {
	return b.by(alice, wire.OpDelete, &wire.DeleteRequest{Path: path, Version: wire.AnyVersion})
}

func (b *bed) set(path, data string) Request {
	return b.by(alice, wire.OpSetData, &wire.SetDataRequest{Path: path, Data: []byte(data), Version: wire.AnyVersion})
}

func (b *bed) setACL(path string, acl ...wire.ACL) Request {
	return b.by(alice, wire.OpSetACL, &wire.SetACLRequest{Path: path, ACL: acl, Version: wire.AnyVersion})
}

func (b *bed) close(id int64) Request { return b.by(id, wire.OpCloseSession, nil) }

// as gives a request to another session.
func as(session int64, req Request) Request {
	req.Session, req.IDs = session, nil
	return req
}

// multi makes a multi of the requests' bodies.
func (b *bed) multi(parts ...Request) Request {
	var body []byte
	for _, p := range parts {
		body = append(wire.AppendMultiOp(body, p.Op), p.Body...)
	}
	req := b.by(alice, wire.OpMulti, nil)
	req.Body = wire.AppendMultiEnd(body)
	return req
}

func (b *bed) check(path string, version int32) Request {
	return b.by(alice, wire.OpCheck, &wire.CheckVersionRequest{Path: path, Version: version})
}

// stat returns what a client sees of a znode that must exist.
func (b *bed) stat(path string) (st wire.Stat) {
	b.Helper()
	v := b.tree.View(path)
	defer v.Close()
	if !v.Exists() {
		b.Fatalf("%s does not exist", path)
	}
	v.Stat(&st)
	return st
}

func (b *bed) exists(path string) bool {
	v := b.tree.View(path)
	defer v.Close()
	return v.Exists()
}

// dump writes down all of the tree and the sessions.
func (b *bed) dump() string { return dump(b.tree, b.sessions) }

func dump(t *tree.Tree, sessions *session.Table) string {
	var out []byte
	t.Walk("/", func(path string, v *tree.View) bool {
		info := v.Info()
		info.ACLID = 0
		out = fmt.Appendf(out, "%s %+v %q null %v acl %v\n", path, info, v.Data(), v.Data() == nil, v.ACL())
		return true
	})
	for id, timeoutMs := range sessions.All() {
		out = fmt.Appendf(out, "session %#x %d ms, %q\n", id, timeoutMs, t.Ephemerals(nil, id))
	}
	return string(fmt.Appendf(out, "zxid %#x\n", t.Zxid()))
}

// difference names the first line in which two dumps differ.
func difference(got, want string) error {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			return fmt.Errorf("there is\n%q\nwant\n%q", g[min(i, len(g)):min(i+1, len(g))], w[min(i, len(w)):min(i+1, len(w))])
		}
	}
	return nil
}
