package bench

import (
	"context"
	"fmt"
)

// window measures one party once. With an error, the window holds what was known by then, and the error's text.
func (s *suite) window(ctx context.Context, c Case, p *running, round int) (Window, error) {
	w := Window{Party: p.party.Name, Round: round}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watching := make(chan struct{})
	defer close(watching)
	go func() { // a server that dies ends the load at once, with its own words as the reason
		select {
		case <-p.child.ended:
			cancel(p.child.exited())
		case <-watching:
		}
	}()

	usage := watchProcess(s.proc, p.child.pid())
	var err error
	w.Load, err = s.load(ctx, s.spec(c, p))
	samples, sampling := usage.stop()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err == nil {
		err = sampling
	}
	if err == nil {
		w.Server = usageDuring(samples, w.Load.Started, w.Load.Elapsed)
		if answer, asking := fourLetterWord(ctx, p.addr, "mntr"); asking == nil {
			values := parseMonitor(answer)
			w.Monitor, w.Sync = ofInterest(values), syncLatencyOf(values)
		}
	}
	if err != nil {
		w.Error = err.Error()
	}
	s.done++
	s.say("%3d  %-9s %5d B %7v  %-9s  %s", s.done, c.Scenario.Name, c.ValueBytes, c.Shape, p.party.Name, w.line())
	return w, err
}

// line says the essence of a window while the suite runs.
func (w Window) line() string {
	if w.Error != "" {
		return "FAILED: " + w.Error
	}
	text := fmt.Sprintf("%10s ops/s  %6s µs CPU/op", formatCount(w.Load.OpsPerSecond()), formatMicros(w.serverCPUPerOp()))
	if w.Load.Reads.Count > 0 {
		text += fmt.Sprintf("  read p50 %s p99 %s ms", formatMillis(w.Load.Reads.P50), formatMillis(w.Load.Reads.P99))
	}
	if w.Load.Writes.Count > 0 {
		text += fmt.Sprintf("  write p50 %s p99 %s ms", formatMillis(w.Load.Writes.P50), formatMillis(w.Load.Writes.P99))
	}
	if w.Load.Errors > 0 {
		text += fmt.Sprintf("  %d ERRORS", w.Load.Errors)
	}
	if len(w.Load.Invalid) > 0 {
		text += "  INVALID"
	}
	return text
}

// spec says what load a case means.
func (s *suite) spec(c Case, p *running) loadSpec {
	settings := s.result.Settings
	return loadSpec{
		addr: p.addr, mix: c.Scenario.Mix, valueBytes: c.ValueBytes, keys: settings.Keys, shape: c.Shape,
		warmup: settings.Warmup, duration: settings.Duration, seed: settings.Seed,
	}
}
