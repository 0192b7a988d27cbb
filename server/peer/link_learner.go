package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// LearnerEnd is the learner's end of a link to its leader.
type LearnerEnd struct {
	id       Identity
	stage    learnerStage
	extended bool // agreed on. Take writes it before the message that says so is out, and never again
	entries  entryArena
}

// learnerStage is how far the leader has brought us, by what it said.
type learnerStage uint8

const (
	learnerGreeting learnerStage = iota // LEADERINFO comes next
	learnerPledging                     // an opening packet comes next
	learnerCopying                      // the body of a snapshot comes, and then BodyTaken is called
	learnerReceiving
	learnerTaught // NEWLEADER came
	learnerServing
)

// NewLearnerEnd returns the end of a link that id.Self has opened to id.Peer.
func NewLearnerEnd(id Identity) *LearnerEnd { return &LearnerEnd{id: id} }

// BodyTaken says that the body behind a SNAP packet was read to its end.
func (e *LearnerEnd) BodyTaken() {
	if e.stage == learnerCopying {
		e.stage = learnerReceiving
	}
}

// Take translates a packet from the leader. What the message refers to, Entries included, may be kept for ever if the
// packet's data may. After an error the link is to be closed. A message of kind 0 says nothing: the packet is one that a
// learner passes over at this stage.
func (e *LearnerEnd) Take(p *Packet) (Incoming, error) {
	in, err := e.take(p)
	in.Entries = slices.Clip(in.Entries)
	return in, err
}

// take is Take, but entries come as entryArena makes them.
func (e *LearnerEnd) take(p *Packet) (in Incoming, err error) {
	switch e.stage {
	case learnerGreeting:
		in, err = e.takeLeaderInfo(p)
	case learnerPledging:
		in, err = e.takeOpening(p)
	case learnerCopying:
		err = errors.New("amid a snapshot's body")
	default:
		in, err = e.takeStream(p)
	}
	if err != nil {
		err = refusal(p, e.id.Peer, err)
	}
	return in, err
}

func (e *LearnerEnd) takeLeaderInfo(p *Packet) (Incoming, error) {
	switch p.Type {
	case TypeLeaderInfo:
	case TypeNewLeader:
		return Incoming{}, errors.New("in place of LEADERINFO: the leader is older than 3.4")
	default:
		return Incoming{}, errUnexpected
	}
	extended, err := decodeLeaderInfo(p.Data)
	if err != nil {
		return Incoming{}, err
	}
	e.stage, e.extended = learnerPledging, extended
	in := e.id.message(zab.LeaderInfo, p)
	in.Epoch, in.Extended = epochOf(p.Zxid), extended
	return in, nil
}

func (e *LearnerEnd) takeOpening(p *Packet) (Incoming, error) {
	e.stage = learnerReceiving
	switch p.Type {
	case TypeDiff:
		return e.id.message(zab.Diff, p), nil
	case TypeTrunc:
		return e.id.message(zab.Trunc, p), nil
	case TypeSnap:
		e.stage = learnerCopying
		return e.id.message(zab.Snap, p), nil
	}
	return Incoming{}, errUnexpected
}

// takeStream takes what comes behind the opening packet: first what every stage has in common.
func (e *LearnerEnd) takeStream(p *Packet) (in Incoming, err error) {
	switch p.Type {
	case TypeProposal:
		return e.takeEntry(zab.Proposal, p, p.Data)
	case TypeInform:
		return e.takeEntry(zab.Inform, p, p.Data)
	case TypeCommit:
		return e.id.message(zab.Commit, p), nil
	case TypeCommitAndActivate:
		in = e.id.message(zab.Commit, p)
		in.Activate = true
		in.Designated, _, err = designatedOf(p.Data)
		return in, err
	case TypeInformAndActivate:
		leader, txn, err := designatedOf(p.Data)
		if err != nil {
			return in, err
		}
		in, err = e.takeEntry(zab.Inform, p, txn)
		in.Activate, in.Designated = true, leader
		return in, err
	}
	switch e.stage {
	case learnerReceiving:
		return e.takeNewLeader(p)
	case learnerTaught:
		return e.takeUpToDate(p)
	}
	return e.takeServing(p)
}

