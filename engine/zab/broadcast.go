package zab

import (
	"errors"
	"fmt"
)

// Broadcast: the leader numbers proposals and sends them while its own disk writes them; a participant acknowledges what its
// disk has; what a quorum of disks has, the leader's being one of them, is committed, in order.
//
// Nothing here is sent by the proposal. Propose and Persisted only move marks; Ready sends each learner, in one message, all
// between the mark of what it was sent and the end of the history.

// NextZxid is the zxid that the next proposal will get. Meaningful only while leading in broadcast.
func (c *Core) NextZxid() Zxid { return max(c.hist.last, MakeZxid(c.lead.epoch, 0)) + 1 }

// Propose makes data the next proposal. It keeps a reference to data, which must not change any more. It refuses with
// ErrNotLeading, and with ErrHandingOver while leadership moves or the epoch's numbers are used up.
func (c *Core) Propose(data []byte) (Zxid, error) {
	if c.state.Role != Leading || c.state.Phase != Broadcast {
		return 0, ErrNotLeading
	}
	z := c.NextZxid()
	if c.lead.successor != 0 || z.Counter() >= c.cfg.RollCounter && !c.broken(bugNoRoll) {
		return 0, ErrHandingOver
	}
	c.hist.append(Entry{z, data})
	return z, nil
}

// ProposeBatch makes each of data a proposal, in order, and returns how many were taken: all unless there is an error.
func (c *Core) ProposeBatch(data [][]byte) (n int, err error) {
	for _, d := range data {
		if _, err = c.Propose(d); err != nil {
			break
		}
		n++
	}
	return n, err
}

// serve is the leader's watch over its quorum.
func (c *Core) serve() {
	c.invite()
	if c.lead.lostLink && !c.broken(bugLeadWithoutQuorum) {
		c.lead.lostLink = false
		if !c.q.contains(c.voters(func(l *learner) bool { return l.stage >= level })) {
			c.look("quorum lost")
		}
	}
}

// stepAck takes a learner's word about its disk.
func (c *Core) stepAck(l *learner, m *Message) error {
	z, begin := m.Zxid, MakeZxid(c.lead.epoch, 0)
	switch {
	case l.stage < taught:
		return errors.New("before NEWLEADER")
	case z == begin || c.broken(bugAnyAckIsNewLeader) && l.stage == taught:
		if l.stage == taught {
			c.stepNewLeaderAck(l)
		}
	case z < begin: // of the history; some members send these too
	case z > l.sent:
		return fmt.Errorf("of %v, but only %v was sent", z, l.sent)
	default:
		l.match, l.progressed = max(l.match, z), c.now
	}
	return nil
}

// stepNewLeaderAck notes that a learner has the history.
func (c *Core) stepNewLeaderAck(l *learner) {
	l.stage, l.match = level, max(l.match, l.taught)
	if !l.extended {
		l.match = max(l.match, l.committed)
	}
	if c.state.Phase == Broadcast {
		c.welcome(l)
	}
}

// welcome lets a learner serve.
func (c *Core) welcome(l *learner) {
	m := Message{Kind: UpToDate}
	if l.extended {
		l.committed = max(l.committed, min(c.hist.committed, l.sent))
		m.Commit = l.committed
	}
	l.stage, l.progressed, l.heard = active, c.now, c.now
	c.tell(l, m)
}

// commitProposals commits what a quorum of disks has.
func (c *Core) commitProposals() {
	if c.state.Role != Leading || c.state.Phase != Broadcast {
		return
	}
	own := c.hist.persisted
	if c.broken(bugOwnVoteBeforeSync) {
		own = c.hist.last
	}
	best := c.committable(own, own, c.hist.committed)
	for _, l := range c.learners {
		if l.stage >= level && !l.observer {
			best = c.committable(l.match, own, best)
		}
	}
	if best > c.hist.committed {
		c.hist.commit(best)
	}
}

