package tree

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// A blob keeps its bytes while others come and go, whatever their sizes.
func TestBlobsKeepTheirBytes(t *testing.T) {
	type blob struct {
		handle uint32
		want   []byte
	}
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 3))
		var b blobStore
		b.init()
		var blobs []blob
		for range 5000 {
			if grow := len(blobs) < 300 || r.IntN(2) == 0; grow && len(blobs) < 1000 {
				size := 8 + r.IntN(200)
				if r.IntN(10) == 0 {
					size = 8 + r.IntN(3*maxSlot)
				}
				want := bytes.Repeat([]byte{byte(1 + r.IntN(255))}, size)
				handle, _ := b.alloc(size)
				copy(b.bytes(handle, size), want)
				if !b.fits(handle, size) || !b.inUse(handle) {
					t.Fatalf("a new blob of %d does not fit its slot", size)
				}
				blobs = append(blobs, blob{handle, want})
				continue
			}
			i := r.IntN(len(blobs))
			last := blobs[i]
			if !bytes.Equal(b.bytes(last.handle, len(last.want)), last.want) {
				t.Fatalf("seed %d: a blob of %d has changed", seed, len(last.want))
			}
			b.free(last.handle)
			blobs[i] = blobs[len(blobs)-1]
			blobs = blobs[:len(blobs)-1]
		}
		if err := b.check(); err != nil {
			t.Fatal(err)
		}
		for _, x := range blobs {
			if !bytes.Equal(b.bytes(x.handle, len(x.want)), x.want) {
				t.Fatalf("seed %d: a blob of %d has changed", seed, len(x.want))
			}
			b.free(x.handle)
		}
		if err := b.check(); err != nil || b.live() != 0 {
			t.Fatal(b.live(), err)
		}
	}
}

// Chunks go back to the collector when what was in them is freed, all but one of a size.
func TestFreedChunksGoBack(t *testing.T) {
	var b blobStore
	b.init()
	var handles []uint32
	for range 10_000 {
		h, _ := b.alloc(100)
		handles = append(handles, h)
	}
	chunks := len(b.chunks)
	for _, h := range handles {
		b.free(h)
	}
	if left := chunks - 1 - len(b.gone); left != 1 {
		t.Fatalf("%d chunks are left of %d", left, chunks-1)
	}
	for range 10_000 {
		b.alloc(100)
	}
	if len(b.chunks) > chunks+8 { // the one that was left is small: a few more are
		t.Fatalf("%d chunks where %d were enough", len(b.chunks), chunks)
	}
}

// A slot that is freed is the next to be used, and a record is never at an address a head must not have.
func TestSlotsAreReusedAndAligned(t *testing.T) {
	var b blobStore
	b.init()
	for size := 8; size < 3*maxSlot; size += 7 {
		h, mem := b.alloc(size)
		if uintptr(mem)%unsafe.Alignof(node{}) != 0 {
			t.Fatalf("a blob of %d is at %x", size, mem)
		}
		b.free(h)
		if b.inUse(h) {
			t.Fatalf("a freed blob of %d is in use", size)
		}
		again, _ := b.alloc(size)
		if again != h && size <= maxSlot {
			t.Fatalf("a slot of %d was not used again", size)
		}
	}
}

// Every size has the smallest slot that is large enough, and no chunk wastes more than a sixteenth behind its last
// slot, nor has more slots than a handle can tell apart.
func TestSlotSizes(t *testing.T) {
	for size := 1; size <= maxSlot; size++ {
		class := classOf(size)
		slot := slotSize(class)
		if slot < size || class > 0 && slotSize(class-1) >= size || slot%slotGrain != 0 {
			t.Fatalf("%d bytes have a slot of %d", size, slot)
		}
		chunk := fullChunk[class]
		if rest := chunk % slot; rest*16 > chunk || (class > 0 && chunk/slot > 1<<handleBits) {
			t.Fatalf("a chunk of %d has %d bytes behind its last slot of %d", chunk, rest, slot)
		}
	}
	if classOf(maxSlot+1) != bigClass || classOf(maxSlot) != bigClass-1 {
		t.Fatal("large blobs begin elsewhere")
	}
}

// Whoever writes to a blob after it was freed is found out when the slot is used again.
func TestWritesToFreedBlobsAreFound(t *testing.T) {
	if !invariantsOn {
		t.Skip("needs the build tag invariants")
	}
	var b blobStore
	b.init()
	h, _ := b.alloc(100)
	kept := b.bytes(h, 100)
	b.alloc(100)
	b.free(h)
	if kept[50] != poison {
		t.Fatal("a freed blob is still legible")
	}
	kept[50] = 1
	mustPanic(t, "a write to a freed blob", func() { b.alloc(100) })
}

