package zab

import (
	"errors"
	"fmt"
)

// Core is one server's part in the atomic broadcast. It only reacts: inputs (Tick, Step, LinkUp, Propose, Persisted and so on)
// change it, Ready says what is now to be done. One goroutine at a time may call it; no method blocks.
type Core struct {
	cfg       Config
	q         quorum
	self      int      // place in q.members
	now       int64    // ticks since New
	rng       uint64   // state of the generator behind random
	reachable voterSet // members that the election transport has a connection to, as far as it has said

	state        State
	stateChanged bool // since the last Ready
	vote         election
	hist         history

	durable    Epochs // on the disk
	asked      Epochs // last given to the disk. Invariant: durable <= asked in both parts
	truncating bool   // a cut was asked for and not answered: what the disk says until then is about the old log
	truncateAt Zxid   // where that cut is to leave the log
	installing bool   // a snapshot was asked for and neither Restored nor RestoreFailed came
	floor      Zxid   // the caller cannot go back below this zxid
	lost       bool   // a leader wanted a cut this server cannot make: its next synchronisation must be a snapshot
	readFloor  Zxid   // the log on disk has a gap below this zxid: a snapshot was installed there

	lead     leadership // while Leading
	learners []*learner // links that others opened to follow this server, in order of arrival. Empty while it follows somebody
	follow   following  // while Following or Observing
	sawEpoch uint32     // highest accepted epoch a learner has named: the next epoch must be above it

	rd, spare Ready // rd is being filled; spare is what the caller holds, its slices are reused next
	shared    sharedSlice
	bug       bug // always 0, except in tests that show what a rule is good for
}

var (
	// ErrNotLeading refuses a proposal or hand-over on a server that does not lead in broadcast.
	ErrNotLeading = errors.New("zab: not leading in broadcast")
	// ErrHandingOver refuses a proposal while leadership is being handed over; another server, or this one, leads in a moment.
	ErrHandingOver = errors.New("zab: leadership is being handed over")
	// ErrNoSuccessor refuses a hand-over to a server that does not follow closely enough, or cannot lead.
	ErrNoSuccessor = errors.New("zab: no such follower to hand over to")
	// ErrLinkClosed refuses a packet for a link that is not (or no more) in broadcast.
	ErrLinkClosed = errors.New("zab: link is not in broadcast")
)

// New returns a core that looks for a leader. What d says must be what the disk says. It refuses a configuration that is not
// valid and durable facts that contradict each other.
func New(cfg Config, d Durable) (*Core, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := d.validate(); err != nil {
		return nil, err
	}
	c := &Core{cfg: cfg.withDefaults(), q: newQuorum(cfg.Members), rng: cfg.Seed, hist: newHistory(d), floor: d.SnapshotZxid}
	c.self = c.q.index(cfg.ID)
	c.reachable = c.q.voters
	c.durable, c.asked = d.Epochs, d.Epochs
	c.vote = election{heard: make([]ballot, len(c.q.members)), settled: make([]ballot, len(c.q.members)), pending: true}
	c.stateChanged = true
	return c, nil
}

func (d *Durable) validate() error {
	if d.Current > d.Accepted {
		return fmt.Errorf("zab: current epoch %d above accepted epoch %d: the epoch files are inconsistent", d.Current, d.Accepted)
	}
	if d.LastZxid.Epoch() > d.Accepted {
		return fmt.Errorf("zab: log ends at %v, above accepted epoch %d: an epoch file was lost", d.LastZxid, d.Accepted)
	}
	if d.SnapshotZxid > d.LastZxid {
		return fmt.Errorf("zab: snapshot at %v, but the log ends at %v", d.SnapshotZxid, d.LastZxid)
	}
	for i, e := range d.Recent {
		if i > 0 && !e.Zxid.mayFollow(d.Recent[i-1].Zxid) {
			return fmt.Errorf("zab: recent entries: %v after %v", e.Zxid, d.Recent[i-1].Zxid)
		}
	}
	if n := len(d.Recent); n > 0 && d.Recent[n-1].Zxid != d.LastZxid {
		return fmt.Errorf("zab: recent entries end at %v, the log at %v", d.Recent[n-1].Zxid, d.LastZxid)
	}
	return nil
}

