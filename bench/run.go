package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// suite is one run of the benchmark. All of it belongs to the goroutine of run.
type suite struct {
	program string // this binary, which is also the server and the ceilings
	out     string // the folder of the report
	data    string // the folder of the servers' data, on the disk under test
	proc    fs.FS
	load    loader
	peer    func(ctx context.Context, root string) (*running, error) // starts the peer; nil without one
	say     func(format string, args ...any)

	result *Result
	done   int // windows so far
}

// loader drives one load; see drive.go.
type loader func(ctx context.Context, spec loadSpec) (Load, error)

// The files of a report, relative to its folder. The folder is laid out as the repository is.
const (
	reportName  = "RESULTS.md"
	rawName     = "bench/results/latest.json"
	profilesDir = "profiles"
)

// run measures every case and writes raw result, profiles and report as it goes, so that whatever ends it early leaves
// what was measured by then. An error says what made the result partial; the result says so, too.
func (s *suite) run(ctx context.Context) error {
	running, err := s.measure(ctx)
	if err != nil {
		s.result.Failures = append(s.result.Failures, err.Error())
	}
	for _, p := range running {
		p.discard()
	}
	return errors.Join(err, s.save())
}

// measure goes through the cases. It returns the parties that still run, which is none unless it fails.
func (s *suite) measure(ctx context.Context) (left []*running, err error) {
	var peer *running
	if s.peer != nil {
		if peer, err = s.peer(ctx, s.data); err != nil {
			return nil, err
		}
		left = append(left, peer)
		if err := s.warmUp(ctx, peer); err != nil {
			return left, err
		}
		s.introduce(peer)
	}
	for _, c := range s.result.Settings.cases() {
		own, err := s.measureCase(ctx, c, peer)
		if err != nil {
			return append(left, own...), err
		}
	}
	if peer != nil {
		return nil, peer.stop()
	}
	return nil, nil
}

// peerWarmup is how long a peer is under load before its first window.
const peerWarmup = 10 * time.Second

// warmUp puts reads and writes on a peer that is one process for the whole run: a JVM whose compiler has seen both is
// the fair opponent.
func (s *suite) warmUp(ctx context.Context, peer *running) error {
	c := Case{Scenario: Scenario{Mix: "get=50,set=50"}, ValueBytes: s.result.Settings.ValueSize[0], Shape: Shape{Sessions: 64, Depth: 32}}
	spec := s.spec(c, peer)
	spec.warmup, spec.duration = 0, peerWarmup
	s.say("     warming up %s for %v", peer.party.Name, peerWarmup)
	if _, err := s.load(ctx, spec); err != nil {
		return fmt.Errorf("warm up %s: %w", peer.party.Name, cmp.Or(peer.child.exited(), err))
	}
	peer.party.What += fmt.Sprintf("; one process for all windows, warmed up for %v", peerWarmup)
	return nil
}

// cases are all cells of a run, in the order of the report.
func (s Settings) cases() []Case {
	var all []Case
	for _, scenario := range s.Scenarios {
		for _, valueBytes := range s.ValueSize {
			for _, shape := range s.Shapes {
				all = append(all, Case{Scenario: scenario, ValueBytes: valueBytes, Shape: shape})
			}
		}
	}
	return all
}

// measureCase measures a fresh server, its ceiling, and the peer if there is one. It returns those it started that
// still run, which is none unless it fails.
func (s *suite) measureCase(ctx context.Context, c Case, peer *running) (own []*running, err error) {
	if c.Scenario.Ceiling != "" {
		ceiling, err := start(ctx, func() (*running, error) {
			return launchCeiling(s.program, s.data, c.Scenario.Ceiling, c.ValueBytes)
		})
		if err != nil {
			return nil, err
		}
		own = append(own, ceiling)
		s.introduce(ceiling)
	}
	server, err := start(ctx, func() (*running, error) { return launchServer(s.program, s.data) })
	if err != nil {
		return own, err
	}
	own = append(own, server)
	s.introduce(server)
	parties := slices.Clone(own)
	if peer != nil {
		parties = append(parties, peer)
	}
	if err := s.takeTurns(ctx, c, parties); err != nil {
		return own, err
	}
	if s.profiled(c) {
		if err := s.profile(ctx, c, server); err != nil {
			return own, err
		}
	}
	for i, p := range own {
		if err := p.stop(); err != nil {
			return own[i+1:], err
		}
	}
	return nil, s.save()
}

// plan says how many windows there will be, and about how long all of it takes.
func (s *suite) plan() (windows int, about time.Duration) {
	const starting, around = 500 * time.Millisecond, 300 * time.Millisecond
	settings := s.result.Settings
	if s.peer != nil {
		about += peerWarmup
	}
	for _, c := range settings.cases() {
		parties := 1
		if c.Scenario.Ceiling != "" {
			parties++
		}
		about += time.Duration(parties) * starting
		if s.peer != nil {
			parties++
		}
		windows += parties * settings.Repeat
		if s.profiled(c) {
			about += settings.Profile + settings.Warmup + around
		}
	}
	return windows, about + time.Duration(windows)*(settings.Warmup+settings.Duration+around)
}

// introduce puts a party on the list of those measured, once for every way it was started.
func (s *suite) introduce(p *running) {
	known := slices.ContainsFunc(s.result.Parties, func(q Party) bool { return q.Name == p.party.Name && q.What == p.party.What })
	if !known {
		s.result.Parties = append(s.result.Parties, p.party)
	}
}

// takeTurns gives every party its windows, every second round in the opposite order: a machine that gets slower by the
// minute favours none.
func (s *suite) takeTurns(ctx context.Context, c Case, order []*running) error {
	s.result.Cases = append(s.result.Cases, CaseResult{Case: c})
	last := &s.result.Cases[len(s.result.Cases)-1]
	for round := range s.result.Settings.Repeat {
		for _, p := range order {
			w, err := s.window(ctx, c, p, round)
			last.Windows = append(last.Windows, w)
			if err != nil {
				return fmt.Errorf("%s, %d B, %v, %s: %w", c.Scenario.Name, c.ValueBytes, c.Shape, p.party.Name, err)
			}
		}
		slices.Reverse(order)
	}
	return nil
}

// save writes the raw result and the report as they are now.
func (s *suite) save() error {
	s.result.Elapsed = time.Since(s.result.Started)
	raw, err := s.result.encode()
	if err != nil {
		return err
	}
	report, err := render(s.result)
	if err != nil {
		return err
	}
	return errors.Join(
		writeFile(filepath.Join(s.out, filepath.FromSlash(rawName)), raw),
		writeFile(filepath.Join(s.out, reportName), report),
	)
}

// prepare describes machine, disk and build in the result. It probes the disk, which takes up to probeTime.
func (s *suite) prepare(ctx context.Context) error {
	disk, err := describeDisk(s.proc, s.data)
	if err != nil {
		return err
	}
	if disk.Probe, err = probeSync(s.data); err != nil {
		return err
	}
	s.result.Disk = disk
	s.result.Machine = describeMachine(s.proc, os.DirFS("/etc"))
	s.result.Build = describeBuild(ctx)
	return nil
}

// sayTo returns the line printer of a suite.
func sayTo(w io.Writer) func(string, ...any) {
	return func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
}
