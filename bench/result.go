package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// SchemaVersion is that of Result. It rises when a field changes its meaning or goes away; new fields do not raise it.
const SchemaVersion = 1

// Result is the raw outcome of a run: every input, every window, nothing derived. RESULTS.md is rendered from it.
type Result struct {
	Schema   int          `json:"schema"`
	Command  string       `json:"command"`
	Started  time.Time    `json:"started"`
	Elapsed  Nanos        `json:"elapsedNanos"`
	Build    Build        `json:"build"`
	Machine  Machine      `json:"machine"`
	Disk     Disk         `json:"disk"`
	Settings Settings     `json:"settings"`
	Parties  []Party      `json:"parties"`
	Cases    []CaseResult `json:"cases"`
	// Profiles are of the server under test, taken in windows of their own.
	Profiles []ProfileSummary `json:"profiles,omitempty"`
	// Failures says what went wrong. With any, the result is partial: what is there was measured, something is missing.
	Failures []string `json:"failures,omitempty"`
}

// Nanos is a length of time that stands in JSON as a number of nanoseconds.
type Nanos = time.Duration

// Settings are the choices of a run.
type Settings struct {
	Scenarios []Scenario `json:"scenarios"`
	ValueSize []int      `json:"valueBytes"`
	Shapes    []Shape    `json:"shapes"`
	// Warmup precedes every window and is not measured; Duration is measured; Profile is the length of a profile's
	// own window, 0 for none.
	Warmup   Nanos `json:"warmupNanos"`
	Duration Nanos `json:"durationNanos"`
	Profile  Nanos `json:"profileNanos"`
	// Repeat is how many windows each party gets per case, in turns.
	Repeat int    `json:"repeat"`
	Peer   string `json:"peer,omitempty"`
	Keys   int    `json:"keys"`
	Seed   uint64 `json:"seed"`
}

// Party is who was measured.
type Party struct {
	Name string `json:"name"`
	// What says in words what it is, with its version; Command how it was started; Config is the file it was given.
	What    string `json:"what"`
	Command string `json:"command"`
	Config  string `json:"config,omitempty"`
}

// CaseResult is all windows of one case, in the order in which they ran.
type CaseResult struct {
	Case    Case     `json:"case"`
	Windows []Window `json:"windows"`
}

// Window is one party under one case, once.
type Window struct {
	Party string `json:"party"`
	Round int    `json:"round"`
	Load  Load   `json:"load"`
	// Server is what the party's process used during the measured part.
	Server Usage `json:"server"`
	// Sync is the latency of the party's syncs, as it reports it itself, nil if it does not.
	Sync *SyncLatency `json:"sync,omitempty"`
	// Monitor holds the party's own counters of interest, from mntr, after the window.
	Monitor map[string]string `json:"monitor,omitempty"`
	// Error says why the window failed. The other fields then hold what was known by then.
	Error string `json:"error,omitempty"`
}

// Load is what the load generator measured, as far as the tables show it; Raw is all of it.
type Load struct {
	Command string    `json:"command"`
	Started time.Time `json:"started"`      // the measured part
	Elapsed Nanos     `json:"elapsedNanos"` // its length
	Ops     int64     `json:"ops"`          // completed in it
	Errors  int64     `json:"errors"`
	// Latency counts from the moment a request was due.
	Reads  Latency `json:"reads"`
	Writes Latency `json:"writes"`
	// CPU is what the generator's own process used in the measured part.
	CPU Nanos `json:"cpuNanos"`
	// Queued is the share of the measured part, 0 to 1, in which the generator was ready but had no core.
	Queued float64 `json:"queued"`
	// Invalid says why the generator distrusts this result; empty if it does not.
	Invalid []string        `json:"invalid,omitempty"`
	Raw     json.RawMessage `json:"raw,omitempty"`
}

// Latency is a distribution. It is empty with Count 0.
type Latency struct {
	Count int64 `json:"count"`
	P50   Nanos `json:"p50Nanos"`
	P99   Nanos `json:"p99Nanos"`
	P999  Nanos `json:"p999Nanos"`
	Max   Nanos `json:"maxNanos"`
}

// SyncLatency is a server's own account of its log's syncs.
type SyncLatency struct {
	Count int64 `json:"count"`
	P50   Nanos `json:"p50Nanos"`
	P99   Nanos `json:"p99Nanos"`
	// Since says from when on it counts, in words.
	Since string `json:"since"`
}

// OpsPerSecond is the throughput of the measured part.
func (l Load) OpsPerSecond() float64 {
	if l.Elapsed <= 0 {
		return 0
	}
	return float64(l.Ops) / l.Elapsed.Seconds()
}

// readResult reads a raw result. A schema this program does not know is an error.
func readResult(name string) (*Result, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var result Result
	if err := json.Unmarshal(data, &result); err != nil {
		return nil, fmt.Errorf("%s is not a result of bench: %w", name, err)
	}
	if result.Schema != SchemaVersion {
		return nil, fmt.Errorf("%s has schema %d; this program reads schema %d", name, result.Schema, SchemaVersion)
	}
	return &result, nil
}

// encode writes r as JSON, indented, so that a diff of two results can be read.
func (r *Result) encode() ([]byte, error) {
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encode the result: %w", err)
	}
	return append(data, '\n'), nil
}

// writeFile replaces a file of the report, making its folder if need be. It goes through a second file that takes the
// name only when it is whole: a full disk costs the new content, never the old.
func writeFile(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("the report cannot be written: %w", err)
	}
	file, err := os.Create(name + ".new")
	if err != nil {
		return fmt.Errorf("the report cannot be written: %w", err)
	}
	if err := fill(file, data); err != nil {
		os.Remove(file.Name())
		return fmt.Errorf("the report cannot be written: %w (%s is as it was)", err, name)
	}
	if err := os.Rename(file.Name(), name); err != nil {
		return fmt.Errorf("the report cannot be written: %w", err)
	}
	return nil
}

// fill writes data, makes it durable and closes: a disk that is full may say so only at the sync or the close.
func fill(file interface {
	io.WriteCloser
	Sync() error
}, data []byte) error {
	_, writing := file.Write(data)
	var syncing error
	if writing == nil {
		syncing = file.Sync()
	}
	return errors.Join(writing, syncing, file.Close())
}
