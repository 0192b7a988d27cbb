package zab

import (
	"errors"
	"fmt"
	"testing"
)

// incidents are what went wrong in ZooKeeper, each as a short play with scripted peers. The play holds on the core as it is and
// must fail on the core with the rule broken: otherwise it would prove nothing.
var incidents = []struct {
	name string
	rule string
	bug  bug
	play func(b bug) error
}{
	{"ZOOKEEPER-3911", "the history is durable before the ACK of NEWLEADER", bugAckBeforeHistory, ackOfNewLeaderWaitsForHistory},
	{"ZOOKEEPER-4646,4785", "an ACK of NEWLEADER does not pass what an asynchronous log still holds", bugAckBeforeHistory, ackOfNewLeaderWaitsForLateProposals},
	{"ZOOKEEPER-4643", "history first, then currentEpoch", bugEpochBeforeHistory, epochWaitsForHistory},
	{"ZOOKEEPER-2307", "acceptedEpoch is on the disk before it is promised", bugPledgeBeforeSync, promiseWaitsForDisk},
	{"a promise", "who has accepted an epoch follows nobody of a lower one", bugBreakPromise, promiseHolds},
	{"ZOOKEEPER-3023", "a learner serves when what it has applied is committed, and not before", bugServeEarly, servingWaitsForCommit},
	{"ZOOKEEPER-4685", "an early ACK of a proposal is not that of NEWLEADER", bugAnyAckIsNewLeader, strayAckIsNotTheAck},
	{"ZOOKEEPER-4394 learner", "a COMMIT between the ACK of NEWLEADER and UPTODATE is not lost", bugLoseEarlyCommit, earlyCommitIsKept},
	{"ZOOKEEPER-4394 leader", "a plain learner gets no COMMIT between NEWLEADER and UPTODATE", bugCommitBeforeUpToDate, commitWaitsForUpToDate},
	{"ZOOKEEPER-4925", "what a learner was taught is in its window when it leads", bugHoleInWindow, windowHasNoHole},
	{"ZOOKEEPER-3104", "NEWLEADER stands behind the history", bugNewLeaderFirst, newLeaderComesLast},
	{"ZOOKEEPER-3642", "a snapshot that did not arrive whole changes nothing", bugRestoreEarly, unfinishedSnapshotIsForgotten},
	{"ZOOKEEPER-5094", "a cut is finished before the next vote", bugVoteDuringCut, unfinishedCutDelaysTheVote},
	{"ZOOKEEPER-2846", "the log is not read across a snapshot that was received", bugReadAcrossSnapshot, logIsNotReadAcrossASnapshot},
	{"ZOOKEEPER-2418", "what comes from the log reaches what is in memory", bugNoSeamCheck, logReachesTheWindow},
	{"ZOOKEEPER-1549 learner", "a cut never goes below the snapshot", bugTruncBelowSnapshot, cutBelowTheSnapshotIsRefused},
	{"ZOOKEEPER-1549 leader", "a plain learner is not cut", bugTruncPlain, plainLearnerIsNotCut},
	{"ZOOKEEPER-1277", "the counter never runs into the epoch", bugNoRoll, counterStopsBeforeItsEnd},
	{"ZOOKEEPER-2355", "a vote names the end of the log", bugVoteCommitted, voteNamesTheEndOfTheLog},
	{"ZOOKEEPER-3537", "followers are not believed without their leader", bugNoLeaderCheck, deadLeaderIsNotFollowed},
	{"ZOOKEEPER-1732,1805,1818", "settled votes may differ in log and round", bugStrictEquality, settledVotesNeedNotMatch},
}

func TestIncidentsOfZooKeeper(t *testing.T) {
	for _, in := range incidents {
		t.Run(in.name, func(t *testing.T) {
			if err := play(in.play, 0); err != nil {
				t.Errorf("%s: %v", in.rule, err)
			}
			if err := play(in.play, in.bug); err == nil {
				t.Errorf("%s: the play does not notice when the rule is broken", in.rule)
			}
		})
	}
}

// play runs a play; a failed assertion inside the core counts as its failure.
func play(p func(bug) error, b bug) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return p(b)
}

// actor is a core whose peers and disk are played by the test.
type actor struct {
	*Core
	rd Ready
}