// The index finds what is in it and nothing else, with many hashes that collide.
func TestPathIndexEqualsMap(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 4))
		var x pathIndex
		x.init()
		hashes := []uint32{0, 1<<32 - 1, 1 << 31, 0xFFFF0000}[seed%4:]
		want := make(map[uint32]uint32) // hash by handle
		var handles []uint32
		next := uint32(1)
		for range 3000 {
			switch k := r.IntN(5); {
			case k < 3 || len(handles) == 0:
				hash := hashes[r.IntN(len(hashes))] + uint32(r.IntN(300))
				x.insert(hash, next)
				want[next] = hash
				handles = append(handles, next)
				next++
			case k == 3:
				i := r.IntN(len(handles))
				x.replace(want[handles[i]], handles[i], next)
				want[next] = want[handles[i]]
				delete(want, handles[i])
				handles[i] = next
				next++
			default:
				i := r.IntN(len(handles))
				x.remove(want[handles[i]], handles[i])
				delete(want, handles[i])
				handles = slices.Delete(handles, i, i+1)
			}
		}
		entries := 0
		for _, e := range x.slots {
			if e == 0 {
				continue
			}
			entries++
			if hash, known := want[uint32(e)]; !known || hash != uint32(e>>32) || x.slots[x.place(e)] != e {
				t.Fatalf("seed %d: entry %#x is not known", seed, e)
			}
		}
		if entries != len(want) || int(x.live) != len(want) {
			t.Fatalf("seed %d: %d entries, %d counted, want %d", seed, entries, x.live, len(want))
		}
	}
}

// Names are kept in byte order, however they come and go: one leaf, many leaves, names of any length.
func TestChildrenEqualSortedList(t *testing.T) {
	names := map[string]func(r *rand.Rand) string{
		"few":        func(r *rand.Rand) string { return fmt.Sprint(r.IntN(40)) },
		"many":       func(r *rand.Rand) string { return fmt.Sprintf("node-%010d", r.IntN(20000)) },
		"of any len": func(r *rand.Rand) string { return fmt.Sprintf("%0*d", 1+r.IntN(1<<r.IntN(13)), r.IntN(1000)) },
		"long":       func(r *rand.Rand) string { return fmt.Sprintf("%0*d", 900+r.IntN(1500), r.IntN(1000)) },
		"prefixes":   func(r *rand.Rand) string { return string(bytes.Repeat([]byte{'a'}, 1+r.IntN(2500))) },
	}
	for kind, name := range names {
		for seed := range uint64(2) {
			r := rand.New(rand.NewPCG(seed, 5))
			var s shard
			s.init(0)
			var n node
			var want []string
			for step := range 6000 {
				x := name(r)
				i, there := slices.BinarySearch(want, x)
				shrinking := step/1500%2 == 1
				switch {
				case there && (shrinking || r.IntN(3) == 0):
					s.removeKid(&n, x)
					want = slices.Delete(want, i, i+1)
				case shrinking && len(want) > 0 && r.IntN(4) > 0:
					i = r.IntN(len(want))
					s.removeKid(&n, want[i])
					want = slices.Delete(want, i, i+1)
				case !there:
					s.addKid(&n, x)
					want = slices.Insert(want, i, x)
				}
				if step%250 == 0 {
					mustHaveKids(t, &s, &n, want, fmt.Sprintf("%s, seed %d, step %d", kind, seed, step))
				}
			}
			for len(want) > 0 {
				i := r.IntN(len(want))
				s.removeKid(&n, want[i])
				want = slices.Delete(want, i, i+1)
			}
			mustHaveKids(t, &s, &n, want, kind)
			if live := s.names.live(); live != 0 {
				t.Fatalf("%s: %d leaves are left of no names", kind, live)
			}
		}
	}
}

func mustHaveKids(tb testing.TB, s *shard, n *node, want []string, when string) {
	tb.Helper()
	v := View{shard: s, node: n}
	if got := decodeNames(tb, v.AppendChildren(nil)); !slices.Equal(got, want) {
		tb.Fatalf("%s: children are %d, want %d:\n%.300q\n%.300q", when, len(got), len(want), got, want)
	}
	if err := s.names.check(); err != nil {
		tb.Fatalf("%s: %v", when, err)
	}
	if n.kidsBytes == inDir {
		if _, err := s.dirs.at(n.kids).check(s, s.appendKids(nil, n)); err != nil {
			tb.Fatalf("%s: %v", when, err)
		}
	}
}

// Names that come in order, as sequential ones do, fill their leaves; names that come in no order fill most of them.
func TestLeavesAreFull(t *testing.T) {
	const n = 100_000
	fill := func(at []int) float64 {
		var s shard
		s.init(0)
		var z node
		for _, i := range at {
			s.addKid(&z, fmt.Sprintf("node-%010d", i))
		}
		held := 0
		for i := range s.names.chunks {
			held += int(s.names.chunks[i].live) * int(s.names.chunks[i].size)
		}
		return float64(n*19) / float64(held)
	}
	inOrder := make([]int, n)
	for i := range inOrder {
		inOrder[i] = i
	}
	if f := fill(inOrder); f < 0.95 {
		t.Errorf("in order: leaves are %.2f full", f)
	}
	if f := fill(order(n)); f < 0.6 {
		t.Errorf("in no order: leaves are %.2f full", f)
	}
}

// A list of ACL entries is kept once, however many znodes have it, and forgotten with the last.
func TestACLsAreKeptOnce(t *testing.T) {
	var a aclTable
	a.init()
	first := a.acquire(someACLs[4])
	for range 100 {
		if id := a.acquire(slices.Clone(someACLs[4])); id != first {
			t.Fatalf("the same list is %d and %d", first, id)
		}
	}
	if other := a.acquire(someACLs[5]); other == first || a.acquire(someACLs[0]) != openACL {
		t.Fatal("lists are mixed up")
	}
	for range 101 {
		a.release(first)
	}
	if id := a.acquire(someACLs[3]); id != first || !slices.Equal(a.get(id).acl, someACLs[3]) {
		t.Fatalf("the id %d is not used again: %d", first, id)
	}
	if id := a.acquire(someACLs[4]); id == first {
		t.Fatal("a forgotten list is still known")
	}
}
