package zab

import "fmt"

// Ready is everything that is now to be done. See the package comment for the caller's duties. The slices themselves are
// reused by the next call of Core.Ready, except Entries and Committed and the entries inside Messages: these are immutable
// and may be kept.
type Ready struct {
	State        State
	StateChanged bool // since the last Ready. Broadcast counts only when Committed of this Ready is applied

	// For the disk, in this order, behind everything that was asked for before.
	Truncate      bool // cut the log after TruncateAfter (rebuild the state if it is ahead), then call Truncated
	TruncateAfter Zxid
	Install       SnapshotOrder // unless zero: take the snapshot whose body follows on this link, then call Restored or RestoreFailed
	Entries       []Entry       // append and sync, then call Persisted with the last zxid
	Epochs        Epochs        // unless zero: write both durably, then call EpochsPersisted

	// For the peers, at once and in this order.
	Dial     ServerID        // unless 0: open a link to this server, then call LinkUp, or DialFailed
	Messages []Message       // send; a message whose link is gone is dropped
	Drops    []Drop          // close these links after what stands in Messages for them
	SendSnap []SnapshotOrder // stream a snapshot to each of these learners, then call SnapshotSent
	Reads    []LogOrder      // read the log for each of these learners, then call LogRead
	PingDue  bool            // the leader pinged: call Pong with the session touches

	// For the state machine, in order.
	Committed []Entry
	Apps      []AppPacket // each once everything up to its After is applied
}

// State is where a server stands.
type State struct {
	Role   Role
	Phase  Phase
	Leader ServerID // whom it follows, itself while leading, 0 while looking
	Epoch  uint32   // the epoch of Leader, once agreed; 0 before
}

func (s State) String() string {
	switch {
	case s.Role == Looking:
		return s.Role.String()
	case s.Role == Leading && s.Epoch == 0:
		return fmt.Sprintf("%v, %v", s.Role, s.Phase)
	case s.Epoch == 0:
		return fmt.Sprintf("%v %d, %v", s.Role, s.Leader, s.Phase)
	case s.Role == Leading:
		return fmt.Sprintf("%v, %v in epoch %d", s.Role, s.Phase, s.Epoch)
	}
	return fmt.Sprintf("%v %d, %v in epoch %d", s.Role, s.Leader, s.Phase, s.Epoch)
}

// SnapshotOrder asks to move a snapshot over a link. Zxid is the zxid of the one to be installed; one that is to be sent must
// be taken at Zxid or later.
type SnapshotOrder struct {
	Link LinkID
	Peer ServerID
	Zxid Zxid
}

// LogOrder asks for the log's entries from Zxid From to To, both included, for a learner. From is in the log if the learner's
// history is on the leader's path at all; it may be gone from the disk.
type LogOrder struct {
	Link     LinkID
	Peer     ServerID
	From, To Zxid
}

// AppPacket is a packet of the caller's that arrived from a peer. Type is its type on the wire; a learner's answer to a ping
// comes as type PingPacket if it carries touches.
type AppPacket struct {
	Link  LinkID
	From  ServerID
	After Zxid // deliver it once everything up to here is applied
	Type  int32
	Zxid  Zxid
	Data  []byte
	Auth  []byte
}

// PingPacket is the AppPacket type of session touches that came with a ping's answer: ZooKeeper's number for PING.
const PingPacket int32 = 5

// Drop is a link to be closed and the reason, for the log.
type Drop struct {
	Link   LinkID
	Peer   ServerID
	Reason string
}

// Ready returns everything that is now to be done and forgets it.
func (c *Core) Ready() Ready {
	if c.state.Role == Leading {
		c.commitProposals()
		for _, l := range c.learners {
			if c.state.Phase == Broadcast {
				c.synchronizeLearner(l) // if it waits for what was just committed
			}
			c.pump(l)
		}
		c.considerHandover()
	} else {
		c.acknowledge()
	}
	out := c.rd
	out.State, out.StateChanged = c.state, c.stateChanged
	out.Committed = c.hist.deliver()
	if !c.truncating && !c.installing && c.hist.handed < c.hist.last {
		out.Entries = c.entries(c.hist.handed, c.hist.last)
		c.hist.handed, c.hist.group = c.hist.last, len(out.Entries)
	}
	base := c.hist.base
	c.hist.trim(c.cfg.WindowEntries, c.cfg.WindowBytes)
	if c.broken(bugHoleInWindow) {
		c.hist.base = base
	}
	c.rd, c.spare, c.stateChanged, c.shared = c.spare.emptied(), out, false, sharedSlice{}
	return out
}

// emptied returns a Ready that reuses r's slices. It lets go of what they refer to.
func (r *Ready) emptied() Ready {
	clear(r.Messages)
	clear(r.Apps)
	return Ready{Messages: r.Messages[:0], Drops: r.Drops[:0], SendSnap: r.SendSnap[:0], Reads: r.Reads[:0], Apps: r.Apps[:0]}
}

// entries is history.slice, remembered: learners mostly want the same.
func (c *Core) entries(from, to Zxid) []Entry {
	if s := &c.shared; s.from != from || s.to != to || len(s.entries) == 0 {
		*s = sharedSlice{from, to, c.hist.slice(from, to)}
	}
	return c.shared.entries
}

// sharedSlice is the last answer of Core.entries. It is dropped with every Ready, lest it keep old entries alive.
type sharedSlice struct {
	from, to Zxid
	entries  []Entry
}
