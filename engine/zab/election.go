package zab

import "fmt"

// Election: fast leader election. Every looking voter proposes the best candidate it has heard of, first itself; votes are
// best by epoch, then log, then id. When a quorum of one round proposes the same, that is the leader. A server that comes to a
// settled ensemble believes a quorum of settled votes, if the leader itself says that it leads.
//
// An election only guesses. Nothing is lost if it guesses wrong, or if two servers believe they won: discovery decides.

// election is what a server knows about the votes of the others. It outlives the phase: a settled server answers from it.
type election struct {
	round   uint64   // logical clock; grows with every election of this life
	own     Vote     // for itself, as it started this round
	vote    Vote     // what it proposes now; once settled, whom it settled on
	heard   []ballot // by place in members: votes of this round. Invariant: all have round == election.round
	settled []ballot // by place: the last words of those that are not looking, of any round

	decideAt int64 // tick at which a quorum's choice counts although not every reachable voter has agreed; 0: no such choice
	resendAt int64
	wait     int  // ticks between the last two repetitions
	pending  bool // to be started as soon as the disk has answered
}

// ballot is a vote as somebody sent it. Version is 0 for an empty one.
type ballot struct {
	known   bool
	vote    Vote
	round   uint64
	state   Role
	version int32
}

// maxRoundLead is how far ahead a round may be before it is taken for nonsense.
const maxRoundLead = 1 << 32

// beats is the order of votes: epoch, then log, then id, all signed as on the wire.
func (c *Core) beats(a, b Vote) bool {
	if !c.q.electable(a.Leader) {
		return false
	}
	if !c.q.electable(b.Leader) {
		return true // a voter without weight must not stick to itself
	}
	if c.broken(bugVoteOrder) {
		return a.Leader > b.Leader
	}
	switch {
	case a.PeerEpoch != b.PeerEpoch:
		return a.PeerEpoch > b.PeerEpoch
	case a.Zxid != b.Zxid:
		return int64(a.Zxid) > int64(b.Zxid)
	}
	return a.Leader > b.Leader
}

// look leaves whatever role this server has and starts an election.
func (c *Core) look(reason string) {
	c.leave(reason)
	c.become(State{Role: Looking})
	c.vote.pending = true
	c.vote.decideAt = 0
	if !c.q.voters.has(c.self) {
		c.vote.resendAt = c.now + 1 + int64(c.random(c.cfg.NotifyTicks)) // not all observers at once
	}
	c.advance()
}

// startRound begins a round. The log must not be about to change under the vote: whatever was asked of the disk that may end
// it elsewhere must have been answered.
func (c *Core) startRound() {
	e := &c.vote
	if (c.truncating || c.installing) && !c.broken(bugVoteDuringCut) || !c.q.voters.has(c.self) && c.now < e.resendAt {
		return
	}
	e.pending = false
	e.round++
	e.own = Vote{Leader: c.cfg.ID, Zxid: c.hist.last, PeerEpoch: int64(c.currentEpoch())}
	if c.broken(bugVoteCommitted) {
		e.own.Zxid = c.hist.committed
	}
	if !c.q.voters.has(c.self) {
		e.own = Vote{Leader: noLeader, Zxid: noZxid, PeerEpoch: noPeerEpoch}
	}
	e.vote = e.own
	clear(e.heard)
	clear(e.settled)
	e.wait = c.cfg.NotifyTicks
	c.announce()
	c.count()
}

// announce tells every voter the present vote.
func (c *Core) announce() {
	c.vote.resendAt = c.now + int64(c.vote.wait)
	for i, m := range c.q.members {
		if i != c.self && c.q.voters.has(i) {
			c.notify(m.ID)
		}
	}
}

func (c *Core) notify(to ServerID) {
	c.send(Message{Kind: Notification, To: to, State: c.state.Role, Version: NotificationVersion, Vote: c.vote.vote, Round: c.vote.round})
}

// tickElection repeats what was not answered, less and less often, and takes a decision that has waited long enough.
func (c *Core) tickElection() {
	e := &c.vote
	switch {
	case e.pending:
		c.startRound()
	case e.decideAt != 0 && c.now >= e.decideAt:
		c.decide(e.vote)
	case c.now >= e.resendAt:
		e.wait = min(2*e.wait, c.cfg.NotifyMaxTicks)
		c.announce()
	}
}

// stepNotification takes an election message, in any role.
func (c *Core) stepNotification(m *Message) error {
	from := c.q.index(m.From)
	if from < 0 || from == c.self {
		return fmt.Errorf("zab: notification from server %d", m.From)
	}
	if m.State < Looking || m.State > Observing {
		return fmt.Errorf("zab: notification from server %d: unknown state %d", m.From, m.State)
	}
	looking := c.state.Role == Looking && !c.vote.pending
	switch {
	case !c.q.voters.has(from): // an observer asks
		c.notify(m.From)
		return nil
	case m.State == Observing:
		return nil
	case !looking:
		if m.State == Looking && !c.vote.pending {
			c.notify(m.From)
		}
		c.hearWhileSettled(from, m)
		return nil
	}
	if m.Round > c.vote.round+maxRoundLead {
		return fmt.Errorf("zab: notification from server %d: impossible round %d", m.From, m.Round)
	}
	if !c.q.voter(m.Vote.Leader) {
		return nil
	}
	b := ballot{known: true, vote: m.Vote, round: m.Round, state: m.State, version: m.Version}
	if m.State == Looking {
		c.hearLooking(from, b)
	} else {
		c.hearSettled(from, b)
	}
	return nil
}