// leaderID leads where the actor follows; actorID leads where it leads.
const (
	actorID  ServerID = 1
	leaderID ServerID = 3
	theLink  LinkID   = 7
)

func newActor(b bug, cfg Config, d Durable) *actor {
	cfg.ID, cfg.Members = actorID, []Member{{ID: 1}, {ID: 2}, {ID: 3}}
	c, err := New(cfg, d)
	if err != nil {
		panic(err)
	}
	c.bug = b
	return &actor{Core: c}
}

// next takes the next Ready and returns the messages in it.
func (a *actor) next() []Message {
	a.rd = a.Ready()
	return a.rd.Messages
}

// has returns the first message of a kind in ms.
func has(ms []Message, k Kind) (Message, bool) {
	for _, m := range ms {
		if m.Kind == k {
			return m, true
		}
	}
	return Message{}, false
}

// hear lets the actor hear messages from one peer, over theLink unless they are votes.
func (a *actor) hear(from ServerID, ms ...Message) error {
	for _, m := range ms {
		m.From, m.To = from, actorID
		if m.Kind != Notification {
			m.Link = theLink
		}
		if err := a.Step(m); err != nil {
			return err
		}
	}
	return nil
}

// followerAt brings an actor to the point where it has promised epoch to leader 3 and waits for the opening packet.
func followerAt(b bug, d Durable, epoch int64, extended bool) (*actor, error) {
	a := newActor(b, Config{}, d)
	a.Tick()
	v := Vote{Leader: leaderID, Zxid: 1 << 40}
	err := errors.Join(
		a.hear(2, Message{Kind: Notification, State: Following, Version: 2, Round: 4, Vote: v}),
		a.hear(3, Message{Kind: Notification, State: Leading, Version: 2, Round: 4, Vote: v}))
	if a.Role() != Following {
		return nil, fmt.Errorf("%v", a.state)
	}
	a.next()
	a.LinkUp(theLink, leaderID)
	err = errors.Join(err, a.hear(3, Message{Kind: LeaderInfo, Epoch: epoch, Extended: extended}))
	_, promised := has(a.next(), AckEpoch)
	if epoch > int64(d.Accepted) {
		a.EpochsPersisted(Epochs{Accepted: uint32(epoch), Current: d.Current})
	}
	if _, ok := has(a.next(), AckEpoch); !ok && !promised {
		return nil, errors.New("no ACKEPOCH")
	}
	return a, err
}

func proposals(from, to Zxid) Message {
	m := Message{Kind: Proposal}
	for z := from; z <= to; z++ {
		m.Entries = append(m.Entries, Entry{z, []byte{byte(z)}})
	}
	return m
}

func commit(z Zxid) Message         { return Message{Kind: Commit, Zxid: z} }
func newLeaderOf(e uint32) Message  { return Message{Kind: NewLeader, Epoch: int64(e)} }
func ackOf(z Zxid) Message          { return Message{Kind: Ack, Zxid: z} }
func zx(epoch, counter uint32) Zxid { return MakeZxid(epoch, counter) }

func ackOfNewLeaderWaitsForHistory(b bug) error {
	a, err := followerAt(b, Durable{}, 2, true)
	if err != nil {
		return err
	}
	err = a.hear(3, Message{Kind: Diff}, proposals(zx(1, 1), zx(1, 3)), newLeaderOf(2))
	if _, ok := has(a.next(), Ack); ok {
		return errors.New("acknowledged before the disk had the history")
	}
	a.Persisted(zx(1, 2))
	if _, ok := has(a.next(), Ack); ok {
		return errors.New("acknowledged when the disk had a part")
	}
	a.Persisted(zx(1, 3))
	if a.next(); a.rd.Epochs.Current != 2 {
		return errors.New("no currentEpoch")
	}
	a.EpochsPersisted(a.rd.Epochs)
	if m, _ := has(a.next(), Ack); m.Zxid != zx(2, 0) {
		return fmt.Errorf("%v", m)
	}
	return err
}