// committable returns z if that is above best and a quorum has it, else best.
func (c *Core) committable(z, own, best Zxid) Zxid {
	if z <= best || z.beginsEpoch() {
		return best
	}
	have := voterSet(0)
	if own >= z {
		have = have.with(c.self)
	}
	for _, l := range c.learners {
		if l.stage >= level && !l.observer && l.match >= z {
			have = have.with(l.index)
		}
	}
	if c.q.contains(have) || c.broken(bugCommitMinority) {
		return z
	}
	return best
}

// pump brings a learner's stream up to date: history, NewLeader behind it, then proposals and commits as they come.
func (c *Core) pump(l *learner) {
	if l.stage < streaming || l.reading {
		return
	}
	end := c.hist.last
	if l.observer {
		if end = c.hist.committed; l.stage == taught || l.stage == level {
			return // older observers are confused by what comes before UpToDate
		}
	}
	if c.broken(bugNewLeaderFirst) && l.stage == streaming {
		c.teach(l)
	}
	if c.broken(bugLostDiffTail) && l.stage == streaming && end > l.sent {
		end = c.hist.floor(end - 1)
	}
	if l.sent < end {
		if l.sent < c.hist.base {
			c.orderRead(l)
			return
		}
		c.forward(l, c.entries(l.sent, end))
	}
	if l.stage == streaming {
		c.teach(l)
	}
	told := l.stage == active || l.stage == taught && c.broken(bugCommitBeforeUpToDate)
	if z := min(c.hist.committed, l.sent); told && !l.observer && l.committed < z {
		c.tell(l, Message{Kind: Commit, First: max(l.committed, MakeZxid(c.lead.epoch, 0)) + 1, Zxid: z})
		l.committed = z
	}
	if len(l.held) > 0 {
		for _, m := range l.held {
			c.send(m)
		}
		l.held = nil
	}
}

// forward sends entries that continue what l has. Commits ride along where the learner understands that; one of the Java kind
// gets the history in pairs of proposal and commit, and after that no commit until UpToDate, which some of them cannot digest.
func (c *Core) forward(l *learner, entries []Entry) {
	m := Message{Kind: Proposal, Entries: entries}
	l.sent = entries[len(entries)-1].Zxid
	switch {
	case l.observer && l.stage == active:
		m.Kind = Inform
	case !l.extended && l.stage == streaming:
		l.committed = max(l.committed, min(c.teachable(l), l.sent))
		m.Commit = l.committed
	case l.extended && l.stage == active && !l.observer:
		l.committed = max(l.committed, min(c.hist.committed, l.sent))
		m.Commit = l.committed
	}
	c.tell(l, m)
}

// teach ends the history.
func (c *Core) teach(l *learner) {
	l.stage, l.heard, l.taught = taught, c.now, l.sent
	if !l.extended {
		l.taught = 0
	}
	c.tell(l, Message{Kind: NewLeader, Epoch: int64(c.lead.epoch), Zxid: MakeZxid(c.lead.epoch, 0)})
}

// acknowledge tells the leader what has become durable.
func (c *Core) acknowledge() {
	f := &c.follow
	z := c.hist.persisted
	if c.broken(bugAckBeforeSync) {
		z = c.hist.last
	}
	if f.stage != current || c.state.Role != Following || z <= f.acked {
		return
	}
	c.tellLeader(Message{Kind: Ack, First: f.acked + 1, Zxid: z})
	f.acked = z
}

