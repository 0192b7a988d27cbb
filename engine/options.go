package engine

import (
	"fmt"
	"log/slog"
	"time"

	"bellwether/engine/wire"
	"bellwether/wal"
)

// Options say how a server is to run. The zero value of a field with a default stands for it.
type Options struct {
	FS      wal.FS // where the data is; default the operating system's files
	DataDir string // snapshots and epochs
	LogDir  string // the log; default DataDir

	ServerID            int64 // 1 to 254; default 1
	TickMs              int32 // the grain of session expiry; default 2000
	MinSessionTimeoutMs int32 // default 2 ticks
	MaxSessionTimeoutMs int32 // default 20 ticks

	MaxFrameBytes  int // longest request (jute.maxbuffer); default 1048575
	MaxOutstanding int // requests in flight, over all connections, above which no connection may add another; default 65536

	MaxOutstandingBytes int64 // what requests in flight may hold on to, over all connections; default 32 MiB: replies are copied on their way

	SegmentBytes    int64         // of the log; default 64 MiB
	SnapshotTxns    int64         // a snapshot is taken after so many transactions, and ...
	SnapshotBytes   int64         // ... so many bytes of them, and as many as the tree has; defaults 100000, 128 MiB
	RetainSnapshots int           // kept on disk; default 3
	SlowSync        time.Duration // a sync that takes longer is logged; default 1 s

	ExtendedTypes bool   // TTL znodes (extendedTypesEnabled)
	SkipACL       bool   // ask nobody for permission
	SuperDigest   string // the digest id that may do everything, "" for none

	Log *slog.Logger // default slog.Default()
}

func (o Options) withDefaults() Options {
	setDefault(&o.LogDir, o.DataDir)
	setDefault(&o.ServerID, 1)
	setDefault(&o.TickMs, 2000)
	setDefault(&o.MinSessionTimeoutMs, 2*o.TickMs)
	setDefault(&o.MaxSessionTimeoutMs, 20*o.TickMs)
	setDefault(&o.MaxFrameBytes, wire.DefaultMaxFrame)
	setDefault(&o.MaxOutstanding, 64<<10)
	setDefault(&o.MaxOutstandingBytes, 32<<20)
	setDefault(&o.SegmentBytes, 64<<20)
	setDefault(&o.SnapshotTxns, 100_000)
	setDefault(&o.SnapshotBytes, 128<<20)
	setDefault(&o.RetainSnapshots, 3)
	setDefault(&o.SlowSync, time.Second)
	if o.FS == nil {
		o.FS = wal.OS
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate names the first option that cannot be.
func (o *Options) validate() error {
	switch {
	case o.DataDir == "":
		return fmt.Errorf("engine: no data directory given")
	case o.ServerID < 1 || o.ServerID > 254:
		return fmt.Errorf("engine: server id %d is not between 1 and 254", o.ServerID)
	case o.TickMs < 1:
		return fmt.Errorf("engine: tick of %d ms is not above 0", o.TickMs)
	case o.MinSessionTimeoutMs < 1 || o.MinSessionTimeoutMs > o.MaxSessionTimeoutMs:
		return fmt.Errorf("engine: session timeouts from %d to %d ms are no range", o.MinSessionTimeoutMs, o.MaxSessionTimeoutMs)
	case o.MaxFrameBytes < 1024:
		return fmt.Errorf("engine: longest request of %d bytes is below 1024", o.MaxFrameBytes)
	case o.SegmentBytes < 2*int64(o.MaxFrameBytes)+4096:
		return fmt.Errorf("engine: log segments of %d bytes hold no two of the longest requests, %d bytes", o.SegmentBytes, o.MaxFrameBytes)
	case o.MaxOutstanding < 1 || o.MaxOutstandingBytes < 1 || o.SnapshotTxns < 1 || o.SnapshotBytes < 1 || o.RetainSnapshots < 1:
		return fmt.Errorf("engine: limits must be above 0")
	}
	return nil
}
