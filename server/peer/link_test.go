package peer

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// txnAt is a transaction with this zxid, and nothing in it.
func txnAt(z zab.Zxid) []byte {
	h := wire.TxnHeader{Zxid: int64(z), Type: wire.OpError}
	return append(h.Append(nil), 0, 0, 0, 0)
}

func entryAt(z zab.Zxid) zab.Entry { return zab.Entry{Zxid: z, Data: txnAt(z)} }

// ends are the two ends of a link, talking to each other.
type ends struct {
	t       *testing.T
	leader  *LeaderEnd
	learner *LearnerEnd
}

func newEnds(t *testing.T) *ends {
	return &ends{t,
		NewLeaderEnd(Identity{Link: 5, Self: 3, Config: []byte("version=0")}),
		NewLearnerEnd(Identity{Link: 6, Self: 1, Peer: 3})}
}

// toLearner says m over the link and returns what arrives, packet by packet.
func (e *ends) toLearner(m zab.Message) (got []Incoming) {
	e.t.Helper()
	raw, err := e.leader.Append(nil, &m)
	if err != nil {
		e.t.Fatalf("%v: %v", m, err)
	}
	return e.take(raw, e.learner.Take)
}

func (e *ends) toLeader(m zab.Message) (got []Incoming) {
	e.t.Helper()
	raw, err := e.learner.Append(nil, &m)
	if err != nil {
		e.t.Fatalf("%v: %v", m, err)
	}
	return e.take(raw, e.leader.Take)
}

func (e *ends) take(raw []byte, take func(*Packet) (Incoming, error)) (got []Incoming) {
	e.t.Helper()
	d := NewDecoder(strings.NewReader(string(raw)), 0)
	for d.need(1, true) == nil {
		p, err := d.Next()
		if err != nil {
			e.t.Fatal(err)
		}
		in, err := take(&p)
		if err != nil {
			e.t.Fatal(err)
		}
		got = append(got, in)
	}
	return got
}

// open brings the link to the broadcast.
func (e *ends) open(extended bool) {
	e.t.Helper()
	epoch := zab.MakeZxid(2, 0)
	if in := e.toLeader(zab.Message{Kind: zab.FollowerInfo, Epoch: 1, Extended: extended})[0]; in.Epoch != 1 || in.Extended != extended || in.From != 1 {
		e.t.Fatalf("arrived: %+v", in)
	}
	if in := e.toLearner(zab.Message{Kind: zab.LeaderInfo, Epoch: 2, Extended: extended})[0]; in.Epoch != 2 || in.Extended != extended {
		e.t.Fatalf("arrived: %+v", in)
	}
	in := e.toLeader(zab.Message{Kind: zab.AckEpoch, Epoch: 1, Zxid: zab.MakeZxid(1, 7), Floor: zab.MakeZxid(1, 3)})[0]
	if in.Epoch != 1 || in.Zxid != zab.MakeZxid(1, 7) || (in.Floor != 0) != extended {
		e.t.Fatalf("arrived: %+v", in)
	}
	e.toLearner(zab.Message{Kind: zab.Diff, Zxid: zab.MakeZxid(1, 7)})
	if in := e.toLearner(zab.Message{Kind: zab.NewLeader, Epoch: 2})[0]; in.Epoch != 2 || string(in.Config) != "version=0" {
		e.t.Fatalf("arrived: %+v", in)
	}
	e.toLeader(zab.Message{Kind: zab.Ack, First: epoch, Zxid: epoch})
	if in := e.toLearner(zab.Message{Kind: zab.UpToDate, Commit: zab.MakeZxid(1, 7)})[0]; in.Kind != zab.UpToDate || (in.Commit != 0) != extended {
		e.t.Fatalf("arrived: %+v", in)
	}
}

