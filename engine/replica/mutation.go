package replica

// bug is a mistake that a test of this package can ask for, to show that the tests would notice.
type bug uint8

const (
	noBug                    bug = iota
	bugSkipPending               // what is proposed and not applied is not looked at
	bugReleaseEarly              // what is pending is forgotten one transaction too soon
	bugReleaseFirst              // what is pending is forgotten with the first transaction that changed it
	bugKeepNumbers               // a failed multi does not give its sequential numbers back
	bugKeepFailed                // a failed multi leaves its changes pending
	bugForgetNewEphemerals       // a closing session's ephemerals that are not applied are left out of the list
	bugListDeletedEphemerals     // ... and those deleted meanwhile are not
	bugCloseKeepsParents         // a closing session's ephemerals go, and their parents do not notice
	bugDeleteKeepsParent         // a deletion does not count at the parent
	bugReplayKeepsChildren       // a replayed delete leaves a later znode of the same name
)
