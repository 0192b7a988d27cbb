package loadgen

import (
	"strings"
	"testing"
	"time"
)

// openResult is a faultless open loop: everything was sent within 100 µs and answered within 5 ms.
func openResult() *Result {
	r := &Result{Open: &OpenLoop{DuePerSecond: 1000, SentPerSecond: 1000}}
	r.Open.OwnLag.P99 = int64(100 * time.Microsecond)
	r.Total.Latency = Latency{Count: 10_000, P99: int64(5 * time.Millisecond)}
	r.Requests.Answered = 10_000
	r.Generator.Loops = []LoopUsage{{Busy: 0.5, Slept: 0.5}}
	return r
}

// closedResult is a closed loop whose generator slept half of the time.
func closedResult() *Result {
	r := openResult()
	r.Open = nil
	return r
}

// The generator is blamed exactly when it was the limit.
func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		name   string
		result *Result
		change func(r *Result)
		reason string // "" for a valid run
	}{
		{"open, on time", openResult(), func(*Result) {}, ""},
		{"open, late by less than a millisecond", openResult(), func(r *Result) {
			r.Open.OwnLag.P99 = int64(900 * time.Microsecond)
		}, ""},
		{"open, late by a fifth of the latency", openResult(), func(r *Result) {
			r.Open.OwnLag.P99 = int64(1100 * time.Microsecond)
		}, "late though sessions had room"},
		{"open, late by a fiftieth of a long latency", openResult(), func(r *Result) {
			r.Open.OwnLag.P99, r.Total.Latency.P99 = int64(2*time.Millisecond), int64(100*time.Millisecond)
		}, ""},
		{"open, much unsent, though sessions had room", openResult(), func(r *Result) {
			r.Open.SentPerSecond = 970
		}, "97.0 % of what was due"},
		{"open, much unsent for lack of room", openResult(), func(r *Result) {
			r.Open.SentPerSecond, r.Open.Pressed = 500, 5000
		}, ""},
		{"open, much unsent for lack of a connection", openResult(), func(r *Result) {
			r.Open.SentPerSecond, r.Connections.Lost = 500, 1
		}, ""},
		{"open, busy but on time", openResult(), func(r *Result) {
			r.Generator.Loops[0] = LoopUsage{Busy: 0.97, Slept: 0.01}
		}, ""},
		{"open, busy and behind, with pressure", openResult(), func(r *Result) {
			r.Generator.Loops[0] = LoopUsage{Busy: 0.97, Slept: 0.01}
			r.Open.SentPerSecond, r.Open.Pressed = 500, 5000
		}, "busy 97 %"},
		{"closed, half asleep", closedResult(), func(*Result) {}, ""},
		{"closed, never asleep", closedResult(), func(r *Result) {
			r.Generator.Loops[0] = LoopUsage{Busy: 0.96, Slept: 0.02}
		}, "busy 96 %"},
		{"closed, one loop of two never asleep", closedResult(), func(r *Result) {
			r.Generator.Loops = append(r.Generator.Loops, LoopUsage{Busy: 0.99, Slept: 0})
		}, "loop 2 of 2"},
		{"closed, no core for half of the time", closedResult(), func(r *Result) {
			r.Generator.Loops[0] = LoopUsage{Busy: 0.5, Queued: 0.5}
		}, ""},
		{"nothing measured", &Result{Open: &OpenLoop{}}, func(*Result) {}, ""},
	} {
		c.change(c.result)
		c.result.judge()
		v := c.result.Verdict
		if v.Valid != (c.reason == "") || !strings.Contains(v.String(), c.reason) {
			t.Errorf("%s: %v, want %q", c.name, v, c.reason)
		}
	}
}

// What does not invalidate a run but changes how to read it is noted, once.
func TestNotesTellWhatToKnow(t *testing.T) {
	r := openResult()
	r.Requests = Requests{Answered: 10, Unanswered: 2, Unsent: 3, Strange: 4}
	r.Connections.Lost = 5
	r.Total.Latency.Count = 10
	r.Generator.LongestGC = int64(20 * time.Millisecond)
	r.Generator.Loops[0].Queued = 0.3
	r.judge()
	first := len(r.Notes)
	r.judge()
	if len(r.Notes) != first {
		t.Errorf("judged twice, notes doubled: %q", r.Notes)
	}
	all := strings.Join(r.Notes, "\n")
	for _, word := range []string{"3 requests were due and never sent", "2 requests were sent and not answered", "4 get replies",
		"5 connections were lost", "only 10 requests", "paused for up to 20.0ms", "no core for 30 %"} {
		if !strings.Contains(all, word) {
			t.Errorf("the notes do not say %q:\n%s", word, all)
		}
	}
}

// An objective is held when its figure is below the bound and no request is missing from it.
func TestObjective(t *testing.T) {
	o, err := ParseObjective("p99 < 5ms")
	if err != nil || o.String() != "p99<5ms" {
		t.Fatalf("%v, %v", o, err)
	}
	r := openResult()
	if met, _ := o.Met(r); met {
		t.Error("5 ms are below 5 ms")
	}
	r.Total.Latency.P99--
	if met, _ := o.Met(r); !met {
		t.Error("less than 5 ms are not below 5 ms")
	}
	r.Requests.Unsent = 1
	if met, _ := o.Met(r); met {
		t.Error("held although a request was never sent")
	}
	for _, bad := range []string{"", "p99", "p98<5ms", "p99<5", "p99<-1ms", "p99>5ms"} {
		if _, err := ParseObjective(bad); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}
