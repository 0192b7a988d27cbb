package bench

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A stored raw result renders to the same bytes for ever, or the golden file's diff shows what changed.
func TestRenderingIsByteStable(t *testing.T) {
	const name = "testdata/result.json"
	if *update {
		raw, err := sampleResult().encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		result, err := readResult(name)
		if err != nil {
			t.Fatal(err)
		}
		report, err := render(result)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "testdata/RESULTS.golden.md", report)
	}
}

// Writing and reading a raw result loses nothing.
func TestResultSurvivesItsFile(t *testing.T) {
	want, err := sampleResult().encode()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "deep", "result.json")
	if err := writeFile(name, want); err != nil {
		t.Fatal(err)
	}
	result, err := readResult(name)
	if err != nil {
		t.Fatal(err)
	}
	got, err := result.encode()
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read back\n%s, %v, want\n%s", got, err, want)
	}
}

// A result of another schema, and a file that is none, are refused by name.
func TestReadingRefusesOtherFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"other.json": `{"schema": 99}`, "none.json": "text", "missing.json": ""} {
		path := filepath.Join(dir, name)
		if text != "" {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := readResult(path); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A window the load generator distrusts is loud: at the top, in its row, and instead of a verdict on throughput. CPU per
// operation is the server's own whoever was the limit.
func TestInvalidWindowsAreLoud(t *testing.T) {
	result := sampleResult()
	for _, c := range []int{0, 2} {
		result.Cases[c].Windows[1].Load.Invalid = []string{"the generator used all of its CPU"}
	}
	text := rendered(t, result)
	for _, want := range []string{"INVALID windows: 2", "**INVALID**: the generator used all of its CPU |", "CPU ≤ 1.2 × | met |", "throughput ≥ 50 % | **INVALID** |"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
}

// A run that did not come to its end says so before anything else, and shows what was measured.
func TestPartialResultsAreLoud(t *testing.T) {
	result := sampleResult()
	result.Failures = []string{"write100: the server ended by itself"}
	last := &result.Cases[len(result.Cases)-1]
	last.Windows[1] = Window{Party: nameServer, Error: "it ended | by itself\nand more"}
	text := rendered(t, result)
	for _, want := range []string{"**PARTIAL", "> - write100: the server ended by itself", `**FAILED**: it ended \| by itself |`, "152,340"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
}

// Data in memory makes every figure for writes worthless: the report says so.
func TestDataInMemoryIsLoud(t *testing.T) {
	result := sampleResult()
	result.Disk.FileSystem = "tmpfs"
	if text := rendered(t, result); !strings.Contains(text, "**The data lay on tmpfs, in memory:**") {
		t.Fatal(text)
	}
}

// A run in which nothing was measured still renders.
func TestAnEmptyResultRenders(t *testing.T) {
	if text := rendered(t, &Result{Schema: SchemaVersion, Failures: []string{"no server"}}); !strings.Contains(text, "no server") {
		t.Fatal(text)
	}
}

func rendered(t *testing.T, r *Result) string {
	t.Helper()
	report, err := render(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(report)
}

// Medians are taken over the windows that did not fail; the range shows the others.
func TestSummaryTakesMedians(t *testing.T) {
	var c CaseResult
	for round, ops := range []int64{3000, 1000, 2000} {
		c.Windows = append(c.Windows, Window{
			Party: nameServer, Round: round,
			Load: Load{Elapsed: time.Second, Ops: ops, Errors: 1,
				Reads: Latency{Count: ops, P50: Nanos(ops), P99: 2 * Nanos(ops), P999: 3 * Nanos(ops), Max: 4 * Nanos(ops)}},
			Server: Usage{Elapsed: 2 * time.Second, User: 20 * time.Millisecond, PeakRSSBytes: ops},
		})
	}
	c.Windows = append(c.Windows, Window{Party: nameServer, Error: "died"}, Window{Party: nameCeiling, Load: Load{Ops: 1}})
	s, ok := c.summarize(nameServer)
	if !ok || s.windows != 3 || s.failed != 1 {
		t.Fatalf("summary %+v, %v", s, ok)
	}
	if s.throughput != 2000 || s.slowest != 1000 || s.fastest != 3000 || s.errors != 3 || s.peakRSS != 3000 {
		t.Errorf("summary %+v", s)
	}
	// 20 ms in two sampled seconds are 10 ms in the measured one: 5 µs for each of 2000 operations.
	if s.serverCPU != 5 {
		t.Errorf("server CPU %v µs, want 5", s.serverCPU)
	}
	if want := (Latency{Count: 6000, P50: 2000, P99: 4000, P999: 6000, Max: 12000}); s.reads != want {
		t.Errorf("reads %+v, want %+v", s.reads, want)
	}
	if _, ok := c.summarize("nobody"); ok {
		t.Error("nobody has a summary")
	}
}

// Ratios are the server's over the ceiling's, and budgets hold at their limit.
func TestRatiosAndBudgets(t *testing.T) {
	window := func(party string, ops int64, cpu time.Duration) Window {
		return Window{
			Party: party, Load: Load{Elapsed: time.Second, Ops: ops},
			Server: Usage{Elapsed: time.Second, User: cpu},
		}
	}
	c := CaseResult{
		Case: Case{Scenario: Scenario{Name: "write100"}, ValueBytes: 100, Shape: Shape{64, 32}},
		Windows: []Window{
			window(nameCeiling, 1000, 10*time.Millisecond),
			window(nameServer, 500, 10*time.Millisecond),
		},
	}
	k, ok := c.compare(nameServer)
	if !ok || k.cpu != 2 || k.throughput != 0.5 || !k.hasBudget || !k.met() {
		t.Fatalf("comparison %+v, %v", k, ok)
	}
	c.Windows[1] = window(nameServer, 499, 10*time.Millisecond)
	if k, _ = c.compare(nameServer); k.met() {
		t.Error("half a ceiling's throughput less one is no half")
	}
	if _, ok := c.compare(nameZooKeeper); ok {
		t.Error("a peer without windows was compared")
	}
	if _, ok := (CaseResult{Windows: c.Windows[1:]}).compare(nameServer); ok {
		t.Error("a case without a ceiling was compared")
	}
}

// A median of two is their mean; of one, itself.
func TestMedian(t *testing.T) {
	for want, values := range map[float64][]float64{7: {7}, 2.5: {4, 1}, 3: {9, 3, 1}} {
		if got := median(values); got != want {
			t.Errorf("median of %v is %v, want %v", values, got, want)
		}
	}
}

func TestNumbersAreWrittenForReaders(t *testing.T) {
	for want, got := range map[string]string{
		"0": formatCount(0), "999": formatCount(999.4), "1,000": formatCount(999.5), "1,234,567": formatCount(1234567),
		"0.20": formatMicros(0.2), "9.99": formatMicros(9.99), "12.3": formatMicros(12.34),
		"0.148": formatMillis(148 * time.Microsecond), "1.25": formatMillis(1250 * time.Microsecond), "23.5": formatMillis(23500 * time.Microsecond),
		"100 B": formatBytes(100), "1 KiB": formatBytes(1024), "1025 B": formatBytes(1025), "64 × 32": formatShape(Shape{64, 32}),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// sampleResult is a small run with a peer, two rounds of one case, and a profile. Its figures are made up.
func sampleResult() *Result {
	window := func(party string, round int, ops int64, cpu time.Duration, reads, writes bool) Window {
		latency := func(yes bool) Latency {
			if !yes {
				return Latency{}
			}
			return Latency{Count: ops, P50: 290 * time.Microsecond, P99: 2610 * time.Microsecond, P999: 12500 * time.Microsecond, Max: 31 * time.Millisecond}
		}
		w := Window{
			Party: party, Round: round,
			Load: Load{
				Command: "bellwether load --servers 127.0.0.1:40001 --party " + party, Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
				Elapsed: 3 * time.Second, Ops: ops, CPU: 900 * time.Millisecond, Queued: 0.21,
				Reads: latency(reads), Writes: latency(writes), Raw: json.RawMessage(`{"made":"up"}`),
			},
			Server: Usage{Elapsed: 3 * time.Second, User: cpu / 4, System: cpu - cpu/4, RSSBytes: 30 << 20, PeakRSSBytes: 41 << 20, WriteBytes: 1 << 20, VoluntarySwitches: 1000},
		}
		if writes && party != nameCeiling {
			w.Sync = &SyncLatency{Count: 12345, P50: 151 * time.Microsecond, P99: 410 * time.Microsecond, Since: "the server's start"}
			w.Monitor = map[string]string{"zk_cnt_fsynctime": "12345"}
		}
		return w
	}
	shape := Shape{Sessions: 128, Depth: 1}
	deep := Shape{Sessions: 64, Depth: 32}
	c := Case{Scenario: scenarios[0], ValueBytes: 100, Shape: shape}
	return &Result{
		Schema: SchemaVersion, Command: "bellwether bench --peer zookeeper --repeat 2",
		Started: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC), Elapsed: 61 * time.Second,
		Build:   Build{Go: "go1.26.0", Commit: "0123456789abcdef0123456789abcdef01234567", Modified: true},
		Machine: Machine{OS: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.12.0", Arch: "amd64", CPU: "AMD EPYC", Cores: 2, MemoryBytes: 24 << 30},
		Disk: Disk{
			FileSystem: "ext4", Device: "/dev/vda", Options: "rw,relatime",
			Probe: SyncProbe{SizeBytes: 4096, Writes: 1000, P50: 140 * time.Microsecond, P99: 300 * time.Microsecond, Max: 4 * time.Millisecond},
		},
		Settings: Settings{
			Scenarios: scenarios, ValueSize: []int{100}, Shapes: []Shape{shape, deep}, Peer: nameZooKeeper,
			Warmup: time.Second, Duration: 3 * time.Second, Profile: 3 * time.Second, Repeat: 2, Keys: keyCount, Seed: 1,
		},
		Parties: []Party{
			{Name: nameCeiling, What: "echo: a bare server", Command: "bellwether bench ceiling echo --listen 127.0.0.1:40000 --value 100"},
			{Name: nameServer, What: "the server of this repository", Command: "bellwether serve --config zoo.cfg", Config: "tickTime=2000\nclientPort=40001\n"},
			{Name: nameZooKeeper, What: "Apache ZooKeeper 3.8.0", Command: "java -cp zookeeper.jar QuorumPeerMain zoo.cfg", Config: "tickTime=2000\nclientPort=40002\n"},
		},
		Cases: []CaseResult{
			{Case: c, Windows: []Window{
				window(nameCeiling, 0, 456_000, 2500*time.Millisecond, true, false),
				window(nameServer, 0, 457_020, 2900*time.Millisecond, true, false),
				window(nameZooKeeper, 0, 180_000, 4500*time.Millisecond, true, false),
				window(nameZooKeeper, 1, 186_000, 4400*time.Millisecond, true, false),
				window(nameServer, 1, 457_020, 2700*time.Millisecond, true, false),
				window(nameCeiling, 1, 450_000, 2500*time.Millisecond, true, false),
			}},
			{Case: Case{Scenario: scenarios[1], ValueBytes: 100, Shape: shape}, Windows: []Window{
				window(nameServer, 0, 250_000, 4*time.Second, true, true),
			}},
			{Case: Case{Scenario: scenarios[3], ValueBytes: 100, Shape: deep}, Windows: []Window{
				window(nameCeiling, 0, 4_800_000, 3*time.Second, false, true),
				window(nameServer, 0, 2_000_000, 5*time.Second, false, true),
				window(nameZooKeeper, 0, 240_000, 5*time.Second, false, true),
			}},
		},
		Profiles: []ProfileSummary{{
			Case: Case{Scenario: scenarios[3], ValueBytes: 100, Shape: deep}, Party: nameServer, File: "profiles/write100.pprof",
			Wall: 3 * time.Second, CPU: 5 * time.Second,
			Stages: []StageShare{
				{StageNetwork, 0.31}, {StageDecode, 0.04}, {StageRead, 0}, {StagePrepare, 0.2}, {StageLog, 0.18}, {StageBroadcast, 0.02},
				{StageApply, 0.12}, {StageReply, 0.05}, {StageGC, 0.03}, {StageScheduler, 0.04}, {StageOther, 0.01},
			},
			Top: []FunctionShare{{"syscall.Syscall6", 0.3, 0.3}},
		}},
	}
}
