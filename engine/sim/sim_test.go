package sim

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	firstSeed = flag.Uint64("sim.first", 1, "the first seed")
	seedCount = flag.Uint64("sim.seeds", 0, "how many seeds; default $SEEDS, else a slice that takes some seconds")
	runFor    = flag.Duration("sim.for", 0, "take more seeds until this time has passed")
	stepCount = flag.Int("sim.steps", 4000, "steps a seed")
	showTrace = flag.Bool("sim.trace", false, "print what happens, step by step")
)

func seeds() uint64 {
	if *seedCount > 0 {
		return *seedCount
	}
	if n, err := strconv.ParseUint(os.Getenv("SEEDS"), 10, 64); err == nil && n > 0 {
		return n
	}
	if testing.Short() {
		return 20
	}
	return 150
}

// All promises hold in every world. A seed that fails is run again and shown:
//
//	go test -tags invariants -run TestPromisesHold ./engine/sim -sim.first=SEED -sim.seeds=1 -sim.trace
func TestPromisesHold(t *testing.T) {
	began := time.Now()
	var sum Stats
	var steps int
	last := *firstSeed + seeds()
	seed := *firstSeed
	for ; seed < last || time.Since(began) < *runFor; seed++ {
		o := Options{Faults: AllFaults(seed)}
		if *showTrace {
			o.Trace = os.Stdout
		}
		w := NewWorld(seed, o)
		if err := w.Run(*stepCount); err != nil {
			t.Fatalf("%v\nthe last steps were\n%s\nagain: go test -run TestPromisesHold ./engine/sim -sim.first=%d -sim.seeds=1 -sim.trace",
				err, lastLines(seed, *stepCount, 60), seed)
		}
		sum.Add(w.Stats())
		steps += w.Steps()
	}
	took := time.Since(began)
	t.Logf("%d seeds from %d, %d steps, %d s of simulated time, in %v: %.0f steps/s, %.1f simulated s/s\n%+v", seed-*firstSeed, *firstSeed, steps,
		sum.SimulatedMs/1000, took.Round(time.Millisecond), float64(steps)/took.Seconds(), float64(sum.SimulatedMs)/1000/took.Seconds(), sum)
}

// lastLines runs a seed once more and returns the end of its trace.
func lastLines(seed uint64, steps, n int) string {
	var out bytes.Buffer
	err := NewWorld(seed, Options{Faults: AllFaults(seed), Trace: &out}).Run(steps)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n") + fmt.Sprintf("\n%v", err)
}

// The same seed makes the same history, to the byte.
func TestSameSeedSameHistory(t *testing.T) {
	for seed := range uint64(10) {
		var hashes [2]uint64
		for i := range hashes {
			w := NewWorld(seed, Options{Faults: AllFaults(seed)})
			if err := w.Run(2000); err != nil {
				t.Fatal(err)
			}
			hashes[i] = w.Hash()
		}
		if hashes[0] != hashes[1] {
			t.Errorf("seed %d: %#x, then %#x", seed, hashes[0], hashes[1])
		}
	}
}