// On a link with a Java server every proposal has a commit of its own behind it, and acks and commits come one by one.
func TestPlainLinksSpeakOnePacketAtATime(t *testing.T) {
	e := newEnds(t)
	e.open(false)
	z := func(n uint32) zab.Zxid { return zab.MakeZxid(2, n) }
	var said []string
	for _, in := range e.toLearner(zab.Message{Kind: zab.Proposal, Entries: []zab.Entry{entryAt(z(1)), entryAt(z(2)), entryAt(z(3))}, Commit: z(2)}) {
		said = append(said, in.String())
	}
	for _, in := range e.toLearner(zab.Message{Kind: zab.Commit, First: z(3), Zxid: z(5)}) {
		said = append(said, in.String())
	}
	for _, in := range e.toLeader(zab.Message{Kind: zab.Ack, First: z(1), Zxid: z(3)}) {
		said = append(said, in.String())
	}
	want := []string{"PROPOSAL 2:1", "COMMIT 2:1", "PROPOSAL 2:2", "COMMIT 2:2", "PROPOSAL 2:3",
		"COMMIT 2:3", "COMMIT 2:4", "COMMIT 2:5", "ACK 2:1", "ACK 2:2", "ACK 2:3"}
	if !reflect.DeepEqual(said, want) {
		t.Errorf("said %q\nwant %q", said, want)
	}
	if _, err := e.leader.Append(nil, &zab.Message{Kind: zab.Handover}); err == nil {
		t.Error("a Java server was asked to follow another")
	}
}

// Between servers that agreed on it, one ack and one commit stand for all before them, and leadership can be handed over.
func TestExtendedLinksSayItOnce(t *testing.T) {
	e := newEnds(t)
	e.open(true)
	z := func(n uint32) zab.Zxid { return zab.MakeZxid(2, n) }
	var said []string
	for _, in := range e.toLearner(zab.Message{Kind: zab.Proposal, Entries: []zab.Entry{entryAt(z(1)), entryAt(z(2)), entryAt(z(3))}, Commit: z(2)}) {
		said = append(said, in.String())
	}
	for _, in := range e.toLearner(zab.Message{Kind: zab.Commit, First: z(3), Zxid: z(5)}) {
		said = append(said, in.String())
	}
	for _, in := range e.toLeader(zab.Message{Kind: zab.Ack, First: z(1), Zxid: z(3)}) {
		said = append(said, in.String())
	}
	want := []string{"PROPOSAL 2:1", "PROPOSAL 2:2", "PROPOSAL 2:3", "COMMIT 2:2", "COMMIT 2:5", "ACK 2:3"}
	if !reflect.DeepEqual(said, want) {
		t.Errorf("said %q\nwant %q", said, want)
	}
	m := zab.Message{Kind: zab.Handover, Vote: zab.Vote{Leader: 2, Zxid: z(5), PeerEpoch: 2}, Round: 9}
	in := e.toLearner(m)[0]
	if in.Kind != m.Kind || in.Vote != m.Vote || in.Round != m.Round {
		t.Errorf("arrived: %+v", in)
	}
}

// A learner whose state is lost says so, with and without extensions.
func TestUnknownZxidArrives(t *testing.T) {
	for _, extended := range []bool{false, true} {
		e := newEnds(t)
		e.toLeader(zab.Message{Kind: zab.FollowerInfo, Epoch: -1, Extended: extended})
		e.toLearner(zab.Message{Kind: zab.LeaderInfo, Epoch: 2, Extended: extended})
		in := e.toLeader(zab.Message{Kind: zab.AckEpoch, Zxid: 1<<64 - 1, Epoch: zab.NotCounted})[0]
		if in.Zxid != 1<<64-1 || in.Epoch != zab.NotCounted {
			t.Errorf("arrived: %+v", in)
		}
	}
}

// Packets of the caller's keep their type, zxid, data and credentials in both directions.
func TestAppPacketsPassUnchanged(t *testing.T) {
	e := newEnds(t)
	e.open(false)
	request := Request{Session: 1, Cxid: 2, Op: wire.OpDelete, Body: []byte("x")}
	up := zab.Message{Kind: zab.App, App: int32(TypeRequest), Zxid: 1<<64 - 1, Data: request.Append(nil), Auth: AppendCredentials(nil, []Credential{{"ip", "h"}})}
	down := zab.Message{Kind: zab.App, App: int32(TypeRevalidate), Zxid: 1<<64 - 1, Data: (&Validity{Session: 7, Valid: true}).Append(nil)}
	for _, c := range []struct {
		said zab.Message
		got  Incoming
	}{{up, e.toLeader(up)[0]}, {down, e.toLearner(down)[0]}} {
		got := c.got
		if got.Kind != zab.App || got.App != c.said.App || got.Zxid != c.said.Zxid || !reflect.DeepEqual(got.Data, c.said.Data) || !reflect.DeepEqual(got.Auth, c.said.Auth) {
			t.Errorf("said %+v\narrived %+v", c.said, got.Message)
		}
	}
	if _, err := e.learner.Append(nil, &zab.Message{Kind: zab.App, App: int32(TypeSync)}); err == nil {
		t.Error("a learner said SYNC")
	}
	if _, err := e.leader.Append(nil, &zab.Message{Kind: zab.App, App: int32(TypeRequest)}); err == nil {
		t.Error("a leader said REQUEST")
	}
}

