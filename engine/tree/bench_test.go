package tree

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"bellwether/engine/wire"
)

// benchPaths makes n znodes of size bytes under /bench and returns their paths.
func benchPaths(tb testing.TB, t *Tree, n, size int) []string {
	tb.Helper()
	data := make([]byte, size)
	create(tb, t, "/bench", nil)
	paths := make([]string, n)
	for i := range paths {
		paths[i] = fmt.Sprintf("/bench/node-%010d", i)
		create(tb, t, paths[i], data)
	}
	return paths
}

// create creates a persistent znode that everyone may do everything with.
func create(tb testing.TB, t *Tree, path string, data []byte) {
	mask := t.MaskFor(path)
	t.Lock(mask)
	zxid := t.Zxid() + 1
	code := t.Create(path, data, wire.OpenACL, 0, -1, zxid, 1, nil)
	t.SetZxid(zxid)
	t.Unlock(mask)
	if code != wire.OK {
		tb.Fatalf("create %s: %v", path, code)
	}
}

// order returns the numbers below n, shuffled.
func order(n int) []int { return rand.New(rand.NewPCG(1, 1)).Perm(n) }

// BenchmarkGetData is a View and the reply encoded from it, of 100 bytes, the paths in no order.
func BenchmarkGetData(b *testing.B) {
	for _, n := range []int{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("znodes=%d", n), func(b *testing.B) {
			t := New()
			paths := benchPaths(b, t, n, 100)
			at := order(n)
			path := []byte(paths[0])
			dst := make([]byte, 0, 4096)
			var st wire.Stat
			runtime.GC()
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				path = wire.AppendSequence(path[:len("/bench/node-")], int32(at[i%n])) // in the cache, as one just received
				v := t.View(text(path))
				dst = wire.AppendBuffer(dst[:0], v.Data())
				v.Stat(&st)
				dst = st.Append(dst)
				v.Close()
			}
		})
	}
}

func BenchmarkSetData(b *testing.B) {
	for _, size := range []int{100, 1024} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			const n = 100_000
			t := New()
			paths := benchPaths(b, t, n, size)
			at := order(n)
			data, buf := make([]byte, size), []byte(paths[0])
			var st wire.Stat
			runtime.GC()
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				buf = wire.AppendSequence(buf[:len("/bench/node-")], int32(at[i%n]))
				path := text(buf)
				mask := t.ShardMask(path)
				t.Lock(mask)
				t.SetData(path, data, 1, int64(n+i), 1, &st)
				t.SetZxid(int64(n + i))
				t.Unlock(mask)
			}
		})
	}
}

// BenchmarkCreateDelete creates and deletes a znode under a parent with a million children; in order, as sequential names
// come, or anywhere.
func BenchmarkCreateDelete(b *testing.B) {
	const n = 1_000_000
	t := New()
	paths := benchPaths(b, t, n, 100)
	data := make([]byte, 100)
	b.Run("at=end", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			path := fmt.Sprintf("/bench/node-%010d", n+i)
			create(b, t, path, data)
			remove(b, t, path)
		}
	})
	b.Run("at=random", func(b *testing.B) {
		at := order(n)
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			path := paths[at[i%n]]
			remove(b, t, path)
			create(b, t, path, data)
		}
	})
}

func remove(tb testing.TB, t *Tree, path string) {
	mask := t.MaskFor(path)
	t.Lock(mask)
	if code := t.Delete(path, t.Zxid()+1); code != wire.OK {
		tb.Fatalf("delete %s: %v", path, code)
	}
	t.SetZxid(t.Zxid() + 1)
	t.Unlock(mask)
}

func BenchmarkGetChildren(b *testing.B) {
	for _, n := range []int{10, 1000, 1_000_000} {
		b.Run(fmt.Sprintf("children=%d", n), func(b *testing.B) {
			t := New()
			benchPaths(b, t, n, 0)
			dst := make([]byte, 0, 20*n+4)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				v := t.View("/bench")
				dst = v.AppendChildren(dst[:0])
				v.Close()
			}
			b.SetBytes(int64(len(dst)))
		})
	}
}

func BenchmarkCreate(b *testing.B) {
	t := New()
	create(b, t, "/bench", nil)
	paths := make([]string, b.N)
	for i := range paths {
		paths[i] = fmt.Sprintf("/bench/node-%010d", i)
	}
	data := make([]byte, 100)
	b.ReportAllocs()
	b.ResetTimer()
	for _, path := range paths {
		create(b, t, path, data)
	}
}

func BenchmarkSnapshot(b *testing.B) {
	const n = 1_000_000
	t := New()
	benchPaths(b, t, n, 100)
	b.Run("write", func(b *testing.B) {
		var dst []byte
		b.ReportAllocs()
		for range b.N {
			p, _ := t.StartSnapshot()
			total := 0
			for more := true; more; {
				dst, more = p.Next(dst[:0])
				total += len(dst)
			}
			b.SetBytes(int64(total))
		}
	})
	b.Run("load", func(b *testing.B) {
		var all []byte
		p, _ := t.StartSnapshot()
		for more := true; more; {
			all, more = p.Next(all)
		}
		b.SetBytes(int64(len(all)))
		b.ResetTimer()
		for range b.N {
			l := NewLoader(Options{})
			for in := all; len(in) > 0; {
				k := min(len(in), 64<<10)
				if _, err := l.Write(in[:k]); err != nil {
					b.Fatal(err)
				}
				in = in[k:]
			}
			if _, err := l.Finish(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