// Tick says that one tick has passed.
func (c *Core) Tick() {
	c.now++
	switch c.state.Role {
	case Looking:
		c.tickElection()
	case Leading:
		c.tickLeading()
	default:
		c.tickFollowing()
	}
	c.expireParked()
	c.advance()
}

// Step takes a message from a peer. A link that a peer opened becomes known by its first message, FollowerInfo or
// ObserverInfo; messages of links that are unknown, or were dropped, are ignored. An error means that the message cannot be:
// the core has forgotten its link, and the caller is to close that and to log the error. Step keeps references to m.Entries'
// data, m.Data and m.Auth, not to the slice of entries.
func (c *Core) Step(m Message) error {
	if m.Kind == Notification {
		return c.stepNotification(&m)
	}
	err := c.stepLink(&m)
	if err != nil {
		c.LinkDown(m.Link)
		return fmt.Errorf("zab: %v from server %d: %w", m.Kind, m.From, err)
	}
	c.advance()
	return nil
}

// stepLink gives a message to this server's end of its link.
func (c *Core) stepLink(m *Message) error {
	switch {
	case m.Link == 0:
		return errors.New("no link")
	case m.Kind == FollowerInfo || m.Kind == ObserverInfo:
		return c.stepInfo(m)
	case m.Link == c.follow.link:
		if m.From != c.state.Leader {
			return errors.New("not the leader's id")
		}
		return c.stepLeader(m)
	}
	for _, l := range c.learners {
		if l.link == m.Link {
			if m.From != l.peer {
				return errors.New("not the learner's id")
			}
			l.heard = c.now
			return c.stepLearner(l, m)
		}
	}
	return nil
}

// LinkUp says that the connection to peer exists which Ready.Dial asked for.
func (c *Core) LinkUp(link LinkID, peer ServerID) {
	if link == 0 {
		panic("zab: link ids start at 1")
	}
	c.dialed(link, peer)
}

// DialFailed says that the connection to peer which Ready.Dial asked for did not come about.
func (c *Core) DialFailed(peer ServerID) { c.dialed(0, peer) }

// LinkDown says that a connection has ended, whoever ended it. It comes after the last message of the link. An unknown link is
// ignored.
func (c *Core) LinkDown(link LinkID) {
	if link == 0 {
		return
	}
	if link == c.follow.link {
		c.follow.link = 0
		c.look("link to the leader lost")
		return
	}
	for _, l := range c.learners {
		if l.link == link {
			c.forget(l)
			break
		}
	}
	c.advance()
}

// VoterReachable says whether the election transport has a living connection to a voter. A voter nobody spoke about counts
// as reachable: an election may then wait FinalizeTicks for it. A server that is looking says its vote to whoever appears.
func (c *Core) VoterReachable(peer ServerID, up bool) {
	i := c.q.index(peer)
	if i < 0 {
		return
	}
	c.reachable = c.reachable.without(i)
	if up {
		c.reachable = c.reachable.with(i)
	}
	if c.state.Role == Looking && !c.vote.pending && i != c.self {
		if up && c.q.voters.has(i) {
			c.notify(peer)
		}
		c.count()
	}
	if !up && c.state.Leader == peer && c.state.Role != Leading && c.follow.stage == dialing {
		c.look("the elected leader is gone")
	}
	c.advance()
}

// Persisted says that the log is durable up to z, which stood in an earlier Ready.Entries.
func (c *Core) Persisted(z Zxid) {
	if c.truncating {
		return // about the log before the cut; Truncated will say all there is to say
	}
	c.hist.persist(z)
	c.advance()
}

// EpochsPersisted says that e, which stood in an earlier Ready, is durable.
func (c *Core) EpochsPersisted(e Epochs) {
	if e.Accepted > c.asked.Accepted || e.Current > c.asked.Current {
		panic(fmt.Sprintf("zab: epochs %+v durable, but the disk was given %+v only", e, c.asked))
	}
	c.durable = Epochs{Accepted: max(c.durable.Accepted, e.Accepted), Current: max(c.durable.Current, e.Current)}
	c.advance()
}