// SendApp puts a packet of the caller's on the link to peer (the leader, or a learner), behind every proposal and commit that
// Ready has brought to light until now. It keeps references to p.Data and p.Auth; p.Type, p.Zxid, p.Data and p.Auth travel.
func (c *Core) SendApp(peer ServerID, p AppPacket) error {
	m := Message{Kind: App, App: p.Type, Zxid: p.Zxid, Data: p.Data, Auth: p.Auth}
	if c.state.Phase != Broadcast {
		return ErrLinkClosed
	}
	if c.state.Role != Leading && peer == c.state.Leader {
		c.tellLeader(m)
		return nil
	}
	for _, l := range c.learners {
		if l.peer == peer && l.stage == active && c.state.Role == Leading {
			c.pump(l)
			m.To, m.Link = l.peer, l.link
			if l.reading {
				l.held = append(l.held, m)
			} else {
				c.send(m)
			}
			return nil
		}
	}
	return ErrLinkClosed
}

// deliverApp gives a packet to the caller in its place.
func (c *Core) deliverApp(m *Message, kind int32) {
	c.rd.Apps = append(c.rd.Apps, AppPacket{Link: m.Link, From: m.From, After: c.hist.committed,
		Type: kind, Zxid: m.Zxid, Data: m.Data, Auth: m.Auth})
}

// Pong answers the leader's last ping, if one is due. It keeps a reference to touches.
func (c *Core) Pong(touches []byte) {
	if !c.follow.pingDue {
		return
	}
	if touches == nil {
		touches = []byte{} // some leaders die of null here
	}
	c.follow.pingDue = false
	c.tellLeader(Message{Kind: Ping, Zxid: c.follow.pingZxid, Data: touches})
}

// tickLeading keeps the leader's times.
func (c *Core) tickLeading() {
	l := &c.lead
	if c.state.Phase != Broadcast {
		if c.helping() {
			l.since = c.now
		}
		limit := c.cfg.InitTicks
		if l.epoch == 0 {
			limit = 2 * c.cfg.ConnectTicks // who elected this server has found it by then, or looks for another
		}
		if c.now-l.since > int64(limit) {
			c.look("no quorum in time")
			return
		}
		if c.state.Phase == Synchronization {
			for _, m := range c.learners {
				c.synchronizeLearner(m) // some wait for others to be enough
			}
		}
	}
	ping := c.now >= l.nextPing
	if ping {
		l.nextPing = c.now + int64(c.cfg.PingTicks)
	}
	for i := len(c.learners) - 1; i >= 0; i-- {
		m := c.learners[i]
		if reason := c.overdue(m); reason != "" {
			c.dropLearner(m, reason)
		} else if ping && m.stage >= taught {
			c.tell(m, Message{Kind: Ping, Zxid: max(c.hist.last, MakeZxid(l.epoch, 0))})
		}
	}
	if l.giveUpAt != 0 && c.now >= l.giveUpAt {
		l.successor, l.giveUpAt = 0, 0
	}
}

// helping says that a learner waits for this server's disk, not the other way round.
func (c *Core) helping() bool {
	for _, l := range c.learners {
		if l.stage == copying || l.reading {
			return true
		}
	}
	return false
}

// overdue says what a learner has owed for too long: any message, or an ack. Empty: nothing.
func (c *Core) overdue(l *learner) string {
	if l.match >= l.sent || l.observer {
		l.progressed = c.now
	}
	limit := int64(c.cfg.InitTicks)
	switch l.stage {
	case active:
		limit = int64(c.cfg.SyncTicks)
		if c.now-l.progressed > limit {
			return "does not acknowledge"
		}
	case invited, taught:
	default:
		return "" // it waits for us
	}
	if c.now-l.heard > limit {
		return "silent"
	}
	return ""
}

// tickFollowing keeps the learner's times.
func (c *Core) tickFollowing() {
	f := &c.follow
	silent := c.now - f.heard
	switch f.stage {
	case dialing:
		if c.now >= f.giveUpAt {
			c.look("leader cannot be reached")
			return
		}
		c.redial()
	case greeting, opening, receiving, settled:
		if silent > int64(c.cfg.InitTicks) {
			c.look("leader is silent")
		}
	case current:
		if silent > int64(c.cfg.SyncTicks) {
			c.look("leader is silent")
		}
	}
}
