package loadgen

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteText writes the result for people: the verdict first, then throughput, errors, a table of latencies by operation,
// how the schedule was kept, how the generator did, and what else should be known.
func (r *Result) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%v\n", r.Verdict)
	if r.Partial {
		fmt.Fprintf(&b, "PARTIAL: %s\n", r.PartialReason)
	}
	fmt.Fprintf(&b, "model       %s\n", r.describeModel())
	fmt.Fprintf(&b, "servers     %s\n", r.describeServers())
	fmt.Fprintf(&b, "throughput  %s ops/s: %s good replies in %.1f s%s\n", grouped(int64(r.PerSecond+0.5)), grouped(r.Good), r.Seconds, r.describeDue())
	fmt.Fprintf(&b, "errors      %s\n\n", r.describeErrors())
	if r.Open == nil {
		b.WriteString("latency, from the write call to the reply (a closed loop slows down with the server: see --rate)\n")
		r.writeTable(&b, func(o *OpResult) *Latency { return &o.Latency })
	} else {
		b.WriteString("latency, from the intended start to the reply\n")
		r.writeTable(&b, func(o *OpResult) *Latency { return &o.Latency })
		b.WriteString("\nservice time, from the write call to the reply\n")
		r.writeTable(&b, func(o *OpResult) *Latency { return o.Service })
		lag, own := &r.Open.Lag, &r.Open.OwnLag
		fmt.Fprintf(&b, "\nsend lag    p50 %s  p99 %s  p99.9 %s  max %s; its own part: p99 %s  p99.9 %s; %s requests waited for a free session\n",
			nanos(lag.P50), nanos(lag.P99), nanos(lag.P999), nanos(lag.Max), nanos(own.P99), nanos(own.P999), grouped(r.Open.Pressed))
	}
	r.writeTail(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// describeModel names the model first: the same figures mean different things in an open and in a closed loop.
func (r *Result) describeModel() string {
	c := &r.Config
	var s string
	if r.Open != nil {
		s = fmt.Sprintf("open loop, %s requests/s, %s arrivals, %d sessions, up to %d in flight each", grouped(int64(c.Rate)), c.Arrival, c.Sessions, c.Depth)
	} else {
		s = fmt.Sprintf("closed loop, %d sessions × %d in flight", c.Sessions, c.Depth)
	}
	return s + fmt.Sprintf(", mix %v, %s keys (%v), values of %s B, seed %d", c.Mix, grouped(int64(c.Keys)), c.KeyDist, grouped(int64(c.ValueSize)), c.Seed)
}

func (r *Result) describeServers() string {
	var all []string
	for _, s := range r.Servers {
		if s.Problem != "" {
			all = append(all, fmt.Sprintf("%s (%s)", s.Address, s.Problem))
		} else {
			all = append(all, fmt.Sprintf("%s (%s, %s)", s.Address, s.Version, s.Mode))
		}
	}
	return strings.Join(all, ", ")
}

func (r *Result) describeDue() string {
	if r.Open == nil {
		return ""
	}
	return fmt.Sprintf(" (%s/s were due, %s/s were sent)", grouped(int64(r.Open.DuePerSecond+0.5)), grouped(int64(r.Open.SentPerSecond+0.5)))
}

func (r *Result) describeErrors() string {
	if len(r.Errors) == 0 {
		return "none"
	}
	var names []string
	for name := range r.Errors {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %s", name, grouped(r.Errors[name]))
	}
	return strings.Join(names, ", ")
}

// writeTable writes a row for each operation, and one for all if there are several.
func (r *Result) writeTable(b *strings.Builder, of func(*OpResult) *Latency) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "op\tcount\tp50\tp75\tp90\tp95\tp99\tp99.9\tp99.99\tmax\tmin\tmean\t")
	rows := r.Ops
	if len(rows) != 1 {
		rows = append(rows[:len(rows):len(rows)], r.Total)
	}
	for i := range rows {
		l := of(&rows[i])
		fmt.Fprintf(t, "%s\t%s\t", rows[i].Op, grouped(l.Count))
		for _, ns := range []int64{l.P50, l.P75, l.P90, l.P95, l.P99, l.P999, l.P9999, l.Max, l.Min, l.Mean} {
			fmt.Fprintf(t, "%s\t", nanos(ns))
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush() // a strings.Builder takes everything
}

// writeTail writes what helps to believe the figures, or not to.
func (r *Result) writeTail(b *strings.Builder) {
	if slow := r.slowestSecond(); slow != nil {
		fmt.Fprintf(b, "slowest     second %d: %s ops, p50 %s  p99 %s  max %s\n",
			slow.Second, grouped(slow.Ops), nanos(slow.P50), nanos(slow.P99), nanos(slow.Max))
	}
	fmt.Fprintf(b, "in flight   %.1f by Little's law, %d at most\n", r.Concurrency.Little, r.Concurrency.Limit)
	g := &r.Generator
	fmt.Fprintf(b, "generator   %.2f s CPU, %.0f ns per request;", float64(g.User+g.System)/1e9, g.CPUPerOp)
	for _, l := range g.Loops {
		fmt.Fprintf(b, " loop: busy %.0f %%, queued %.0f %%, slept %.0f %%;", 100*l.Busy, 100*l.Queued, 100*l.Slept)
	}
	fmt.Fprintf(b, " replies waited to be read for up to p50 %s, p99 %s; %d collections, %s of pauses\n",
		nanos(g.ReadDelay.P50), nanos(g.ReadDelay.P99), g.Collections, nanos(g.Pauses))
	for _, note := range r.Notes {
		fmt.Fprintf(b, "note        %s\n", note)
	}
}

// slowestSecond is the second with the fewest good replies, nil without a series.
func (r *Result) slowestSecond() *Point {
	var slow *Point
	for i := range r.Series {
		if slow == nil || r.Series[i].Ops < slow.Ops {
			slow = &r.Series[i]
		}
	}
	return slow
}

func nanos(ns int64) string { return brief(time.Duration(ns)) }

// brief writes a duration with three digits and its unit.
func brief(d time.Duration) string {
	switch {
	case d < time.Microsecond:
		return fmt.Sprintf("%dns", d.Nanoseconds())
	case d < time.Millisecond:
		return digits(float64(d)/1e3) + "µs"
	case d < time.Second:
		return digits(float64(d)/1e6) + "ms"
	}
	return digits(d.Seconds()) + "s"
}

func digits(x float64) string {
	switch {
	case x < 10:
		return strconv.FormatFloat(x, 'f', 2, 64)
	case x < 100:
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 0, 64)
}

// grouped writes a number with a comma at every third digit.
func grouped(n int64) string {
	if n < 0 {
		return "-" + grouped(-n)
	}
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
