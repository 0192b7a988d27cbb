package zab

import (
	"errors"
	"fmt"
)

// Discovery: a leader collects the accepted epochs of a quorum, takes a higher one, makes it durable at home and tells it to
// everybody (LeaderInfo); a learner that never accepted so high an epoch makes it durable in turn and says where its log ends
// (AckEpoch). From then on it listens to no older leader. A quorum of such promises ends the phase: whatever any earlier leader
// had committed is now in some log that was named, and must be in the leader's own, or it gives up.

// leadership is what a leader knows beside its learners.
type leadership struct {
	epoch       uint32 // the epoch it leads; 0 until agreed
	since       int64  // tick when the present wait began
	history     Zxid   // end of the initial history, fixed when discovery ends
	nextPing    int64
	copied      voterSet // members that a log read could not help: they get snapshots
	successor   ServerID // unless 0: leadership is being handed over to it
	giveUpAt    int64    // and this is when to forget about that; 0: never
	refuseUntil int64    // tick before which a learner with a later epoch does not make this leader start a new one
	lostLink    bool     // a link was lost since the quorum was last counted
	gone        voterSet // before broadcast: voters that were here, or elected this server, and left

	// Invariant: history and epoch never change once set.
}

// hopeless says that a leader that is not in broadcast yet cannot get there: too many of those who might still come are known
// to be gone. A link that was lost counts as gone, for its owner looks for a leader now.
func (c *Core) hopeless() bool {
	come := c.reachable &^ c.lead.gone
	return !c.q.contains(come | c.voters(func(*learner) bool { return true }))
}

// startLeading takes up the leader's role. Links that are parked already are served.
func (c *Core) startLeading() {
	c.lead = leadership{since: c.now, nextPing: c.now}
	c.become(State{Role: Leading, Phase: Discovery, Leader: c.cfg.ID})
	for _, l := range c.learners {
		l.heard = c.now
	}
	c.advance()
}

// advanceLeading takes the leader's steps.
func (c *Core) advanceLeading() {
	if c.state.Phase != Broadcast && c.hopeless() {
		c.look("elected in vain")
		return
	}
	if c.state.Phase == Discovery {
		c.discover()
	}
	if c.state.Role == Leading && c.state.Phase == Synchronization {
		c.synchronize()
	}
	if c.state.Role == Leading && c.state.Phase == Broadcast {
		c.serve()
	}
}

// discover is the leader's side of discovery.
func (c *Core) discover() {
	l := &c.lead
	if l.epoch == 0 {
		if !c.q.contains(c.voters(func(*learner) bool { return true })) {
			return
		}
		l.epoch = c.nextEpoch()
		l.since = c.now
		c.writeEpochs(Epochs{Accepted: l.epoch, Current: c.asked.Current})
	}
	if c.durable.Accepted < l.epoch && !c.broken(bugInviteBeforeSync) {
		return
	}
	if c.invite(); c.state.Role != Leading {
		return
	}
	if c.q.contains(c.voters(func(l *learner) bool { return l.counted })) {
		c.startSynchronization()
		return
	}
	if !c.q.contains(c.voters(func(l *learner) bool { return l.stage < pledged || l.counted }) | c.absent()) {
		c.look("this epoch was promised to another leader")
	}
}

// nextEpoch is above every epoch that a learner has ever named to this server.
func (c *Core) nextEpoch() uint32 {
	e := max(c.asked.Accepted, c.sawEpoch) + 1
	if e > maxEpoch {
		panic("zab: epochs are used up")
	}
	return e
}

// absent are the voters without a link.
func (c *Core) absent() voterSet {
	s := c.q.voters
	for _, l := range c.learners {
		s = s.without(l.index)
	}
	return s
}

// invite tells the epoch to everybody who has not heard it. Somebody who has accepted a later one can never follow this leader:
// before broadcast that means another election; in broadcast a new epoch, which costs less than to leave that server out, but
// not more often than once in SyncTicks.
func (c *Core) invite() {
	for i := len(c.learners) - 1; i >= 0; i-- {
		l := c.learners[i]
		switch {
		case l.stage != informed:
		case l.accepted > int64(c.lead.epoch) && !c.broken(bugBreakPromise):
			c.dropLearner(l, "has accepted a later epoch")
			if c.state.Phase == Broadcast && c.lead.successor == 0 && c.now >= c.lead.refuseUntil {
				c.lead.refuseUntil = c.now + int64(c.cfg.SyncTicks)
				c.lead.successor = c.cfg.ID
			} else if c.state.Phase != Broadcast && !l.observer {
				c.look("a learner has accepted a later epoch")
				return
			}
		default:
			l.stage, l.heard = invited, c.now
			c.tell(l, Message{Kind: LeaderInfo, Epoch: int64(c.lead.epoch), Zxid: MakeZxid(c.lead.epoch, 0), Extended: l.extended})
		}
	}
}

// stepAckEpoch takes a learner's promise.
func (c *Core) stepAckEpoch(l *learner, m *Message) error {
	if l.stage != invited {
		return errors.New("not asked for")
	}
	if m.Epoch < NotCounted || m.Epoch > int64(c.lead.epoch) {
		return fmt.Errorf("impossible epoch %d", m.Epoch)
	}
	ahead := m.Epoch > int64(c.currentEpoch()) || m.Epoch == int64(c.currentEpoch()) && m.Zxid > c.hist.last
	if m.Zxid == unknownZxid {
		m.Zxid, m.Floor, ahead = 0, unknownZxid, false
	} else {
		if m.Zxid.Epoch() > c.lead.epoch {
			return fmt.Errorf("impossible log end %v", m.Zxid)
		}
		l.counted = m.Epoch != NotCounted
	}
	if c.state.Phase == Discovery && l.counted && ahead && !c.broken(bugNoAheadCheck) {
		return fmt.Errorf("ahead of this leader: epoch %d, log to %v, against %d and %v", m.Epoch, m.Zxid, c.currentEpoch(), c.hist.last)
	}
	l.stage, l.last, l.floor = pledged, m.Zxid, m.Floor
	if c.state.Phase != Discovery {
		c.synchronizeLearner(l)
	}
	return nil
}

