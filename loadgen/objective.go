package loadgen

import (
	"fmt"
	"strings"
	"time"
)

// Objective is a bound on a latency of all operations together: p99<10ms, mean<2ms, max<1s.
type Objective struct {
	Figure string // min, mean, p50, p75, p90, p95, p99, p99.9, p99.99 or max
	Below  time.Duration
}

// ParseObjective reads figure<duration.
func ParseObjective(s string) (Objective, error) {
	figure, bound, ok := strings.Cut(s, "<")
	o := Objective{Figure: strings.TrimSpace(figure)}
	if _, known := (Latency{}).figure(o.Figure); !ok || !known {
		return o, fmt.Errorf("objective %q: want one of min, mean, p50, p75, p90, p95, p99, p99.9, p99.99, max, then < and a duration, as in p99<10ms", s)
	}
	var err error
	if o.Below, err = time.ParseDuration(strings.TrimSpace(bound)); err != nil || o.Below <= 0 {
		return o, fmt.Errorf("objective %q: %q is no duration above 0, such as 10ms", s, bound)
	}
	return o, nil
}

// String is the form that ParseObjective reads.
func (o Objective) String() string { return fmt.Sprintf("%s<%v", o.Figure, o.Below) }

// Met reports whether the result holds the objective, and the figure that decides. Requests that were never answered or
// sent have no latency, so with any of them it does not.
func (o Objective) Met(r *Result) (bool, time.Duration) {
	ns, _ := r.Total.Latency.figure(o.Figure)
	whole := r.Requests.Unanswered+r.Requests.Unsent == 0 && r.Total.Latency.Count > 0
	return whole && time.Duration(ns) < o.Below, time.Duration(ns)
}

// figure finds a figure by the name that reports use.
func (l Latency) figure(name string) (ns int64, ok bool) {
	switch name {
	case "min":
		return l.Min, true
	case "mean":
		return l.Mean, true
	case "p50":
		return l.P50, true
	case "p75":
		return l.P75, true
	case "p90":
		return l.P90, true
	case "p95":
		return l.P95, true
	case "p99":
		return l.P99, true
	case "p99.9":
		return l.P999, true
	case "p99.99":
		return l.P9999, true
	case "max":
		return l.Max, true
	}
	return 0, false
}
