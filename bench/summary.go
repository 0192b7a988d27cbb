package bench

import (
	"slices"
	"time"
)

// summary is one party's windows of one case, put together: medians over the windows that did not fail.
type summary struct {
	party string
	// windows counts those that went into the medians, failed those that did not.
	windows, failed int
	// invalid holds the generator's reasons, one window's after the other's, without repetition.
	invalid []string

	throughput   float64 // operations a second
	slowest      float64 // of the windows
	fastest      float64
	serverCPU    float64 // microseconds an operation
	generatorCPU float64 // the same, of the load generator
	reads        Latency
	writes       Latency
	errors       int64 // in all windows together
	peakRSS      int64 // the most of all windows
	sync         *SyncLatency
}

// summarize puts a party's windows together. It reports false if the party has none that did not fail.
func (c CaseResult) summarize(party string) (summary, bool) {
	s := summary{party: party}
	var good []Window
	for _, w := range c.Windows {
		switch {
		case w.Party != party:
		case w.Error != "" || w.Load.Ops == 0:
			s.failed++
		default:
			good = append(good, w)
		}
	}
	if len(good) == 0 {
		return s, false
	}
	s.windows = len(good)
	for _, w := range good {
		s.errors += w.Load.Errors
		s.peakRSS = max(s.peakRSS, w.Server.PeakRSSBytes)
		for _, reason := range w.Load.Invalid {
			if !slices.Contains(s.invalid, reason) {
				s.invalid = append(s.invalid, reason)
			}
		}
	}
	speeds := each(good, func(w Window) float64 { return w.Load.OpsPerSecond() })
	s.throughput, s.slowest, s.fastest = median(speeds), slices.Min(speeds), slices.Max(speeds)
	s.serverCPU = median(each(good, Window.serverCPUPerOp))
	s.generatorCPU = median(each(good, func(w Window) float64 { return perOp(w.Load.CPU, w.Load.Ops) }))
	s.reads = medianLatency(each(good, func(w Window) Latency { return w.Load.Reads }))
	s.writes = medianLatency(each(good, func(w Window) Latency { return w.Load.Writes }))
	s.sync = good[len(good)-1].Sync
	return s, true
}

// serverCPUPerOp is in microseconds. The process was sampled over a time that may differ a little from the measured
// part: its CPU is scaled to that.
func (w Window) serverCPUPerOp() float64 {
	cpu := w.Server.CPU()
	if w.Server.Elapsed > 0 && w.Load.Elapsed > 0 {
		cpu = time.Duration(float64(cpu) * float64(w.Load.Elapsed) / float64(w.Server.Elapsed))
	}
	return perOp(cpu, w.Load.Ops)
}

// perOp is in microseconds an operation.
func perOp(cpu time.Duration, ops int64) float64 {
	if ops == 0 {
		return 0
	}
	return float64(cpu) / float64(time.Microsecond) / float64(ops)
}

// medianLatency takes the median of every percentile by itself, and the greatest maximum.
func medianLatency(all []Latency) Latency {
	var m Latency
	for _, l := range all {
		m.Count += l.Count
		m.Max = max(m.Max, l.Max)
	}
	pick := func(field func(Latency) Nanos) Nanos { return median(each(all, field)) }
	m.P50 = pick(func(l Latency) Nanos { return l.P50 })
	m.P99 = pick(func(l Latency) Nanos { return l.P99 })
	m.P999 = pick(func(l Latency) Nanos { return l.P999 })
	return m
}

// median of an even number is the mean of the two in the middle. values must not be empty; it is sorted in place.
func median[T ~int64 | ~float64](values []T) T {
	slices.Sort(values)
	n := len(values)
	if n%2 == 1 {
		return values[n/2]
	}
	return (values[n/2-1] + values[n/2]) / 2
}

func each[T, U any](in []T, f func(T) U) []U {
	out := make([]U, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

// comparison is a party beside the ceiling of its case.
type comparison struct {
	server, ceiling summary
	// cpu is server CPU per operation over the ceiling's, throughput likewise.
	cpu, throughput float64
	budget          Budget
	hasBudget       bool
}

// compare holds a party against the ceiling. It reports false if either has no window that did not fail.
func (c CaseResult) compare(party string) (comparison, bool) {
	server, ok := c.summarize(party)
	ceiling, okCeiling := c.summarize(nameCeiling)
	if !ok || !okCeiling || ceiling.serverCPU == 0 || ceiling.throughput == 0 {
		return comparison{}, false
	}
	k := comparison{
		server: server, ceiling: ceiling,
		cpu:        server.serverCPU / ceiling.serverCPU,
		throughput: server.throughput / ceiling.throughput,
	}
	k.budget, k.hasBudget = budgetOf(c.Case)
	return k, true
}

// met reports whether the budget is kept. Only with hasBudget.
func (k comparison) met() bool {
	if k.budget.MaxCPURatio > 0 {
		return k.cpu <= k.budget.MaxCPURatio
	}
	return k.throughput >= k.budget.MinThroughput
}
