package loadgen

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"
)

// Progress is how far a run is.
type Progress struct {
	Phase   string // connect, prepare, warm-up, measure, drain, clean up, close
	Elapsed time.Duration
	Total   time.Duration // of warm-up and measured window; 0 if a count ends the run
	Znodes  int64         // made or removed so far; in other phases 0
	// The last whole second of load; zero in other phases.
	Ops, Errors   int64
	P50, P99, Max time.Duration
}

// progress calls the caller's function.
type progress struct {
	call    func(Progress)
	began   time.Time
	warmup  time.Duration
	total   time.Duration
	current string
	znodes  atomic.Int64 // made or removed in this phase; added to by the workers
}

func (p *progress) init(c *Config) {
	p.call, p.began, p.warmup = c.Progress, time.Now(), c.Warmup
	if c.Duration > 0 {
		p.total = c.Warmup + c.Duration
	}
}

// phase notes a change of phase.
func (p *progress) phase(name string) {
	if name == p.current {
		return
	}
	p.current = name
	p.znodes.Store(0)
	if name != loadStep {
		p.tell(Progress{Phase: name})
	}
}

// tick reports that a phase without seconds of its own is still going on.
func (p *progress) tick() {
	if p.current != loadStep {
		p.tell(Progress{Phase: p.current, Elapsed: time.Since(p.began), Znodes: p.znodes.Load()})
	}
}

// second reports a second of load.
func (p *progress) second(s *interval) {
	elapsed := time.Duration(s.number+1) * time.Second
	phase := "measure"
	switch {
	case elapsed <= p.warmup:
		phase = "warm-up"
	case p.total > 0 && elapsed > p.total:
		phase = "drain"
	}
	l := summarize(s.latency)
	p.tell(Progress{
		Phase: phase, Elapsed: elapsed, Total: p.total, Ops: s.good, Errors: s.errors,
		P50: time.Duration(l.P50), P99: time.Duration(l.P99), Max: time.Duration(l.Max),
	})
}

func (p *progress) tell(x Progress) {
	if p.call != nil {
		p.call(x)
	}
}

// ProgressTo writes progress to w. On a terminal it is one line that changes, and that the last call of the returned end removes;
// otherwise one line after another.
func ProgressTo(w io.Writer, terminal bool) (report func(Progress), end func()) {
	if !terminal {
		return func(p Progress) { fmt.Fprintln(w, p) }, func() {}
	}
	width := 0
	show := func(line string) {
		fmt.Fprintf(w, "\r%s%s", line, strings.Repeat(" ", max(width-len(line), 0)))
		width = len(line)
	}
	return func(p Progress) { show(p.String()) }, func() { show(""); fmt.Fprint(w, "\r") }
}

// String is one line for people.
func (p Progress) String() string {
	switch p.Phase {
	case "warm-up", "measure", "drain":
	default:
		if p.Znodes > 0 {
			return fmt.Sprintf("%-8s %s znodes", p.Phase, grouped(p.Znodes))
		}
		return p.Phase
	}
	of := ""
	if p.Total > 0 && p.Phase != "drain" {
		of = "/" + seconds(p.Total)
	}
	line := fmt.Sprintf("%-8s %s%s s  %s ops/s  p50 %s  p99 %s  max %s", p.Phase, seconds(p.Elapsed), of,
		grouped(p.Ops), brief(p.P50), brief(p.P99), brief(p.Max))
	if p.Errors > 0 {
		line += fmt.Sprintf("  %s errors", grouped(p.Errors))
	}
	return line
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.0f", d.Seconds()) }
