package zab

// bug names rules that are broken on purpose. Production code never sets one: the tests do, to show that the simulator and the
// scenarios would notice if a rule were missing.
type bug uint32

const (
	bugVoteOrder          bug = 1 << iota // votes go by id alone
	bugNoAheadCheck                       // a leader accepts promises of servers that know more than it does
	bugInviteBeforeSync                   // LeaderInfo leaves before the leader's acceptedEpoch is durable
	bugPledgeBeforeSync                   // AckEpoch leaves before the learner's acceptedEpoch is durable
	bugBreakPromise                       // a learner follows a leader of a lower epoch than it has accepted
	bugEpochBeforeHistory                 // currentEpoch is written before the history is durable
	bugAckBeforeHistory                   // Ack of NewLeader does not wait for the disk
	bugAckBeforeEpoch                     // Ack of NewLeader does not wait for currentEpoch
	bugAckBeforeSync                      // Ack of a proposal does not wait for the disk
	bugOwnVoteBeforeSync                  // the leader counts its own disk before that has answered
	bugCommitMinority                     // one Ack commits
	bugEstablishAlone                     // a leader starts without a quorum that has its history
	bugDeliverEarly                       // a learner delivers the history before UpToDate
	bugServeEarly                         // a learner serves although it has applied more than is committed
	bugTruncMemoryOnly                    // Trunc is not carried out on the disk
	bugRestoreEarly                       // a snapshot counts as installed when it begins to arrive
	bugLostDiffTail                       // the history is taught without its last entry
	bugHoleInWindow                       // entries leave the window, but its lower bound stays
	bugNewLeaderFirst                     // NewLeader overtakes the history
	bugAnyAckIsNewLeader                  // an Ack of some proposal counts as that of NewLeader
	bugLoseEarlyCommit                    // a Commit between Ack of NewLeader and UpToDate is lost
	bugLeadWithoutQuorum                  // a leader does not mind losing its followers
	bugNoRoll                             // the counter is allowed to overflow
)

func (c *Core) broken(b bug) bool { return c.bug&b != 0 }
