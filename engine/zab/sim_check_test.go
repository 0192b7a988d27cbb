package zab

import (
	"encoding/binary"
	"strings"
)

// checker holds what a run has promised so far. The names are those of ZooKeeper's TLA+ specifications.
type checker struct {
	w         *world
	q         quorum
	proposals map[Zxid]string // by zxid: what its leader proposed. Looked up only, never ranged over
	history   []Entry         // committed, by whoever delivered first
	led       map[uint32]int  // by epoch: who was established
	apps      map[[2]int]uint32
	lastApp   map[[2]int]uint32
	promised  []uint32 // by server: the last epoch it promised to somebody
	kept      []int    // by server: how many of history its disk held at least once
}

func newChecker(w *world, q quorum) checker {
	return checker{w: w, q: q, proposals: map[Zxid]string{}, led: map[uint32]int{}, apps: map[[2]int]uint32{}, lastApp: map[[2]int]uint32{},
		promised: make([]uint32, len(q.members)), kept: make([]int, len(q.members))}
}

// proposed notes a proposal: one zxid is used once, ever.
func (k *checker) proposed(s *server, e Entry) {
	if _, again := k.proposals[e.Zxid]; again {
		k.w.fail("Integrity", "%v proposed twice, now by %d", e.Zxid, s.id)
	}
	k.proposals[e.Zxid] = string(e.Data)
	if limit := s.cfg.RollCounter; limit != 0 && e.Zxid.Counter() >= limit {
		k.w.fail("CounterEnd", "server %d proposes %v, the counter ends at %d", s.id, e.Zxid, limit)
	}
}

// sent judges what leaves a server: whatever speaks of durability must be true, and an epoch is promised once.
func (k *checker) sent(s *server, m Message) {
	d := &s.disk
	if m.Link != s.core.follow.link && (m.Kind == Ack || m.Kind == AckEpoch) {
		return // its link is gone already
	}
	switch m.Kind {
	case Ack:
		if m.Zxid.beginsEpoch() {
			if d.epochs.Current < m.Zxid.Epoch() || d.end() < s.core.follow.history {
				k.w.fail("SaidBeforeDurable", "server %d acknowledges epoch %d with epochs %+v and log to %v", s.id, m.Zxid.Epoch(), d.epochs, d.end())
			}
		} else if d.end() < m.Zxid {
			k.w.fail("SaidBeforeDurable", "server %d acknowledges %v with its log at %v", s.id, m.Zxid, d.end())
		}
	case AckEpoch:
		e := s.core.follow.epoch
		if e < k.promised[s.index] {
			k.w.fail("PromiseOnce", "server %d follows into epoch %d after it promised %d", s.id, e, k.promised[s.index])
		}
		if m.Epoch == NotCounted {
			return
		}
		if d.epochs.Accepted < e {
			k.w.fail("SaidBeforeDurable", "server %d promises epoch %d with epochs %+v", s.id, e, d.epochs)
		}
		if e <= k.promised[s.index] {
			k.w.fail("PromiseOnce", "server %d promises epoch %d after %d", s.id, e, k.promised[s.index])
		}
		k.promised[s.index] = e
	case LeaderInfo:
		if int64(d.epochs.Accepted) < m.Epoch {
			k.w.fail("SaidBeforeDurable", "server %d invites to epoch %d with epochs %+v", s.id, m.Epoch, d.epochs)
		}
	}
}

// delivered judges an entry that s is about to apply.
func (k *checker) delivered(s *server, e Entry) {
	w, i := k.w, len(s.state)
	k.adopt(s)
	if data, ok := k.proposals[e.Zxid]; !ok || data != string(e.Data) {
		w.fail("Integrity", "server %d delivers %v, which no leader proposed so", s.id, e.Zxid)
	}
	if i > 0 {
		prev := s.state[i-1].Zxid
		switch {
		case e.Zxid <= prev:
			w.fail("TotalOrder", "server %d delivers %v after %v", s.id, e.Zxid, prev)
		case e.Zxid.Epoch() == prev.Epoch() && e.Zxid != prev+1, e.Zxid.Epoch() != prev.Epoch() && e.Zxid.Counter() != 1:
			w.fail("LocalPrimaryOrder", "server %d delivers %v after %v", s.id, e.Zxid, prev)
		case e.Zxid.Epoch() < prev.Epoch():
			w.fail("GlobalPrimaryOrder", "server %d delivers %v after %v", s.id, e.Zxid, prev)
		}
	}
	if i < len(k.history) {
		if k.history[i].Zxid != e.Zxid {
			w.fail("PrefixConsistency", "server %d delivers %v as number %d, another delivered %v", s.id, e.Zxid, i, k.history[i].Zxid)
		}
		return
	}
	k.history = append(k.history, e)
	k.onQuorum(i, s)
}

// adopt: whoever delivers, or serves, thereby says that all it has applied is committed. After restarts nobody may have
// delivered some of it.
func (k *checker) adopt(s *server) {
	for i, e := range s.state {
		if i < len(k.history) {
			if k.history[i].Zxid != e.Zxid {
				k.w.fail("PrefixConsistency", "server %d has %v as number %d, another delivered %v", s.id, e.Zxid, i, k.history[i].Zxid)
			}
			continue
		}
		if k.proposals[e.Zxid] != string(e.Data) {
			k.w.fail("Integrity", "server %d has %v, which no leader proposed so", s.id, e.Zxid)
		}
		k.history = append(k.history, e)
		k.onQuorum(i, s)
	}
}

