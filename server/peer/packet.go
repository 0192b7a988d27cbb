package peer

import (
	"encoding/binary"
	"fmt"

	"bellwether/engine/wire"
)

// PacketType says what a packet on a learner link means. The numbers are ZooKeeper's.
type PacketType int32

// The packets of a learner link: L is the learner, a follower or an observer, M its leader. What the zxid and the data
// of each say is drawn in doc.go.
const (
	TypeRequest           PacketType = 1  // L→M: a write, or a sync, of one of the learner's clients
	TypeProposal          PacketType = 2  // M→L: a transaction to be logged and acknowledged
	TypeAck               PacketType = 3  // L→M: it is durable; with counter 0: the history before NEWLEADER is
	TypeCommit            PacketType = 4  // M→L: it is committed
	TypePing              PacketType = 5  // M→L, and its answer with the sessions heard of since the last one
	TypeRevalidate        PacketType = 6  // L→M: does this session live? And the answer
	TypeSync              PacketType = 7  // M→L: the learner's oldest sync is complete
	TypeInform            PacketType = 8  // M→observer: a committed transaction
	TypeCommitAndActivate PacketType = 9  // M→L: commit of a reconfiguration, and who is to lead under it
	TypeNewLeader         PacketType = 10 // M→L: the end of the history
	TypeFollowerInfo      PacketType = 11 // L→M: the first packet of a follower
	TypeUpToDate          PacketType = 12 // M→L: serve
	TypeDiff              PacketType = 13 // M→L: opening; what the learner lacks follows
	TypeTrunc             PacketType = 14 // M→L: opening; cut the log first
	TypeSnap              PacketType = 15 // M→L: opening; a snapshot's body follows the packet
	TypeObserverInfo      PacketType = 16 // L→M: the first packet of an observer
	TypeLeaderInfo        PacketType = 17 // M→L: the new epoch
	TypeAckEpoch          PacketType = 18 // L→M: the epoch is accepted; here my log ends
	TypeInformAndActivate PacketType = 19 // M→observer: INFORM of a reconfiguration, and who is to lead under it

	// TypeHandover asks a follower to follow another server without an election. It travels only on links whose ends
	// agreed on Bellwether's extensions; ZooKeeper has no such packet.
	TypeHandover PacketType = 0x42570001
)

var packetNames = [...]string{"packet 0", "REQUEST", "PROPOSAL", "ACK", "COMMIT", "PING", "REVALIDATE", "SYNC", "INFORM",
	"COMMITANDACTIVATE", "NEWLEADER", "FOLLOWERINFO", "UPTODATE", "DIFF", "TRUNC", "SNAP", "OBSERVERINFO", "LEADERINFO",
	"ACKEPOCH", "INFORMANDACTIVATE"}

// String is ZooKeeper's name of the packet.
func (t PacketType) String() string {
	switch {
	case t == TypeHandover:
		return "HANDOVER"
	case t <= 0 || int(t) >= len(packetNames):
		return fmt.Sprintf("packet of unknown type %d", int32(t))
	}
	return packetNames[t]
}

// Packet is one QuorumPacket: the only thing there is on a learner link, except a snapshot's body.
type Packet struct {
	Type PacketType
	Zxid int64
	Data []byte // nil for null, which is not the same as empty
	Auth []byte // credentials as they stand on the wire, a jute vector with its count; nil for null. See Credential
}

// packetHeadSize is how many bytes stand before a packet's data: type, zxid and the data's length.
const packetHeadSize = 4 + 8 + 4

// minPacketSize is the size in bytes of a packet without data and credentials.
const minPacketSize = packetHeadSize + 4

// Append appends p as it stands on the wire.
func (p *Packet) Append(dst []byte) []byte {
	dst = appendPacketHead(dst, p.Type, p.Zxid)
	dst = wire.AppendBuffer(dst, p.Data)
	if p.Auth == nil {
		return append(dst, null...)
	}
	return append(dst, p.Auth...)
}

// null is a length or a count that says null.
const null = "\xff\xff\xff\xff"

func appendPacketHead(dst []byte, t PacketType, zxid int64) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(t))
	return binary.BigEndian.AppendUint64(dst, uint64(zxid))
}

// appendBare appends a packet that has neither data nor credentials.
func appendBare(dst []byte, t PacketType, zxid int64) []byte {
	return append(appendPacketHead(dst, t, zxid), null+null...)
}
