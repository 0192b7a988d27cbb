package wal

import (
	"math/bits"
	"sync/atomic"
)

// Values are counted in buckets of equal width within each power of two, so that every bucket is at most 1/32 wide
// relative to its values. Values below 32 have a bucket each.
const (
	subBits     = 5
	subBuckets  = 1 << subBits
	maxExponent = 40 // values above 2^40 (18 minutes in nanoseconds) count as 2^40
	numBuckets  = (maxExponent - subBits + 1) * subBuckets
)

// histogram counts values. One goroutine or many may add while others read; nothing is locked and adding allocates
// nothing. The zero value is empty.
type histogram struct {
	sum, max atomic.Uint64
	buckets  [numBuckets]atomic.Uint64
}

func (h *histogram) add(v uint64) {
	h.sum.Add(v)
	for m := h.max.Load(); v > m && !h.max.CompareAndSwap(m, v); m = h.max.Load() {
	}
	h.buckets[bucketOf(v)].Add(1)
}

func bucketOf(v uint64) int {
	v = min(v, 1<<maxExponent-1)
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return shift*subBuckets + int(v>>shift)
}

// bucketTop is the largest value that a bucket counts.
func bucketTop(i int) uint64 {
	if i < 2*subBuckets {
		return uint64(i)
	}
	shift := i/subBuckets - 1
	return uint64(i-shift*subBuckets+1)<<shift - 1
}

// Distribution is what a histogram held at one moment. While values are being added its parts may be off by those
// under way.
type Distribution struct {
	Count, Sum, Max uint64
	buckets         []uint64
}

func (h *histogram) read() Distribution {
	d := Distribution{Sum: h.sum.Load(), Max: h.max.Load(), buckets: make([]uint64, numBuckets)}
	for i := range d.buckets {
		d.buckets[i] = h.buckets[i].Load()
		d.Count += d.buckets[i]
	}
	return d
}

// Quantile returns a value that the share q (0 to 1) of all values is not above, at most 1/32 too high and never above
// Max; 0 when nothing was counted.
func (d Distribution) Quantile(q float64) uint64 {
	rank := uint64(q * float64(d.Count))
	var seen uint64
	for i, n := range d.buckets {
		if seen += n; n > 0 && seen >= rank {
			return min(bucketTop(i), d.Max)
		}
	}
	return d.Max
}

// Buckets calls fn with the largest value and the count of every bucket that is not empty, in rising order.
func (d Distribution) Buckets(fn func(top, count uint64)) {
	for i, n := range d.buckets {
		if n > 0 {
			fn(bucketTop(i), n)
		}
	}
}