// hearLooking takes the vote of somebody who is looking too.
func (c *Core) hearLooking(from int, b ballot) {
	e, sender := &c.vote, c.q.members[from].ID
	if !c.q.voters.has(c.self) || b.vote.Zxid == unknownZxid {
		return // an observer waits for those who have settled; a server without state elects nobody
	}
	if b.round < e.round {
		c.notify(sender)
		return
	}
	if b.round > e.round {
		e.round = b.round
		clear(e.heard)
		e.vote = e.own
		if c.beats(b.vote, e.own) {
			e.vote = b.vote
		}
		c.announce()
	} else if c.beats(b.vote, e.vote) {
		e.vote = b.vote
		c.announce()
	} else if !e.heard[from].known {
		c.notify(sender) // it may have begun after our vote went out, and would wait for the next repetition
	}
	e.heard[from] = b
	c.count()
}

// count decides if a quorum of this round wants what this server wants and every other reachable voter of weight does too; if some are
// silent or of another mind, they have FinalizeTicks to bring a better vote.
func (c *Core) count() {
	e := &c.vote
	if !c.q.voters.has(c.self) {
		return
	}
	agree := voterSet(0).with(c.self)
	for i := range e.heard {
		if e.heard[i].known && e.heard[i].vote == e.vote {
			agree = agree.with(i)
		}
	}
	switch {
	case !c.q.contains(agree):
		e.decideAt = 0
	case c.reachable&c.q.weighty&^agree == 0:
		c.decide(e.vote)
	case e.decideAt == 0:
		e.decideAt = c.now + int64(c.cfg.FinalizeTicks)
	}
}

// hearSettled takes the word of somebody who follows or leads.
func (c *Core) hearSettled(from int, b ballot) {
	e := &c.vote
	if b.round == e.round {
		e.heard[from] = ballot{known: true, vote: b.vote, round: b.round, state: b.state} // version 0: only the leader is compared
		if c.settledQuorum(e.heard, b) {
			c.decide(b.vote)
			return
		}
	}
	e.settled[from] = b
	if c.settledQuorum(e.settled, b) {
		e.round = b.round
		c.decide(b.vote)
		return
	}
	c.count()
}

// hearWhileSettled takes the hint that an election was in vain: that a voter does not follow this server which it elected, or
// that the elected leader does not lead. Without the hint a clock would tell, much later.
func (c *Core) hearWhileSettled(from int, m *Message) {
	elsewhere := m.State != Looking && m.Vote.Leader != c.state.Leader || m.State == Looking && m.Round > c.vote.round
	switch {
	case c.state.Role == Leading && c.state.Phase != Broadcast:
		c.lead.gone = c.lead.gone.without(from)
		if elsewhere {
			c.lead.gone = c.lead.gone.with(from)
		}
	case c.state.Role != Looking && c.follow.stage <= greeting && m.From == c.state.Leader && elsewhere:
		c.look("the elected leader does not lead")
	}
	c.advance()
}

// settledQuorum says whether a quorum of votes names b's leader, and the leader itself confirms it.
func (c *Core) settledQuorum(votes []ballot, b ballot) bool {
	if b.vote.Leader == c.cfg.ID {
		if b.round != c.vote.round {
			return false
		}
	} else if l := votes[c.q.index(b.vote.Leader)]; (!l.known || l.state != Leading) && !c.broken(bugNoLeaderCheck) {
		return false
	}
	agree := voterSet(0)
	for i := range votes {
		if votes[i].known && sameSettled(votes[i], b) && (votes[i].vote == b.vote || !c.broken(bugStrictEquality)) {
			agree = agree.with(i)
		}
	}
	return c.q.contains(agree)
}

// sameSettled compares two votes, at least one of which is settled. Log and round are left out, for members of one ensemble
// may remember different ones; so is the epoch if exactly one side is of a version that does not keep it up to date.
func sameSettled(a, b ballot) bool {
	if a.state == Looking || b.state == Looking {
		return a.vote == b.vote && a.round == b.round
	}
	return a.vote.Leader == b.vote.Leader && (a.vote.PeerEpoch == b.vote.PeerEpoch || (a.version > 0) != (b.version > 0))
}

// decide ends the election. Everybody hears of it: whoever still looks need not ask first.
func (c *Core) decide(v Vote) {
	c.vote.vote, c.vote.decideAt = v, 0
	c.settleOn(v.Leader)
	if c.q.voters.has(c.self) && c.state.Role != Looking {
		c.announce()
	}
}

// settleOn takes up the role that a leader implies.
func (c *Core) settleOn(leader ServerID) {
	switch {
	case leader == c.cfg.ID:
		c.startLeading()
	case c.q.voters.has(c.self):
		c.startFollowing(Following, leader)
	default:
		c.startFollowing(Observing, leader)
	}
}
