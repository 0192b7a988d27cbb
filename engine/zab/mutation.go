package zab

// bug names rules that are broken on purpose. Production code never sets one: the tests do, to show that the simulator and the
// scenarios would notice if a rule were missing.
type bug uint32

const (
	bugVoteOrder            bug = 1 << iota // votes go by id alone
	bugNoAheadCheck                         // a leader accepts promises of servers that know more than it does
	bugInviteBeforeSync                     // LeaderInfo leaves before the leader's acceptedEpoch is durable
	bugPledgeBeforeSync                     // AckEpoch leaves before the learner's acceptedEpoch is durable
	bugBreakPromise                         // a learner follows a leader of a lower epoch than it has accepted
	bugEpochBeforeHistory                   // currentEpoch is written before the history is durable
	bugAckBeforeHistory                     // Ack of NewLeader does not wait for the disk
	bugAckBeforeEpoch                       // Ack of NewLeader does not wait for currentEpoch
	bugAckBeforeSync                        // Ack of a proposal does not wait for the disk
	bugOwnVoteBeforeSync                    // the leader counts its own disk before that has answered
	bugCommitMinority                       // one Ack commits
	bugEstablishAlone                       // a leader starts without a quorum that has its history
	bugDeliverEarly                         // a learner delivers the history before UpToDate
	bugServeEarly                           // a learner serves although it has applied more than is committed
	bugTruncMemoryOnly                      // Trunc is not carried out on the disk
	bugRestoreEarly                         // a snapshot counts as installed when it begins to arrive
	bugLostDiffTail                         // the history is taught without its last entry
	bugHoleInWindow                         // entries leave the window, but its lower bound stays
	bugNewLeaderFirst                       // NewLeader overtakes the history
	bugAnyAckIsNewLeader                    // an Ack of some proposal counts as that of NewLeader
	bugLoseEarlyCommit                      // a Commit between Ack of NewLeader and UpToDate is lost
	bugLeadWithoutQuorum                    // a leader does not mind losing its followers
	bugNoRoll                               // the counter is allowed to overflow
	bugVoteCommitted                        // a vote names what is committed, not the end of the log
	bugVoteDuringCut                        // an election does not wait for a cut that the disk has not answered
	bugNoLeaderCheck                        // followers are believed without the leader's own word
	bugStrictEquality                       // settled votes must agree in log and epoch to the letter
	bugCommitBeforeUpToDate                 // commits go to a plain learner that is not up to date
	bugReadAcrossSnapshot                   // a log is read where a snapshot was received
	bugNoSeamCheck                          // what comes from the log need not reach what is in memory
	bugTruncBelowSnapshot                   // a cut goes below what the learner can go back to
	bugTruncPlain                           // Trunc goes over plain links like any other
)

func (c *Core) broken(b bug) bool { return c.bug&b != 0 }
