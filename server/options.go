package server

import (
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"bellwether/engine"
)

// eventLoops is how many event loops serve connections: half the processors, for the other half is busy with ordering,
// logging and applying.
func eventLoops() int { return max(1, runtime.NumCPU()/2) }

// engineOptions translates what the operator has configured.
func engineOptions(c *Config, log *slog.Logger) engine.Options {
	shortest, longest := c.SessionTimeouts()
	return engine.Options{
		DataDir: c.DataDir, LogDir: c.LogDir(), ServerID: max(1, c.Ensemble.ServerID),
		TickMs: millis(c.TickTime), MinSessionTimeoutMs: millis(shortest), MaxSessionTimeoutMs: millis(longest),
		MaxFrameBytes: c.JuteMaxBufferBytes, SegmentBytes: c.PreAllocBytes, SnapshotTxns: int64(c.SnapCount),
		RetainSnapshots: c.SnapRetainCount, SlowSync: c.FsyncWarningThreshold, SkipACL: c.SkipACL,
		ExtendedTypes: c.ExtendedTypes, SuperDigest: c.SuperDigest, MaxOutstanding: c.GlobalOutstandingLimit, Log: log,
	}
}

func millis(d time.Duration) int32 { return int32(d / time.Millisecond) }

// gnetLog carries what gnet has to say into the server's log.
type gnetLog struct{ log *slog.Logger }

func (g gnetLog) Debugf(format string, args ...any) { g.log.Debug(fmt.Sprintf(format, args...)) }
func (g gnetLog) Infof(format string, args ...any)  { g.log.Info(fmt.Sprintf(format, args...)) }
func (g gnetLog) Warnf(format string, args ...any)  { g.log.Warn(fmt.Sprintf(format, args...)) }
func (g gnetLog) Errorf(format string, args ...any) { g.log.Error(fmt.Sprintf(format, args...)) }
func (g gnetLog) Fatalf(format string, args ...any) { g.log.Error(fmt.Sprintf(format, args...)) }
