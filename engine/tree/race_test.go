package tree

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"bellwether/engine/wire"
)

// Many readers beside the one writer, and a snapshot always under way. Every reader checks, at every step, what it must be
// able to rely on. Run with -race it also shows that the locks cover what they should.
//
// The writer keeps these true in every transaction:
//   - /pair/a and /pair/b have the same data, which is their version and mzxid in words;
//   - /many has children whose names are in order, as many as its Stat says, all created or deleted by a transaction
//     of its own;
//   - session 7 owns nothing but /eph/<number>.
func TestReadersBesideTheWriter(t *testing.T) {
	w := stressWriter{tree: New(), rand: rand.New(rand.NewPCG(1, 6))}
	w.prepare()
	var done atomic.Bool
	var readers sync.WaitGroup
	for seed := range uint64(4) {
		readers.Go(func() {
			r := stressReader{TB: t, tree: w.tree, rand: rand.New(rand.NewPCG(seed, 8))}
			for !done.Load() && !t.Failed() {
				r.step()
			}
		})
	}
	snapshots := make(chan *Snapshot, 1)
	readers.Go(func() {
		for p := range snapshots {
			encoded := written(p)
			tree := loaded(t, encoded, func() int { return 10_000 })
			if err := tree.Check(); err != nil {
				t.Error(err)
			}
			r := stressReader{TB: t, tree: tree}
			r.pair()
			r.many()
		}
	})
	for range 12_000 {
		w.step()
		if p, err := w.tree.StartSnapshot(); err == nil {
			snapshots <- p
		}
	}
	done.Store(true)
	close(snapshots)
	readers.Wait()
	mustEqual(t, w.tree, modelOf(w.tree))
}

type stressWriter struct {
	tree    *Tree
	rand    *rand.Rand
	zxid    int64
	version int32
	many    []int // numbers of the children of /many
	eph     int
}

func (w *stressWriter) txn(mask uint64, change func()) {
	w.zxid++
	w.tree.Lock(mask)
	change()
	w.tree.SetZxid(w.zxid)
	w.tree.Unlock(mask)
}

func (w *stressWriter) prepare() {
	for _, path := range []string{"/pair", "/many", "/eph"} {
		w.create(path, nil, 0)
	}
	w.txn(AllShards, func() {
		for _, path := range []string{"/pair/a", "/pair/b"} {
			w.tree.Create(path, pairData(0, w.zxid), wire.OpenACL, 0, -1, w.zxid, 1, nil)
		}
	})
}

func (w *stressWriter) create(path string, data []byte, owner int64) {
	w.txn(w.tree.MaskFor(path), func() {
		w.tree.Create(path, data, someACLs[w.rand.IntN(len(someACLs))], owner, -1, w.zxid, 1, nil)
	})
}

// pairData says version and zxid in words, and is of any length, so that records move.
func pairData(version int32, zxid int64) []byte {
	return fmt.Appendf(nil, "version %d zxid %d %s", version, zxid, strings.Repeat("x", int(zxid*37%700)))
}

func (w *stressWriter) step() {
	switch k := w.rand.IntN(6); {
	case k < 2:
		w.version++
		w.txn(w.tree.ShardMask("/pair/a")|w.tree.ShardMask("/pair/b"), func() {
			for _, path := range []string{"/pair/a", "/pair/b"} {
				w.tree.SetData(path, pairData(w.version, w.zxid), w.version, w.zxid, w.zxid, nil)
			}
		})
	case k < 4:
		if i := w.rand.IntN(600); i < len(w.many) {
			path := fmt.Sprintf("/many/%d", w.many[i])
			w.many = slices.Delete(w.many, i, i+1)
			w.txn(w.tree.MaskFor(path), func() { w.tree.Delete(path, w.zxid) })
		} else {
			w.many = append(w.many, int(w.zxid))
			w.create(fmt.Sprintf("/many/%d", w.zxid), nil, 0)
		}
	case w.eph > 20:
		w.closeSession()
	default:
		w.eph++
		w.create(fmt.Sprintf("/eph/%d", w.eph), bytes.Repeat([]byte("e"), w.eph*20), 7)
	}
}

// closeSession deletes what session 7 owns in one transaction.
func (w *stressWriter) closeSession() {
	w.eph = 0
	paths := w.tree.Ephemerals(nil, 7)
	w.txn(AllShards, func() {
		for _, path := range paths {
			w.tree.Delete(path, w.zxid)
		}
	})
}

type stressReader struct {
	testing.TB
	tree *Tree
	rand *rand.Rand
	zxid int64 // the last one seen
}

func (r *stressReader) step() {
	switch r.rand.IntN(6) {
	case 0:
		r.pair()
	case 1:
		r.many()
	case 2:
		r.one("/pair/a")
	case 3:
		r.one("/pair/b")
	case 4:
		r.ephemerals()
	case 5:
		if n, exists := r.tree.CountDescendants("/pair"); n != 2 || !exists {
			r.Errorf("/pair has %d descendants", n)
		}
	}
}

// pair sees both of a pair in one state.
func (r *stressReader) pair() {
	all := r.tree.ViewAll(r.tree.ShardMask("/pair/a") | r.tree.ShardMask("/pair/b"))
	defer all.Close()
	a, b := all.View("/pair/a"), all.View("/pair/b")
	if string(a.Data()) != string(b.Data()) {
		r.Errorf("a multi is seen in parts: %.40s, %.40s", a.Data(), b.Data())
	}
	r.consistent(&a)
	r.consistent(&b)
}

func (r *stressReader) one(path string) {
	v := r.tree.View(path)
	defer v.Close()
	r.consistent(&v)
}

// consistent sees data that belong to the Stat, and a zxid that covers both.
func (r *stressReader) consistent(v *View) {
	var st wire.Stat
	v.Stat(&st)
	if want := pairData(st.Version, st.Mzxid); string(want) != string(v.Data()) || int(st.DataLength) != len(want) {
		r.Errorf("data is %.40s, stat is %+v", v.Data(), st)
	}
	zxid := r.tree.Zxid()
	if zxid < st.Mzxid || zxid < r.zxid {
		r.Errorf("zxid %d after %d, shown is %d", zxid, r.zxid, st.Mzxid)
	}
	r.zxid = zxid
}

// many sees as many children as the Stat says, in order, and a cversion that fits.
func (r *stressReader) many() {
	v := r.tree.View("/many")
	defer v.Close()
	names := decodeNames(r.TB, v.AppendChildren(nil))
	var st wire.Stat
	v.Stat(&st)
	if int(st.NumChildren) != len(names) || !slices.IsSorted(names) || st.Cversion != 2*v.Info().Cversion-st.NumChildren {
		r.Errorf("%d children, stat is %+v", len(names), st)
	}
	if r.tree.Zxid() < st.Pzxid {
		r.Errorf("zxid %d, shown is %d", r.tree.Zxid(), st.Pzxid)
	}
}

func (r *stressReader) ephemerals() {
	paths := r.tree.Ephemerals(nil, 7)
	for _, path := range paths {
		if !strings.HasPrefix(path, "/eph/") {
			r.Errorf("session 7 owns %s", path)
		}
	}
	if distinct := slices.Compact(slices.Clone(paths)); len(distinct) != len(paths) {
		r.Errorf("twice in %v", paths)
	}
	for _, session := range r.tree.EphemeralSessions(nil) {
		if session != 7 {
			r.Errorf("session %d owns something", session)
		}
	}
}