// Truncated says that the cut which Ready asked for is durable, and where the log ends now.
func (c *Core) Truncated(last Zxid) {
	if !c.truncating {
		panic("zab: a cut was answered that nobody asked for")
	}
	c.truncating = false
	c.truncatedTo(last)
	c.advance()
}

// Restored says that the snapshot which Ready.Install asked for is the caller's whole state, durable, and that the log is
// empty behind it, so that nothing before it will ever be read from the log.
func (c *Core) Restored(z Zxid) {
	if !c.installing {
		panic("zab: a snapshot was installed that nobody asked for")
	}
	c.installing, c.lost = false, false
	c.hist.reset(z)
	c.floor, c.readFloor = z, z
	c.restored(z)
	c.advance()
}

// RestoreFailed says that the snapshot which Ready.Install asked for did not arrive and that the caller still has its old state
// and log, untouched. Exactly one of Restored and RestoreFailed answers each Install, whatever becomes of the link.
func (c *Core) RestoreFailed() {
	if !c.installing {
		panic("zab: a snapshot failed that nobody asked for")
	}
	c.installing = false
	if c.follow.stage == installing {
		c.look("snapshot did not arrive")
	}
	c.advance()
}

// Role, Phase, Leader and Epoch are the parts of State.
func (c *Core) Role() Role       { return c.state.Role }
func (c *Core) Phase() Phase     { return c.state.Phase }
func (c *Core) Leader() ServerID { return c.state.Leader }
func (c *Core) Epoch() uint32    { return c.state.Epoch }

// LastZxid is the end of the history, durable or not.
func (c *Core) LastZxid() Zxid { return c.hist.last }

// CommittedZxid is the last zxid that this server knows to be committed; 0 until its first leader told it.
func (c *Core) CommittedZxid() Zxid { return c.hist.committed }

// advance takes every step of the present phase whose conditions are now met. Every input ends here.
func (c *Core) advance() {
	switch {
	case c.state.Role == Looking:
		if c.vote.pending {
			c.startRound()
		}
	case c.state.Role == Leading:
		c.advanceLeading()
	default:
		c.advanceFollowing()
	}
}

// become changes the state.
func (c *Core) become(s State) {
	if c.state != s {
		c.state, c.stateChanged = s, true
	}
}

// leave drops the links of the present role and forgets what it knew. Parked links stay: the next role may be their leader's.
func (c *Core) leave(reason string) {
	if c.follow.link != 0 {
		c.drop(c.follow.link, c.state.Leader, reason)
	}
	if c.state.Role == Leading {
		c.dropLearners(reason)
	}
	if c.rd.Install.Link != 0 { // not given out yet
		c.rd.Install, c.installing = SnapshotOrder{}, false
	}
	c.rd.Dial = 0
	c.follow = following{}
	c.lead = leadership{}
}

func (c *Core) drop(link LinkID, peer ServerID, reason string) {
	c.rd.Drops = append(c.rd.Drops, Drop{Link: link, Peer: peer, Reason: reason})
}

// send puts m behind everything that is to be sent.
func (c *Core) send(m Message) {
	m.From = c.cfg.ID
	c.rd.Messages = append(c.rd.Messages, m)
}

// writeEpochs asks the disk to hold e.
func (c *Core) writeEpochs(e Epochs) {
	if e.Accepted < c.asked.Accepted || e.Current < c.asked.Current || e.Current > e.Accepted {
		panic(fmt.Sprintf("zab: epochs never fall: %+v after %+v", e, c.asked))
	}
	if e != c.asked {
		c.asked, c.rd.Epochs = e, e
	}
}

// currentEpoch is the last epoch whose initial history this server has. A log that reaches into an epoch has that, whether or
// not the file could still be written before a crash.
func (c *Core) currentEpoch() uint32 { return max(c.durable.Current, c.hist.last.Epoch()) }

// random returns a number in [0, n).
func (c *Core) random(n int) int {
	c.rng += 0x9e3779b97f4a7c15
	z := c.rng
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) % uint64(max(n, 1)))
}
