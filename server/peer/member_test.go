package peer

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"testing"
	"time"

	"bellwether/engine/replica"
	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// member is a whole server in little, without clients of its own: zab and replica driven over real links, with a disk that
// is a slice. One goroutine owns everything below the inbox.
type member struct {
	t        *testing.T
	o        Options
	election *Election
	links    *Links
	inbox    chan func()
	stop     chan struct{}
	stopped  chan struct{}

	core     *zab.Core
	replica  *replica.Replica
	tracker  *session.Tracker
	tree     *tree.Tree
	sessions *session.Table
	applier  *replica.Applier
	disk     *memberDisk
	applied  zab.Zxid
	answers  []zab.AppPacket // that came for this learner
	seen     map[string]int  // what has happened, by name
	state    zab.State
}

// memberDisk outlives the member.
type memberDisk struct {
	epochs zab.Epochs
	base   []byte   // the snapshot the log begins behind, as a leader has sent it; nil: an empty tree
	floor  zab.Zxid // its zxid
	log    []zab.Entry
}

func (d *memberDisk) last() zab.Zxid {
	if n := len(d.log); n > 0 {
		return d.log[n-1].Zxid
	}
	return d.floor
}

// newMember starts server id of an ensemble. Its listeners are given; dial may be nil, and so may be the disk.
func newMember(t *testing.T, id zab.ServerID, e Ensemble, dial func(context.Context, string, string) (net.Conn, error), elections, learners net.Listener, disk *memberDisk) *member {
	t.Helper()
	if disk == nil {
		disk = &memberDisk{}
	}
	m := &member{t: t, inbox: make(chan func(), 1000), stop: make(chan struct{}), stopped: make(chan struct{}),
		disk: disk, seen: map[string]int{}}
	m.o = Options{ID: id, Ensemble: e, Handler: m, Dial: dial, Log: slog.New(slog.DiscardHandler)}
	var err error
	if m.election, err = NewElection(m.o); err != nil {
		t.Fatal(err)
	}
	if m.links, err = NewLinks(m.o); err != nil {
		t.Fatal(err)
	}
	m.begin()
	go m.election.Serve(elections)
	go m.links.Serve(learners)
	go m.run()
	t.Cleanup(m.close)
	return m
}

// begin makes a core of what is on the disk.
func (m *member) begin() {
	cfg := zab.Config{ID: m.o.ID, Seed: uint64(m.o.ID)}
	for _, o := range m.o.Ensemble.Members {
		cfg.Members = append(cfg.Members, zab.Member{ID: o.ID, Observer: o.Observer})
	}
	var err error
	d := m.disk
	if m.core, err = zab.New(cfg, zab.Durable{Epochs: d.epochs, LastZxid: d.last(), SnapshotZxid: d.floor, Recent: d.log}); err != nil {
		m.t.Fatal(err)
	}
	m.rebuild()
}

// rebuild makes the state anew of what is on the disk.
func (m *member) rebuild() {
	if m.disk.base == nil {
		m.reset(tree.New(), session.NewTable())
	} else {
		m.reset(decodeBody(m.t, m.disk.base, int64(m.disk.floor)))
	}
	for _, e := range m.disk.log {
		m.apply(e)
	}
	m.reset(m.tree, m.sessions)
}

func (m *member) newReplica() *replica.Replica {
	return replica.New(m.core, m.tree, m.tracker, int64(m.applied), func(int64) int64 { return 0 }, replica.Options{ExtendedTypes: true})
}

// reset replaces the state.
func (m *member) reset(t *tree.Tree, s *session.Table) {
	m.tree, m.sessions, m.tracker = t, s, session.NewTracker(100)
	m.applier = replica.NewApplier(t, s, nil)
	m.applied = zab.Zxid(t.Zxid())
	m.tracker.Reset(s.All(), m.now().MonoMs)
	m.replica = m.newReplica()
}

var epochOfTests = time.Now()

func (m *member) now() replica.Moment {
	return replica.Moment{WallMs: time.Now().UnixMilli(), MonoMs: time.Since(epochOfTests).Milliseconds() + 1}
}

func (m *member) close() {
	select {
	case <-m.stop:
		return
	default:
	}
	m.election.Close()
	m.links.Close()
	close(m.stop)
	<-m.stopped
}

