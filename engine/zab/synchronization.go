package zab

import (
	"errors"
	"fmt"
)

// Synchronization, the leader's side: each learner is brought to the leader's history by the cheapest opening that fits, gets
// NewLeader behind it, and says when all of that is durable. A quorum of such words (the leader's own included) establishes
// the leader: its whole history is committed, and it may propose.

// startSynchronization fixes the initial history.
func (c *Core) startSynchronization() {
	if c.truncating || c.installing {
		panic("zab: a leader's history stands still")
	}
	c.lead.history, c.lead.since = c.hist.last, c.now
	c.become(State{Role: Leading, Phase: Synchronization, Leader: c.cfg.ID, Epoch: c.lead.epoch})
	for _, l := range c.learners {
		c.synchronizeLearner(l)
	}
}

// synchronize is the leader's wait: first for its own disk, the history before the epoch, then for a quorum.
func (c *Core) synchronize() {
	if c.invite(); c.state.Role != Leading {
		return
	}
	if c.hist.persisted < c.lead.history && !c.broken(bugEpochBeforeHistory) {
		return
	}
	c.writeEpochs(Epochs{Accepted: c.asked.Accepted, Current: c.lead.epoch})
	if c.durable.Current < c.lead.epoch {
		return
	}
	if c.q.contains(c.voters(func(l *learner) bool { return l.stage >= level })) || c.broken(bugEstablishAlone) {
		c.establish()
	}
}

// establish begins broadcast.
func (c *Core) establish() {
	c.hist.commit(c.lead.history)
	c.vote.vote.PeerEpoch = int64(c.lead.epoch)
	c.become(State{Role: Leading, Phase: Broadcast, Leader: c.cfg.ID, Epoch: c.lead.epoch})
	for _, l := range c.learners {
		if l.stage == level {
			c.welcome(l)
		}
		c.synchronizeLearner(l) // if it had to wait for this
	}
}

// synchronizeLearner chooses how a learner that has said where its log ends is brought level.
//
//	its log ends             extended link                        plain link (the Java kind), any observer
//	on our path              Diff and what follows                the same, as soon as it is committed
//	below our window         the same from the log on disk,       the same
//	                         or a snapshot
//	beyond, or off our path  Trunc to the last common zxid,       plain: a snapshot, once this leader is established
//	                         or a snapshot if it cannot go there
//
// Trunc is avoided on plain links because members of that kind may keep what they cut in a newer snapshot; a snapshot of
// before this epoch because they may keep what it should replace in their log. Only if there is no quorum otherwise such a
// member gets Trunc in the end, as its own kind would do.
func (c *Core) synchronizeLearner(l *learner) {
	if l.stage != pledged || l.observer && c.state.Phase != Broadcast {
		return
	}
	l.heard = c.now
	switch {
	case l.floor == unknownZxid || c.lead.copied.has(l.index):
		c.copyTo(l)
	case l.last < c.hist.base:
		if l.last.beginsEpoch() || l.last < c.readFloor && !c.broken(bugReadAcrossSnapshot) {
			c.copyTo(l)
			return
		}
		l.stage, l.sent = searching, l.last
		c.orderRead(l)
	default:
		c.compare(l)
	}
}

// compare opens the stream to a learner whose log ends within the window.
func (c *Core) compare(l *learner) {
	limit := c.teachable(l)
	common := c.hist.floor(min(l.last, limit))
	started := l.last.beginsEpoch() && l.last.Epoch() <= c.currentEpoch() // has all before that epoch, and so have we
	switch {
	case common == l.last || started:
		c.open(l, Message{Kind: Diff, Zxid: limit}, l.last)
	case c.hist.floor(l.last) == l.last:
		// On our path, but not committed yet: that is a matter of a moment, and Ready asks again.
	case common >= l.floor && c.mayTruncate(l):
		c.open(l, Message{Kind: Trunc, Zxid: common}, common)
	default:
		c.copyTo(l)
	}
}

// mayTruncate says whether l may be cut: on a plain link only in need.
func (c *Core) mayTruncate(l *learner) bool {
	inNeed := c.state.Phase != Broadcast && c.now-c.lead.since > int64(c.cfg.InitTicks/2)
	return l.extended || inNeed || c.broken(bugTruncPlain)
}

// teachable is the end of what a learner may hold without being cut: for one that tells proposals from commits everything,
// for an observer what is committed, and for one of the Java kind what it may take for committed, which at first is all.
func (c *Core) teachable(l *learner) Zxid {
	switch {
	case l.extended && !l.observer:
		return c.hist.last
	case c.state.Phase == Broadcast:
		return c.hist.committed
	}
	return c.lead.history
}

// open sends the first packet of a stream that continues after z.
func (c *Core) open(l *learner, m Message, z Zxid) {
	l.stage, l.sent = streaming, z
	if !l.extended {
		l.committed = z
	}
	c.tell(l, m)
}

