package replica

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// Preparing ahead of the tree gives the same transactions, to the byte, as preparing each request only when everything
// before it is applied: whatever the apply loop's lag, and in whatever steps the news of it comes.
func TestPreparingAheadMakesNoDifference(t *testing.T) {
	seeds := uint64(300)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		if err := compareLag(t, seed, noBug); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// The same with thousands of transactions between what is proposed and what is applied.
func TestPreparingFarAheadMakesNoDifference(t *testing.T) {
	prompt, lagging := newBed(t, Options{ExtendedTypes: true}), newBed(t, Options{ExtendedTypes: true})
	w := newWorkload(1)
	for i := range 8000 {
		req := w.next()
		want, got := prompt.propose(req), lagging.propose(req)
		prompt.settle()
		if want.code != got.code || !bytes.Equal(want.raw, got.raw) {
			t.Fatalf("request %d, %v: %v\n%x, want %v\n%x", i, req.Op, got.code, got.raw, want.code, want.raw)
		}
		if i%100 == 0 {
			lagging.persist()
			lagging.apply(max(0, len(lagging.committed)-3000))
			lagging.release()
		}
	}
	lagging.settle()
	if err := difference(lagging.dump(), prompt.dump()); err != nil {
		t.Fatal(err)
	}
}

// Each mistake in the table of pending changes is noticed by the comparison.
func TestTheComparisonNoticesMistakes(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds")
	}
	for b := bugSkipPending; b <= bugDeleteKeepsParent; b++ {
		seed := uint64(0)
		for compareLag(t, seed, b) == nil {
			if seed++; seed == 300 {
				t.Errorf("mistake %d was not noticed in %d seeds", b, seed)
				break
			}
		}
		t.Logf("mistake %d was noticed with seed %d", b, seed)
	}
}

// compareLag gives the same requests to a server that applies at once and to one that lags, and says where they differ.
func compareLag(t *testing.T, seed uint64, mistake bug) error {
	prompt, lagging := newBed(t, Options{ExtendedTypes: true}), newBed(t, Options{ExtendedTypes: true})
	lagging.replica.prepare.pending.bug = mistake
	w, lag := newWorkload(seed), rand.New(rand.NewPCG(seed, 2))
	haste := lag.IntN(100) // percent: how often something is applied
	for i := range 300 {
		if lag.IntN(4) == 0 {
			prompt.now.WallMs++
			lagging.now.WallMs++
		}
		req := w.next()
		want, got := prompt.propose(req), lagging.propose(req)
		prompt.settle()
		if want.code != got.code || want.zxid != got.zxid || !bytes.Equal(want.raw, got.raw) {
			return fmt.Errorf("request %d, %v %+v: %v with zxid %v\n%x, want %v with zxid %v\n%x",
				i, req.Op, req, got.code, got.zxid, got.raw, want.code, want.zxid, want.raw)
		}
		if lag.IntN(100) >= haste {
			continue
		}
		if lag.IntN(2) == 0 {
			lagging.persist()
		}
		lagging.apply(lag.IntN(len(lagging.committed) + 1))
		if lag.IntN(2) == 0 {
			lagging.release()
		}
	}
	lagging.settle()
	if got, want := lagging.dump(), prompt.dump(); got != want {
		return difference(got, want)
	}
	for id := alice; id <= stranger+w.created; id++ {
		if prompt.tracker.Known(id) != lagging.tracker.Known(id) || prompt.tracker.Closing(id) != lagging.tracker.Closing(id) {
			return fmt.Errorf("session %#x is known %v, closing %v; want %v, %v", id, lagging.tracker.Known(id),
				lagging.tracker.Closing(id), prompt.tracker.Known(id), prompt.tracker.Closing(id))
		}
	}
	if p := &lagging.replica.prepare.pending; len(p.index) != 0 || len(p.free) != len(p.slots) || len(p.order) != 0 || len(p.ephemerals) != 0 {
		return fmt.Errorf("pending though all is applied: %d znodes, %d of %d slots free, %d stamps, %d ephemerals",
			len(p.index), len(p.free), len(p.slots), len(p.order), len(p.ephemerals))
	}
	if err := lagging.tree.Check(); err != nil {
		return err
	}
	return nil
}
