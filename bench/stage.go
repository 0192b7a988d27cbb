package bench

import "strings"

// Stage is a part of a request's way through the server; every moment of CPU in a profile belongs to exactly one.
type Stage string

// The stages in the order a write passes them; a read passes network, decode, read, reply.
const (
	StageNetwork   Stage = "network"   // sockets and the event loops around them
	StageDecode    Stage = "decode"    // frames and request records
	StageRead      Stage = "read"      // look-ups in the tree
	StagePrepare   Stage = "prepare"   // checking a write and making its txn
	StageLog       Stage = "log"       // appending, compressing, syncing
	StageBroadcast Stage = "broadcast" // zab and the links between servers
	StageApply     Stage = "apply"     // changing the tree, firing watches
	StageReply     Stage = "reply"     // encoding replies and handing them to their event loop
	StageGC        Stage = "GC"        // the collector; what an allocation itself costs stays with the allocating stage
	StageScheduler Stage = "scheduler" // finding, parking and waking goroutines, when no stage asked for it
	StageOther     Stage = "other"
)

var stages = []Stage{
	StageNetwork, StageDecode, StageRead, StagePrepare, StageLog, StageBroadcast, StageApply, StageReply,
	StageGC, StageScheduler, StageOther,
}

// stageRule gives the functions that begin with prefix, and hold part if that is set, to a stage.
type stageRule struct {
	prefix, part string
	stage        Stage
}

// The rules are tried in order against one frame after the other, from the leaf towards the root; the first match
// decides. So a copy inside an encoder belongs to the encoder, and what is in no list (memmove, hashing, allocation,
// locks, system calls, most of the engine's loops) belongs to whoever called it. Narrow rules stand before wide ones.
var stageRules = []stageRule{
	{"runtime.gcBgMarkWorker", "", StageGC},
	{"runtime.gcAssistAlloc", "", StageGC},
	{"runtime.bgsweep", "", StageGC},
	{"runtime.bgscavenge", "", StageGC},
	{"runtime.gcStart", "", StageGC},
	{"runtime.wbBufFlush", "", StageGC},

	{"bellwether/engine/wire.", "(*Reader)", StageDecode},
	{"bellwether/engine/wire.", "Decode", StageDecode},
	{"bellwether/engine/wire.", "decode", StageDecode},
	{"bellwether/engine/wire.", "NextFrame", StageDecode},
	{"bellwether/engine/wire.", "ValidatePath", StagePrepare},

	{"bellwether/wal.", "", StageLog},
	{"bellwether/wal/", "", StageLog},
	{"github.com/klauspost/compress/", "", StageLog},
	{"bellwether/engine/zab.", "", StageBroadcast},
	{"bellwether/server/peer.", "", StageBroadcast},

	{"bellwether/engine/replica.", "Applier", StageApply},
	{"bellwether/engine/replica.", "apply", StageApply},
	{"bellwether/engine/replica.", "", StagePrepare},
	{"bellwether/engine/watch.", "", StageApply},
	{"bellwether/engine/tree.", "View", StageRead},
	{"bellwether/engine/tree.", "", StageApply},
	{"bellwether/engine/session.", "", StagePrepare},

	{"bellwether/engine.", "eply", StageReply},
	{"bellwether/engine.", "utbox", StageReply},
	{"bellwether/engine.", "ommit", StageLog},
	{"bellwether/engine.", "pply", StageApply},
	{"bellwether/engine.", "repare", StagePrepare},
	{"bellwether/engine.", "ead", StageRead},
	{"bellwether/server.", "eply", StageReply},
	{"bellwether/server.", "utbox", StageReply},
	{"bellwether/server.", "ecode", StageDecode},
	{"bellwether/server.", "arse", StageDecode},
	{"bellwether/server.", "", StageNetwork},
	{"github.com/panjf2000/gnet/", "", StageNetwork},

	{"runtime.schedule", "", StageScheduler},
	{"runtime.findRunnable", "", StageScheduler},
	{"runtime.park_m", "", StageScheduler},
	{"runtime.mcall", "", StageScheduler},
	{"runtime.sysmon", "", StageScheduler},
	{"runtime.mstart", "", StageScheduler},
	{"runtime.goexit0", "", StageScheduler},
	{"runtime.exitsyscall", "", StageScheduler},
}

// classify names the stage of one sample; stack holds function names, the leaf first.
func classify(stack []string) Stage {
	for _, function := range stack {
		for _, rule := range stageRules {
			if strings.HasPrefix(function, rule.prefix) && strings.Contains(function, rule.part) {
				return rule.stage
			}
		}
	}
	return StageOther
}
