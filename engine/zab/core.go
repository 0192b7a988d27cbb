package zab

import (
	"errors"
	"fmt"
)

// Core is one server's part in the atomic broadcast. It is a value that reacts: inputs (Tick, Step, LinkUp, Propose, Persisted
// and so on) change it, Ready says what is now to be done. It starts no goroutine and reads no clock; one goroutine at a time may call it.
type Core struct {
	cfg  Config
	q    quorum
	self int // place in q.members
	now  int64

	state        State
	stateChanged bool
	hist         history
	durable      Epochs // on the disk
	asked        Epochs // last given to the disk. Invariant: >= durable in both parts

	lead leadership // valid while Leading

	rd Ready // what the next Ready returns; its slices are reused
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
	if d.Current > d.Accepted {
		return nil, fmt.Errorf("zab: current epoch %d above accepted epoch %d: the epoch files are inconsistent", d.Current, d.Accepted)
	}
	if d.LastZxid.Epoch() > d.Accepted {
		return nil, fmt.Errorf("zab: log ends at %v, above accepted epoch %d: an epoch file was lost", d.LastZxid, d.Accepted)
	}
	if n := len(d.Recent); n > 0 && d.Recent[n-1].Zxid != d.LastZxid {
		return nil, fmt.Errorf("zab: recent entries end at %v, the log at %v", d.Recent[n-1].Zxid, d.LastZxid)
	}
	c := &Core{cfg: cfg.withDefaults(), q: newQuorum(cfg.Members), durable: d.Epochs, asked: d.Epochs, hist: newHistory(d)}
	c.self = c.q.index(cfg.ID)
	c.become(State{Role: Looking})
	return c, nil
}

// Tick says that one tick has passed.
func (c *Core) Tick() {
	c.now++
	c.advance()
}

// Step takes a message from a peer. An error means that the message cannot be, and that the caller is to drop its link (if
// it has one) and log the error; the core is unharmed.
func (c *Core) Step(m Message) error { return nil }

// LinkUp says that a connection to peer exists: one that Ready.Dial asked for, or one that peer opened. It comes before the
// first message of the link.
func (c *Core) LinkUp(link LinkID, peer ServerID) error { return nil }

// LinkDown says that a connection has ended, whoever ended it. It comes after the last message of the link.
func (c *Core) LinkDown(link LinkID) {}

// DialFailed says that the connection which Ready.Dial asked for did not come about.
func (c *Core) DialFailed(peer ServerID) {}

// VoterReachable says whether the election transport has a living connection to a voter. A voter nobody spoke about counts
// as reachable: then an election waits FinalizeTicks for it.
func (c *Core) VoterReachable(peer ServerID, up bool) {}

// NextZxid is the zxid that the next proposal will get. Meaningful only while leading in broadcast.
func (c *Core) NextZxid() Zxid { return c.lead.last(c) + 1 }

// Propose makes data the next proposal. It keeps a reference to data, which must not change any more.
func (c *Core) Propose(data []byte) (Zxid, error) {
	if err := c.mayPropose(); err != nil {
		return 0, err
	}
	z := c.NextZxid()
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

func (c *Core) mayPropose() error {
	if c.state.Role != Leading || c.state.Phase != Broadcast {
		return ErrNotLeading
	}
	if c.lead.successor != 0 || c.NextZxid().Counter() >= c.cfg.RollCounter {
		return ErrHandingOver
	}
	return nil
}

// Persisted says that the log is durable up to z, which stood in an earlier Ready.Entries.
func (c *Core) Persisted(z Zxid) {
	c.hist.persist(z)
	c.advance()
}

// EpochsPersisted says that e, which stood in an earlier Ready, is durable.
func (c *Core) EpochsPersisted(e Epochs) {
	c.durable = e
	c.advance()
}

// Truncated says that a cut that Ready asked for is durable, and where the log ends now.
func (c *Core) Truncated(last Zxid) {}

// Restored says that the snapshot which Ready.Install asked for is the caller's whole state, durable, and that the log is
// empty behind it. If the snapshot does not arrive, the caller says LinkDown instead and keeps its old state.
func (c *Core) Restored(z Zxid) {}

// SnapshotSent says that a snapshot taken at z was streamed to a learner, as a Ready.SendSnap asked.
func (c *Core) SnapshotSent(link LinkID, z Zxid) {}

// LogRead answers an order of Ready.Reads with entries from its From on, in pieces if the caller likes; done with the last
// piece. No entries and done means: not available, send a snapshot.
func (c *Core) LogRead(link LinkID, entries []Entry, done bool) {}

// SendApp puts a packet of the caller's on the link to peer (the leader, or a learner), behind everything that stands there now.
func (c *Core) SendApp(peer ServerID, p AppPacket) error { return ErrLinkClosed }

// Pong answers the leader's ping. It keeps a reference to touches.
func (c *Core) Pong(touches []byte) {}

// HandOver makes a follower that is level the leader of the next epoch, as soon as everything proposed is committed. With
// successor 0 the core chooses.
func (c *Core) HandOver(successor ServerID) error { return ErrNoSuccessor }

// Role, Phase, Leader and Epoch are the parts of State.
func (c *Core) Role() Role       { return c.state.Role }
func (c *Core) Phase() Phase     { return c.state.Phase }
func (c *Core) Leader() ServerID { return c.state.Leader }
func (c *Core) Epoch() uint32    { return c.state.Epoch }

// LastZxid is the end of the history, durable or not.
func (c *Core) LastZxid() Zxid { return c.hist.last }

// CommittedZxid is the last zxid known to be committed.
func (c *Core) CommittedZxid() Zxid { return c.hist.committed }

func (c *Core) become(s State) {
	if c.state != s {
		c.state, c.stateChanged = s, true
	}
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
