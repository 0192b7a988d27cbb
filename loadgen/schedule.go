package loadgen

// schedule says when the requests of one worker are due: an endless rising sequence of times that depends on the
// configuration and the seed alone, never on how the server or the generator gets on.
//
// Uniform arrivals of all workers together are evenly spaced: worker w of W takes every W-th, beginning with the w-th.
// Poisson arrivals have exponential gaps; independent Poisson workers add up to a Poisson process.
type schedule struct {
	gap     float64 // mean time between two arrivals of this worker, nanoseconds
	at      float64 // uniform: the first arrival; poisson: the arrival to come; nanoseconds after start
	index   int64   // of the arrival to come
	poisson bool
	random  random
	start   int64
}

func newSchedule(c *Config, worker int, start int64) schedule {
	s := schedule{
		gap: 1e9 * float64(c.Workers) / c.Rate, poisson: c.Arrival == Poisson, start: start,
		random: newRandom(c.Seed, scheduleStream, worker),
	}
	if s.poisson {
		s.at = s.gap * s.random.exponential()
	} else {
		s.at = s.gap * float64(worker) / float64(c.Workers)
	}
	return s
}

// due is when the arrival to come is due, on the clock that start is on.
func (s *schedule) due() int64 {
	if s.poisson {
		return s.start + int64(s.at)
	}
	return s.start + int64(s.at+float64(s.index)*s.gap) // no rounding adds up
}

// advance moves on to the next arrival.
func (s *schedule) advance() {
	s.index++
	if s.poisson {
		s.at += s.gap * s.random.exponential()
	}
}