// onQuorum: what is committed is on a quorum of disks at that moment.
func (k *checker) onQuorum(i int, by *server) {
	have := voterSet(0)
	for _, s := range k.w.servers {
		if i < len(s.disk.all) && s.disk.all[i].Zxid == k.history[i].Zxid {
			have = have.with(s.index)
			k.kept[s.index] = max(k.kept[s.index], i+1)
		}
	}
	if !k.q.contains(have) {
		k.w.fail("Durability", "server %d delivers %v, which is on the disks %b only", by.id, k.history[i].Zxid, have)
	}
}

// survived: what a disk may have dropped of the committed history is still on a quorum of disks. (A leader that follows the
// Java protocol lets a learner fall back behind what it had written, if nobody counted on that.)
func (k *checker) survived(s *server) {
	n := k.kept[s.index]
	kept := min(n, len(s.disk.all))
	for kept > 0 && s.disk.all[kept-1].Zxid != k.history[kept-1].Zxid {
		kept--
	}
	for kept < len(k.history) && kept < len(s.disk.all) && s.disk.all[kept].Zxid == k.history[kept].Zxid {
		kept++
	}
	k.kept[s.index] = kept
	if kept >= n {
		return
	}
	have := voterSet(0)
	for i := range k.kept {
		if k.kept[i] >= n {
			have = have.with(i)
		}
	}
	if !k.q.contains(have) {
		k.w.fail("NoCommittedEntryLost", "server %d had %d committed entries, its disk now ends at %v and no quorum has them", s.id, n, lastZxid(s.disk.all))
	}
}

// stateOf judges what s is now.
func (k *checker) stateOf(s *server) {
	c := s.core
	if c.Phase() != Broadcast {
		return
	}
	if c.hist.delivered != c.hist.committed && c.Role() != Leading {
		k.w.fail("Serving", "server %d serves with %v applied, but only %v committed", s.id, c.hist.delivered, c.hist.committed)
	}
	k.adopt(s)
	if c.Role() != Leading {
		return
	}
	if by, ok := k.led[c.Epoch()]; ok {
		if by != s.index {
			k.w.fail("Leadership2", "servers %d and %d were both established in epoch %d", k.w.servers[by].id, s.id, c.Epoch())
		}
		return
	}
	k.led[c.Epoch()] = s.index
	for i, e := range k.history {
		if i >= len(s.state) || s.state[i].Zxid != e.Zxid {
			k.w.fail("PrimaryIntegrity", "server %d leads epoch %d without the committed %v", s.id, c.Epoch(), e.Zxid)
		}
	}
}

// afterStep: no two leaders of one epoch.
func (k *checker) afterStep() {
	for i, s := range k.w.servers {
		if !s.up || s.core.Role() != Leading || s.core.Phase() < Synchronization {
			continue
		}
		for _, o := range k.w.servers[:i] {
			if o.up && o.core.Role() == Leading && o.core.Phase() >= Synchronization && o.core.Epoch() == s.core.Epoch() {
				k.w.fail("Leadership1", "servers %d and %d both lead epoch %d", o.id, s.id, s.core.Epoch())
			}
		}
	}
}

// mayRefuse: between servers that keep the rules only a few messages are refused.
func (k *checker) mayRefuse(err error) {
	for _, ok := range []string{"was accepted before", "ahead of this leader", "only a snapshot can help", "cannot go below"} {
		if strings.Contains(err.Error(), ok) {
			return
		}
	}
	k.w.fail("MessageIllegal", "%v", err)
}

// lost says whether z went with its leader: a later one is established without it.
func (k *checker) lost(z Zxid, leader *server) bool {
	n := upTo(leader.state, z)
	return leader.core.Epoch() > z.Epoch() && (n == 0 || leader.state[n-1].Zxid != z)
}

// everybodyHas says whether every server serves and has applied all up to z, which everybody's disk holds.
func (k *checker) everybodyHas(z Zxid) bool {
	for _, s := range k.w.servers {
		if !s.up || s.core.Phase() != Broadcast || lastZxid(s.state) < z || s.core.hist.persisted < z {
			return false
		}
	}
	for _, s := range k.w.servers {
		for i := range s.state {
			if i >= len(k.history) || s.state[i].Zxid != k.history[i].Zxid ||
				s.state[i].Zxid <= z && (i >= len(s.disk.all) || s.disk.all[i].Zxid != s.state[i].Zxid) {
				k.w.fail("PrefixConsistency", "server %d ends with %v as number %d", s.id, s.state[i].Zxid, i)
			}
		}
	}
	return true
}

// types of the packets that servers send each other
const (
	fromLearner = 7
	fromLeader  = 8
)

// nextApp is the data of the next packet from s to peer: a number that counts up.
func (k *checker) nextApp(s *server, peer ServerID) []byte {
	return binary.BigEndian.AppendUint32(nil, k.apps[[2]int{s.index, k.q.index(peer)}]+1)
}

func (k *checker) appSent(s *server, peer ServerID, ok bool) {
	if ok {
		k.apps[[2]int{s.index, k.q.index(peer)}]++
	}
}

// appArrived: packets arrive in order, and a leader's not before the commits it had sent before.
func (k *checker) appArrived(s *server, a AppPacket) {
	key, n := [2]int{k.q.index(a.From), s.index}, binary.BigEndian.Uint32(a.Data)
	if n <= k.lastApp[key] {
		k.w.fail("AppOrder", "server %d gets packet %d of %d after %d", s.id, n, a.From, k.lastApp[key])
	}
	k.lastApp[key] = n
	if a.Type == fromLeader && a.After < a.Zxid {
		k.w.fail("AppOrder", "server %d gets a packet sent behind %v after %v", s.id, a.Zxid, a.After)
	}
	if s.zxid() < a.After {
		k.w.fail("AppOrder", "server %d is to wait for %v, but has only %v", s.id, a.After, s.zxid())
	}
}
