package tree

import (
	"fmt"
	"runtime"
	"testing"

	"bellwether/engine/wire"
)

// Reading allocates nothing: not the View, not Stat and data, not the list of children, not ViewAll.
func TestReadsAllocateNothing(t *testing.T) {
	tree := New()
	paths := benchPaths(t, tree, 3000, 100)
	dst := make([]byte, 0, 100_000)
	reads := map[string]func(path string){
		"getData": func(path string) {
			v := tree.View(path)
			var st wire.Stat
			v.Stat(&st)
			dst = st.Append(wire.AppendBuffer(dst[:0], v.Data()))
			v.Close()
		},
		"exists of a missing znode": func(string) {
			v := tree.View("/missing")
			if v.Exists() {
				t.Error("it exists")
			}
			v.Close()
		},
		"getChildren": func(string) {
			v := tree.View("/bench")
			defer v.Close()
			dst = v.AppendChildren(dst[:0])
		},
		"ACL and info": func(path string) {
			v := tree.View(path)
			defer v.Close()
			if i := v.Info(); !v.ACLOpen() || len(v.ACL()) != 1 || i.DataLen != 100 {
				t.Error(i)
			}
		},
		"multiRead": func(path string) {
			all := tree.ViewAll(tree.ShardMask(path) | tree.ShardMask("/bench"))
			defer all.Close()
			a, b := all.View(path), all.View("/bench")
			dst = append(dst[:0], a.Data()...)
			dst = append(dst, b.Data()...)
		},
	}
	for what, read := range reads {
		i := 0
		if n := testing.AllocsPerRun(1000, func() { read(paths[i]); i++ }); n != 0 {
			t.Errorf("%s: %v allocations, want 0", what, n)
		}
	}
}

// Writing allocates nothing in the steady state: slots, entries of the index and leaves are used again.
func TestSteadyWritesAllocateNothing(t *testing.T) {
	tree := New()
	paths := benchPaths(t, tree, 3000, 100)
	sizes := [][]byte{make([]byte, 100), make([]byte, 1000), make([]byte, 4000), nil}
	writes := map[string]func(path string, i int){
		"setData": func(path string, i int) { set(tree, path, sizes[i%len(sizes)], nil) },
		"delete and create": func(path string, i int) {
			remove(t, tree, path)
			create(t, tree, path, sizes[i%len(sizes)])
		},
		"ephemeral": func(path string, i int) {
			mask := tree.MaskFor(path)
			tree.Lock(mask)
			tree.Delete(path, 1)
			tree.Create(path, sizes[0], someACLs[4], int64(1+i%5), 1, 1, 1, nil)
			tree.Unlock(mask)
		},
		"setACL": func(path string, i int) {
			mask := tree.ShardMask(path)
			tree.Lock(mask)
			tree.SetACL(path, someACLs[4+i%2], 1, nil)
			tree.Unlock(mask)
		},
	}
	for what, write := range writes {
		i := 0
		one := func() { write(paths[i%len(paths)], i); i++ }
		for range 2 * len(paths) * len(sizes) { // until every shard has had the most it will have of every size
			one()
		}
		if n := testing.AllocsPerRun(len(paths)*len(sizes), one); n != 0 {
			t.Errorf("%s: %v allocations, want 0", what, n)
		}
	}
}

// A znode takes at most 200 bytes above its name (the last part of its path) and data, created one by one or loaded.
func TestMemoryBudget(t *testing.T) {
	const n = 200_000
	for size, parents := range map[int]int{0: 1, 100: 1000, 1000: n / 4} {
		before := heapBytes()
		tree := fill(t, n, parents, size)
		perZnode(t, fmt.Sprintf("%d B below %d parents, created", size, parents), heapBytes()-before, n, size)
		if size == 1000 {
			continue
		}
		encoded := written(startSnapshot(t, tree))
		tree = nil
		before = heapBytes() // the encoded form counts in both
		tree = loaded(t, encoded, func() int { return 64 << 10 })
		perZnode(t, fmt.Sprintf("%d B below %d parents, loaded", size, parents), heapBytes()-before, n, size)
		runtime.KeepAlive(encoded)
		runtime.KeepAlive(tree)
	}
}

const memoryName = "n-0000000001" // as long as the names that fill makes

// fill makes n znodes of size bytes in turn below so many parents.
func fill(tb testing.TB, n, parents, size int) *Tree {
	tree := New()
	for p := range parents {
		create(tb, tree, fmt.Sprintf("/p-%010d", p), make([]byte, size))
	}
	for i := range n - parents {
		create(tb, tree, fmt.Sprintf("/p-%010d/n-%010d", i%parents, i), make([]byte, size))
	}
	return tree
}

func perZnode(tb testing.TB, what string, heap, n, size int) {
	tb.Helper()
	over := heap/n - len(memoryName) - size
	tb.Logf("%s: %d B a znode above name and data", what, over)
	if over > 200 {
		tb.Errorf("%s: %d B a znode above name and data, want at most 200", what, over)
	}
}

// heapBytes is what the collector keeps alive.
func heapBytes() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