// following is what a learner knows about its leader, and about the link between them.
//
//	dialing ─► greeting ─► accepting ─► opening ─► receiving ─► settling ─► settled ─► current
//	                                       └─► installing ──┘
type following struct {
	link     LinkID
	stage    followStage
	extended bool   // both sides want prefix acks and commits on proposals
	epoch    uint32 // the leader's
	counted  bool   // this server promised the epoch to this leader, and may say so

	skip    Zxid // proposals up to here are in the snapshot that was installed and may come again
	history Zxid // end of the history that NewLeader stands behind
	commit  Zxid // what the leader has said to be committed; to be believed from UpToDate on
	acked   Zxid // need not be acknowledged any more up to here

	heard    int64 // tick of the leader's last message
	dialed   bool  // an attempt to reach the leader is under way
	dialAt   int64 // else: when to make one
	giveUpAt int64 // when to look for another leader
	pingDue  bool  // the leader's ping is not answered
	pingZxid Zxid

	// Invariants: from settling on history <= end of the log, acked <= max(persisted, history); commit <= end of the log.
}

type followStage uint8

const (
	dialing    followStage = iota
	greeting               // FollowerInfo sent; waits for LeaderInfo
	accepting              // the epoch is on its way to the disk
	opening                // AckEpoch sent; waits for Diff, Trunc or Snap
	installing             // a snapshot is being received and made durable
	receiving              // the history comes
	settling               // NewLeader is here; history, then epoch, are on their way to the disk
	settled                // NewLeader acknowledged; waits for UpToDate
	current                // broadcast
)

// startFollowing takes up a learner's role.
func (c *Core) startFollowing(r Role, leader ServerID) {
	c.dropLearners("not leading")
	c.follow = following{heard: c.now, dialAt: c.now, giveUpAt: c.now + int64(c.cfg.ConnectTicks)}
	c.become(State{Role: r, Phase: Discovery, Leader: leader})
	c.redial()
}

// redial asks for a link to the leader when it is time.
func (c *Core) redial() {
	f := &c.follow
	if f.stage == dialing && !f.dialed && c.now >= f.dialAt {
		f.dialed = true
		c.rd.Dial = c.state.Leader
	}
}

// dialed takes the outcome of a dial: link is 0 if it failed. An outcome that nobody waits for any more is thrown away.
func (c *Core) dialed(link LinkID, peer ServerID) {
	f := &c.follow
	wanted := (c.state.Role == Following || c.state.Role == Observing) && f.stage == dialing && f.dialed && peer == c.state.Leader
	switch {
	case !wanted && link != 0:
		c.drop(link, peer, "not wanted any more")
	case wanted && link == 0:
		f.dialed, f.dialAt = false, c.now+int64(c.cfg.RedialTicks)
	case wanted:
		f.link, f.stage, f.heard = link, greeting, c.now
		kind := FollowerInfo
		if c.state.Role == Observing {
			kind = ObserverInfo
		}
		c.tellLeader(Message{Kind: kind, Epoch: int64(c.asked.Accepted), Zxid: MakeZxid(c.asked.Accepted, 0), Extended: !c.cfg.PlainLinks})
	}
}

// stepLeaderInfo accepts the leader's epoch, if that is not lower than one accepted before.
func (c *Core) stepLeaderInfo(m *Message) error {
	f := &c.follow
	switch {
	case f.stage != greeting:
		return errors.New("not expected")
	case m.Epoch < int64(c.asked.Accepted) && !c.broken(bugBreakPromise):
		return fmt.Errorf("epoch %d, but %d was accepted before", m.Epoch, c.asked.Accepted)
	case m.Epoch <= 0 || m.Epoch > maxEpoch || m.Epoch > int64(c.asked.Accepted)+maxEpochLead:
		return fmt.Errorf("impossible epoch %d", m.Epoch)
	}
	f.epoch, f.extended = uint32(m.Epoch), m.Extended && !c.cfg.PlainLinks
	f.counted = f.epoch > c.asked.Accepted
	c.writeEpochs(Epochs{Accepted: max(f.epoch, c.asked.Accepted), Current: c.asked.Current})
	f.stage = accepting
	return nil
}

// pledge sends AckEpoch once the epoch is durable.
func (c *Core) pledge() {
	f := &c.follow
	if c.durable.Accepted < f.epoch && !c.broken(bugPledgeBeforeSync) {
		return
	}
	m := Message{Kind: AckEpoch, Zxid: c.hist.last, Epoch: NotCounted}
	if f.counted {
		m.Epoch = int64(c.currentEpoch())
	}
	switch {
	case f.extended && c.lost:
		m.Floor = unknownZxid // no cut will do
	case f.extended:
		m.Floor = c.floor
	case c.lost:
		m.Zxid, m.Epoch = 0, NotCounted // the only way to ask for a snapshot; but nobody may rely on a log end that is not true
	}
	f.stage = opening
	c.become(State{Role: c.state.Role, Phase: Synchronization, Leader: c.state.Leader, Epoch: f.epoch})
	c.tellLeader(m)
}

// tellLeader sends m to the leader.
func (c *Core) tellLeader(m Message) {
	m.To, m.Link = c.state.Leader, c.follow.link
	c.send(m)
}
