package bench

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"bellwether/loadgen"
)

// The load generator drives the ceilings as it drives a server: it prepares its znodes, every request is answered, in
// order and at the right size, and what came of it is found in the Load.
func TestLoadGeneratorDrivesTheCeilings(t *testing.T) {
	for _, test := range []struct {
		kind ceilingKind
		mix  string
	}{{ceilingEcho, "get=100"}, {ceilingAppend, "set=100"}} {
		t.Run(string(test.kind), func(t *testing.T) {
			spec := smallLoad(startCeiling(t, ceilingConfig{kind: test.kind, valueBytes: 100}))
			spec.mix = test.mix
			load, err := drive(t.Context(), spec)
			if err != nil {
				t.Fatal(err)
			}
			if load.Ops == 0 || load.Errors != 0 || load.Elapsed <= 0 || load.Started.IsZero() {
				t.Fatalf("load %+v", load)
			}
			reads, writes := load.Reads.Count, load.Writes.Count
			if test.kind == ceilingAppend {
				reads, writes = writes, reads
			}
			if reads == 0 || writes != 0 {
				t.Errorf("reads %+v, writes %+v", load.Reads, load.Writes)
			}
			var raw loadgen.Result
			if err := json.Unmarshal(load.Raw, &raw); err != nil || raw.Good != load.Ops {
				t.Errorf("raw result: %d good, %v", raw.Good, err)
			}
			for _, part := range []string{"load --servers 127.0.0.1:", "--mix " + test.mix, "--sessions 4", "--depth 8", "--value 100"} {
				if !strings.Contains(load.Command, part) {
					t.Errorf("command %s lacks %s", load.Command, part)
				}
			}
		})
	}
}

// A load that is ended early returns what was measured, and the reason.
func TestLoadThatIsInterrupted(t *testing.T) {
	spec := smallLoad(startCeiling(t, ceilingConfig{kind: ceilingEcho, valueBytes: 100}))
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the server is gone")
	spec.duration = time.Hour
	spec.loading = func() { cancel(reason) }
	load, err := drive(ctx, spec)
	if !errors.Is(err, reason) {
		t.Fatalf("error %v", err)
	}
	if load.Ops == 0 {
		t.Errorf("load %+v", load)
	}
}

// A mix that the load generator does not know is its error.
func TestLoadWithAnUnknownMix(t *testing.T) {
	if _, err := drive(t.Context(), loadSpec{mix: "reed=1"}); err == nil || !strings.Contains(err.Error(), "reed") {
		t.Fatalf("error %v", err)
	}
	for _, s := range scenarios {
		spec := smallLoad("127.0.0.1:1")
		spec.mix = s.Mix
		config, err := spec.config()
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
			continue
		}
		if err := config.Validate(); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
}

func smallLoad(addr string) loadSpec {
	return loadSpec{
		addr: addr, mix: "get=100", valueBytes: 100, keys: 50, shape: Shape{Sessions: 4, Depth: 8},
		duration: 100 * time.Millisecond, seed: 1,
	}
}
