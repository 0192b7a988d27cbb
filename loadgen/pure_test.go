package loadgen

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// chiSquare compares counts with expected ones and gives the statistic and a bound that a fair draw passes with near certainty
// (mean plus six standard deviations; the seed is fixed, so the answer is too).
func chiSquare(counts []int, expected []float64) (statistic, bound float64) {
	for i, n := range counts {
		d := float64(n) - expected[i]
		statistic += d * d / expected[i]
	}
	freedom := float64(len(counts) - 1)
	return statistic, freedom + 6*math.Sqrt(2*freedom)
}

// Operations are chosen in proportion to their weights.
func TestMixFollowsItsWeights(t *testing.T) {
	mix, err := ParseMix("get=70,set=20,create=6,delete=3,multi")
	if err != nil {
		t.Fatal(err)
	}
	const draws = 200_000
	chooser, random := newChooser(mix), newRandom(1, sessionStream, 0)
	var counts [NumOps]int
	for range draws {
		counts[chooser.choose(&random)]++
	}
	var seen []int
	var expected []float64
	for op, weight := range mix {
		if weight == 0 {
			if counts[op] != 0 {
				t.Errorf("%v has no weight and was chosen %d times", Op(op), counts[op])
			}
			continue
		}
		seen, expected = append(seen, counts[op]), append(expected, draws*float64(weight)/float64(mix.total()))
	}
	if x, bound := chiSquare(seen, expected); x > bound {
		t.Fatalf("chi-square %.1f above %.1f: counts %v, expected %v", x, bound, seen, expected)
	}
}

// Keys follow their distribution, over the whole key space.
func TestKeysFollowTheirDistribution(t *testing.T) {
	const keys, draws = 500, 400_000
	for _, dist := range []KeyDist{{Kind: UniformKeys}, {Kind: Zipf, Theta: 0.5}, {Kind: Zipf, Theta: 0.99}, {Kind: Zipf, Theta: 2}} {
		chooser, random := newKeyChooser(keys, dist), newRandom(7, sessionStream, 3)
		counts, expected := make([]int, keys), make([]float64, keys)
		for range draws {
			counts[chooser.choose(&random)]++
		}
		weights := zipfWeights(keys, dist.Theta) // theta 0 is uniform
		for i, w := range weights {
			expected[i] = w * draws
		}
		if dist.Theta == 2 { // the tail is rarer than the test can judge: look at it as one
			counts[40], expected[40] = sum(counts[40:]), sum(expected[40:])
			counts, expected = counts[:41], expected[:41]
		}
		if x, bound := chiSquare(counts, expected); x > bound {
			t.Errorf("%v: chi-square %.1f above %.1f; the first counts are %v, expected %.0f", dist, x, bound, counts[:5], expected[:5])
		}
	}
}

func sum[T int | float64](xs []T) T {
	var s T
	for _, x := range xs {
		s += x
	}
	return s
}

// A key space of one key works with every distribution.
func TestOneKeyIsAlwaysChosen(t *testing.T) {
	for _, dist := range []KeyDist{{Kind: UniformKeys}, {Kind: Zipf, Theta: 0.99}} {
		chooser, random := newKeyChooser(1, dist), newRandom(1, sessionStream, 0)
		for range 100 {
			if k := chooser.choose(&random); k != 0 {
				t.Fatalf("%v: key %d of 1", dist, k)
			}
		}
	}
}

// The same seed gives the same operations and keys, another seed or session others.
func TestSameSeedSameOperations(t *testing.T) {
	draw := func(seed uint64, session int) string {
		mix := Mix{Get: 3, Set: 2, Exists: 1}
		chooser, keys := newChooser(mix), newKeyChooser(1000, KeyDist{Kind: Zipf, Theta: 0.9})
		random := newRandom(seed, sessionStream, session)
		var b strings.Builder
		for range 200 {
			fmt.Fprintf(&b, "%v %d ", chooser.choose(&random), keys.choose(&random))
		}
		return b.String()
	}
	if again := draw(1, 5); again != draw(1, 5) {
		t.Error("the same seed and session gave two sequences")
	}
	if draw(1, 5) == draw(2, 5) || draw(1, 5) == draw(1, 6) {
		t.Error("another seed or session gave the same sequence")
	}
}

// Uniform arrivals of all workers together are evenly spaced, without drift.
func TestUniformArrivalsAreEvenlySpaced(t *testing.T) {
	const n = 30_000
	c := Config{Rate: 30_000, Arrival: Uniform, Workers: 3, Seed: 1}
	var all []int64
	for w := range c.Workers {
		s := newSchedule(&c, w, 1000)
		for range n / c.Workers {
			all = append(all, s.due())
			s.advance()
		}
	}
	slices.Sort(all)
	for i, due := range all {
		want := 1000 + float64(i)*1e9/c.Rate
		if math.Abs(float64(due)-want) > 2 {
			t.Fatalf("arrival %d is due at %d, want %.1f", i, due, want)
		}
	}
}

// Poisson arrivals have exponential gaps with the mean of the rate, and repeat with the seed.
func TestPoissonArrivalsHaveExponentialGaps(t *testing.T) {
	const n, bins = 100_000, 20
	c := Config{Rate: 1000, Arrival: Poisson, Workers: 2, Seed: 9}
	s, again := newSchedule(&c, 1, 0), newSchedule(&c, 1, 0)
	mean := 1e9 * float64(c.Workers) / c.Rate
	counts, expected := make([]int, bins), make([]float64, bins)
	before := int64(0)
	for range n {
		due := s.due()
		if again.due() != due {
			t.Fatal("the same seed gave two schedules")
		}
		u := 1 - math.Exp(-float64(due-before)/mean) // uniform if the gap is exponential
		counts[min(int(u*bins), bins-1)]++
		before = due
		s.advance()
		again.advance()
	}
	for i := range expected {
		expected[i] = n / bins
	}
	if x, bound := chiSquare(counts, expected); x > bound {
		t.Fatalf("chi-square %.1f above %.1f: %v", x, bound, counts)
	}
}

