package zab

import (
	"errors"
	"fmt"
)

// Config is what a server knows of its ensemble before it starts. All times are in ticks of Core.Tick; a tick is meant to be
// short (10 ms), the defaults are ZooKeeper's at that length with tickTime 2000, initLimit 10, syncLimit 5.
type Config struct {
	ID      ServerID // this server; one of Members
	Members []Member // the whole ensemble, in any order
	Seed    uint64   // for jitter; servers should differ

	InitTicks      int // a learner must be level with its leader, a leader have its quorum, within this; default 2000
	SyncTicks      int // a peer in broadcast that was silent for this long is gone; default 1000
	PingTicks      int // a leader pings this often; default 100
	FinalizeTicks  int // wait for better votes if not every reachable voter has answered; default 20
	NotifyTicks    int // first repetition of an unanswered vote; default 20, doubled up to NotifyMaxTicks
	NotifyMaxTicks int // default 200
	RedialTicks    int // between two attempts to reach the elected leader; default 3
	ConnectTicks   int // give up on an elected leader that cannot be reached; default 50

	WindowEntries int    // committed entries kept for learners that fell behind; default 500, negative: none
	WindowBytes   int    // and at most so much of their data; default 64 MiB
	RollCounter   uint32 // a leader starts a new epoch when its counter gets here; default 0xffff0000

	PlainLinks bool // offer no peer the extensions of links between servers of this kind
}

// Member is one server of the ensemble.
type Member struct {
	ID       ServerID
	Observer bool
	Group    int // hierarchical quorums: the voter's group, from 1 up; 0 in all members: plain majority
	Weight   int // hierarchical quorums: the voter's weight in its group
}

// Durable is what the disk holds when a server starts.
type Durable struct {
	Epochs
	LastZxid     Zxid    // end of the log, or of the snapshot if that is later; all of it is in the caller's state
	SnapshotZxid Zxid    // the oldest zxid the caller can go back to: that of its oldest snapshot that a gap-free log follows
	Recent       []Entry // if any: the newest entries of the log without a gap, the last being LastZxid; fills the window
}

// withDefaults returns c with every zero limit set.
func (c Config) withDefaults() Config {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&c.InitTicks, 2000)
	set(&c.SyncTicks, 1000)
	set(&c.PingTicks, 100)
	set(&c.FinalizeTicks, 20)
	set(&c.NotifyTicks, 20)
	set(&c.NotifyMaxTicks, 200)
	set(&c.RedialTicks, 3)
	set(&c.ConnectTicks, 50)
	set(&c.WindowEntries, 500)
	set(&c.WindowBytes, 64<<20)
	c.WindowEntries = max(c.WindowEntries, 0)
	if c.RollCounter == 0 {
		c.RollCounter = 0xffff0000
	}
	return c
}

// Validate says what is wrong with c, or nil.
func (c *Config) Validate() error {
	voters, grouped, weight, self := 0, 0, 0, false
	for i, m := range c.Members {
		if m.ID <= 0 {
			return fmt.Errorf("zab: server id %d: ids start at 1", m.ID)
		}
		for _, o := range c.Members[:i] {
			if o.ID == m.ID {
				return fmt.Errorf("zab: server id %d appears twice", m.ID)
			}
		}
		self = self || m.ID == c.ID
		if m.Observer {
			continue
		}
		if m.Weight < 0 || m.Group < 0 {
			return fmt.Errorf("zab: server %d: negative weight or group", m.ID)
		}
		voters++
		if m.Group != 0 {
			grouped++
			weight += m.Weight
		}
	}
	switch {
	case !self:
		return fmt.Errorf("zab: server %d is not among the members", c.ID)
	case voters == 0:
		return errors.New("zab: an ensemble needs a voter")
	case grouped != 0 && grouped != voters:
		return errors.New("zab: every voter must be in a group, or none")
	case grouped != 0 && weight == 0:
		return errors.New("zab: no group has any weight")
	case len(c.Members) > maxMembers:
		return fmt.Errorf("zab: %d members, at most %d are possible", len(c.Members), maxMembers)
	case c.RollCounter == 1:
		return errors.New("zab: an epoch must have room for a proposal")
	}
	for _, t := range []int{c.InitTicks, c.SyncTicks, c.PingTicks, c.FinalizeTicks, c.NotifyTicks, c.NotifyMaxTicks,
		c.RedialTicks, c.ConnectTicks, c.WindowBytes} {
		if t < 0 {
			return errors.New("zab: a limit is negative")
		}
	}
	return nil
}
