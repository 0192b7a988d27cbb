package zkfile

import (
	"fmt"
	"testing"

	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/wire"
	"bellwether/wal/memfs"
)

// benchState has 100,000 znodes with 100 bytes each.
func benchState(b *testing.B) State {
	t := tree.New()
	t.Lock(tree.AllShards)
	for i := range 1000 {
		top := fmt.Sprintf("/d%06d", i)
		t.Create(top, nil, wire.OpenACL, 0, -1, 1, 1, nil)
		for k := range 99 {
			t.Create(fmt.Sprintf("%s/k%08d", top, k), make([]byte, 100), wire.OpenACL, 0, -1, 1, 1, nil)
		}
	}
	t.SetZxid(1)
	t.Unlock(tree.AllShards)
	return State{t, session.NewTable()}
}

// go test -run - -bench . ./engine/zkfile
func BenchmarkSnapshot(b *testing.B) {
	state := benchState(b)
	for _, c := range []Compression{Plain, Gzip, Snappy} {
		fs := memfs.New(1)
		if err := fs.MkdirAll(memDir); err != nil {
			b.Fatal(err)
		}
		b.Run("write/"+c.String(), func(b *testing.B) {
			for b.Loop() {
				if _, err := WriteSnapshot(fs, memDir, state, c); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(state.Tree.NodeCount())*float64(b.N)/b.Elapsed().Seconds(), "znodes/s")
		})
		b.Run("read/"+c.String(), func(b *testing.B) {
			d, err := Open(fs, memDir, "")
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				builder := NewBuilder(tree.Options{})
				if _, err := d.ReadSnapshot(d.Snapshots[0], builder); err != nil {
					b.Fatal(err)
				}
				if _, err := builder.Loader.Finish(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(state.Tree.NodeCount())*float64(b.N)/b.Elapsed().Seconds(), "znodes/s")
		})
	}
}

// go test -run - -bench . ./engine/zkfile
func BenchmarkLog(b *testing.B) {
	const records = 100_000
	fs := memfs.New(1)
	if err := fs.MkdirAll(memDir); err != nil {
		b.Fatal(err)
	}
	next := int64(1)
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			w := NewLogWriter(fs, memDir, 0)
			for range records {
				if err := w.Append(txnOf(next, 150)); err != nil {
					b.Fatal(err)
				}
				next++
			}
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(records*float64(b.N)/b.Elapsed().Seconds(), "txns/s")
	})
	b.Run("read", func(b *testing.B) {
		d, err := Open(fs, memDir, "")
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for b.Loop() {
			if _, err := d.readLog(d.Logs[0].Path, true, nil, func(Record) error { n++; return nil }); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "txns/s")
	})
}
