package replica

import (
	"fmt"
	"testing"

	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/wire"
)

// pipeline runs the whole way of batches of writes, without disk and network and with buffers that are reused.
type pipeline struct {
	*bed
	requests []Request
	reply    []byte
}

func newPipeline(tb testing.TB, batch int, make func(b *bed, i int) Request) *pipeline {
	p := &pipeline{bed: newBed(tb, Options{})}
	for i := range batch {
		req := make(p.bed, i)
		req.Origin, req.IDs = Origin{Loop: 1, Conn: 1}, identities[alice]
		p.requests = append(p.requests, req)
	}
	return p
}

// run has one batch prepared, proposed, committed, applied and released.
func (p *pipeline) run() {
	p.replica.Submit(p.now, p.requests)
	rd := p.replica.Ready()
	awaited := rd.Awaited
	p.replica.Persisted(rd.Entries[len(rd.Entries)-1].Zxid)
	for i := range awaited { // Ready's slices do not outlive it
		if awaited[i].Barrier {
			p.Fatalf("%v", awaited[i].Code)
		}
	}
	for _, e := range p.replica.Ready().Committed {
		var out Outcome
		p.reply, out, _ = p.applier.Apply(p.reply[:0], int64(e.Zxid), e.Data, true)
		if out.Code != wire.OK {
			p.Fatalf("%v: %v", out.Type, out.Code)
		}
	}
	p.replica.Applied(p.tree.Zxid(), nil)
}

func setDatas(b *bed, i int) Request {
	path := fmt.Sprintf("/n%d", i%100)
	if !b.exists(path) {
		b.ok(b.create(path, wire.Persistent))
	}
	return b.set(path, "a hundred bytes, more or less: 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789")
}

// A write in the steady state, from the request to the reply, takes less than one allocation, of those three that the
// whole server may make.
func TestWritesHardlyAllocate(t *testing.T) {
	cases := []struct {
		name string
		most float64 // allocations a write
		make func(b *bed, i int) Request
	}{
		{"setData", 0.25, setDatas},
		{"multi of two setDatas", 0.25, func(b *bed, i int) Request { return b.multi(setDatas(b, i), setDatas(b, i+1)) }},
		{"create and delete", 0.5, func(b *bed, i int) Request {
			if i%2 == 0 {
				return b.create(fmt.Sprintf("/new%d", i), wire.Persistent)
			}
			return b.delete(fmt.Sprintf("/new%d", i-1))
		}},
		{"refused", 0.25, func(b *bed, i int) Request { return b.multi(b.create("/a", wire.Persistent), b.delete("/none")) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			const batch = 256
			p := newPipeline(t, batch, c.make)
			for range 50 {
				p.run()
			}
			if n := testing.AllocsPerRun(50, p.run) / batch; n > c.most {
				t.Errorf("%.2f allocations a write, want at most %.2f", n, c.most)
			}
		})
	}
}

func BenchmarkSetData(b *testing.B) {
	for _, batch := range []int{1, 256} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			p := newPipeline(b, batch, setDatas)
			b.ReportAllocs()
			for b.Loop() {
				p.run()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/write")
		})
	}
}

func BenchmarkApplySetData(b *testing.B) {
	bed := newBed(b, Options{})
	setDatas(bed, 0)
	bed.ok(setDatas(bed, 0))
	txn := bed.history[len(bed.history)-1].Data
	a := NewApplier(tree.New(), session.NewTable(), nil)
	for _, e := range bed.history {
		if _, _, err := a.Apply(nil, int64(e.Zxid), e.Data, false); err != nil {
			b.Fatal(err)
		}
	}
	var reply []byte
	b.ReportAllocs()
	for b.Loop() {
		reply, _, _ = a.Apply(reply[:0], bed.tree.Zxid(), txn, true)
	}
}
