package zab

import (
	"errors"
	"fmt"
)

// Synchronization, the learner's side. What the leader sends goes to the disk as it comes; NewLeader is acknowledged when
// everything before it is durable, and then the epoch, in that order: a server that stops in between has a longer log than its
// epoch tells, which is harmless; the other way round it would claim a history that it lacks. Nothing is delivered before
// UpToDate: until then the leader may fail and its history be no one's.

// advanceFollowing takes the learner's steps.
func (c *Core) advanceFollowing() {
	switch c.follow.stage {
	case accepting:
		c.pledge()
	case settling:
		c.settle()
	}
}

// stepLeader takes a message of the leader's.
func (c *Core) stepLeader(m *Message) error {
	f := &c.follow
	f.heard = c.now
	switch {
	case f.stage == installing:
		return errors.New("amid a snapshot")
	case m.Kind == LeaderInfo:
		return c.stepLeaderInfo(m)
	case m.Kind == Diff || m.Kind == Trunc || m.Kind == Snap:
		return c.stepOpening(m)
	case m.Kind == Ping && f.stage < current, m.Kind == App && f.stage < current, m.Kind == UpToDate && f.stage == current:
		return nil
	case f.stage < receiving:
		return errors.New("before the opening packet")
	}
	switch m.Kind {
	case Proposal:
		return c.stepProposal(m)
	case Inform:
		return c.stepInform(m)
	case Commit:
		return c.stepCommit(m.First, m.Zxid)
	case NewLeader:
		return c.stepNewLeader(m)
	case UpToDate:
		return c.stepUpToDate(m)
	case Ping:
		f.pingDue, f.pingZxid, c.rd.PingDue = true, m.Zxid, true
		return nil
	case App:
		c.deliverApp(m, m.App)
		return nil
	case Handover:
		return c.stepHandover(m)
	}
	return errors.New("not a leader's message")
}

// stepOpening takes Diff, Trunc or Snap.
func (c *Core) stepOpening(m *Message) error {
	if c.follow.stage != opening {
		return errors.New("not expected")
	}
	switch m.Kind {
	case Diff:
		if c.lost && c.hist.last != 0 {
			return errors.New("but only a snapshot can help")
		}
		c.startReceiving(c.hist.last)
	case Trunc:
		return c.stepTrunc(m.Zxid)
	case Snap:
		if m.Zxid < c.hist.committed || m.Zxid.Epoch() > c.follow.epoch {
			return fmt.Errorf("at %v in epoch %d, but %v is committed here", m.Zxid, c.follow.epoch, c.hist.committed)
		}
		c.follow.stage, c.installing = installing, true
		c.rd.Install = SnapshotOrder{Link: m.Link, Peer: m.From, Zxid: m.Zxid}
		if c.broken(bugRestoreEarly) {
			c.hist.reset(m.Zxid)
		}
	}
	return nil
}

// startReceiving continues after z, where a leader of the Java kind believes everything to be committed.
func (c *Core) startReceiving(z Zxid) {
	c.follow.stage = receiving
	if !c.follow.extended {
		c.follow.commit = z
	}
}

// restored continues after a snapshot at z, if its leader is still there. Proposals up to z may come once more.
func (c *Core) restored(z Zxid) {
	if c.follow.stage == installing {
		c.follow.skip, c.follow.heard = z, c.now
		c.startReceiving(z)
	}
}

// stepTrunc cuts the log after z. That destroys data, so z must be a place that this server was at, in no doubt and after all
// it knows to be committed; otherwise it keeps what it has and asks for a snapshot next time.
func (c *Core) stepTrunc(z Zxid) error {
	h := &c.hist
	if z.beginsEpoch() && z >= h.base && h.next(z) == z+1 {
		z = h.floor(z) // a leader of the Java kind counts the beginning of an epoch as a zxid of its own
	}
	if z < h.committed || z < c.floor && !c.broken(bugTruncBelowSnapshot) || z >= h.last || z >= h.base && h.floor(z) != z {
		c.lost = true
		return fmt.Errorf("to %v: this log goes to %v, is committed to %v and cannot go below %v", z, h.last, h.committed, c.floor)
	}
	if !c.broken(bugTruncMemoryOnly) {
		c.truncating, c.truncateAt = true, z
		c.rd.Truncate, c.rd.TruncateAfter = true, z
	}
	h.cut(z)
	c.startReceiving(z)
	return nil
}

// truncatedTo takes the disk's word on where a cut has left the log.
func (c *Core) truncatedTo(last Zxid) {
	switch {
	case last > c.truncateAt:
		panic(fmt.Sprintf("zab: log cut to %v ends at %v", c.truncateAt, last))
	case last == c.truncateAt:
		c.hist.persisted = max(c.hist.persisted, c.hist.handed) // whatever was given to the disk before, it has answered
	default: // it never was at that place: start again from where it really is
		c.hist.reset(last)
		if c.state.Role != Looking {
			c.look("the log did not reach the leader's cut")
		}
	}
}

