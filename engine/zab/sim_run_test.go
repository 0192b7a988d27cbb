package zab

import (
	"bytes"
	"flag"
	"testing"
)

var (
	seeds     = flag.Int("seeds", 2000, "worlds to simulate")
	firstSeed = flag.Uint64("first-seed", 1, "seed of the first world")
	worldSize = flag.Int("world-steps", 3000, "steps of each world before it is healed")
	printSeed = flag.Uint64("print-seed", 0, "print the trace of this world only")
)

// Whatever the network, the disks and the crashes do, no promise is broken, and when they stop everybody agrees.
func TestRandomWorldsKeepEveryPromise(t *testing.T) {
	if *printSeed != 0 {
		w := newWorld(*printSeed, allFaults)
		w.trace = new(bytes.Buffer)
		err := w.run(*worldSize)
		t.Logf("%s\n%v", w.trace, err)
		if err != nil {
			t.Fail()
		}
		return
	}
	n := *seeds
	if testing.Short() {
		n = min(n, 200)
	}
	committed, epochs, bad := 0, 0, 0
	for seed := *firstSeed; seed < *firstSeed+uint64(n) && bad < 5; seed++ {
		w := newWorld(seed, allFaults)
		if err := w.run(*worldSize); err != nil {
			bad++
			t.Error(err)
		}
		committed += len(w.check.history)
		epochs += len(w.check.led)
	}
	t.Logf("%d worlds: %d entries committed in %d epochs", n, committed, epochs)
}

// The same seed makes the same history, to the byte.
func TestSameSeedSameTrace(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		var traces [2]bytes.Buffer
		for i := range traces {
			w := newWorld(seed, allFaults)
			w.trace = &traces[i]
			if err := w.run(*worldSize); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(traces[0].Bytes(), traces[1].Bytes()) {
			t.Fatalf("seed %d: two histories", seed)
		}
	}
}
