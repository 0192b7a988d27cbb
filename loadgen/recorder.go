package loadgen

import (
	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"bellwether/engine/wire"
	"bellwether/loadgen/client"
)

// Histograms of latencies: 64 ns steps at the bottom, three significant digits above, up to ten minutes. Those of one
// second of a series keep two digits: they are many.
const (
	lowestLatency  = 100
	highestLatency = 600_000_000_000
)

func newHistogram() *hdr.Histogram       { return hdr.New(lowestLatency, highestLatency, 3) }
func newSecondHistogram() *hdr.Histogram { return hdr.New(lowestLatency, highestLatency, 2) }

// record counts a duration in nanoseconds. What is beyond the scale counts as its end.
func record(h *hdr.Histogram, ns int64) {
	_ = h.RecordValue(min(max(ns, 0), highestLatency)) // within the scale it cannot fail
}

// recorder counts what one worker measures. Recording allocates nothing, but for the first error of a code and once a
// second.
//
// A request is measured if it was due within [start, end), which the worker decides when it issues it. Throughput is
// something else: it counts the good replies that came within that window, whenever they were due.
type recorder struct {
	open       bool  // the open loop: latency and service time differ
	start, end int64 // of the window, on the client's clock; end is 1<<63-1 while only a count ends the run

	latency   [NumOps]*hdr.Histogram // from the due time; good replies only; nil for an op that is not in the mix
	service   [NumOps]*hdr.Histogram // from the write; nil in a closed loop, where it is the latency
	lag       *hdr.Histogram         // from due to written
	ownLag    *hdr.Histogram         // from when it could have been written to written
	readDelay *hdr.Histogram         // at most so long did a reply wait to be read

	errors   [NumOps]map[wire.Code]int64
	measured int64 // requests that were due in the window and were answered, errors included
	pressed  int64 // of those: requests that waited for a free slot
	strange  int64 // replies of the wrong size
	good     int64 // good replies within the window
	lastGood int64 // when the last one came

	second  *interval        // being filled
	seconds chan<- *interval // takes those that are full
	zero    int64            // the clock at the beginning of second 0
}

// interval is one second of one worker.
type interval struct {
	number  int64 // 0 is the second that begins with the warm-up
	cut     bool  // the load ended within it
	good    int64
	errors  int64
	latency *hdr.Histogram // of good replies that came in this second
}

func newRecorder(c *Config, zero, start, end int64, seconds chan<- *interval) *recorder {
	r := &recorder{
		open: c.Rate > 0, start: start, end: end, zero: zero, seconds: seconds,
		lag: newHistogram(), ownLag: newHistogram(), readDelay: newHistogram(),
		second: &interval{latency: newSecondHistogram()},
	}
	for op, weight := range c.Mix {
		if weight == 0 {
			continue
		}
		r.errors[op] = map[wire.Code]int64{}
		r.latency[op] = newHistogram()
		if r.open {
			r.service[op] = newHistogram()
		}
	}
	return r
}

// measuredMark in a Pending's Aux says that the request is measured.
const measuredMark = 1

// reply counts an answer that came at now.
func (r *recorder) reply(op Op, p *client.Pending, code wire.Code, now int64) {
	r.catchUp(now)
	due, measured := p.Due, p.Aux == measuredMark
	if !r.open {
		due = p.Sent
	}
	if measured {
		r.measured++
	}
	if code != wire.OK {
		r.second.errors++
		if measured {
			r.errors[op][code]++
		}
		return
	}
	r.second.good++
	record(r.second.latency, now-due)
	if now >= r.start && now < r.end {
		r.good++
		r.lastGood = now
	}
	if !measured {
		return
	}
	record(r.latency[op], now-due)
	if r.open {
		record(r.service[op], now-p.Sent)
		record(r.lag, p.Sent-p.Due)
		record(r.ownLag, p.Sent-p.Since)
		if p.Since > p.Due {
			r.pressed++
		}
	}
}

// catchUp hands in every second that is over at now, empty or not. The worker calls it once a turn, so that a stall shows as
// empty seconds.
func (r *recorder) catchUp(now int64) {
	for now >= r.zero+(r.second.number+1)*1e9 {
		r.handIn()
	}
}

func (r *recorder) handIn() {
	r.seconds <- r.second
	r.second = &interval{number: r.second.number + 1, latency: newSecondHistogram()}
}

// finish hands in what there is of the last second.
func (r *recorder) finish() {
	r.second.cut = true
	r.handIn()
}
