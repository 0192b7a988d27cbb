package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"bellwether/loadgen"
)

// loadSpec is what the load generator is asked to do: a closed loop of a mix of operations.
type loadSpec struct {
	addr       string
	mix        string
	valueBytes int
	keys       int
	shape      Shape
	warmup     time.Duration
	duration   time.Duration
	seed       uint64
	// loading, if set, is called once, when the load has been on for about a second.
	loading func()
}

// drive puts a load on one server, from this process, and returns what came of it. With an error the Load holds what
// was measured until then.
func drive(ctx context.Context, spec loadSpec) (Load, error) {
	config, err := spec.config()
	if err != nil {
		return Load{}, err
	}
	// The phase after the load begins when the last request is answered, which in a closed loop is a few round trips
	// after the measured part's end.
	var ended time.Time
	var loading sync.Once
	config.Progress = func(p loadgen.Progress) {
		switch p.Phase {
		case "clean up":
			if ended.IsZero() {
				ended = time.Now()
			}
		case "warm-up", "measure":
			if spec.loading != nil {
				loading.Do(spec.loading)
			}
		}
	}
	result, err := loadgen.Run(ctx, config)
	if result == nil {
		return Load{Command: spec.command()}, err
	}
	load, encoding := loadOf(result)
	load.Command = spec.command()
	load.Started = ended.Add(-load.Elapsed)
	if err == nil {
		err = encoding
	}
	return load, err
}

// config is the load generator's own form of a spec.
func (s loadSpec) config() (loadgen.Config, error) {
	mix, err := loadgen.ParseMix(s.mix)
	if err != nil {
		return loadgen.Config{}, err
	}
	c := loadgen.DefaultConfig()
	c.Servers, c.Mix = []string{s.addr}, mix
	c.Sessions, c.Depth = s.shape.Sessions, s.shape.Depth
	c.Keys, c.ValueSize = s.keys, s.valueBytes
	c.Warmup, c.Duration, c.Seed = s.warmup, s.duration, s.seed
	c.Keep = true // the next window needs the same znodes
	return c, nil
}

// command is the command line that puts the same load on the same server.
func (s loadSpec) command() string {
	return commandLine("bellwether", []string{
		"load", "--servers", s.addr, "--mix", s.mix,
		"--sessions", strconv.Itoa(s.shape.Sessions), "--depth", strconv.Itoa(s.shape.Depth),
		"--keys", strconv.Itoa(s.keys), "--value", strconv.Itoa(s.valueBytes),
		"--warmup", s.warmup.String(), "--duration", s.duration.String(), "--seed", strconv.FormatUint(s.seed, 10), "--keep",
	})
}

// loadOf takes from a result what the tables show, and keeps the rest as it is.
func loadOf(r *loadgen.Result) (Load, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return Load{}, fmt.Errorf("encode the load generator's result: %w", err)
	}
	load := Load{
		Elapsed: time.Duration(r.Seconds * float64(time.Second)),
		Ops:     r.Good,
		Errors:  r.Requests.Failed + r.Requests.Unanswered + r.Requests.Strange + r.Connections.OrderViolations,
		CPU:     time.Duration(r.Generator.User + r.Generator.System),
		Invalid: r.Verdict.Reasons,
		Raw:     raw,
	}
	for _, loop := range r.Generator.Loops {
		load.Queued = max(load.Queued, loop.Queued)
	}
	for _, op := range r.Ops {
		switch op.Op {
		case loadgen.Get.String():
			load.Reads = latencyOf(op.Latency)
		case loadgen.Set.String():
			load.Writes = latencyOf(op.Latency)
		}
	}
	return load, nil
}

func latencyOf(l loadgen.Latency) Latency {
	return Latency{Count: l.Count, P50: Nanos(l.P50), P99: Nanos(l.P99), P999: Nanos(l.P999), Max: Nanos(l.Max)}
}
