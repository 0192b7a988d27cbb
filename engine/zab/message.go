package zab

import "fmt"

// Kind says what a Message is. All but Handover are packets of ZooKeeper's quorum protocol under ZooKeeper's names;
// Handover travels only between servers that agreed on Extended.
type Kind uint8

const (
	Notification Kind = iota + 1 // an election vote; the only kind that belongs to no link
	FollowerInfo                 // learner → leader: I follow; Epoch = my accepted epoch; Extended = I can
	ObserverInfo                 // the same from an observer
	LeaderInfo                   // leader → learner: Epoch = the new epoch; Extended = we do
	AckEpoch                     // learner → leader: Zxid = end of my log; Epoch = my current epoch, or NotCounted; Floor (extended)
	Diff                         // leader → learner: you are on my path, what you lack follows
	Trunc                        // leader → learner: cut everything after Zxid, then as Diff
	Snap                         // leader → learner: the whole state at Zxid, whose body the callers move between them
	Proposal                     // leader → participant: Entries; of these and all before, those up to Commit are committed (0: nothing said)
	Commit                       // leader → participant: First..Zxid are committed
	Inform                       // leader → observer: Entries, committed
	NewLeader                    // leader → learner: this was my history; persist it and say so. Epoch
	Ack                          // learner → leader: First..Zxid are durable here; with counter 0: the history before NewLeader of that epoch is
	UpToDate                     // leader → learner: a quorum has the history; serve. Commit (extended)
	Ping                         // leader → learner, and its answer; Data = session touches in the answer
	App                          // either way: a packet of the caller's in its place in the order; App, Zxid, Data, Auth
	Handover                     // leader → learner, extended: leave me for Vote.Leader
)

var kindNames = [...]string{"none", "NOTIFICATION", "FOLLOWERINFO", "OBSERVERINFO", "LEADERINFO", "ACKEPOCH", "DIFF", "TRUNC", "SNAP",
	"PROPOSAL", "COMMIT", "INFORM", "NEWLEADER", "ACK", "UPTODATE", "PING", "APP", "HANDOVER"}

func (k Kind) String() string { return name(kindNames[:], int(k)) }

// NotCounted is the Epoch of an AckEpoch that says: do not count me, I had accepted this epoch before.
const NotCounted int64 = -1

// Message is one packet between two servers, or a run of packets that stand one behind the other on the link:
//
//	Proposal, Inform   Entries: one PROPOSAL or INFORM each. A Proposal's Commit, towards a server of the Java kind,
//	                   is a COMMIT directly behind each PROPOSAL up to it.
//	Commit, Ack        First..Zxid, within one epoch: one COMMIT or ACK each towards a server of the Java kind. Between
//	                   extended servers one packet with the last zxid says it all.
//
// A message from a server of the Java kind is one packet: First may be left 0 (it then equals Zxid), Commit is 0.
// Config text and versions (NOTIFICATION, NEWLEADER, LearnerInfo) belong to the transport and are not seen here.
type Message struct {
	Kind     Kind
	State    Role // Notification: what the sender is doing
	Extended bool // FollowerInfo, ObserverInfo, LeaderInfo: prefix acks, commits on proposals, Handover
	Version  int32
	App      int32 // App: the packet's type on the wire
	From, To ServerID
	Link     LinkID // 0 exactly for a Notification

	Zxid   Zxid
	First  Zxid
	Commit Zxid
	Floor  Zxid  // AckEpoch, extended: the learner cannot be cut back below this zxid; all ones: it needs a snapshot
	Epoch  int64 // FollowerInfo, ObserverInfo, LeaderInfo, AckEpoch, NewLeader

	Vote    Vote   // Notification, Handover
	Round   uint64 // Notification: the sender's election round
	Entries []Entry
	Data    []byte // Ping, App
	Auth    []byte // App: the credentials that travel with a request, encoded by the caller; nil = none
}

// String says what the message says, in a line: "PROPOSAL 1:3..1:7, commit 1:2".
func (m Message) String() string {
	switch m.Kind {
	case Notification:
		return fmt.Sprintf("%v %v in round %d: for %d with %v of epoch %d", m.Kind, m.State, m.Round, m.Vote.Leader, m.Vote.Zxid, m.Vote.PeerEpoch)
	case FollowerInfo, ObserverInfo, LeaderInfo, NewLeader:
		return fmt.Sprintf("%v epoch %d", m.Kind, m.Epoch)
	case AckEpoch:
		return fmt.Sprintf("%v log to %v of epoch %d", m.Kind, m.Zxid, m.Epoch)
	case Proposal, Inform:
		return fmt.Sprintf("%v %s%s", m.Kind, span(m.Entries), upToCommit(m.Commit))
	case Commit, Ack:
		if m.First != 0 && m.First != m.Zxid {
			return fmt.Sprintf("%v %v..%v", m.Kind, m.First, m.Zxid)
		}
	case UpToDate:
		return m.Kind.String() + upToCommit(m.Commit)
	case App:
		return fmt.Sprintf("%v type %d, %d bytes", m.Kind, m.App, len(m.Data))
	case Handover:
		return fmt.Sprintf("%v to %d at %v", m.Kind, m.Vote.Leader, m.Vote.Zxid)
	}
	return fmt.Sprintf("%v %v", m.Kind, m.Zxid)
}

func span(e []Entry) string {
	switch len(e) {
	case 0:
		return "nothing"
	case 1:
		return e[0].Zxid.String()
	}
	return e[0].Zxid.String() + ".." + e[len(e)-1].Zxid.String()
}

func upToCommit(z Zxid) string {
	if z == 0 {
		return ""
	}
	return ", commit " + z.String()
}

// Vote is whom a server wants as leader and why. Its order decides elections (beats).
type Vote struct {
	Leader    ServerID
	Zxid      Zxid  // end of the proposed leader's log
	PeerEpoch int64 // the proposed leader's current epoch
}

// NotificationVersion is the version of the election messages this package speaks; 0 marks a peer too old to keep PeerEpoch up to date.
const NotificationVersion = 2

// The values with which an observer fills its vote, so that nobody can count it.
const (
	noLeader    ServerID = -1 << 63
	noZxid      Zxid     = 1 << 63
	noPeerEpoch int64    = -1 << 63
)

// unknownZxid is what a server says whose state was lost and who must not help to elect anybody (zxid -1 on the wire).
const unknownZxid Zxid = 1<<64 - 1
