package wal

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A quantile is never below the true one, and at most 1/32 above it.
func TestQuantilesAreCloseToTheTruth(t *testing.T) {
	var h histogram
	rng := rand.New(rand.NewPCG(1, 1))
	values := make([]uint64, 20_000)
	for i := range values {
		values[i] = rng.Uint64() >> (24 + rng.IntN(40))
		h.add(values[i])
	}
	slices.Sort(values)
	d := h.read()
	if d.Count != uint64(len(values)) || d.Max != values[len(values)-1] {
		t.Fatalf("count %d, max %d", d.Count, d.Max)
	}
	for _, q := range []float64{0.001, 0.5, 0.9, 0.99, 0.999, 1} {
		want := values[max(int(q*float64(len(values)))-1, 0)]
		if got := d.Quantile(q); got < want || got > want+want/32 {
			t.Errorf("quantile %v is %d, want %d", q, got, want)
		}
	}
	total := uint64(0)
	d.Buckets(func(_, count uint64) { total += count })
	if total != d.Count {
		t.Errorf("the buckets hold %d of %d values", total, d.Count)
	}
}

// Every value has a bucket whose top is not below it; tops rise.
func TestBucketsCoverEveryValue(t *testing.T) {
	for shift := range maxExponent {
		for _, v := range []uint64{1<<shift - 1, 1 << shift, 1<<shift + 1, 3 << shift >> 1} {
			if i := bucketOf(v); bucketTop(i) < v || i > 0 && bucketTop(i-1) >= v {
				t.Fatalf("%d is in bucket %d, up to %d", v, i, bucketTop(i))
			}
		}
	}
	if i := bucketOf(1<<64 - 1); i != numBuckets-1 {
		t.Fatalf("the largest value is in bucket %d of %d", i, numBuckets)
	}
	if d := (&histogram{}).read(); d.Quantile(0.5) != 0 {
		t.Fatal("a quantile of nothing")
	}
}