// stepProposal takes proposals.
func (c *Core) stepProposal(m *Message) error {
	if c.state.Role == Observing && c.follow.stage >= settling {
		return errors.New("an observer gets none")
	}
	if err := c.receive(m.Entries); err != nil {
		return err
	}
	if m.Commit == 0 {
		return nil
	}
	return c.stepCommit(c.hist.next(c.follow.commit), m.Commit)
}

// stepInform takes committed proposals.
func (c *Core) stepInform(m *Message) error {
	if c.state.Role != Observing {
		return errors.New("to a participant")
	}
	if err := c.receive(m.Entries); err != nil {
		return err
	}
	c.follow.commit = max(c.follow.commit, c.hist.last)
	c.commitFollowing()
	return nil
}

// receive appends what the leader sent to the history.
func (c *Core) receive(entries []Entry) error {
	f := &c.follow
	for _, e := range entries {
		z := e.Zxid
		switch {
		case z <= f.skip && f.stage < current:
			continue
		case z.Epoch() > f.epoch || f.stage >= settling && z.Epoch() != f.epoch:
			return fmt.Errorf("%v in epoch %d", z, f.epoch)
		case !z.mayFollow(c.hist.last):
			return fmt.Errorf("%v after %v", z, c.hist.last)
		}
		c.hist.append(e)
	}
	return nil
}

// stepCommit notes that first..z are committed. Between extended servers only z counts. On a plain link every commit must name the
// proposal after the last committed one; what a snapshot already held may be named again.
func (c *Core) stepCommit(first, z Zxid) error {
	f, h := &c.follow, &c.hist
	if z <= f.commit {
		return nil
	}
	if z > h.last || z > h.base && h.floor(z) != z {
		return fmt.Errorf("commit of %v, which was never proposed here", z)
	}
	if first == 0 {
		first = z
	}
	if next := h.next(f.commit); !f.extended && first > f.commit && first != next {
		return fmt.Errorf("commit of %v, but %v comes first", first, next)
	}
	if c.broken(bugLoseEarlyCommit) && f.stage == settled {
		return nil
	}
	f.commit = z
	c.commitFollowing()
	return nil
}

// stepNewLeader marks the end of the history.
func (c *Core) stepNewLeader(m *Message) error {
	f := &c.follow
	if f.stage != receiving {
		return errors.New("not expected")
	}
	if m.Epoch != int64(f.epoch) {
		return fmt.Errorf("of epoch %d in epoch %d", m.Epoch, f.epoch)
	}
	f.stage, f.history = settling, c.hist.last
	f.acked = f.history
	if !f.extended {
		f.acked = f.commit // what was only proposed is acknowledged later, one by one
	}
	f.acked = max(f.acked, MakeZxid(f.epoch, 0))
	if c.broken(bugDeliverEarly) {
		c.hist.commit(max(c.hist.last, c.hist.committed))
	}
	return nil
}

// settle sends the Ack that a leader is established by: history durable, then epoch durable, then Ack.
func (c *Core) settle() {
	f := &c.follow
	if (c.truncating || c.hist.persisted < f.history) && !c.broken(bugEpochBeforeHistory) && !c.broken(bugAckBeforeHistory) {
		return
	}
	c.writeEpochs(Epochs{Accepted: c.asked.Accepted, Current: f.epoch})
	if c.durable.Current < f.epoch && !c.broken(bugAckBeforeHistory) && !c.broken(bugAckBeforeEpoch) {
		return
	}
	f.stage = settled
	c.tellLeader(Message{Kind: Ack, First: MakeZxid(f.epoch, 0), Zxid: MakeZxid(f.epoch, 0)})
}

// stepUpToDate believes what was committed and begins broadcast.
func (c *Core) stepUpToDate(m *Message) error {
	f := &c.follow
	if f.stage != settled {
		return errors.New("before the history was acknowledged")
	}
	if z := c.hist.floor(MakeZxid(f.epoch, 0)); z.Epoch() < f.epoch {
		f.commit = max(f.commit, z) // the initial history is committed by the leader's being established
	}
	f.stage = current
	if err := c.stepCommit(m.Commit, m.Commit); err != nil {
		return err
	}
	c.commitFollowing()
	if !f.extended {
		c.tellLeader(Message{Kind: Ack, First: MakeZxid(f.epoch, 0), Zxid: MakeZxid(f.epoch, 0)})
	}
	return nil
}

// commitFollowing commits what the leader said. The phase is Broadcast once that covers whatever the caller's state holds: a
// server that restarted has applied its whole log, and the end of it may still be open.
func (c *Core) commitFollowing() {
	f := &c.follow
	if f.stage != current {
		return
	}
	if f.commit > c.hist.committed {
		c.hist.commit(f.commit)
	}
	if c.state.Phase != Broadcast && (c.hist.committed >= c.hist.delivered || c.broken(bugServeEarly)) {
		c.vote.vote.PeerEpoch = int64(f.epoch)
		c.become(State{Role: c.state.Role, Phase: Broadcast, Leader: c.state.Leader, Epoch: f.epoch})
	}
}