// What a learner cannot say at a stage is an error there that names packet and server; so are packets that say nothing.
func TestLeaderEndRefusesImpossiblePackets(t *testing.T) {
	greeted := func(*ends) {}
	told := func(e *ends) { e.toLeader(zab.Message{Kind: zab.FollowerInfo}) }
	pledged := func(e *ends) {
		told(e)
		e.toLearner(zab.Message{Kind: zab.LeaderInfo, Epoch: 2})
		e.toLeader(zab.Message{Kind: zab.AckEpoch})
	}
	level := func(e *ends) { e.open(false) }
	info := func(l LearnerInfo) []byte { return l.Append(nil) }
	for name, c := range map[string]struct {
		at     func(*ends)
		packet Packet
		reason string
	}{
		"garbage first":             {greeted, Packet{Type: 0x47455420}, "unknown type"},
		"an ack first":              {greeted, Packet{Type: TypeAck}, "not expected"},
		"a learner without a name":  {greeted, Packet{Type: TypeFollowerInfo}, "names no server"},
		"a learner from before 3.4": {greeted, Packet{Type: TypeFollowerInfo, Data: info(LearnerInfo{ID: 1, Protocol: 1})}, "older than 3.4"},
		"a newer configuration":     {greeted, Packet{Type: TypeFollowerInfo, Data: info(LearnerInfo{ID: 1, Protocol: protocolVersion, ConfigVersion: 1})}, "configuration has version 0x1"},
		"the first packet twice":    {told, Packet{Type: TypeFollowerInfo, Data: info(LearnerInfo{ID: 1, Protocol: protocolVersion})}, "not expected"},
		"an epoch of three bytes":   {told, Packet{Type: TypeAckEpoch, Data: []byte{1, 2, 3}}, "3 bytes"},
		"a ping before the ack":     {pledged, Packet{Type: TypePing}, "not expected"},
		"a request before the ack":  {pledged, Packet{Type: TypeRequest, Data: make([]byte, 20)}, "not expected"},
		"half a touch":              {level, Packet{Type: TypePing, Data: make([]byte, 13)}, "13 bytes"},
		"half a request":            {level, Packet{Type: TypeRequest, Data: make([]byte, 15)}, "15 bytes"},
		"half a revalidation":       {level, Packet{Type: TypeRevalidate, Data: make([]byte, 11)}, "11 bytes"},
		"a proposal of a learner":   {level, Packet{Type: TypeProposal, Data: txnAt(1)}, "not expected"},
		"an epoch too late":         {level, Packet{Type: TypeAckEpoch, Data: make([]byte, 4)}, "not expected"},
	} {
		e := newEnds(t)
		c.at(e)
		if _, err := e.leader.Take(&c.packet); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v, want an error that says %q", name, err, c.reason)
		}
	}
}