func ackOfNewLeaderWaitsForLateProposals(b bug) error {
	a, err := followerAt(b, Durable{}, 2, false)
	if err != nil {
		return err
	}
	err = a.hear(3, Message{Kind: Diff}, proposals(zx(1, 1), zx(1, 1)), commit(zx(1, 1)), proposals(zx(2, 1), zx(2, 1)), newLeaderOf(2))
	if _, ok := has(a.next(), Ack); ok {
		return errors.New("acknowledged before the disk had anything")
	}
	a.Persisted(zx(1, 1)) // 2:1 is still in the log's queue
	if ms := a.next(); len(ms) > 0 || a.rd.Epochs != (Epochs{}) {
		return fmt.Errorf("%v, %+v", ms, a.rd.Epochs)
	}
	return err
}

func epochWaitsForHistory(b bug) error {
	a, err := followerAt(b, Durable{}, 2, true)
	if err != nil {
		return err
	}
	err = a.hear(3, Message{Kind: Diff}, proposals(zx(1, 1), zx(1, 3)), newLeaderOf(2))
	if a.next(); a.rd.Epochs.Current == 2 {
		return errors.New("currentEpoch is written before the history is durable")
	}
	return err
}

func promiseWaitsForDisk(b bug) error {
	a := newActor(b, Config{}, Durable{})
	a.Tick()
	v := Vote{Leader: leaderID}
	err := errors.Join(a.hear(2, Message{Kind: Notification, State: Following, Version: 2, Vote: v}),
		a.hear(3, Message{Kind: Notification, State: Leading, Version: 2, Vote: v}))
	a.next()
	a.LinkUp(theLink, leaderID)
	err = errors.Join(err, a.hear(3, Message{Kind: LeaderInfo, Epoch: 9}))
	if _, ok := has(a.next(), AckEpoch); ok || a.rd.Epochs.Accepted != 9 {
		return errors.New("promised before it was on the disk")
	}
	return err
}

func promiseHolds(b bug) error {
	if a, err := followerAt(b, Durable{Epochs: Epochs{Accepted: 5, Current: 2}}, 3, true); err == nil {
		return fmt.Errorf("accepted 5, and follows into %d", a.follow.epoch)
	}
	return nil
}

func servingWaitsForCommit(b bug) error {
	// The server restarted in epoch 2 and has applied its whole log; whether 2:5 is committed is still open.
	a, err := followerAt(b, Durable{Epochs: Epochs{2, 2}, LastZxid: zx(2, 5)}, 2, true)
	if err != nil {
		return err
	}
	err = a.hear(3, Message{Kind: Diff}, newLeaderOf(2), Message{Kind: UpToDate, Commit: zx(2, 4)})
	if a.next(); a.Phase() == Broadcast {
		return errors.New("serves what may never be committed")
	}
	err = errors.Join(err, a.hear(3, commit(zx(2, 5))))
	if a.next(); a.Phase() != Broadcast || !a.rd.StateChanged {
		return errors.New("does not serve when all is committed")
	}
	return err
}

// leaderOf brings an actor into broadcast in epoch 1, with 2 as its follower. learner 3 is absent.
func leaderOf(b bug, cfg Config, d Durable) (*actor, error) {
	a := newActor(b, cfg, d)
	a.VoterReachable(3, false)
	a.Tick()
	v := Vote{Leader: actorID, Zxid: d.LastZxid, PeerEpoch: int64(d.Current)}
	err := a.hear(2, Message{Kind: Notification, Version: 2, Round: 1, Vote: v})
	err = errors.Join(err, a.hear2(Message{Kind: FollowerInfo, Epoch: int64(d.Accepted), Extended: true}))
	a.answer()
	err = errors.Join(err, a.hear2(Message{Kind: AckEpoch, Epoch: int64(d.Current), Zxid: d.LastZxid}))
	a.answer()
	a.answer()
	err = errors.Join(err, a.hear2(ackOf(zx(d.Accepted+1, 0))))
	a.next()
	if a.Phase() != Broadcast {
		return nil, fmt.Errorf("%v: %w", a.state, err)
	}
	return a, err
}

// hear2 lets the actor hear its follower 2.
func (a *actor) hear2(m Message) error {
	m.From, m.Link = 2, 2
	return a.Step(m)
}

