package bench

import "strings"

// Stage is a part of a request's way through the server; every moment of CPU in a profile belongs to exactly one.
type Stage string

// The stages in the order a write passes them; a read passes network, decode, read, network.
const (
	StageNetwork   Stage = "network"   // sockets and the event loops around them
	StageDecode    Stage = "decode"    // frames and request records
	StageRead      Stage = "read"      // look-ups in the tree, the encoding of what was found included
	StagePrepare   Stage = "prepare"   // the hand-off to the core loop, checking a write, making its txn
	StageLog       Stage = "log"       // appending, compressing, syncing, snapshots
	StageBroadcast Stage = "broadcast" // zab and the links between servers
	StageApply     Stage = "apply"     // changing the tree, firing watches
	StageReply     Stage = "reply"     // replies to writes and events on their way to their connections
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
// decides. So a system call belongs to the socket or the log that made it, and what is in no list (memmove, hashing,
// allocation, locks, the tree, encoders) to whoever called it. Narrow rules stand before wide ones.
var stageRules = []stageRule{
	{"runtime.gcBgMarkWorker", "", StageGC},
	{"runtime.gcAssistAlloc", "", StageGC},
	{"runtime.bgsweep", "", StageGC},
	{"runtime.bgscavenge", "", StageGC},
	{"runtime.gcStart", "", StageGC},
	{"runtime.wbBufFlush", "", StageGC},

	{"bellwether/engine/wire.", "(*Reader)", StageDecode},
	{"bellwether/engine/wire.", "Decode", StageDecode},
	{"bellwether/engine/wire.", "NextFrame", StageDecode},
	{"bellwether/engine/replica.", "Applier", StageApply},
	{"bellwether/engine/replica.", "", StagePrepare},
	{"bellwether/engine/session.", "", StagePrepare},
	{"bellwether/engine/watch.", "", StageApply},
	{"bellwether/engine/zab.", "", StageBroadcast},
	{"bellwether/server/peer.", "", StageBroadcast},
	{"bellwether/wal.", "", StageLog},
	{"github.com/klauspost/compress/", "", StageLog},

	// The loops of the engine, by the stage they turn.
	{"bellwether/engine.", "(*applier).gather", StageReply},
	{"bellwether/engine.", "(*applier).publish", StageReply},
	{"bellwether/engine.", "(*applier)", StageApply},
	{"bellwether/engine.", "(*applyQueue)", StageApply},
	{"bellwether/engine.", "(*outbox)", StageReply},
	{"bellwether/engine.", "(*parcel)", StageReply},
	{"bellwether/engine.", "(*Loop).drain", StageReply},
	{"bellwether/engine.", "(*Loop).deliver", StageReply},
	{"bellwether/engine.", "(*Conn).answered", StageReply},
	{"bellwether/engine.", "(*Conn).event", StageReply},
	{"bellwether/engine.", "lush", StageReply}, // Loop.flush, Conn.flush
	{"bellwether/engine.", "(*Loop).handOver", StagePrepare},
	{"bellwether/engine.", "(*Loop).add", StagePrepare},
	{"bellwether/engine.", "(*Loop).keep", StagePrepare},
	{"bellwether/engine.", "(*Conn).handOver", StagePrepare},
	{"bellwether/engine.", "(*Conn).read", StageRead},
	{"bellwether/engine.", "(*Conn).get", StageRead},
	{"bellwether/engine.", "(*Conn).exists", StageRead},
	{"bellwether/engine.", "(*Conn).multiRead", StageRead},
	{"bellwether/engine.", "(*Conn)", StageDecode},
	{"bellwether/engine.", "(*Loop)", StageNetwork},
	{"bellwether/engine.", "(*inbox)", StagePrepare},
	{"bellwether/engine.", "ommit", StageLog}, // commitQueue, runCommit, commit
	{"bellwether/engine.", "appendGroups", StageLog},
	{"bellwether/engine.", "(*store)", StageLog},
	{"bellwether/engine.", "napshot", StageLog},
	{"bellwether/engine.", "(*Engine)", StagePrepare}, // what is left is the core loop
	{"bellwether/server.", "", StageNetwork},
	{"github.com/panjf2000/gnet/", "", StageNetwork},

	{"runtime.schedule", "", StageScheduler},
	{"runtime.findRunnable", "", StageScheduler},
	{"runtime.park_m", "", StageScheduler},
	{"runtime.goexit0", "", StageScheduler},
	{"runtime.mcall", "", StageScheduler},
	{"runtime.sysmon", "", StageScheduler},
	{"runtime.mstart", "", StageScheduler},
}

// classify names the stage of one sample; stack holds function names, the leaf first. Records are decoded three times
// on a write's way: from the socket that is a stage of its own, in the core and apply loops it is part of theirs.
func classify(stack []string) Stage {
	decoding := false
	for _, function := range stack {
		switch stage := stageOf(function); {
		case stage == "":
		case stage == StageDecode && !decoding:
			decoding = true
		case stage == StagePrepare || stage == StageApply || !decoding:
			return stage
		}
	}
	if decoding {
		return StageDecode
	}
	return StageOther
}

// stageOf applies the rules to one function; empty if none matches.
func stageOf(function string) Stage {
	for _, rule := range stageRules {
		if strings.HasPrefix(function, rule.prefix) && strings.Contains(function, rule.part) {
			return rule.stage
		}
	}
	return ""
}