// run is the loop: one input, or a tick, and then everything that follows from it.
func (m *member) run() {
	defer close(m.stopped)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case f := <-m.inbox:
			f()
		case <-ticker.C:
			m.replica.Tick(m.now())
		case <-m.stop:
			return
		}
		for m.act(m.replica.Ready()) {
		}
	}
}

func (m *member) post(f func()) {
	select {
	case m.inbox <- f:
	case <-m.stop:
	}
}

// ask has the loop compute something.
func ask[T any](m *member, f func() T) T {
	out := make(chan T, 1)
	m.post(func() { out <- f() })
	select {
	case v := <-out:
		return v
	case <-m.stopped:
		return f() // nobody else looks any more
	}
}

func (m *member) Receive(batch []Incoming) {
	batch = slices.Clone(batch)
	m.post(func() {
		for i := range batch {
			m.seen[batch[i].Kind.String()]++
			if err := m.replica.Step(batch[i].Message); err != nil {
				m.t.Logf("server %d: %v", m.o.ID, err)
				m.seen["refused"]++
				m.links.Drop(batch[i].Link, err.Error())
			}
		}
	})
}
func (m *member) Reachable(peer zab.ServerID, up bool) {
	m.post(func() { m.core.VoterReachable(peer, up) })
}
func (m *member) LinkUp(link zab.LinkID, peer zab.ServerID) {
	m.post(func() { m.core.LinkUp(link, peer) })
}
func (m *member) DialFailed(peer zab.ServerID) { m.post(func() { m.core.DialFailed(peer) }) }
func (m *member) LinkDown(link zab.LinkID)     { m.post(func() { m.core.LinkDown(link) }) }
func (m *member) BodySent(link zab.LinkID)     { m.post(func() { m.core.SnapshotSent(link) }) }

// act does what a Ready says, and reports whether there was anything.
func (m *member) act(rd replica.Ready) (busy bool) {
	busy = rd.StateChanged || rd.Truncate || len(rd.Entries)+len(rd.Messages)+len(rd.Committed)+len(rd.Apps)+len(rd.SendSnap)+len(rd.Reads) > 0 ||
		rd.Epochs != zab.Epochs{} || rd.PingDue || rd.Dial != 0
	m.store(&rd)
	m.speak(&rd)
	for _, e := range rd.Committed {
		m.apply(e)
	}
	for _, p := range rd.Apps {
		m.app(p)
	}
	if rd.StateChanged {
		m.state = rd.State
		if rd.State.Role == zab.Leading && rd.State.Phase == zab.Broadcast {
			m.tracker.Reset(m.sessions.All(), m.now().MonoMs)
		}
	}
	return busy
}

// store does the disk's part.
func (m *member) store(rd *replica.Ready) {
	if rd.Truncate {
		m.seen["cut"]++
		m.disk.log = slices.DeleteFunc(slices.Clone(m.disk.log), func(e zab.Entry) bool { return e.Zxid > rd.TruncateAfter })
		if m.applied > rd.TruncateAfter {
			m.rebuild()
		}
		m.core.Truncated(m.disk.last())
	}
	if rd.Install != (zab.SnapshotOrder{}) {
		m.install(rd.Install)
	}
	if n := len(rd.Entries); n > 0 {
		m.disk.log = append(m.disk.log, rd.Entries...)
		m.replica.Persisted(rd.Entries[n-1].Zxid)
	}
	if rd.Epochs != (zab.Epochs{}) {
		m.disk.epochs = rd.Epochs
		m.replica.EpochsPersisted(rd.Epochs)
	}
}

// speak does the peers' part.
func (m *member) speak(rd *replica.Ready) {
	if rd.Dial != 0 {
		m.links.Dial(rd.Dial)
	}
	rest := make([]zab.Message, 0, len(rd.Messages))
	for _, msg := range rd.Messages {
		if msg.Kind == zab.Notification {
			m.election.Send(msg)
		} else {
			rest = append(rest, msg)
		}
	}
	m.links.Send(rest)
	for _, msg := range rest {
		if msg.Kind == zab.Snap {
			m.sendBody(msg.Link)
		}
	}
	for _, d := range rd.Drops {
		m.links.Drop(d.Link, d.Reason)
	}
	for _, s := range rd.SendSnap {
		m.core.SnapshotTaken(s.Link, m.applied)
	}
	for _, r := range rd.Reads {
		from := slices.IndexFunc(m.disk.log, func(e zab.Entry) bool { return e.Zxid >= r.From })
		if from < 0 {
			from = len(m.disk.log)
		}
		m.core.LogRead(r.Link, slices.Clone(m.disk.log[from:]), true)
	}
	if rd.PingDue {
		m.core.Pong([]byte{})
	}
}