// answer takes the next Ready and gives the disk's answers.
func (a *actor) answer() []Message {
	ms := a.next()
	if n := len(a.rd.Entries); n > 0 {
		a.Persisted(a.rd.Entries[n-1].Zxid)
	}
	if a.rd.Epochs != (Epochs{}) {
		a.EpochsPersisted(a.rd.Epochs)
	}
	return ms
}

// joins lets learner 3 join the actor, up to the point where its log is known; it returns what it is sent.
func (a *actor) joins(extended bool, last Zxid) ([]Message, error) {
	err := a.hear(3, Message{Kind: FollowerInfo, Epoch: 0, Extended: extended})
	a.next()
	err = errors.Join(err, a.hear(3, Message{Kind: AckEpoch, Epoch: 0, Zxid: last}))
	return a.next(), err
}

func (a *actor) proposeAndCommit(n int) {
	for range n {
		z, err := a.Propose([]byte("x"))
		if err != nil {
			panic(err)
		}
		a.answer()
		if err := a.hear2(ackOf(z)); err != nil {
			panic(err)
		}
		a.next()
	}
}

func strayAckIsNotTheAck(b bug) error {
	a, err := leaderOf(b, Config{}, Durable{})
	if err != nil {
		return err
	}
	a.proposeAndCommit(1)
	if _, err = a.joins(false, 0); err != nil {
		return err
	}
	if err := a.hear(3, ackOf(zx(1, 1))); err != nil {
		return err
	}
	if _, ok := has(a.next(), UpToDate); ok {
		return errors.New("UPTODATE although NEWLEADER was not acknowledged")
	}
	err = a.hear(3, ackOf(zx(1, 0)))
	if _, ok := has(a.next(), UpToDate); !ok {
		return errors.New("no UPTODATE")
	}
	return err
}

func earlyCommitIsKept(b bug) error {
	a, err := followerAt(b, Durable{}, 2, false)
	if err != nil {
		return err
	}
	err = a.hear(3, Message{Kind: Diff}, proposals(zx(2, 1), zx(2, 1)), newLeaderOf(2))
	a.answer()
	a.answer()
	a.answer()
	err = errors.Join(err, a.hear(3, commit(zx(2, 1)), Message{Kind: UpToDate}))
	if a.next(); a.CommittedZxid() != zx(2, 1) || len(a.rd.Committed) != 1 {
		return errors.New("the commit was lost")
	}
	return err
}

func commitWaitsForUpToDate(b bug) error {
	a, err := leaderOf(b, Config{}, Durable{})
	if err != nil {
		return err
	}
	z, _ := a.Propose(nil)
	ms, err := a.joins(false, 0) // with 1:1 outstanding
	if err != nil {
		return err
	}
	if m, _ := has(ms, Proposal); m.Commit != 0 || len(m.Entries) != 1 {
		return fmt.Errorf("%v", ms)
	}
	err = a.hear2(ackOf(z)) // the leader's own disk is late: no quorum yet
	a.Persisted(z)
	if _, ok := has(a.next(), Commit); ok && a.CommittedZxid() == z && !told(a.rd.Messages, 2) {
		return errors.New("COMMIT before UPTODATE")
	}
	if told(a.rd.Messages, 3) {
		return errors.New("COMMIT before UPTODATE")
	}
	err = errors.Join(err, a.hear(3, ackOf(zx(1, 0))))
	if ms := a.next(); !told(ms, 3) {
		return fmt.Errorf("no COMMIT behind UPTODATE: %v", ms)
	}
	return err
}

// told says whether to is sent a commit.
func told(ms []Message, to ServerID) bool {
	for _, m := range ms {
		if m.Kind == Commit && m.To == to {
			return true
		}
	}
	return false
}

func windowHasNoHole(b bug) error {
	a, err := leaderOf(b, Config{WindowEntries: 2}, Durable{})
	if err != nil {
		return err
	}
	a.proposeAndCommit(5)
	ms, err := a.joins(true, zx(1, 1))
	if m, ok := has(ms, Proposal); ok && m.Entries[0].Zxid != zx(1, 2) {
		return fmt.Errorf("%v to a learner that has 1:1", m)
	}
	if len(a.rd.Reads) != 1 || a.rd.Reads[0].From != zx(1, 1) || a.rd.Reads[0].To != zx(1, 3) {
		return fmt.Errorf("reads %+v", a.rd.Reads)
	}
	return err
}

