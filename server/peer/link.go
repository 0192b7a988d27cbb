package peer

import (
	"encoding/binary"
	"errors"
	"fmt"

	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// A learner link has two ends, which say and may hear different things. Each end translates between the messages of
// package zab and packets, and knows how far its link has come, so that a packet which cannot be is an error before zab
// sees it:
//
//	LeaderEnd hears    FOLLOWERINFO|OBSERVERINFO ─► ACKEPOCH ─► ACK* ─► (ACK of the epoch) ─► ACK PING REQUEST REVALIDATE
//	LearnerEnd hears   LEADERINFO ─► DIFF|TRUNC|SNAP ─► PROPOSAL COMMIT INFORM (PING) ─► NEWLEADER ─► the same ─►
//	                   UPTODATE ─► PROPOSAL COMMIT INFORM PING REVALIDATE SYNC
//
// Only the shape of the conversation is judged here. Epochs, zxids and who may say what to whom are zab's.
//
// Both ends are pure. An end may be used by two goroutines, one that calls Take and one that calls Append, if what Take
// returned has reached zab before zab's answer reaches Append; a mailbox between them does that.

// Incoming is a message from the other end of a link, and what zab does not look at.
type Incoming struct {
	zab.Message
	Config     []byte       // NEWLEADER: the leader's configuration text; nil if there is none
	Activate   bool         // COMMITANDACTIVATE, INFORMANDACTIVATE: the transaction is a reconfiguration, and in force now
	Designated zab.ServerID // with Activate: who is to lead under it
}

// Identity is what an end knows from the start.
type Identity struct {
	Link          zab.LinkID
	Self          zab.ServerID
	Peer          zab.ServerID // the leader; at the leader's end it becomes known with the first packet
	Config        []byte       // the configuration text, for NEWLEADER
	ConfigVersion int64        // its version
}

// errUnexpected marks a packet that cannot come here, or not now.
var errUnexpected = errors.New("not expected now")

// epochOf is the epoch in a zxid, as ZooKeeper takes it out: it may be negative.
func epochOf(zxid int64) int64 { return zxid >> 32 }

// message begins a message that has come over the link.
func (id *Identity) message(kind zab.Kind, p *Packet) Incoming {
	return Incoming{Message: zab.Message{Kind: kind, From: id.Peer, To: id.Self, Link: id.Link, Zxid: zab.Zxid(p.Zxid)}}
}

// app is a packet whose meaning is the caller's.
func (id *Identity) app(p *Packet) Incoming {
	in := id.message(zab.App, p)
	in.App, in.Data, in.Auth = int32(p.Type), p.Data, p.Auth
	return in
}

// appendRun appends one bare packet for each zxid from m.First to m.Zxid, or for the last one only if that says it all.
func appendRun(dst []byte, t PacketType, m *zab.Message, lastOnly bool) ([]byte, error) {
	first := m.First
	if first == 0 || lastOnly {
		first = m.Zxid
	}
	if first > m.Zxid || first.Epoch() != m.Zxid.Epoch() {
		return dst, fmt.Errorf("peer: %v from %v to %v", t, first, m.Zxid)
	}
	for z := first; ; z++ {
		dst = appendBare(dst, t, int64(z))
		if z == m.Zxid {
			return dst, nil
		}
	}
}

// appendEntry appends a PROPOSAL or an INFORM.
func appendEntry(dst []byte, t PacketType, e *zab.Entry) []byte {
	dst = appendPacketHead(dst, t, int64(e.Zxid))
	dst = wire.AppendBuffer(dst, e.Data)
	return append(dst, null...)
}

// entryOf returns the transaction in the data of a PROPOSAL or an INFORM.
func entryOf(zxid int64, data []byte) (zab.Entry, error) {
	if len(data) < wire.TxnHeaderSize {
		return zab.Entry{}, fmt.Errorf("transaction of %d bytes", len(data))
	}
	if z := int64(binary.BigEndian.Uint64(data[txnZxidAt:])); z != zxid {
		return zab.Entry{}, fmt.Errorf("zxid 0x%x, but the transaction in it has 0x%x", zxid, z)
	}
	return zab.Entry{Zxid: zab.Zxid(zxid), Data: data}, nil
}

// txnZxidAt is where a transaction's header has the zxid: behind session and cxid.
const txnZxidAt = 8 + 4

// designatedOf returns who is to lead under a reconfiguration, and what stands behind that.
func designatedOf(data []byte) (leader zab.ServerID, rest []byte, err error) {
	if len(data) < activationSize {
		return 0, nil, fmt.Errorf("%d bytes of data name no leader", len(data))
	}
	return zab.ServerID(binary.BigEndian.Uint64(data)), data[activationSize:], nil
}

// refusal makes an error of a packet that was not taken.
func refusal(p *Packet, from zab.ServerID, err error) error {
	return fmt.Errorf("peer: %v from server %d: %w", p.Type, from, err)
}