// install takes a snapshot from the leader, and then gives the link back.
func (m *member) install(order zab.SnapshotOrder) {
	m.seen["installed"]++
	body, err := m.links.Body(order.Link)
	if err != nil {
		m.core.RestoreFailed()
		return
	}
	go func() {
		raw, err := io.ReadAll(body)
		m.post(func() {
			defer body.Close()
			if err != nil {
				m.core.RestoreFailed()
				return
			}
			m.disk.base, m.disk.floor, m.disk.log = raw, order.Zxid, nil
			m.rebuild()
			m.core.Restored(order.Zxid)
		})
	}()
}

// sendBody streams the state, as it is now, to a learner.
func (m *member) sendBody(link zab.LinkID) {
	m.seen["sent snapshot"]++
	body := encodeBody(m.tree, m.sessions)
	m.links.SendBody(link, func(w io.Writer) error {
		_, err := w.Write(body)
		return err
	})
}

// apply applies a committed transaction.
func (m *member) apply(e zab.Entry) {
	_, out, err := m.applier.Apply(nil, int64(e.Zxid), e.Data, false)
	if err != nil {
		m.t.Errorf("server %d: %v", m.o.ID, err)
		return
	}
	m.applied = e.Zxid
	var closed []int64
	if out.Type == wire.OpCloseSession {
		closed = append(closed, out.Session)
	}
	m.replica.Applied(int64(e.Zxid), closed)
}

// app answers a learner, as a leader, or keeps what a leader said.
func (m *member) app(p zab.AppPacket) {
	m.seen[PacketType(p.Type).String()]++
	switch PacketType(p.Type) {
	case TypePing:
		touches := Touches(p.Data)
		for id, _, ok := touches.Next(); ok; id, _, ok = touches.Next() {
			m.tracker.Touch(id, m.now().MonoMs)
		}
	case TypeRequest:
		m.request(p)
	case TypeRevalidate:
		var r Revalidation
		if r.Decode(p.Data) == nil && m.state.Role == zab.Leading {
			v := Validity{Session: r.Session, Valid: m.tracker.Touch(r.Session, m.now().MonoMs)}
			p.Data = v.Append(nil)
			_ = m.core.SendApp(p.From, p)
			return
		}
		m.answers = append(m.answers, p)
	default:
		m.answers = append(m.answers, p)
	}
}

// request is a leader's part in what a learner's client wants.
func (m *member) request(p zab.AppPacket) {
	var r Request
	if err := r.Decode(p.Data); err != nil {
		m.t.Error(err)
		return
	}
	if r.Op == wire.OpSync {
		_ = m.core.SendApp(p.From, zab.AppPacket{Type: int32(TypeSync)})
		return
	}
	proved, err := DecodeCredentials(nil, p.Auth)
	if err != nil {
		m.t.Error(err)
	}
	ids := make([]replica.Identity, len(proved))
	for i, c := range proved {
		ids[i] = replica.Identity{Scheme: c.Scheme, ID: c.ID}
	}
	m.replica.Submit(m.now(), []replica.Request{{Session: r.Session, Cxid: r.Cxid, Op: r.Op, Body: r.Body, IDs: ids}})
}

// forward sends a request to the leader, as the learner of a client does.
func (m *member) forward(r Request) error {
	return ask(m, func() error {
		return m.core.SendApp(m.core.Leader(), zab.AppPacket{Type: int32(TypeRequest), Zxid: 1<<64 - 1, Data: r.Append(nil),
			Auth: AppendCredentials(nil, []Credential{{"ip", "127.0.0.1"}, {"world", "anyone"}})})
	})
}

// await waits until something holds. There is nothing to wait on: other processes have their part in it.
func (m *member) await(what string, ok func() bool) {
	m.t.Helper()
	for deadline := time.Now().Add(40 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if ask(m, ok) {
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("server %d: %s does not come; state %+v, applied %v, seen %v", m.o.ID, what, m.state, m.applied, m.seen)
		}
	}
}