// What a leader cannot say at a stage is an error there; so are transactions that are not what their packet says.
func TestLearnerEndRefusesImpossiblePackets(t *testing.T) {
	greeting := func(*ends) {}
	pledging := func(e *ends) {
		e.toLeader(zab.Message{Kind: zab.FollowerInfo})
		e.toLearner(zab.Message{Kind: zab.LeaderInfo, Epoch: 2})
	}
	copying := func(e *ends) {
		pledging(e)
		e.toLearner(zab.Message{Kind: zab.Snap})
	}
	receiving := func(e *ends) {
		copying(e)
		e.learner.BodyTaken()
	}
	taught := func(e *ends) {
		receiving(e)
		e.toLearner(zab.Message{Kind: zab.NewLeader, Epoch: 2})
	}
	serving := func(e *ends) { e.open(false) }
	for name, c := range map[string]struct {
		at     func(*ends)
		packet Packet
		reason string
	}{
		"garbage first":                {greeting, Packet{Type: 0x47455420}, "unknown type"},
		"a leader from before 3.4":     {greeting, Packet{Type: TypeNewLeader}, "older than 3.4"},
		"half a version":               {greeting, Packet{Type: TypeLeaderInfo, Data: []byte{0, 1}}, "2 bytes"},
		"an old version":               {greeting, Packet{Type: TypeLeaderInfo, Data: []byte{0, 0, 0, 1}}, "older than 3.4"},
		"a ping before the opening":    {pledging, Packet{Type: TypePing}, "not expected"},
		"a proposal before it":         {pledging, Packet{Type: TypeProposal, Data: txnAt(0)}, "not expected"},
		"anything in the body":         {copying, Packet{Type: TypePing}, "amid a snapshot"},
		"a second opening":             {receiving, Packet{Type: TypeDiff}, "not expected"},
		"UPTODATE too early":           {receiving, Packet{Type: TypeUpToDate}, "not expected"},
		"NEWLEADER twice":              {taught, Packet{Type: TypeNewLeader}, "not expected"},
		"SYNC before UPTODATE":         {taught, Packet{Type: TypeSync}, "not expected"},
		"half a transaction":           {serving, Packet{Type: TypeProposal, Data: make([]byte, 31)}, "31 bytes"},
		"no transaction":               {serving, Packet{Type: TypeInform}, "0 bytes"},
		"another transaction":          {serving, Packet{Type: TypeProposal, Zxid: 7, Data: txnAt(8)}, "zxid 0x7, but the transaction in it has 0x8"},
		"activation without a leader":  {serving, Packet{Type: TypeCommitAndActivate, Data: make([]byte, 7)}, "7 bytes"},
		"the same for an observer":     {serving, Packet{Type: TypeInformAndActivate, Data: make([]byte, 7)}, "7 bytes"},
		"half an answer":               {serving, Packet{Type: TypeRevalidate, Data: make([]byte, 8)}, "8 bytes"},
		"a request of a leader":        {serving, Packet{Type: TypeRequest, Data: make([]byte, 20)}, "not expected"},
		"a hand-over nobody agreed on": {serving, Packet{Type: TypeHandover, Data: make([]byte, handoverSize)}, "not expected"},
		"an unknown type":              {serving, Packet{Type: 20}, "unknown type 20"},
	} {
		e := newEnds(t)
		c.at(e)
		if _, err := e.learner.Take(&c.packet); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v, want an error that says %q", name, err, c.reason)
		}
	}
}

// Pings before NEWLEADER, and a second UPTODATE, are passed over in silence, as Java learners do.
func TestLearnerEndPassesOver(t *testing.T) {
	e := newEnds(t)
	e.open(false)
	if in, err := e.learner.Take(&Packet{Type: TypeUpToDate, Zxid: -1}); err != nil || in.Kind != 0 {
		t.Errorf("%v, %v", in, err)
	}
	e = newEnds(t)
	e.toLeader(zab.Message{Kind: zab.FollowerInfo})
	e.toLearner(zab.Message{Kind: zab.LeaderInfo, Epoch: 2})
	e.toLearner(zab.Message{Kind: zab.Diff})
	if in, err := e.learner.Take(&Packet{Type: TypePing}); err != nil || in.Kind != 0 {
		t.Errorf("%v, %v", in, err)
	}
}

// What ZooKeeper would read of our extended packets is what it has always read: the extension stands behind that.
func TestExtensionsStandBehindWhatZooKeeperReads(t *testing.T) {
	plain := LearnerInfo{ID: 1, Protocol: protocolVersion, ConfigVersion: 2}
	extended := plain
	extended.Extended = true
	if a, b := hex.EncodeToString(plain.Append(nil)), hex.EncodeToString(extended.Append(nil)); !strings.HasPrefix(b, a) || a == b {
		t.Errorf("plain %s, extended %s", a, b)
	}
	if a, b := hex.EncodeToString(appendLeaderInfo(nil, false)), hex.EncodeToString(appendLeaderInfo(nil, true)); !strings.HasPrefix(b, a) || a == b {
		t.Errorf("plain %s, extended %s", a, b)
	}
}