func newLeaderComesLast(b bug) error {
	a, err := leaderOf(b, Config{}, Durable{})
	if err != nil {
		return err
	}
	a.proposeAndCommit(3)
	ms, err := a.joins(true, 0)
	for i, m := range ms {
		if m.Kind == Proposal && ms[i-1].Kind == NewLeader {
			return errors.New("NEWLEADER before the history")
		}
	}
	return err
}

func unfinishedSnapshotIsForgotten(b bug) error {
	a, err := followerAt(b, Durable{Epochs: Epochs{1, 1}, LastZxid: zx(1, 2)}, 2, true)
	if err != nil {
		return err
	}
	err = a.hear(3, Message{Kind: Snap, Zxid: zx(1, 9)})
	if a.next(); a.rd.Install.Zxid != zx(1, 9) {
		return fmt.Errorf("%+v", a.rd.Install)
	}
	a.LinkDown(theLink)
	if a.Tick(); a.vote.own.Zxid == zx(1, 9) || a.vote.pending == false {
		return errors.New("votes before it is known what the state is")
	}
	a.RestoreFailed()
	if m, ok := has(a.next(), Notification); !ok || m.Vote.Zxid != zx(1, 2) {
		return fmt.Errorf("votes with %v", m.Vote.Zxid)
	}
	return err
}

func unfinishedCutDelaysTheVote(b bug) error {
	a, err := followerAt(b, Durable{Epochs: Epochs{1, 1}, LastZxid: zx(1, 9)}, 2, true)
	if err != nil {
		return err
	}
	err = a.hear(3, Message{Kind: Trunc, Zxid: zx(1, 5)})
	if a.next(); !a.rd.Truncate || a.rd.TruncateAfter != zx(1, 5) {
		return fmt.Errorf("%+v", a.rd)
	}
	a.LinkDown(theLink)
	a.Tick()
	if _, ok := has(a.next(), Notification); ok {
		return errors.New("votes while the log is being cut")
	}
	a.Truncated(zx(1, 5))
	if m, ok := has(a.next(), Notification); !ok || m.Vote.Zxid != zx(1, 5) {
		return fmt.Errorf("votes with %v", m.Vote.Zxid)
	}
	return err
}

func logIsNotReadAcrossASnapshot(b bug) error {
	a, err := leaderOf(b, Config{}, Durable{Epochs: Epochs{1, 1}, LastZxid: zx(1, 9)})
	if err != nil {
		return err
	}
	a.readFloor = zx(1, 9) // as after Restored
	_, err = a.joins(true, zx(1, 4))
	if len(a.rd.Reads) != 0 || len(a.rd.SendSnap) != 1 {
		return fmt.Errorf("reads %+v, snapshots %+v", a.rd.Reads, a.rd.SendSnap)
	}
	return err
}

func logReachesTheWindow(b bug) error {
	a, err := leaderOf(b, Config{}, Durable{Epochs: Epochs{1, 1}, LastZxid: zx(1, 9)})
	if err != nil {
		return err
	}
	if _, err = a.joins(true, zx(1, 4)); err != nil || len(a.rd.Reads) != 1 {
		return fmt.Errorf("%+v, %w", a.rd.Reads, err)
	}
	a.LogRead(theLink, proposals(zx(1, 4), zx(1, 7)).Entries, true) // 1:8 and 1:9 are missing
	a.next()
	if m, ok := has(a.rd.Messages, NewLeader); ok {
		return fmt.Errorf("%v behind a history with a hole", m)
	}
	if len(a.rd.SendSnap) != 1 {
		return errors.New("no snapshot instead")
	}
	return nil
}

func cutBelowTheSnapshotIsRefused(b bug) error {
	a, err := followerAt(b, Durable{Epochs: Epochs{1, 1}, LastZxid: zx(1, 9), SnapshotZxid: zx(1, 8)}, 2, false)
	if err != nil {
		return err
	}
	if err = a.hear(3, Message{Kind: Trunc, Zxid: zx(1, 5)}); err == nil {
		return errors.New("a cut that leaves the snapshot with what was cut")
	}
	if !a.lost {
		return errors.New("does not ask for a snapshot next time")
	}
	return nil
}