func (m *member) awaitServing() {
	m.t.Helper()
	m.await("broadcast", func() bool { return m.state.Phase == zab.Broadcast })
}

// decodeBody makes a state of a snapshot's body.
func decodeBody(t *testing.T, body []byte, zxid int64) (*tree.Tree, *session.Table) {
	t.Helper()
	r := wire.NewReader(body)
	sessions := session.NewTable()
	for n := r.Int(); n > 0; n-- {
		sessions.Add(r.Long(), r.Int())
	}
	lists := map[int64][]wire.ACL{-1: wire.OpenACL}
	for n := r.Int(); n > 0; n-- {
		key := r.Long()
		lists[key] = r.ACLs(nil)
	}
	loader := tree.NewLoader(tree.Options{})
	for r.Err() == nil {
		z := tree.Znode{Path: r.String()}
		if z.Path == "/" {
			break
		}
		z.Data, z.ACL = r.Buffer(), lists[r.Long()]
		z.Czxid, z.Mzxid, z.Ctime, z.Mtime = r.Long(), r.Long(), r.Long(), r.Long()
		z.Version, z.Cversion, z.Aversion, z.Owner, z.Pzxid = r.Int(), r.Int(), r.Int(), r.Long(), r.Long()
		if err := loader.Add(&z); err != nil {
			t.Error(err)
		}
	}
	loader.SetZxid(zxid)
	tr, err := loader.Finish()
	if err != nil || r.Err() != nil || r.Remaining() > 0 {
		t.Errorf("a snapshot of %d bytes: %v, %v, %d bytes left", len(body), err, r.Err(), r.Remaining())
	}
	return tr, sessions
}

// encodeBody is the reverse.
func encodeBody(t *tree.Tree, sessions *session.Table) []byte {
	b := wire.AppendInt(nil, int32(sessions.Len()))
	for id, timeoutMs := range sessions.All() {
		b = wire.AppendInt(wire.AppendLong(b, id), timeoutMs)
	}
	var nodes []byte
	var lists []byte
	keys := map[uint32]int64{}
	t.Walk("/", func(path string, v *tree.View) bool {
		info, key := v.Info(), int64(-1)
		if !v.ACLOpen() {
			if keys[info.ACLID] == 0 {
				keys[info.ACLID] = int64(len(keys) + 1)
				lists = wire.AppendACLs(wire.AppendLong(lists, keys[info.ACLID]), v.ACL())
			}
			key = keys[info.ACLID]
		}
		if path == "/" {
			path = ""
		}
		nodes = wire.AppendLong(wire.AppendBuffer(wire.AppendString(nodes, path), v.Data()), key)
		for _, n := range []int64{info.Czxid, info.Mzxid, info.Ctime, info.Mtime} {
			nodes = wire.AppendLong(nodes, n)
		}
		for _, n := range []int32{info.Version, info.Cversion, info.Aversion} {
			nodes = wire.AppendInt(nodes, n)
		}
		nodes = wire.AppendLong(wire.AppendLong(nodes, info.Owner), info.Pzxid)
		return true
	})
	b = binary.BigEndian.AppendUint32(b, uint32(len(keys)))
	return wire.AppendString(append(append(b, lists...), nodes...), "/")
}

// dump is every znode of the member's tree, a line each.
func (m *member) dump() []string { return ask(m, m.dumpNow) }

// dumpNow is dump for the loop itself.
func (m *member) dumpNow() (lines []string) {
	m.tree.Walk("/", func(path string, v *tree.View) bool {
		var st wire.Stat
		v.Stat(&st)
		lines = append(lines, znodeLine(path, v.Data(), v.ACL(), st))
		return true
	})
	slices.Sort(lines)
	return lines
}

// znodeLine leaves out the data of /zookeeper/config and of what quotas have used: every server has its own.
func znodeLine(path string, data []byte, acl []wire.ACL, st wire.Stat) string {
	if path == "/zookeeper/config" {
		return path
	}
	text := fmt.Sprintf("%x", data)
	if data == nil {
		text = "null"
	}
	return fmt.Sprintf("%s data=%s acl=%v stat=%+v", path, text, acl, st)
}
