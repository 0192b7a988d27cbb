package peer

import (
	"fmt"

	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// LeaderEnd is the leader's end of a learner link.
type LeaderEnd struct {
	id       Identity
	stage    leaderStage
	extended bool // said with LEADERINFO; belongs to whoever calls Append
}

// leaderStage is how far the learner has come, by what it said.
type leaderStage uint8

const (
	leaderGreeted leaderStage = iota // nothing has come yet
	leaderTold                       // FOLLOWERINFO or OBSERVERINFO; ACKEPOCH comes next
	leaderPledged                    // ACKEPOCH; only acknowledgements come until that of the epoch
	leaderLevel                      // the epoch is acknowledged
)

// NewLeaderEnd returns the end of a link that somebody has opened to id.Self.
func NewLeaderEnd(id Identity) *LeaderEnd { return &LeaderEnd{id: id} }

// Peer returns who the learner said it is, 0 before that. It belongs to whoever calls Take.
func (e *LeaderEnd) Peer() zab.ServerID { return e.id.Peer }

// Take translates a packet from the learner. Data and credentials of the message alias those of the packet. Its Entries
// are none. After an error the link is to be closed.
func (e *LeaderEnd) Take(p *Packet) (Incoming, error) { return e.take(p) }

func (e *LeaderEnd) take(p *Packet) (in Incoming, err error) {
	switch e.stage {
	case leaderGreeted:
		in, err = e.takeInfo(p)
	case leaderTold:
		in, err = e.takeAckEpoch(p)
	default:
		in, err = e.takeLater(p)
	}
	if err != nil {
		err = refusal(p, e.id.Peer, err)
	}
	return in, err
}

func (e *LeaderEnd) takeInfo(p *Packet) (Incoming, error) {
	kind := zab.FollowerInfo
	switch p.Type {
	case TypeFollowerInfo:
	case TypeObserverInfo:
		kind = zab.ObserverInfo
	default:
		return Incoming{}, errUnexpected
	}
	var info LearnerInfo
	if err := info.Decode(p.Data); err != nil {
		return Incoming{}, err
	}
	switch e.id.Peer = info.ID; {
	case info.Protocol < protocolVersion:
		return Incoming{}, fmt.Errorf("version 0x%x of the protocol, older than 3.4", info.Protocol)
	case info.ConfigVersion > e.id.ConfigVersion:
		return Incoming{}, fmt.Errorf("its configuration has version 0x%x, ours 0x%x", info.ConfigVersion, e.id.ConfigVersion)
	}
	e.stage = leaderTold
	in := e.id.message(kind, p)
	in.Epoch, in.Extended = epochOf(p.Zxid), info.Extended
	return in, nil
}

func (e *LeaderEnd) takeAckEpoch(p *Packet) (Incoming, error) {
	if p.Type != TypeAckEpoch {
		return Incoming{}, errUnexpected
	}
	var a ackEpoch
	if err := a.decode(p.Data); err != nil {
		return Incoming{}, err
	}
	e.stage = leaderPledged
	in := e.id.message(zab.AckEpoch, p)
	in.Epoch, in.Floor = a.epoch, a.floor
	return in, nil
}

func (e *LeaderEnd) takeLater(p *Packet) (in Incoming, err error) {
	if p.Type == TypeAck {
		if uint32(p.Zxid) == 0 {
			e.stage = leaderLevel
		}
		return e.id.message(zab.Ack, p), nil
	}
	if e.stage != leaderLevel {
		return in, errUnexpected
	}
	switch p.Type {
	case TypePing:
		in = e.id.message(zab.Ping, p)
		if in.Data = p.Data; len(p.Data)%touchSize != 0 {
			err = fmt.Errorf("%d bytes are no list of sessions", len(p.Data))
		}
	case TypeRequest:
		in = e.id.app(p)
		err = new(Request).Decode(p.Data)
	case TypeRevalidate:
		in = e.id.app(p)
		err = new(Revalidation).Decode(p.Data)
	default:
		err = errUnexpected
	}
	return in, err
}

// Append appends the packets that say m to the learner. An error means that m cannot be said to one.
func (e *LeaderEnd) Append(dst []byte, m *zab.Message) ([]byte, error) {
	zxid := int64(m.Zxid)
	switch m.Kind {
	case zab.LeaderInfo:
		e.extended = m.Extended
		p := Packet{Type: TypeLeaderInfo, Zxid: m.Epoch << 32, Data: appendLeaderInfo(nil, m.Extended)}
		return p.Append(dst), nil
	case zab.Diff:
		return appendBare(dst, TypeDiff, zxid), nil
	case zab.Trunc:
		return appendBare(dst, TypeTrunc, zxid), nil
	case zab.Snap:
		return appendBare(dst, TypeSnap, zxid), nil
	case zab.Proposal:
		return e.appendProposals(dst, m)
	case zab.Commit:
		return appendRun(dst, TypeCommit, m, e.extended)
	case zab.Inform:
		for i := range m.Entries {
			dst = appendEntry(dst, TypeInform, &m.Entries[i])
		}
		return dst, nil
	case zab.NewLeader:
		p := Packet{Type: TypeNewLeader, Zxid: m.Epoch << 32, Data: e.id.Config}
		return p.Append(dst), nil
	case zab.UpToDate:
		if zxid = -1; e.extended {
			zxid = int64(m.Commit)
		}
		return appendBare(dst, TypeUpToDate, zxid), nil
	case zab.Ping:
		return appendBare(dst, TypePing, zxid), nil
	case zab.App:
		if t := PacketType(m.App); t == TypeRevalidate || t == TypeSync {
			p := Packet{Type: t, Zxid: zxid, Data: m.Data, Auth: m.Auth}
			return p.Append(dst), nil
		}
	case zab.Handover:
		if e.extended {
			return appendHandover(dst, m), nil
		}
	}
	return dst, fmt.Errorf("peer: %v cannot be said to learner %d", m, e.id.Peer)
}

// appendProposals appends proposals with their commits. Where the learner takes a commit for all before it, one follows
// the last proposal; else one follows each proposal that it is about.
func (e *LeaderEnd) appendProposals(dst []byte, m *zab.Message) ([]byte, error) {
	for i := range m.Entries {
		dst = appendEntry(dst, TypeProposal, &m.Entries[i])
		if !e.extended && m.Entries[i].Zxid <= m.Commit {
			dst = appendBare(dst, TypeCommit, int64(m.Entries[i].Zxid))
		}
	}
	if e.extended && m.Commit != 0 {
		dst = appendBare(dst, TypeCommit, int64(m.Commit))
	}
	return dst, nil
}

// appendHandover appends whom to follow now: data is the leader, its epoch and the election round.
func appendHandover(dst []byte, m *zab.Message) []byte {
	data := wire.AppendLong(make([]byte, 0, handoverSize), int64(m.Vote.Leader))
	data = wire.AppendLong(data, m.Vote.PeerEpoch)
	data = wire.AppendLong(data, int64(m.Round))
	p := Packet{Type: TypeHandover, Zxid: int64(m.Vote.Zxid), Data: data}
	return p.Append(dst)
}

const handoverSize = 8 + 8 + 8