func (e *LearnerEnd) takeEntry(kind zab.Kind, p *Packet, txn []byte) (Incoming, error) {
	entry, err := entryOf(p.Zxid, txn)
	if err != nil {
		return Incoming{}, err
	}
	in := e.id.message(kind, p)
	in.Entries = e.entries.one(entry)
	return in, nil
}

func (e *LearnerEnd) takeNewLeader(p *Packet) (in Incoming, err error) {
	switch p.Type {
	case TypePing:
		return in, nil
	case TypeNewLeader:
		e.stage = learnerTaught
		in = e.id.message(zab.NewLeader, p)
		in.Epoch, in.Config = epochOf(p.Zxid), p.Data
		return in, nil
	}
	return in, errUnexpected
}

func (e *LearnerEnd) takeUpToDate(p *Packet) (in Incoming, err error) {
	switch p.Type {
	case TypePing:
		return e.id.message(zab.Ping, p), nil
	case TypeUpToDate:
		e.stage = learnerServing
		in = e.id.message(zab.UpToDate, p)
		if in.Zxid = 0; e.extended {
			in.Commit = zab.Zxid(p.Zxid)
		}
		return in, nil
	}
	return in, errUnexpected
}

func (e *LearnerEnd) takeServing(p *Packet) (in Incoming, err error) {
	switch p.Type {
	case TypePing:
		in = e.id.message(zab.Ping, p)
	case TypeSync:
		in = e.id.app(p)
	case TypeRevalidate:
		in = e.id.app(p)
		err = new(Validity).Decode(p.Data)
	case TypeUpToDate: // once more: a Java learner takes no notice either
	case TypeHandover:
		if in = e.id.message(zab.Handover, p); !e.extended || len(p.Data) != handoverSize {
			return in, errUnexpected
		}
		r := wire.NewReader(p.Data)
		in.Vote = zab.Vote{Leader: zab.ServerID(r.Long()), Zxid: zab.Zxid(p.Zxid), PeerEpoch: r.Long()}
		in.Round = uint64(r.Long())
	default:
		err = errUnexpected
	}
	return in, err
}

// Append appends the packets that say m to the leader. An error means that m cannot be said to one.
func (e *LearnerEnd) Append(dst []byte, m *zab.Message) ([]byte, error) {
	switch m.Kind {
	case zab.FollowerInfo, zab.ObserverInfo:
		t := TypeFollowerInfo
		if m.Kind == zab.ObserverInfo {
			t = TypeObserverInfo
		}
		info := LearnerInfo{ID: e.id.Self, Protocol: protocolVersion, ConfigVersion: e.id.ConfigVersion, Extended: m.Extended}
		p := Packet{Type: t, Zxid: m.Epoch << 32, Data: info.Append(nil)}
		return p.Append(dst), nil
	case zab.AckEpoch:
		a := ackEpoch{epoch: m.Epoch, floor: m.Floor, long: e.extended}
		p := Packet{Type: TypeAckEpoch, Zxid: int64(m.Zxid), Data: a.append(nil)}
		return p.Append(dst), nil
	case zab.Ack:
		return appendRun(dst, TypeAck, m, e.extended)
	case zab.Ping:
		dst = appendPacketHead(dst, TypePing, int64(m.Zxid))
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(m.Data))) // never null: some leaders die of that
		return append(append(dst, m.Data...), null...), nil
	case zab.App:
		if t := PacketType(m.App); t == TypeRequest || t == TypeRevalidate {
			p := Packet{Type: t, Zxid: int64(m.Zxid), Data: m.Data, Auth: m.Auth}
			return p.Append(dst), nil
		}
	}
	return dst, fmt.Errorf("peer: %v cannot be said to leader %d", m, e.id.Peer)
}

// entryArena hands out slices of one entry without an allocation for each. The slices lie one behind the other, and the
// capacity of each reaches to the end of the arena: appending the next one to it copies it onto itself. Whoever gathers
// runs does that (see batch); a slice that leaves the package is clipped first.
type entryArena struct{ free []zab.Entry }

const arenaEntries = 128

// one returns a slice that holds e.
func (a *entryArena) one(e zab.Entry) []zab.Entry {
	if len(a.free) == 0 {
		a.free = make([]zab.Entry, arenaEntries)
	}
	s := a.free[:1]
	a.free = a.free[1:]
	s[0] = e
	return s
}
