package zab

// leadership is what a leader knows beside its history.
type leadership struct {
	epoch     uint32   // the epoch it leads; 0 while not agreed
	history   Zxid     // end of the initial history
	successor ServerID // unless 0: leadership is being handed over
}

// last is the last zxid in use: that of the last proposal, or the beginning of the epoch.
func (l *leadership) last(c *Core) Zxid { return max(c.hist.last, MakeZxid(l.epoch, 0)) }

// Ready returns everything that is now to be done and forgets it.
func (c *Core) Ready() Ready {
	c.commitProposals()
	rd := &c.rd
	rd.State, rd.StateChanged = c.state, c.stateChanged
	rd.Entries, rd.Committed = c.hist.hand(), c.hist.deliver()
	c.hist.trim(c.cfg.WindowEntries, c.cfg.WindowBytes)
	out := *rd
	*rd, c.stateChanged = Ready{}, false
	return out
}

func (c *Core) commitProposals() {
	if c.state.Role == Leading && c.state.Phase == Broadcast && c.hist.persisted > c.hist.committed {
		c.hist.commit(c.hist.persisted)
	}
}

// advance takes every step whose conditions are now met.
func (c *Core) advance() {
	if len(c.q.members) != 1 {
		return
	}
	switch c.state.Phase {
	case Election:
		c.lead = leadership{}
		c.become(State{Role: Leading, Phase: Discovery, Leader: c.cfg.ID})
		fallthrough
	case Discovery:
		if c.lead.epoch == 0 {
			c.lead.epoch = c.durable.Accepted + 1
			c.writeEpochs(Epochs{Accepted: c.lead.epoch, Current: c.durable.Current})
		}
		if c.durable.Accepted < c.lead.epoch || c.hist.persisted < c.hist.last {
			return
		}
		c.lead.history = c.hist.last
		c.writeEpochs(Epochs{Accepted: c.lead.epoch, Current: c.lead.epoch})
		c.become(State{Role: Leading, Phase: Synchronization, Leader: c.cfg.ID, Epoch: c.lead.epoch})
		fallthrough
	case Synchronization:
		if c.durable.Current < c.lead.epoch {
			return
		}
		c.hist.commit(c.lead.history)
		c.become(State{Role: Leading, Phase: Broadcast, Leader: c.cfg.ID, Epoch: c.lead.epoch})
	}
}
