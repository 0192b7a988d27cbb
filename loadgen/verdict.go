package loadgen

import (
	"fmt"
	"time"
)

// Verdict says whether the figures are the servers', or the generator's own. It never says whether they are good.
//
// The generator is taken for the limit when
//
//   - open loop: it sent late though a session had room: the 99th percentile of that lag is above 1 ms and above a tenth
//     of the 99th percentile of the latency. What the lag adds to the latency is then no longer small.
//   - open loop: it sent less than 98 % of what was due, and it was not for lack of room.
//   - either loop, and in an open one only if less than 98 % of what was due was sent: one of its threads ran for 95 % of
//     the window or more and slept for 5 % or less. Such a loop finds work whenever it looks: replies wait to be read
//     while it handles others, and the servers could have answered more. How long they waited is Generator.ReadDelay.
//
// Time in which a thread was ready but had no core does not make a run invalid in a closed loop: a machine that is
// shared with a server is short of cores for both, and the throughput is what the two of them reach. It is noted, since
// latencies contain it. In an open loop it makes requests late, and is judged by that.
//
// What cannot be seen from here: whether a reply had been in the socket before the kernel made the thread run, except by
// the thread's time in the run queue; and the time that a packet spent in the kernel or on the way.
type Verdict struct {
	Valid   bool     `json:"valid"`
	Reasons []string `json:"reasons,omitempty"` // why not
}

// The bounds of the verdict.
const (
	lagFloor     = int64(time.Millisecond)
	lagShare     = 0.10 // of the 99th percentile of the latency
	sentShare    = 0.98
	pressedShare = 0.01 // of the requests: fewer cannot have been the reason that many were not sent
	busyShare    = 0.95
	sleepShare   = 0.05
	noteQueued   = 0.20
	noteGC       = int64(10 * time.Millisecond)
	noteLowCount = 1000 // fewer requests have no 99.9th percentile
)

// String is VALID, INVALID and the reasons.
func (v Verdict) String() string {
	if v.Valid {
		return "VALID"
	}
	text := "INVALID"
	for i, reason := range v.Reasons {
		if i == 0 {
			text += ": " + reason
		} else {
			text += "; " + reason
		}
	}
	return text
}

// judge fills in the verdict and the notes, from the rest of the result alone.
func (r *Result) judge() {
	v := Verdict{}
	sent := r.judgeSending(&v)
	for i, l := range r.Generator.Loops {
		if l.Busy >= busyShare && l.Slept <= sleepShare && (r.Open == nil || sent < sentShare) {
			v.reason("loop %d of %d was busy %.0f %% of a core and slept %.1f %%; half of its reads found replies waiting, up to %v: "+
				"give it more workers, or more cores", i+1, len(r.Generator.Loops), 100*l.Busy, 100*l.Slept,
				brief(time.Duration(r.Generator.ReadDelay.P50)))
		}
		if l.Queued >= noteQueued {
			r.note("loop %d of %d was ready but had no core for %.0f %% of the time: latencies contain that wait", i+1, len(r.Generator.Loops), 100*l.Queued)
		}
	}
	v.Valid = len(v.Reasons) == 0
	r.Verdict = v
	r.addNotes()
}

// judgeSending looks at the lag of an open loop and returns the share of the due requests that was sent in time.
func (r *Result) judgeSending(v *Verdict) (sent float64) {
	if r.Open == nil || r.Open.DuePerSecond == 0 {
		return 1
	}
	bound := max(lagFloor, int64(lagShare*float64(r.Total.Latency.P99)))
	if own := r.Open.OwnLag.P99; own > bound {
		v.reason("it sent late though sessions had room: 99 %% of that lag reach up to %v, above %v", brief(time.Duration(own)), brief(time.Duration(bound)))
	}
	sent = r.Open.SentPerSecond / r.Open.DuePerSecond
	pressed := float64(r.Open.Pressed) > pressedShare*float64(r.Requests.Answered)
	if sent < sentShare && !pressed && r.Connections.Lost == 0 {
		v.reason("it sent %.1f %% of what was due, and not for lack of room", 100*sent)
	}
	return sent
}

func (v *Verdict) reason(format string, args ...any) {
	v.Reasons = append(v.Reasons, fmt.Sprintf(format, args...))
}

func (r *Result) note(format string, args ...any) {
	note := fmt.Sprintf(format, args...)
	for _, n := range r.Notes {
		if n == note {
			return
		}
	}
	r.Notes = append(r.Notes, note)
}

// addNotes tells what a reader of the percentiles should know.
func (r *Result) addNotes() {
	q := r.Requests
	if q.Unsent > 0 {
		r.note("%s requests were due and never sent: the servers did not keep up, and the percentiles are a lower bound", grouped(q.Unsent))
	}
	if q.Unanswered > 0 {
		r.note("%s requests were sent and not answered in time: the percentiles leave them out", grouped(q.Unanswered))
	}
	if q.Strange > 0 {
		r.note("%s get replies had data of another size than what was written: somebody else writes these keys", grouped(q.Strange))
	}
	if n := r.Connections.Lost; n > 0 {
		r.note("%s connections were lost, %s sessions resumed, %s expired", grouped(n), grouped(r.Connections.Resumed), grouped(r.Connections.Expired))
	}
	if d := r.Generator.LongestGC; d >= noteGC {
		r.note("the generator's garbage collector paused for up to %v", brief(time.Duration(d)))
	}
	if n := r.Total.Latency.Count; n > 0 && n < noteLowCount {
		r.note("only %d requests were measured: the high percentiles are single requests", n)
	}
}
