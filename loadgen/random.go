package loadgen

import (
	"math"
	"math/bits"
)

// random is SplitMix64: a counter and a mixing function, eight bytes of state. Every session and every schedule has its
// own, derived from the run's seed, so what one does never depends on what the others do or how fast.
type random uint64

const golden = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio

// stream names the independent sequences that come from one seed.
type stream uint64

const (
	sessionStream  stream = 1 + iota // operations and keys of a closed loop, by session
	workerStream                     // operations and keys of an open loop, by worker
	scheduleStream                   // gaps of Poisson arrivals, by worker
	valueStream                      // what is written
)

func newRandom(seed uint64, s stream, number int) random {
	r := random(seed)
	r = random(r.next() + uint64(s))
	r = random(r.next() + uint64(number))
	return random(r.next())
}

func (r *random) next() uint64 {
	*r += golden
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below draws from [0, n). The bias is below n / 2^64.
func (r *random) below(n uint64) uint64 {
	high, _ := bits.Mul64(r.next(), n)
	return high
}

// exponential draws from the exponential distribution with mean 1.
func (r *random) exponential() float64 {
	u := float64(r.next()>>11+1) / (1 << 53) // in (0, 1]
	return -math.Log(u)
}
