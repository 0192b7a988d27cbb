// Package peer speaks ZooKeeper's protocols between servers, byte for byte: the election protocol, by which servers agree
// on a leader, and the learner protocol, by which followers and observers are brought to its history and kept there.
// Package zab decides what is said; this package says it so that servers of Apache ZooKeeper understand it.
//
//	          Send ┌──────────────────────────────┐                ┌──────────────────────────────┐
//	messages ────► │ Links: queue ─► writer ─►    │ ── packets ──► │    ─► reader ─► batch        │ Receive
//	     zab       │        LearnerEnd            │                │         LeaderEnd            │ ────► messages
//	messages ◄──── │        batch ◄─ reader ◄─    │ ◄── packets ── │   ◄─ writer ◄─ queue :Links  │       zab
//	       Receive └──────────────────────────────┘                └──────────────────────────────┘
//	               ┌──────────────────────────────┐                ┌──────────────────────────────┐
//	votes ◄──────► │ Election: one slot a server  │ ◄── frames ──► │                    :Election │ ◄──────► votes
//	               └──────────────────────────────┘                └──────────────────────────────┘
//
// The ends are pure and translate; Links and Election are the loops around them, which act and decide nothing.
//
// # Learner links
//
// The learner dials the leader's quorum port. The stream is packet after packet, in both directions, without lengths
// around them (packet.go, decoder.go):
//
//	 0        4        12       16               16+n
//	┌────────┬────────┬────────┬────────────────┬───────────────────────────────────────────┐
//	│  type  │  zxid  │ length │ n bytes of     │ credentials: count, (scheme, id) …        │
//	│        │        │   n    │ data; -1: null │ only of a REQUEST, else -1: null          │
//	└────────┴────────┴────────┴────────────────┴───────────────────────────────────────────┘
//
//	packet             who   zxid                          data
//	FOLLOWERINFO       L→M   accepted epoch << 32          LearnerInfo
//	OBSERVERINFO       L→M   the same                      LearnerInfo
//	LEADERINFO         M→L   new epoch << 32               int 0x10000
//	ACKEPOCH           L→M   end of the learner's log      int current epoch, -1: do not count me
//	DIFF TRUNC SNAP    M→L   end of the common history     null; behind SNAP the body, see snapbody.go
//	NEWLEADER          M→L   new epoch << 32               configuration text
//	UPTODATE           M→L   -1                            null
//	PROPOSAL INFORM    M→L   of the transaction            the transaction, as package wire writes it
//	ACK COMMIT         both  of the transaction            null
//	PING               M→L   last proposal                 null
//	PING               L→M   the same                      sessions heard of, see Touches; never null
//	REQUEST            L→M   -1                            Request
//	REVALIDATE         L→M   -1                            Revalidation
//	REVALIDATE         M→L   -1                            Validity
//	SYNC               M→L   0                             null
//	COMMITANDACTIVATE  M→L   of the reconfiguration        long designated leader
//	INFORMANDACTIVATE  M→L   the same                      long designated leader, then the transaction
//
// Two servers of this kind say so behind the LearnerInfo and behind the data of LEADERINFO, where Apache ZooKeeper does
// not look. From then on an ACK or a COMMIT stands for everything before it, ACKEPOCH carries how far the learner can be
// cut back, UPTODATE what is committed, and HANDOVER exists. Towards Apache ZooKeeper none of that is ever used.
//
// # Election links
//
// One connection for each pair of servers, used in both directions; the server with the greater id dials. The dialer opens
// it with a Hello, which nobody answers; then come frames, each a length and a notification (notification.go).
//
// # Promises
//
//   - The bytes are Apache ZooKeeper's. testdata/links holds links between servers of version 3.8.0, recorded by
//     capture_test.go: every packet and frame of them is read and written back to the same bytes, and passes through both
//     ends of a link as messages. mixed_test.go has a server in little stand among real ones: as an observer, as a
//     follower, as their leader.
//   - No input panics. A length is a claim: nothing is allocated for bytes that have not come, beyond one buffer and twice
//     what has. A packet that cannot come at its stage is an error before zab sees it; the error says which packet, from
//     whom and why.
//   - Transactions go from the socket to the log and into memory without a copy. Packets of the broadcast cost no
//     allocation of their own, read or written. What has come or gathered meanwhile is handed over, and written, at once.
//   - Everything that waits is bounded: one message a server for elections, Options.MaxQueue bytes a link,
//     Options.MaxStrangers connections that have not said who they are. A peer that stalls, or speaks nonsense, loses its
//     connection and is one line in the log.
//   - A server that is down costs a dial now and then while there is something to say to it, and nothing else.
//   - Close returns when nothing of this package runs any more.
//
// # Rules for callers
//
//   - What a Decoder hands out may be kept for ever, and must not be changed.
//   - The calls that Handler hears come from the links' goroutines; most callers put them in a mailbox. Ready.Messages go
//     to Election.Send if they are notifications, else to Links.Send, Ready.Dial to Links.Dial, Ready.Drops to Links.Drop.
//   - Ready.Install means Links.Body, on a goroutine of its own; then Restored or RestoreFailed, and only then is the body
//     closed. For Ready.SendSnap: SnapshotTaken, then the messages of the next Ready, then Links.SendBody; BodySent
//     means SnapshotSent.
//   - An end that is used by itself belongs to one link. Whoever gets an error from Take closes the link.
//
// # What there is not
//
// TLS and SASL between servers; the observer masters of ZooKeeper 3.6; servers older than 3.4. Reconfigurations are
// understood as far as a learner has to (they are committed like any transaction, and Incoming says what they name), but
// not proposed.
//
// # Where to read next
//
// The bytes: packet.go, decoder.go, payload.go, snapbody.go; hello.go and notification.go for elections; ensemble.go and
// member.go for the configuration text. The translation: link.go, link_leader.go, link_learner.go. The loops: handler.go,
// election.go, links.go and link_loops.go, with outgoing.go, batch.go and dial.go below them.
package peer
