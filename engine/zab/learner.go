package zab

import (
	"errors"
	"fmt"
	"slices"
)

// learner is what a leader knows about one server that follows it, and about the link between them.
//
//	informed ─► invited ─► pledged ─┬─► searching ──┬─► streaming ─► taught ─► level ─► active
//	                                └─► copying ────┘
//
// A link may arrive before this server knows that it leads: it is parked as informed.
type learner struct {
	link     LinkID
	peer     ServerID
	index    int // place in q.members
	observer bool
	extended bool // both sides want prefix acks and commits on proposals
	stage    stage

	accepted int64 // from FollowerInfo
	last     Zxid  // from AckEpoch: the end of its log
	floor    Zxid  // from AckEpoch: it cannot be cut below this
	counted  bool  // its AckEpoch promised this epoch to this leader

	sent      Zxid      // its stream holds everything up to here
	committed Zxid      // its stream says that everything up to here is committed
	match     Zxid      // it has said that everything up to here is durable
	taught    Zxid      // what sent was when NewLeader followed: the history its Ack stands for
	reading   bool      // a log read was ordered and not answered
	readTo    Zxid      // and this is how far it goes
	joined    bool      // its first piece was there and continues what was sent
	atLeast   Zxid      // the snapshot that was ordered for it must not be older
	held      []Message // packets of the caller's whose place is behind what is being read

	heard      int64 // tick of its last message
	progressed int64 // tick when match last moved, or when nothing was owed

	// Invariants: committed, match <= sent <= the end of the history, or the beginning of the epoch if that is higher.
}

// stage is how far a learner's link has come.
type stage uint8

const (
	informed  stage = iota // said FollowerInfo; waits for the epoch
	invited                // has LeaderInfo; owes AckEpoch
	pledged                // AckEpoch is here; waits for its synchronization
	searching              // the log is read for it; nothing was sent yet
	copying                // a snapshot is streamed to it; nothing else may be sent
	streaming              // has its opening packet; history follows
	taught                 // NewLeader sent; owes its Ack
	level                  // its history is durable; waits for the others
	active                 // UpToDate sent
)

// stepInfo takes the first message of a link.
func (c *Core) stepInfo(m *Message) error {
	i := c.q.index(m.From)
	switch {
	case i < 0 || i == c.self:
		return errors.New("not a member")
	case m.Link == c.follow.link:
		return errors.New("on the link to the leader")
	case m.Epoch < -1 || m.Epoch > int64(c.asked.Accepted)+maxEpochLead || m.Epoch >= maxEpoch:
		return fmt.Errorf("impossible epoch %d", m.Epoch)
	}
	for _, l := range c.learners {
		if l.link == m.Link {
			return errors.New("second time on this link")
		}
	}
	for _, l := range c.learners {
		if l.peer == m.From {
			c.dropLearner(l, "replaced by a new link")
			break
		}
	}
	c.sawEpoch = max(c.sawEpoch, uint32(max(m.Epoch, 0)))
	c.lead.gone = c.lead.gone.without(i)
	c.learners = append(c.learners, &learner{link: m.Link, peer: m.From, index: i, observer: m.Kind == ObserverInfo,
		extended: m.Extended && !c.cfg.PlainLinks, accepted: m.Epoch, heard: c.now})
	return nil
}

const (
	maxEpoch     = 1<<31 - 1 // epochs are signed 32-bit numbers on the wire
	maxEpochLead = 1 << 24   // an accepted epoch so far ahead of ours is nonsense
)

// stepLearner takes any other message of a learner.
func (c *Core) stepLearner(l *learner, m *Message) error {
	if c.state.Role != Leading {
		return errors.New("sent before we lead")
	}
	switch m.Kind {
	case AckEpoch:
		return c.stepAckEpoch(l, m)
	case Ack:
		return c.stepAck(l, m)
	case Ping:
		if len(m.Data) > 0 && l.stage == active {
			c.deliverApp(m, PingPacket)
		}
		return nil
	case App:
		if l.stage != active {
			return errors.New("before UPTODATE")
		}
		c.deliverApp(m, m.App)
		return nil
	}
	return errors.New("not a learner's message")
}

// dropLearner closes a learner's link.
func (c *Core) dropLearner(l *learner, reason string) {
	c.drop(l.link, l.peer, reason)
	c.forget(l)
}

// forget removes a learner whose link is gone. A leader that thereby loses its quorum finds out in advanceLeading.
func (c *Core) forget(l *learner) {
	for i := range c.learners {
		if c.learners[i] == l {
			c.learners = slices.Delete(c.learners, i, i+1)
			c.lead.lostLink, c.lead.gone = true, c.lead.gone.with(l.index)
			return
		}
	}
}

func (c *Core) dropLearners(reason string) {
	for _, l := range c.learners {
		c.drop(l.link, l.peer, reason)
	}
	clear(c.learners)
	c.learners = c.learners[:0]
}

// learnerOf returns the learner that a link belongs to, nil if there is none.
func (c *Core) learnerOf(link LinkID) *learner {
	for _, l := range c.learners {
		if l.link == link {
			return l
		}
	}
	return nil
}

// voters returns this server and every learner for which ok holds, as a set to be asked for a quorum.
func (c *Core) voters(ok func(*learner) bool) voterSet {
	s := voterSet(0).with(c.self)
	for _, l := range c.learners {
		if !l.observer && ok(l) {
			s = s.with(l.index)
		}
	}
	return s
}

// expireParked drops links whose owner believes that this server leads, when this server still does not after a while.
func (c *Core) expireParked() {
	if c.state.Role == Leading {
		return
	}
	for i := len(c.learners) - 1; i >= 0; i-- {
		if l := c.learners[i]; c.now-l.heard > int64(c.cfg.ConnectTicks) {
			c.dropLearner(l, "not leading")
		}
	}
}

// tell sends m to a learner.
func (c *Core) tell(l *learner, m Message) {
	m.To, m.Link = l.peer, l.link
	c.send(m)
}
