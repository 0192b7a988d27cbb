package zab

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// check walks a history and returns the first broken invariant.
func (h *history) check() error {
	prev, count, bytes := h.base, 0, 0
	for i, c := range h.chunks {
		size := 0
		for _, e := range c.entries {
			if !e.Zxid.mayFollow(prev) {
				return fmt.Errorf("%v after %v", e.Zxid, prev)
			}
			prev = e.Zxid
			size += len(e.Data)
			count++
		}
		if c.bytes != size || len(c.entries) > 0 && c.end != prev || len(c.entries) == 0 && i != len(h.chunks)-1 {
			return fmt.Errorf("chunk %d: %d bytes, ends at %v; counted %d, %v", i, c.bytes, c.end, size, prev)
		}
		bytes += size
	}
	switch {
	case prev != h.last, count != h.count, bytes != h.bytes:
		return fmt.Errorf("ends at %v with %d entries, %d bytes; counted %v, %d, %d", h.last, h.count, h.bytes, prev, count, bytes)
	case h.base > h.delivered, h.persisted > h.handed, h.handed > h.last, h.committed > h.last, h.delivered > h.last:
		return fmt.Errorf("marks out of order: %+v", *h)
	}
	return nil
}

// A history does what a plain list of entries does, and what it has handed out never changes.
func TestHistoryIsAListThatHandsOutStableSlices(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 3))
		h, list := newHistory(Durable{}), []Entry(nil)
		type loan struct{ got, want []Entry }
		var loans []loan
		for range 300 {
			switch rng.IntN(10) {
			case 0: // an epoch ends here and there
				if h.last.Counter() > 0 && rng.IntN(4) == 0 {
					list = append(list, Entry{MakeZxid(h.last.Epoch()+1, 1), nil})
					h.append(list[len(list)-1])
				}
			case 1:
				h.handed = h.last
				h.persist(h.last)
				h.commit(h.last)
				h.deliver()
				h.trim(rng.IntN(400), rng.IntN(1<<16))
			case 2:
				if len(list) > 0 {
					if z := list[rng.IntN(len(list))].Zxid; z >= h.committed {
						h.cut(z)
						list = list[:upTo(list, z):upTo(list, z)]
					}
				}
			default:
				h.group = rng.IntN(100)
				for range rng.IntN(200) {
					e := Entry{h.last + 1, make([]byte, rng.IntN(1<<8)*rng.IntN(2))}
					list = append(list, e)
					h.append(e)
				}
			}
			if err := h.check(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			lo, hi := upTo(list, h.base), len(list)
			if hi > lo {
				lo += rng.IntN(hi - lo)
				hi = lo + rng.IntN(hi-lo+1)
			}
			from := h.base
			if lo > 0 {
				from = max(from, list[lo-1].Zxid)
			}
			if to := lastZxid(list[:hi]); to >= from {
				got := h.slice(from, to)
				loans = append(loans, loan{got, append([]Entry(nil), list[lo:hi]...)})
			}
		}
		for _, l := range loans {
			if !sameEntries(l.got, l.want) {
				t.Fatalf("seed %d: handed out %s, it is now %s", seed, span(l.want), span(l.got))
			}
		}
	}
}

func sameEntries(a, b []Entry) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Zxid != b[i].Zxid || len(a[i].Data) != len(b[i].Data) || len(a[i].Data) > 0 && &a[i].Data[0] != &b[i].Data[0] {
			return false
		}
	}
	return true
}

// An ensemble of one keeps nothing of what is committed.
func TestWindowCanBeEmpty(t *testing.T) {
	b := newBench(t, 1, -1)
	for range 100 {
		b.write(make([]byte, 1000), 50)
		b.turn()
		if b.core.hist.count != 0 || b.core.hist.bytes != 0 {
			t.Fatalf("%d entries, %d bytes kept", b.core.hist.count, b.core.hist.bytes)
		}
	}
}

// The window is bounded by entries and by bytes, whichever is reached first.
func TestWindowIsBounded(t *testing.T) {
	b := newBench(t, 3, 500)
	b.core.cfg.WindowBytes = 100_000
	for range 50 {
		b.write(make([]byte, 10), 100)
	}
	if n := b.core.hist.count; n != 500 {
		t.Fatalf("%d entries kept, want 500", n)
	}
	for range 50 {
		b.write(make([]byte, 1000), 10)
	}
	b.turn()
	if n := b.core.hist.bytes; n > 100_000 || n < 90_000 {
		t.Fatalf("%d bytes kept, want about 100000", n)
	}
}
