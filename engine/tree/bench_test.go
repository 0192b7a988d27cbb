package tree

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"

	"bellwether/engine/wire"
)

// The benchmarks report cpu-ns/op beside ns/op: the processor time of the process, which other work on the machine
// disturbs less. Paths are made in a buffer that stays in the cache, as those of requests just received are; that takes
// about 10 ns.
//
//	go test -run - -bench . ./engine/tree

// cpuTime starts the clocks, and returns what reports the processor time since.
func cpuTime(b *testing.B) (report func()) {
	runtime.GC()
	used := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	start := used()
	b.ReportAllocs()
	b.ResetTimer()
	return func() { b.ReportMetric(float64(used()-start)/float64(b.N), "cpu-ns/op") }
}

const benchName = "/bench/node-"

// benchPath writes the path of a znode into buf, which begins with benchName.
func benchPath(buf []byte, i int) string {
	return text(wire.AppendSequence(buf[:len(benchName)], int32(i)))
}

// benchPaths makes n znodes of size bytes under /bench and returns their paths.
func benchPaths(tb testing.TB, t *Tree, n, size int) []string {
	tb.Helper()
	data := make([]byte, size)
	create(tb, t, "/bench", nil)
	paths := make([]string, n)
	for i := range paths {
		paths[i] = fmt.Sprintf("%s%010d", benchName, i)
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

func remove(tb testing.TB, t *Tree, path string) {
	mask := t.MaskFor(path)
	t.Lock(mask)
	zxid := t.Zxid() + 1
	code := t.Delete(path, zxid)
	t.SetZxid(zxid)
	t.Unlock(mask)
	if code != wire.OK {
		tb.Fatalf("delete %s: %v", path, code)
	}
}

func set(t *Tree, path string, data []byte, st *wire.Stat) {
	mask := t.ShardMask(path)
	t.Lock(mask)
	zxid := t.Zxid() + 1
	t.SetData(path, data, 1, zxid, 1, st)
	t.SetZxid(zxid)
	t.Unlock(mask)
}

// order returns the numbers below n, shuffled.
func order(n int) []int { return rand.New(rand.NewPCG(1, 1)).Perm(n) }

// BenchmarkGetData is a View and the reply encoded from it, of 100 bytes.
func BenchmarkGetData(b *testing.B) {
	for _, n := range []int{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("znodes=%d", n), func(b *testing.B) {
			t := New()
			benchPaths(b, t, n, 100)
			at, buf := order(n), []byte(benchName+"0123456789")
			dst := make([]byte, 0, 4096)
			var st wire.Stat
			report := cpuTime(b)
			for i := range b.N {
				v := t.View(benchPath(buf, at[i%n]))
				dst = wire.AppendBuffer(dst[:0], v.Data())
				v.Stat(&st)
				dst = st.Append(dst)
				v.Close()
			}
			report()
		})
	}
}

// BenchmarkGetDataParallel is BenchmarkGetData by as many readers as there are processors.
func BenchmarkGetDataParallel(b *testing.B) {
	const n = 1000
	t := New()
	benchPaths(b, t, n, 100)
	report := cpuTime(b)
	b.RunParallel(func(pb *testing.PB) {
		buf, dst := []byte(benchName+"0123456789"), make([]byte, 0, 4096)
		var st wire.Stat
		for i := rand.IntN(n); pb.Next(); i++ {
			v := t.View(benchPath(buf, i*7%n))
			dst = wire.AppendBuffer(dst[:0], v.Data())
			v.Stat(&st)
			dst = st.Append(dst)
			v.Close()
		}
	})
	report()
}

// BenchmarkGetChildren is a View and the list of children.
func BenchmarkGetChildren(b *testing.B) {
	for _, n := range []int{10, 1000, 1_000_000} {
		b.Run(fmt.Sprintf("children=%d", n), func(b *testing.B) {
			t := New()
			benchPaths(b, t, n, 0)
			dst := make([]byte, 0, 20*n+4)
			report := cpuTime(b)
			for range b.N {
				v := t.View("/bench")
				dst = v.AppendChildren(dst[:0])
				v.Close()
			}
			report()
			b.SetBytes(int64(len(dst)))
		})
	}
}

// BenchmarkSetData replaces the data of one of 1000 or 100k znodes by as many bytes.
func BenchmarkSetData(b *testing.B) {
	for _, size := range []int{100, 1024} {
		for _, n := range []int{1000, 100_000} {
			b.Run(fmt.Sprintf("size=%d/znodes=%d", size, n), func(b *testing.B) {
				t := New()
				benchPaths(b, t, n, size)
				at, buf := order(n), []byte(benchName+"0123456789")
				data := make([]byte, size)
				var st wire.Stat
				report := cpuTime(b)
				for i := range b.N {
					set(t, benchPath(buf, at[i%n]), data, &st)
				}
				report()
			})
		}
	}
}

// BenchmarkCreate creates znodes of 100 bytes under one parent, with names in order, and with it makes the tree grow.
func BenchmarkCreate(b *testing.B) {
	t := New()
	create(b, t, "/bench", nil)
	data, buf := make([]byte, 100), []byte(benchName+"0123456789")
	report := cpuTime(b)
	for i := range b.N {
		create(b, t, benchPath(buf, i), data)
	}
	report()
}

// BenchmarkMillionChildren creates and deletes a znode each time, under a parent that keeps a million children.
func BenchmarkMillionChildren(b *testing.B) {
	const n = 1_000_000
	data, buf := make([]byte, 100), []byte(benchName+"0123456789")
	b.Run("queue", func(b *testing.B) { // in at the end, out at the front
		t := New()
		benchPaths(b, t, n, 100)
		report := cpuTime(b)
		for i := range b.N {
			create(b, t, benchPath(buf, n+i), data)
			remove(b, t, benchPath(buf, i))
		}
		report()
	})
	b.Run("random", func(b *testing.B) {
		t := New()
		benchPaths(b, t, n, 100)
		at := order(n)
		report := cpuTime(b)
		for i := range b.N {
			remove(b, t, benchPath(buf, at[i%n]))
			create(b, t, benchPath(buf, at[i%n]), data)
		}
		report()
	})
}

// BenchmarkSnapshot walks over a million znodes of 100 bytes, and loads what it has written. One operation is all of them.
func BenchmarkSnapshot(b *testing.B) {
	const n = 1_000_000
	t := New()
	benchPaths(b, t, n, 100)
	all := written(startSnapshot(b, t))
	b.Run("write", func(b *testing.B) {
		var dst []byte
		b.SetBytes(int64(len(all)))
		report := cpuTime(b)
		for range b.N {
			p := startSnapshot(b, t)
			for more := true; more; {
				dst, more = p.Next(dst[:0])
			}
		}
		report()
	})
	b.Run("load", func(b *testing.B) {
		b.SetBytes(int64(len(all)))
		report := cpuTime(b)
		for range b.N {
			loaded(b, all, func() int { return 64 << 10 })
		}
		report()
	})
}

// BenchmarkMemory reports what a million znodes take above name and data; the time is that of one collection.
func BenchmarkMemory(b *testing.B) {
	const n, size = 1_000_000, 100
	before := heapBytes()
	t := fill(b, n, 1000, size)
	over := (heapBytes()-before)/n - len(memoryName) - size
	b.ResetTimer()
	for range b.N {
		runtime.GC()
	}
	b.ReportMetric(float64(over), "over-B/znode")
	runtime.KeepAlive(t)
}
