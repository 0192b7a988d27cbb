package bench

import (
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

// measure goes through the cases, those of one scenario and value size on the same servers. It returns the parties
// that still run, which is none unless it fails.
func (s *suite) measure(ctx context.Context) (left []*running, err error) {
	var peer *running
	if s.peer != nil {
		// One process for the whole run: a JVM that has warmed up is the fair opponent.
		if peer, err = s.peer(ctx, s.data); err != nil {
			return nil, err
		}
		s.introduce(peer)
		left = append(left, peer)
	}
	for _, scenario := range s.result.Settings.Scenarios {
		for _, valueBytes := range s.result.Settings.ValueSize {
			own, err := s.group(ctx, scenario, valueBytes, peer)
			if err != nil {
				return append(left, own...), err
			}
		}
	}
	if peer != nil {
		if err := peer.stop(); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// group starts a fresh server and its ceiling and measures every shape of load on them.
func (s *suite) group(ctx context.Context, scenario Scenario, valueBytes int, peer *running) (own []*running, err error) {
	server, err := start(ctx, func() (*running, error) { return launchServer(s.program, s.data) })
	if err != nil {
		return nil, err
	}
	own = append(own, server)
	s.introduce(server)
	parties := []*running{server}
	if scenario.Ceiling != "" {
		ceiling, err := start(ctx, func() (*running, error) {
			return launchCeiling(s.program, s.data, scenario.Ceiling, valueBytes)
		})
		if err != nil {
			return own, err
		}
		own = append(own, ceiling)
		s.introduce(ceiling)
		parties = []*running{ceiling, server}
	}
	if peer != nil {
		parties = append(parties, peer)
	}
	for _, shape := range s.result.Settings.Shapes {
		c := Case{Scenario: scenario, ValueBytes: valueBytes, Shape: shape}
		if err := s.measureCase(ctx, c, parties); err != nil {
			return own, err
		}
		if s.profiled(c) {
			if err := s.profile(ctx, c, server); err != nil {
				return own, err
			}
		}
	}
	for i, p := range own {
		if err := p.stop(); err != nil {
			return own[i+1:], err
		}
	}
	return nil, nil
}

// plan says how many windows there will be, and about how long all of it takes.
func (s *suite) plan() (windows int, about time.Duration) {
	const around = 400 * time.Millisecond // connecting, making the znodes and removing them
	settings := s.result.Settings
	for _, scenario := range settings.Scenarios {
		parties := 1
		if scenario.Ceiling != "" {
			parties++
		}
		if s.peer != nil {
			parties++
		}
		windows += parties * len(settings.ValueSize) * len(settings.Shapes) * settings.Repeat
		about += time.Duration(len(settings.ValueSize)) * time.Second // starting and stopping
		if settings.Profile > 0 {
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

// measureCase gives every party its windows, in turns, every second round in the opposite order: a machine that gets
// slower by the minute favours none.
func (s *suite) measureCase(ctx context.Context, c Case, parties []*running) error {
	s.result.Cases = append(s.result.Cases, CaseResult{Case: c})
	last := &s.result.Cases[len(s.result.Cases)-1]
	order := slices.Clone(parties)
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
	return s.save()
}

// window measures one party once. With an error, the window holds what was known by then, and the error's text.
func (s *suite) window(ctx context.Context, c Case, p *running, round int) (Window, error) {
	w := Window{Party: p.party.Name, Round: round}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watching := make(chan struct{})
	defer close(watching)
	go func() { // a server that dies ends the load at once, with its own words as the reason
		select {
		case <-p.child.ended:
			cancel(p.child.exited())
		case <-watching:
		}
	}()

	usage := watchProcess(s.proc, p.child.pid())
	var err error
	w.Load, err = s.load(ctx, s.spec(c, p))
	samples, sampling := usage.stop()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err == nil {
		err = sampling
	}
	if err == nil {
		w.Server = usageDuring(samples, w.Load.Started, w.Load.Elapsed)
		if answer, asking := fourLetterWord(ctx, p.addr, "mntr"); asking == nil {
			values := parseMonitor(answer)
			w.Monitor, w.Sync = ofInterest(values), syncLatencyOf(values)
		}
	}
	if err != nil {
		w.Error = err.Error()
	}
	s.done++
	s.say("%3d  %-9s %5d B %7v  %-9s  %s", s.done, c.Scenario.Name, c.ValueBytes, c.Shape, p.party.Name, w.line())
	return w, err
}

// line says the essence of a window while the suite runs.
func (w Window) line() string {
	if w.Error != "" {
		return "FAILED: " + w.Error
	}
	text := fmt.Sprintf("%10s ops/s  %6s µs CPU/op", formatCount(w.Load.OpsPerSecond()), formatMicros(w.serverCPUPerOp()))
	if w.Load.Reads.Count > 0 {
		text += fmt.Sprintf("  read p50 %s p99 %s ms", formatMillis(w.Load.Reads.P50), formatMillis(w.Load.Reads.P99))
	}
	if w.Load.Writes.Count > 0 {
		text += fmt.Sprintf("  write p50 %s p99 %s ms", formatMillis(w.Load.Writes.P50), formatMillis(w.Load.Writes.P99))
	}
	if w.Load.Errors > 0 {
		text += fmt.Sprintf("  %d ERRORS", w.Load.Errors)
	}
	if len(w.Load.Invalid) > 0 {
		text += "  INVALID"
	}
	return text
}

// spec says what load a case means.
func (s *suite) spec(c Case, p *running) loadSpec {
	settings := s.result.Settings
	return loadSpec{
		addr: p.addr, mix: c.Scenario.Mix, valueBytes: c.ValueBytes, keys: settings.Keys, shape: c.Shape,
		warmup: settings.Warmup, duration: settings.Duration, seed: settings.Seed,
	}
}

// profiled reports whether a case is the one of its scenario that a profile is taken of: the smallest value, where the
// bytes weigh least, under the deepest load.
func (s *suite) profiled(c Case) bool {
	settings := s.result.Settings
	if settings.Profile == 0 || c.ValueBytes != slices.Min(settings.ValueSize) {
		return false
	}
	deepest := slices.MaxFunc(settings.Shapes, func(a, b Shape) int { return a.Depth - b.Depth })
	return c.Shape == deepest
}

// profile takes a CPU profile of the server under the load of a case, in a window of its own.
func (s *suite) profile(ctx context.Context, c Case, server *running) error {
	spec := s.spec(c, server)
	spec.duration = s.result.Settings.Profile + time.Minute // it is ended when the profile is there
	loadCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	loading, ended := make(chan struct{}), make(chan error, 1)
	spec.loading = func() { close(loading) }
	go func() {
		_, err := s.load(loadCtx, spec)
		ended <- err
	}()
	var data []byte
	var err error
	select {
	case <-loading:
		data, err = fetchProfile(ctx, server.pprof, int(s.result.Settings.Profile.Round(time.Second).Seconds()))
		cancel()
		<-ended // its error is that it was ended
	case err = <-ended:
	}
	if err == nil {
		err = s.keepProfile(c, data)
	}
	if died := server.child.exited(); died != nil {
		err = died
	}
	if err != nil {
		return fmt.Errorf("profile of %s: %w", c.Scenario.Name, err)
	}
	return nil
}

// keepProfile writes a profile and its summary beside each other.
func (s *suite) keepProfile(c Case, data []byte) error {
	summary, err := summarizeProfile(data)
	if err != nil {
		return err
	}
	name := profilesDir + "/" + c.Scenario.Name
	summary.Case, summary.Party, summary.File = c, nameServer, name+".pprof"
	s.result.Profiles = append(s.result.Profiles, summary)
	s.say("     %-9s %5d B %7v  profile    %s", c.Scenario.Name, c.ValueBytes, c.Shape, summary.File)
	return errors.Join(
		writeFile(filepath.Join(s.out, summary.File), data),
		writeFile(filepath.Join(s.out, name+".txt"), summary.text()),
	)
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
