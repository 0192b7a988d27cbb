package loadgen

import (
	"bytes"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"bellwether/loadgen/client"
)

// usage is what a worker's thread used between begin and finish. Times are nanoseconds. Its methods are called on that
// thread.
type usage struct {
	began, ended int64 // on the client's clock
	cpu          int64 // running
	queued       int64 // ready to run, but waiting for a core
	slept        int64 // waiting for something to do
	turns, reads int64
	backlogs     int64 // reads that left something behind
	process      processUsage
}

// processUsage is what the whole process used.
type processUsage struct {
	user, system int64
	collections  int64
	pauses       int64 // of the collector, in all
	longest      int64 // of them
}

func (u *usage) before() bool { return u.began == 0 }
func (u *usage) during() bool { return u.began != 0 && u.ended == 0 }

// begin takes the readings that finish compares with.
func (u *usage) begin(l *client.Loop) {
	u.began = client.Now()
	u.cpu, u.queued = threadTimes()
	st := l.Stats()
	u.slept, u.turns, u.reads, u.backlogs = st.Slept, st.Turns, st.Reads, st.Backlogs
	u.process = readProcess(0)
}

// finish turns the readings into differences. Without begin, or a second time, it does nothing.
func (u *usage) finish(l *client.Loop) {
	if !u.during() {
		return
	}
	u.ended = client.Now()
	cpu, queued := threadTimes()
	st := l.Stats()
	p := readProcess(time.Duration(u.ended - u.began))
	u.cpu, u.queued = cpu-u.cpu, queued-u.queued
	u.slept, u.turns = st.Slept-u.slept, st.Turns-u.turns
	u.reads, u.backlogs = st.Reads-u.reads, st.Backlogs-u.backlogs
	u.process = processUsage{
		user: p.user - u.process.user, system: p.system - u.process.system,
		collections: p.collections - u.process.collections, pauses: p.pauses - u.process.pauses, longest: p.longest,
	}
}

// wall is how long it took.
func (u *usage) wall() int64 { return u.ended - u.began }

// threadTimes reads how long the calling thread ran and how long it waited for a core. A kernel without scheduler
// statistics tells the first only.
func threadTimes() (cpu, queued int64) {
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_THREAD, &r) == nil {
		cpu = r.Utime.Nano() + r.Stime.Nano()
	}
	b, err := os.ReadFile("/proc/thread-self/schedstat")
	if err != nil {
		return cpu, 0
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return cpu, 0
	}
	if ran, err := strconv.ParseInt(string(fields[0]), 10, 64); err == nil && ran > 0 {
		cpu = ran
	}
	queued, _ = strconv.ParseInt(string(fields[1]), 10, 64) // 0 if it is no number
	return cpu, queued
}

// readProcess reads the totals of the process; longest is the longest pause of the collector within the given time.
func readProcess(within time.Duration) processUsage {
	var p processUsage
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &r) == nil {
		p.user, p.system = r.Utime.Nano(), r.Stime.Nano()
	}
	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	p.collections, p.pauses = gc.NumGC, int64(gc.PauseTotal)
	since := time.Now().Add(-within)
	for i, end := range gc.PauseEnd {
		if end.After(since) {
			p.longest = max(p.longest, int64(gc.Pause[i]))
		}
	}
	return p
}
