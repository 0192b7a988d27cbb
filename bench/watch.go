package bench

import (
	"io/fs"
	"time"
)

// sampleEvery is the distance of two samples of a process under load: often enough to find the measured part's ends,
// seldom enough not to be a load itself.
const sampleEvery = 50 * time.Millisecond

// processWatch samples a process until it is stopped.
type processWatch struct {
	quit    chan struct{}
	samples chan []ProcessSample
	err     error // set before samples is sent to
}

// watchProcess starts sampling pid: at once, every sampleEvery, and when the caller stops it.
func watchProcess(proc fs.FS, pid int) *processWatch {
	w := &processWatch{quit: make(chan struct{}), samples: make(chan []ProcessSample, 1)}
	go func() {
		ticker := time.NewTicker(sampleEvery)
		defer ticker.Stop()
		var all []ProcessSample
		for last := false; ; {
			sample, err := sampleProcess(proc, pid)
			if err == nil {
				all = append(all, sample)
			}
			if err != nil || last {
				w.err = err
				w.samples <- all
				return
			}
			select {
			case <-ticker.C:
			case <-w.quit:
				last = true
			}
		}
	}()
	return w
}

// stop ends the sampling and returns the samples in the order of time. The error says why there are no more.
func (w *processWatch) stop() ([]ProcessSample, error) {
	close(w.quit)
	return <-w.samples, w.err
}

// usageDuring is what the process used from start on for elapsed, as near as the samples tell: CPU time between the
// samples next to the ends, over the time between those. It is zero with fewer than two samples.
func usageDuring(samples []ProcessSample, start time.Time, elapsed time.Duration) Usage {
	if len(samples) < 2 {
		return Usage{}
	}
	nearest := func(at time.Time) ProcessSample {
		best := samples[0]
		for _, sample := range samples[1:] {
			if sample.At.Sub(at).Abs() < best.At.Sub(at).Abs() {
				best = sample
			}
		}
		return best
	}
	return usageBetween(nearest(start), nearest(start.Add(elapsed)))
}
