package loadgen

import "math"

// keyChooser draws keys from [0, n) after a distribution. It is read-only once made: all workers share one.
//
// Zipf draws come from an alias table: a uniformly chosen row holds a threshold and one other key, and either the row
// itself or that key is drawn. One random number, one row of eight bytes, exact for every theta. Key 0 is the most popular one.
type keyChooser struct {
	n     uint64
	alias []aliasRow // nil for uniform
}

type aliasRow struct {
	keep  uint32 // the row itself is drawn with probability keep / 2^32
	other uint32
}

func newKeyChooser(n int, dist KeyDist) *keyChooser {
	c := &keyChooser{n: uint64(n)}
	if dist.Kind == Zipf {
		c.alias = aliasTable(zipfWeights(n, dist.Theta))
	}
	return c
}

func (c *keyChooser) choose(r *random) uint32 {
	if c.alias == nil {
		return uint32(r.below(c.n))
	}
	x := r.next()
	row := uint32(uint64(uint32(x>>32)) * c.n >> 32)
	if a := &c.alias[row]; uint32(x) >= a.keep {
		return a.other
	}
	return row
}

// zipfWeights are the probabilities of the keys: key i is drawn in proportion to 1 / (i+1)^theta.
func zipfWeights(n int, theta float64) []float64 {
	weights := make([]float64, n)
	sum := 0.0
	for i := range weights {
		weights[i] = math.Pow(float64(i+1), -theta)
		sum += weights[i]
	}
	for i := range weights {
		weights[i] /= sum
	}
	return weights
}

// aliasTable pairs keys that are too rare for a row of their own with keys that are too popular (Vose's method). It
// overwrites weights.
func aliasTable(weights []float64) []aliasRow {
	n := len(weights)
	table := make([]aliasRow, n)
	var rare, popular []uint32
	for i := range weights {
		weights[i] *= float64(n) // 1 fills a row
		if weights[i] < 1 {
			rare = append(rare, uint32(i))
		} else {
			popular = append(popular, uint32(i))
		}
	}
	for len(rare) > 0 && len(popular) > 0 {
		small, big := rare[len(rare)-1], popular[len(popular)-1]
		rare = rare[:len(rare)-1]
		table[small] = aliasRow{keep: uint32(weights[small] * (1 << 32)), other: big}
		if weights[big] -= 1 - weights[small]; weights[big] < 1 {
			popular = popular[:len(popular)-1]
			rare = append(rare, big)
		}
	}
	for _, left := range [2][]uint32{rare, popular} { // full rows, up to rounding
		for _, i := range left {
			table[i] = aliasRow{keep: math.MaxUint32, other: i}
		}
	}
	return table
}
