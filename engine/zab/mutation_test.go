package zab

import (
	"strings"
	"testing"
)

// mutations are rules broken on purpose, each with the incidents of ZooKeeper it stands for. Some rules are a second line of
// defence, or matter so rarely that random worlds hardly get there; those are in the plays of incidents_test.go only.
var mutations = []struct {
	bug  bug
	rule string
}{
	{bugVoteOrder, "votes go by epoch, then log, then id"},
	{bugNoAheadCheck | bugVoteOrder, "whatever the election guesses, a leader refuses the promise of a server that knows more"},
	{bugInviteBeforeSync, "LeaderInfo waits for the leader's acceptedEpoch"},
	{bugPledgeBeforeSync, "AckEpoch waits for the learner's acceptedEpoch"},
	{bugEpochBeforeHistory, "currentEpoch waits for the history (ZOOKEEPER-4643)"},
	{bugAckBeforeHistory, "Ack of NewLeader waits for the history (ZOOKEEPER-3911, 4646, 4785)"},
	{bugAckBeforeEpoch, "Ack of NewLeader waits for currentEpoch"},
	{bugAckBeforeSync, "Ack of a proposal waits for the disk"},
	{bugOwnVoteBeforeSync, "the leader's own voice is that of its disk"},
	{bugCommitMinority, "a quorum commits"},
	{bugEstablishAlone, "a quorum establishes"},
	{bugDeliverEarly, "the history is delivered from UpToDate on"},
	{bugServeEarly, "a learner serves when all it has applied is committed (ZOOKEEPER-3023)"},
	{bugRestoreEarly, "a snapshot counts when it is whole and durable (ZOOKEEPER-3642)"},
	{bugHoleInWindow, "the window has no hole (ZOOKEEPER-4925)"},
	{bugTruncMemoryOnly, "Trunc reaches the disk (ZOOKEEPER-1549)"},
	{bugLostDiffTail, "Diff is whole (ZOOKEEPER-4925, 2418)"},
	{bugNewLeaderFirst, "NewLeader comes behind the history (ZOOKEEPER-3104)"},
	{bugAnyAckIsNewLeader, "only the Ack of NewLeader is one (ZOOKEEPER-4685)"},
	{bugLoseEarlyCommit, "a Commit before UpToDate counts (ZOOKEEPER-4394)"},
	{bugVoteCommitted, "a vote names the end of the log (ZOOKEEPER-2355)"},
	{bugLeadWithoutQuorum, "a leader without a quorum steps down"},
	{bugNoRoll, "the counter never overflows (ZOOKEEPER-1277)"},
}

// Each rule is there for a reason: without it the simulator finds a broken promise.
func TestEveryBrokenRuleIsNoticed(t *testing.T) {
	for _, m := range mutations {
		t.Run(strings.ReplaceAll(m.rule, " ", "_"), func(t *testing.T) {
			t.Parallel()
			const worlds = 1000
			for seed := uint64(1); seed <= worlds; seed++ {
				w := newWorld(seed, allFaults)
				w.useBug(m.bug)
				if err := w.run(*worldSize); err != nil {
					line, _, _ := strings.Cut(err.Error(), "\n")
					t.Logf("%s", line)
					return
				}
			}
			t.Fatalf("nothing noticed in %d worlds", worlds)
		})
	}
}
