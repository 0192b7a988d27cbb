package wal

// Bug is a deliberate mistake, for the tests that show that the enumerations would find it.
type Bug struct {
	Plant        func(*Options)
	InRecovery   bool // made by the process that recovers, not by the one that crashes
	NeedsFailure bool // no crash shows it, only a failing sync
}

var Bugs = map[string]Bug{
	"skip the directory sync":     {Plant: func(o *Options) { o.bugs.skipDirSync = true }},
	"skip the salt":               {Plant: func(o *Options) { o.bugs.skipSalt = true }},
	"ack before sync":             {Plant: func(o *Options) { o.bugs.ackBeforeSync = true }},
	"keep the run after a cut":    {Plant: func(o *Options) { o.bugs.sameRun = true }, InRecovery: true},
	"trust the cache after death": {Plant: func(o *Options) { o.bugs.trustCache = true }, InRecovery: true, NeedsFailure: true},
}
