package loadgen

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"bellwether/engine/wire"
	"bellwether/loadgen/client"
)

const ms = int64(time.Millisecond)

func testRecorder(rate float64) (*recorder, chan *interval) {
	c := DefaultConfig()
	c.Rate = rate
	seconds := make(chan *interval, 16)
	return newRecorder(&c, 0, 1000*ms, 3000*ms, seconds), seconds
}

// Latency runs from the due time, service time from the write; lag is what lies between, and the generator's own is the
// part after there was room.
func TestLatencyRunsFromTheIntendedStart(t *testing.T) {
	r, _ := testRecorder(100)
	r.reply(Get, &client.Pending{Due: 1100 * ms, Since: 1150 * ms, Sent: 1160 * ms, Aux: measuredMark}, wire.OK, 1200*ms)
	for _, x := range []struct {
		what string
		got  int64
		want int64
	}{
		{"latency", r.latency[Get].Max(), 100 * ms}, {"service", r.service[Get].Max(), 40 * ms},
		{"lag", r.lag.Max(), 60 * ms}, {"own lag", r.ownLag.Max(), 10 * ms}, {"pressed", r.pressed, 1},
	} {
		if x.got < x.want || x.got > x.want+x.want/500 {
			t.Errorf("%s is %d, want %d", x.what, x.got, x.want)
		}
	}
	closed, _ := testRecorder(0)
	closed.reply(Get, &client.Pending{Sent: 1160 * ms, Aux: measuredMark}, wire.OK, 1200*ms)
	if got := closed.latency[Get].Min(); got > 40*ms || got < 40*ms-40*ms/500 {
		t.Errorf("closed loop: latency %d", got)
	}
}

// Warm-up requests are not measured; a reply within the window is throughput all the same.
func TestWarmUpIsNotMeasured(t *testing.T) {
	r, _ := testRecorder(100)
	r.reply(Get, &client.Pending{Due: 900 * ms, Sent: 900 * ms}, wire.OK, 950*ms)
	r.reply(Get, &client.Pending{Due: 990 * ms, Sent: 990 * ms}, wire.OK, 1010*ms)
	r.reply(Set, &client.Pending{Due: 2900 * ms, Sent: 2900 * ms, Aux: measuredMark}, wire.NoNode, 3010*ms)
	r.reply(Set, &client.Pending{Due: 2990 * ms, Sent: 2990 * ms, Aux: measuredMark}, wire.OK, 3020*ms)
	if r.good != 1 || r.measured != 2 || r.latency[Get].TotalCount() != 0 || r.latency[Set].TotalCount() != 1 || r.errors[Set][wire.NoNode] != 1 {
		t.Fatalf("good %d, measured %d, errors %v", r.good, r.measured, r.errors)
	}
}

// Seconds without a reply are in the series, with nothing in them; those outside the window, and the one in which the load was cut,
// are not. Workers' seconds are put together.
func TestSeriesShowsEmptySeconds(t *testing.T) {
	a, fromA := testRecorder(100)
	b, fromB := testRecorder(100)
	s := series{workers: 2}
	s.window(0, 1000*ms, 4000*ms)
	reply := func(r *recorder, at int64, latency int64) {
		r.reply(Get, &client.Pending{Due: at - latency, Sent: at - latency, Aux: measuredMark}, wire.OK, at)
	}
	reply(a, 500*ms, ms)
	reply(a, 1500*ms, 10*ms)
	reply(b, 1700*ms, 30*ms)
	reply(a, 3200*ms, 20*ms)
	b.catchUp(3999 * ms)
	a.finish()
	b.finish()
	whole := 0
	for _, ch := range []chan *interval{fromA, fromB} {
		for len(ch) > 0 {
			if _, ok := s.add(<-ch); ok {
				whole++
			}
		}
	}
	if whole != 4 || len(s.points) != 2 {
		t.Fatalf("%d whole seconds, points %+v", whole, s.points)
	}
	if p := s.points[0]; p.Second != 0 || p.Ops != 2 || p.Max < 30*ms || p.Max > 31*ms {
		t.Errorf("first second %+v", p)
	}
	if p := s.points[1]; p.Second != 1 || p.Ops != 0 || p.Max != 0 {
		t.Errorf("empty second %+v", p)
	}
}

// On a terminal progress is one line that is overwritten and removed, elsewhere a line each time.
func TestProgressIsOneLineOnATerminal(t *testing.T) {
	first := Progress{Phase: "measure", Elapsed: 3 * time.Second, Total: 12 * time.Second, Ops: 1234567, Errors: 7,
		P50: 850 * time.Microsecond, P99: 12 * time.Millisecond, Max: 2 * time.Second}
	second := Progress{Phase: "clean up", Znodes: 1000}
	var plain, terminal bytes.Buffer
	report, end := ProgressTo(&plain, false)
	report(first)
	report(second)
	end()
	const line = "measure  3/12 s  1,234,567 ops/s  p50 850µs  p99 12.0ms  max 2.00s  7 errors"
	if want := line + "\nclean up 1,000 znodes\n"; plain.String() != want {
		t.Errorf("plain:\n%q\nwant\n%q", plain.String(), want)
	}
	report, end = ProgressTo(&terminal, true)
	report(first)
	report(second)
	end()
	if s := terminal.String(); strings.Contains(s, "\n") || !strings.HasPrefix(s, "\r"+line+"\rclean up") || !strings.HasSuffix(s, " \r") {
		t.Errorf("terminal: %q", s)
	}
}
