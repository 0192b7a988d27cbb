package zab

import "fmt"

// Zxid names one proposal: the epoch of the leader that made it in the high 32 bits, its place in that epoch, from 1 up
// without a gap, in the low 32. Zxids compare as numbers. A zxid with counter 0 names the beginning of an epoch and no proposal.
type Zxid uint64

// MakeZxid returns the zxid of the counter-th proposal of an epoch.
func MakeZxid(epoch, counter uint32) Zxid { return Zxid(epoch)<<32 | Zxid(counter) }

// Epoch is the epoch of the leader that made the proposal.
func (z Zxid) Epoch() uint32 { return uint32(z >> 32) }

// Counter is the place of the proposal in its epoch.
func (z Zxid) Counter() uint32 { return uint32(z) }

// String is "epoch:counter", both decimal.
func (z Zxid) String() string { return fmt.Sprintf("%d:%d", z.Epoch(), z.Counter()) }

// beginsEpoch says that z names the beginning of an epoch, not a proposal.
func (z Zxid) beginsEpoch() bool { return z.Counter() == 0 }

// mayFollow says that a proposal z can stand directly after prev: the next of the same epoch, or the first of a later one.
// (The first proposals of an epoch are never cut off, so a history that enters an epoch enters it at 1.)
func (z Zxid) mayFollow(prev Zxid) bool {
	if z.Epoch() == prev.Epoch() {
		return z == prev+1 && z.Counter() != 0
	}
	return z.Epoch() > prev.Epoch() && z.Counter() == 1
}

// ServerID is a server's number in the ensemble ("myid"), from 1 up. 0 means none.
type ServerID int64

// LinkID names one connection between a learner and a leader. The caller chooses it and never uses it again: two connections
// of the same pair of servers have different numbers. 0 means none.
type LinkID uint64

// Entry is one proposal. Data belongs to the garbage collector: it is never written after it was handed over, by either side,
// and may be kept by anybody for ever. So may the slices of entries that this package hands out.
type Entry struct {
	Zxid Zxid
	Data []byte
}

// Epochs are the two numbers that make a server keep its promises across restarts. AcceptedEpoch: it follows no leader of a
// lower epoch any more. CurrentEpoch: it has the whole initial history of that epoch.
//
// Invariant: Current <= Accepted, and neither ever falls.
type Epochs struct {
	Accepted uint32
	Current  uint32
}

// Role is what a server is doing. The values are those of ZooKeeper's election messages.
type Role int32

const (
	Looking   Role = 0 // for a leader
	Following Role = 1 // a leader, with a vote in every decision
	Leading   Role = 2
	Observing Role = 3 // following without a vote
)

func (r Role) String() string { return name(roleNames[:], int(r)) }

var roleNames = [...]string{"looking", "following", "leading", "observing"}

// Phase is how far a server has come with its leader (or as one).
type Phase uint8

const (
	Election        Phase = iota // role Looking
	Discovery                    // agreeing on a new epoch
	Synchronization              // a quorum, or this learner, is brought to the leader's history
	Broadcast                    // proposals flow; clients may be served
)

func (p Phase) String() string { return name(phaseNames[:], int(p)) }

var phaseNames = [...]string{"election", "discovery", "synchronization", "broadcast"}

func name(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return fmt.Sprintf("unknown(%d)", i)
	}
	return names[i]
}
