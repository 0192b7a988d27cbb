package zab

// bug names a rule that is broken on purpose. Production code never sets one: the tests do, to show that the simulator would
// notice if the rule were missing.
type bug uint8

const (
	_                     bug = iota
	bugVoteOrder              // votes go by id alone
	bugNoAheadCheck           // a leader accepts promises of servers that know more than it does
	bugInviteBeforeSync       // LeaderInfo leaves before the leader's acceptedEpoch is durable
	bugPledgeBeforeSync       // AckEpoch leaves before the learner's acceptedEpoch is durable
	bugEpochBeforeHistory     // currentEpoch is written before the history is durable
	bugAckBeforeHistory       // Ack of NewLeader does not wait for the disk
	bugAckBeforeEpoch         // Ack of NewLeader does not wait for currentEpoch
	bugAckBeforeSync          // Ack of a proposal does not wait for the disk
	bugOwnVoteBeforeSync      // the leader counts its own disk before that has answered
	bugCommitMinority         // one Ack commits
	bugEstablishAlone         // a leader starts without a quorum that has its history
	bugDeliverEarly           // a learner delivers the history before UpToDate
	bugTruncMemoryOnly        // Trunc is not carried out on the disk
	bugLostDiffTail           // the history is taught without its last entry
	bugNewLeaderFirst         // NewLeader overtakes the history
	bugAnyAckIsNewLeader      // an Ack of some proposal counts as that of NewLeader
	bugLoseEarlyCommit        // a Commit between Ack of NewLeader and UpToDate is lost
	bugLeadWithoutQuorum      // a leader does not mind losing its followers
	bugNoRoll                 // the counter is allowed to overflow
)
