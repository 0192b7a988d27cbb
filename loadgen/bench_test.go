package loadgen

import (
	"context"
	"fmt"
	"testing"
)

// What a request costs the generator alone: CPU of its loops' threads, by the kernel's own account, against a stub that only
// echoes. The stub's CPU is not in it, nor is the runtime's.
//
//	go test -run - -bench Generator -benchtime 3000000x ./loadgen
func BenchmarkGenerator(b *testing.B) {
	for _, depth := range []int{1, 32} {
		for _, mix := range []string{"get=100", "set=100", "get=90,set=10"} {
			b.Run(fmt.Sprintf("sessions=64/depth=%d/%s", depth, mix), func(b *testing.B) {
				c := quick(newStub(b, 100).start())
				c.Sessions, c.Depth, c.Keys, c.Count = 64, depth, 10_000, int64(b.N)
				c.Mix, _ = ParseMix(mix)
				res, err := Run(context.Background(), c)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(res.Generator.LoopPerOp, "loop-ns/op")
				b.ReportMetric(res.PerSecond, "ops/s")
				b.ReportMetric(res.Generator.Loops[0].Busy*100, "busy-%")
				b.ReportMetric(float64(res.Good)/float64(res.Generator.ReadDelay.Count), "ops/read")
			})
		}
	}
}

// How late the generator sends, at 20,000 requests a second, for as many of them as the benchmark is given. The goal, on a
// machine with nothing else to do: 99.9 % of them are late by less than 200 µs.
//
//	go test -run - -bench SendLag -benchtime 100000x ./loadgen
func BenchmarkSendLag(b *testing.B) {
	c := quick(newStub(b, 100).start())
	c.Sessions, c.Depth, c.Rate, c.Arrival, c.Count = 64, 32, 20_000, Poisson, int64(b.N)
	res, err := Run(context.Background(), c)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(res.Open.Lag.P50)/1e3, "p50-lag-µs")
	b.ReportMetric(float64(res.Open.Lag.P99)/1e3, "p99-lag-µs")
	b.ReportMetric(float64(res.Open.Lag.P999)/1e3, "p99.9-lag-µs")
	b.ReportMetric(res.Generator.LoopPerOp, "loop-ns/op")
}