// copyTo orders a snapshot for l. It must be at least as new as what l may have applied; before this leader is established its
// own state may be older than that, and then l waits. On a plain link it must have the whole initial history, if that is
// committed: it will be called the beginning of this epoch.
func (c *Core) copyTo(l *learner) {
	l.atLeast = min(l.last, c.hist.delivered)
	switch {
	case c.state.Phase == Broadcast && l.extended:
		l.atLeast = min(l.last, c.hist.committed)
	case c.state.Phase == Broadcast:
		l.atLeast = max(min(l.last, c.hist.committed), c.lead.history)
	case c.hist.delivered < min(l.last, c.lead.history):
		return
	}
	l.stage = copying
	c.rd.SendSnap = append(c.rd.SendSnap, SnapshotOrder{Link: l.link, Peer: l.peer, Zxid: l.atLeast})
}

// SnapshotTaken says that the caller holds a snapshot for a learner, as Ready.SendSnap asked, that is its state at z. The next
// Ready has the Snap message for the link; the snapshot's body goes right behind that, and then the caller calls SnapshotSent.
// Meanwhile the core has nothing else to say on the link.
func (c *Core) SnapshotTaken(link LinkID, z Zxid) {
	l := c.learnerOf(link)
	if l == nil || l.stage != copying {
		return // the link broke meanwhile
	}
	if z > c.hist.delivered || z < l.atLeast {
		panic(fmt.Sprintf("zab: snapshot at %v, but %v or later was ordered and %v delivered", z, l.atLeast, c.hist.delivered))
	}
	if !l.extended && l.atLeast >= c.lead.history && c.state.Phase == Broadcast {
		z = max(z, MakeZxid(c.lead.epoch, 0)) // outranks whatever older epochs left in its log
	}
	l.sent, l.committed = z, min(z, c.hist.committed)
	if !l.extended {
		l.committed = z
	}
	c.tell(l, Message{Kind: Snap, Zxid: z})
}

// SnapshotSent says that the whole body of a snapshot is on its way.
func (c *Core) SnapshotSent(link LinkID) {
	if l := c.learnerOf(link); l != nil && l.stage == copying {
		l.stage, l.heard = streaming, c.now
		c.advance()
	}
}

// orderRead asks for what l lacks below the window.
func (c *Core) orderRead(l *learner) {
	l.reading, l.joined, l.readTo = true, false, c.hist.base
	c.rd.Reads = append(c.rd.Reads, LogOrder{Link: l.link, Peer: l.peer, From: l.sent, To: c.hist.base})
}

// LogRead answers an order of Ready.Reads with entries from its From on, in pieces if the caller likes; done comes with the
// last piece. If the log does not have From, or the caller finds a snapshot cheaper, it answers no entries and done. The core
// keeps the slice.
func (c *Core) LogRead(link LinkID, entries []Entry, done bool) {
	l := c.learnerOf(link)
	if l == nil || !l.reading {
		return // the link broke meanwhile
	}
	if err := c.forwardRead(l, entries, done); err != nil {
		c.lead.copied = c.lead.copied.with(l.index)
		if l.stage == searching {
			l.stage, l.reading = pledged, false
			c.synchronizeLearner(l)
		} else {
			c.dropLearner(l, err.Error())
		}
	}
	c.advance()
}

var errLogRead = errors.New("what the learner lacks is not in the log")

// forwardRead sends a piece of the log. The first piece must show that it continues where the learner is: by that zxid itself or
// the next of its epoch. Otherwise the learner may be off our path, or the log may have lost what is between.
func (c *Core) forwardRead(l *learner, entries []Entry, done bool) error {
	if !l.joined {
		if len(entries) == 0 || !c.continues(entries[0].Zxid, l.sent) {
			return errLogRead
		}
		if entries[0].Zxid == l.sent {
			entries = entries[1:]
		}
		l.joined = true
	}
	last, n := l.sent, 0
	for n < len(entries) && entries[n].Zxid <= l.readTo {
		if !entries[n].Zxid.mayFollow(last) {
			return errLogRead
		}
		last = entries[n].Zxid
		n++
	}
	if done && last < l.readTo && !c.broken(bugNoSeamCheck) {
		return errLogRead
	}
	if l.stage == searching {
		c.open(l, Message{Kind: Diff, Zxid: c.teachable(l)}, l.sent)
	}
	if n > 0 {
		c.forward(l, entries[:n:n])
	}
	if done && c.broken(bugNoSeamCheck) {
		l.sent = l.readTo
	}
	l.reading, l.heard = !done, c.now
	return nil
}

// continues says that a log read that begins with z misses nothing behind prev. The first proposal of another epoch proves that
// only for the present leader, who knows where its own began.
func (c *Core) continues(z, prev Zxid) bool {
	return z.Epoch() == prev.Epoch() || z == MakeZxid(c.lead.epoch, 1) && prev == c.lead.history
}
