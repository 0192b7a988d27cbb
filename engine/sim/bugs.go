package sim

// bugs are mistakes in a server that only a test of this package can ask for: each must be caught.
type bugs struct {
	ackBeforeSync    bool // the core hears that entries are durable when they are only written
	retrySync        bool // a failed sync is taken for one that succeeded
	forgetEpochs     bool // epochs are said to be durable and are not
	skipReplay       bool // recovery leaves out the first transaction behind the snapshot
	noSessions       bool // a snapshot is made without the sessions
	lateZxid         bool // a snapshot bears the zxid of a later moment
	releaseEarly     bool // the log is given up before the snapshot that replaces it is complete
	releaseUnapplied bool // prepare forgets what is pending before it is applied
	keepEphemerals   bool // a closing session's ephemerals stay
	forgetSessions   bool // recovery does not track the sessions there are
	earlyBarriers    bool // requests without a transaction are answered before what is before them is applied
	deaf             bool // expiry does not ask when a session was last heard of
	expireEarly      bool // sessions expire too soon
	readsOvertake    bool // a read is executed though writes before it are in flight
}
