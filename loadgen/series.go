package loadgen

// Point is one second of the measured window, over all workers. Replies count for the second in which they came.
type Point struct {
	Second int64 `json:"second"` // 0 is the first of the window
	Ops    int64 `json:"ops"`    // good replies
	Errors int64 `json:"errors"`
	P50    int64 `json:"p50_ns"`
	P99    int64 `json:"p99_ns"`
	Max    int64 `json:"max_ns"`
}

// series puts the workers' seconds together. It belongs to the goroutine of Run.
type series struct {
	workers    int
	zero       int64
	start, end int64
	waiting    []*partial // seconds that not every worker has handed in, by number, from first on
	first      int64      // number of waiting[0]
	points     []Point    // those wholly within the window
}

type partial struct {
	interval
	parts int
}

func (s *series) window(zero, start, end int64) { s.zero, s.start, s.end = zero, start, end }

// add takes a worker's second, and returns the whole one when it was the last part of it. Workers hand in their seconds in
// order, so whole ones come in order too.
func (s *series) add(part *interval) (whole *interval, ok bool) {
	for int64(len(s.waiting)) <= part.number-s.first {
		s.waiting = append(s.waiting, &partial{interval: interval{
			number: s.first + int64(len(s.waiting)), latency: newSecondHistogram(),
		}})
	}
	p := s.waiting[part.number-s.first]
	p.good += part.good
	p.errors += part.errors
	p.cut = p.cut || part.cut
	p.latency.Merge(part.latency)
	if p.parts++; p.parts < s.workers {
		return nil, false
	}
	s.waiting = s.waiting[1:]
	s.first++
	if begin := s.zero + p.number*1e9; !p.cut && begin >= s.start && begin+1e9 <= s.end {
		l := summarize(p.latency)
		s.points = append(s.points, Point{
			Second: (begin - s.start) / 1e9, Ops: p.good, Errors: p.errors, P50: l.P50, P99: l.P99, Max: l.Max,
		})
	}
	return &p.interval, true
}
