package zab

import "errors"

// Hand-over: a leader that wants to stop, or whose epoch runs out of numbers, takes no more proposals, waits until everything
// is committed and its successor has it, tells everybody whom to follow now, and follows too. Nobody holds an election; the
// successor leads through discovery and synchronization as after any. If the successor fails meanwhile, the others find no
// leader and look for one, as ever.

// HandOver makes successor the leader of the next epoch, as soon as everything proposed is committed and the successor has it
// on its disk. With successor 0 the core chooses; with this server's own id it stays and takes a new epoch. It fails with
// ErrNotLeading or ErrNoSuccessor; a hand-over that is not complete after SyncTicks is given up and proposals are taken again.
func (c *Core) HandOver(successor ServerID) error {
	if c.state.Role != Leading || c.state.Phase != Broadcast {
		return ErrNotLeading
	}
	if successor == 0 {
		successor = c.bestSuccessor()
	}
	if successor != c.cfg.ID && !c.maySucceed(successor) {
		return ErrNoSuccessor
	}
	c.lead.successor = successor
	c.lead.giveUpAt = c.now + int64(c.cfg.SyncTicks)
	return nil
}

// bestSuccessor is the follower that has most, 0 if there is none that can lead.
func (c *Core) bestSuccessor() ServerID {
	var best *learner
	for _, l := range c.learners {
		if c.maySucceed(l.peer) && (best == nil || l.match > best.match) {
			best = l
		}
	}
	if best == nil {
		return 0
	}
	return best.peer
}

// maySucceed says whether a server follows in broadcast, understands hand-overs and may lead.
func (c *Core) maySucceed(id ServerID) bool {
	for _, l := range c.learners {
		if l.peer == id {
			return l.stage == active && l.extended && !l.observer && c.q.electable(id)
		}
	}
	return false
}

// considerHandover starts a roll of the epoch when its numbers run out, and completes a hand-over whose time has come.
func (c *Core) considerHandover() {
	l := &c.lead
	if c.state.Role != Leading || c.state.Phase != Broadcast {
		return
	}
	if l.successor == 0 && c.NextZxid().Counter() >= c.cfg.RollCounter && !c.broken(bugNoRoll) {
		l.successor, l.giveUpAt = c.cfg.ID, 0
	}
	if l.successor == 0 || c.hist.committed < c.hist.last {
		return
	}
	if l.successor != c.cfg.ID {
		if !c.maySucceed(l.successor) {
			l.successor, l.giveUpAt = 0, 0
			return
		}
		for _, m := range c.learners {
			if m.peer == l.successor && m.match < c.hist.last {
				return
			}
		}
	}
	c.handOver(l.successor)
}

// handOver tells everybody and goes.
func (c *Core) handOver(successor ServerID) {
	v := Vote{Leader: successor, Zxid: c.hist.last, PeerEpoch: int64(c.lead.epoch)}
	round := c.vote.round + 1
	for _, l := range c.learners {
		if l.stage == active && l.extended {
			c.tell(l, Message{Kind: Handover, Vote: v, Round: round})
		}
	}
	c.settleWithoutElection(v, round)
}

// stepHandover follows the leader's wish.
func (c *Core) stepHandover(m *Message) error {
	switch {
	case c.follow.stage != current || !c.follow.extended:
		return errors.New("not expected")
	case !c.q.electable(m.Vote.Leader) || m.Vote.PeerEpoch != int64(c.follow.epoch) || m.Round > c.vote.round+maxRoundLead:
		return errors.New("impossible successor, epoch or round")
	}
	c.settleWithoutElection(m.Vote, m.Round)
	return nil
}

// settleWithoutElection takes up the role that a hand-over implies.
func (c *Core) settleWithoutElection(v Vote, round uint64) {
	c.leave("handed over")
	c.vote.vote, c.vote.round = v, max(round, c.vote.round+1)
	c.settleOn(v.Leader)
}