func plainLearnerIsNotCut(b bug) error {
	a, err := leaderOf(b, Config{}, Durable{})
	if err != nil {
		return err
	}
	a.proposeAndCommit(1)
	ms, err := a.joins(false, zx(1, 7))
	if m, ok := has(ms, Trunc); ok || len(a.rd.SendSnap) != 1 {
		return fmt.Errorf("%v", m)
	}
	a.SnapshotTaken(theLink, zx(1, 1))
	if m, _ := has(a.next(), Snap); m.Zxid != zx(1, 1) {
		return fmt.Errorf("%v", m)
	}
	return err
}

func counterStopsBeforeItsEnd(b bug) error {
	a, err := leaderOf(b, Config{}, Durable{})
	if err != nil {
		return err
	}
	a.proposeAndCommit(1)
	a.hist.reset(zx(1, 0xfffefffe)) // as if so many had been proposed
	a.hist.committed = a.hist.last
	for _, l := range a.learners {
		l.sent, l.match, l.committed = a.hist.last, a.hist.last, a.hist.last
	}
	if z, err := a.Propose(nil); err != nil || z != zx(1, 0xfffeffff) {
		return fmt.Errorf("%v, %w", z, err)
	}
	if _, err := a.Propose(nil); err != ErrHandingOver {
		return fmt.Errorf("at the end: %v", err)
	}
	a.answer()
	if err := a.hear2(ackOf(zx(1, 0xfffeffff))); err != nil {
		return err
	}
	if m, ok := has(a.next(), Handover); !ok || m.Vote.Leader != actorID || a.Phase() != Discovery || a.Role() != Leading {
		return fmt.Errorf("%v, %v", m, a.state)
	}
	return a.secondEpoch()
}

// secondEpoch lets follower 2 come back into epoch 2.
func (a *actor) secondEpoch() error {
	step := func(m Message) error { m.From, m.Link = 2, 22; return a.Step(m) }
	err := step(Message{Kind: FollowerInfo, Epoch: 1, Extended: true})
	a.answer()
	err = errors.Join(err, step(Message{Kind: AckEpoch, Epoch: 1, Zxid: a.hist.last}))
	a.answer()
	a.answer()
	err = errors.Join(err, step(ackOf(zx(2, 0))))
	a.next()
	if z, e := a.Propose(nil); e != nil || z != zx(2, 1) {
		return fmt.Errorf("%v, %w", z, e)
	}
	return err
}

func voteNamesTheEndOfTheLog(b bug) error {
	a := newActor(b, Config{}, Durable{Epochs: Epochs{1, 1}, LastZxid: zx(1, 9)})
	a.Tick()
	if m, ok := has(a.next(), Notification); !ok || m.Vote != (Vote{actorID, zx(1, 9), 1}) {
		return fmt.Errorf("%v", m)
	}
	return nil
}

func deadLeaderIsNotFollowed(b bug) error {
	a := newActor(b, Config{}, Durable{})
	a.q = newQuorum([]Member{{ID: 1}, {ID: 2}, {ID: 3}, {ID: 4}, {ID: 5}})
	a.vote.heard, a.vote.settled, a.reachable = make([]ballot, 5), make([]ballot, 5), a.q.voters
	a.Tick()
	var err error
	for _, from := range []ServerID{2, 3, 4} { // they have not noticed yet that 5 is dead
		err = errors.Join(err, a.hear(from, Message{Kind: Notification, State: Following, Version: 2, Round: 7, Vote: Vote{Leader: 5}}))
	}
	if a.Role() != Looking {
		return fmt.Errorf("%v", a.state)
	}
	return err
}

func settledVotesNeedNotMatch(b bug) error {
	a := newActor(b, Config{}, Durable{})
	a.Tick()
	err := errors.Join(
		a.hear(2, Message{Kind: Notification, State: Following, Version: 2, Round: 3, Vote: Vote{leaderID, zx(1, 4), 2}}),
		a.hear(3, Message{Kind: Notification, State: Leading, Version: 2, Round: 9, Vote: Vote{leaderID, zx(1, 7), 2}}))
	if a.Role() != Following {
		return errors.New("a newcomer does not see the quorum")
	}
	return err
}