// Mixes that cannot be meant are refused with what is known.
func TestUnknownOperationsAreRefused(t *testing.T) {
	for _, bad := range []string{"", "gte=90", "get=x", "get=-1", "get=1,get=2", "get=1,", "get=99999999"} {
		if m, err := ParseMix(bad); err == nil {
			t.Errorf("%q: accepted as %v", bad, m)
		}
	}
	_, err := ParseMix("fetch=1")
	if err == nil || !strings.Contains(err.Error(), "children") {
		t.Errorf("the error does not tell what is known: %v", err)
	}
	if m, err := ParseMix(" set=10, get=90"); err != nil || m.String() != "get=90,set=10" {
		t.Errorf("%v, %v", m, err)
	}
}

// A configuration that cannot work is refused; the error names the field and the remedy.
func TestImpossibleConfigurationsAreRefused(t *testing.T) {
	good := DefaultConfig()
	good.Servers = []string{"localhost:2181"}
	if err := good.Validate(); err != nil {
		t.Fatalf("the default is refused: %v", err)
	}
	for _, c := range []struct {
		change func(*Config)
		words  []string // of the error
	}{
		{func(c *Config) { c.Servers = nil }, []string{"servers", "host:port"}},
		{func(c *Config) { c.Sessions = 0 }, []string{"sessions", "1 to"}},
		{func(c *Config) { c.Depth = -1 }, []string{"depth", "1 to"}},
		{func(c *Config) { c.Sessions, c.Depth = 1_000_000, 1000 }, []string{"depth", "lower one"}},
		{func(c *Config) { c.Rate = -5 }, []string{"rate", "closed loop"}},
		{func(c *Config) { c.Rate, c.Arrival = 5, "burst" }, []string{"arrival", "poisson"}},
		{func(c *Config) { c.Mix = Mix{} }, []string{"mix", "get=90"}},
		{func(c *Config) { c.Mix = Mix{Create: 1, Delete: 2} }, []string{"mix", "raise create to at least 2"}},
		{func(c *Config) { c.Mix, c.MultiSize = Mix{Multi: 1}, 5000 }, []string{"multi size", "1 to 1000"}},
		{func(c *Config) { c.Duration = 0 }, []string{"duration", "count", "give one"}},
		{func(c *Config) { c.Duration = -time.Second }, []string{"duration", "negative"}},
		{func(c *Config) { c.Warmup = -1 }, []string{"warmup"}},
		{func(c *Config) { c.Count = -1 }, []string{"count"}},
		{func(c *Config) { c.Keys = 0 }, []string{"keys", "1 to"}},
		{func(c *Config) { c.ValueSize = 2 << 20 }, []string{"value size", "bytes"}},
		{func(c *Config) { c.KeyPrefix = "load" }, []string{"key prefix", "absolute"}},
		{func(c *Config) { c.KeyPrefix = "/" }, []string{"key prefix"}},
		{func(c *Config) { c.KeyPrefix = "/zookeeper/x" }, []string{"key prefix", "another"}},
		{func(c *Config) { c.KeyDist = KeyDist{Kind: "normal"} }, []string{"key distribution", "zipf"}},
		{func(c *Config) { c.KeyDist = KeyDist{Kind: Zipf} }, []string{"theta", "0.99"}},
		{func(c *Config) { c.KeyDist, c.Keys = KeyDist{Kind: Zipf, Theta: 1}, MaxZipfKeys+1 }, []string{"keys", "uniform"}},
		{func(c *Config) { c.SessionTimeout = 0 }, []string{"session timeout"}},
	} {
		bad := good
		c.change(&bad)
		err := bad.Validate()
		if err == nil {
			t.Errorf("accepted, though it should complain of %v", c.words)
			continue
		}
		for _, word := range c.words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("error %q does not say %q", err, word)
			}
		}
	}
}

// Every znode has a name of its own, of fixed width while numbers are small.
func TestPathsAreDistinct(t *testing.T) {
	c := DefaultConfig()
	c.Chroot, c.KeyPrefix, c.DirSize = "/app", "/load", 100
	p := newPaths(&c, "run-1")
	for _, x := range []struct{ got, want string }{
		{strings.Clone(p.key(0)), "/app/load/d000000/k00000000"},
		{strings.Clone(p.key(123456)), "/app/load/d001234/k00123456"},
		{strings.Clone(p.key(4_000_000_000)), "/app/load/d40000000/k4000000000"},
		{strings.Clone(p.dir(1234)), "/app/load/d001234"},
		{strings.Clone(p.created(7, 89)), "/app/load/run-1/s000007/n00000089"},
		{strings.Clone(p.runDir()), "/app/load/run-1"},
	} {
		if x.got != x.want {
			t.Errorf("got %s, want %s", x.got, x.want)
		}
	}
}

// A count is shared out completely.
func TestCountIsSharedOut(t *testing.T) {
	total := int64(0)
	for i := range 7 {
		total += share(100, 7, i)
	}
	if total != 100 || share(0, 7, 3) != endless {
		t.Fatalf("%d of 100 shared out", total)
	}
}
