package bench

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain makes the test binary what a run starts: with "bench" it is the command itself, so that ceilings run as
// child processes; with "serve" it stands in for the server, as an append ceiling with profiles.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "bench":
			os.Exit(Command(os.Args[2:], os.Stdout, os.Stderr))
		case "serve":
			if err := standIn(os.Args[2:]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// standIn serves where zoo.cfg says, and leaves its process id in a file of its folder.
func standIn(args []string) error {
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	config, profiles := flags.String("config", "", ""), flags.String("pprof", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	text, err := os.ReadFile(*config)
	if err != nil {
		return err
	}
	go func() { fmt.Fprintln(os.Stderr, http.ListenAndServe(*profiles, nil)) }()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	c := ceilingConfig{
		kind:   ceilingAppend,
		listen: net.JoinHostPort(textField(text, "clientPortAddress="), textField(text, "clientPort=")),
		file:   "log",
	}
	return runCeiling(ctx, c, func(net.Addr) {
		fmt.Fprintln(os.Stderr, "serving")
		_ = os.WriteFile("pid", []byte(strconv.Itoa(os.Getpid())), 0o644)
	})
}

// A run starts every party as a process, measures it in turns, and leaves raw result, profile and report, and nothing
// else.
func TestRunMeasuresEveryPartyInTurns(t *testing.T) {
	s := newSuite(t, pingLoad)
	if err := s.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	result, err := readResult(filepath.Join(s.out, filepath.FromSlash(rawName)))
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, c := range result.Cases {
		for _, w := range c.Windows {
			order = append(order, fmt.Sprintf("%s %v %s %d", c.Case.Scenario.Name, c.Case.Shape, w.Party, w.Round))
			if w.Error != "" || w.Load.Ops != pingRequests || w.Server.PeakRSSBytes == 0 || w.Server.VoluntarySwitches < 0 {
				t.Errorf("window %+v", w)
			}
		}
	}
	want := []string{
		"read100 2x1 ceiling 0", "read100 2x1 bellwether 0", "read100 2x1 bellwether 1", "read100 2x1 ceiling 1",
		"read100 2x4 ceiling 0", "read100 2x4 bellwether 0", "read100 2x4 bellwether 1", "read100 2x4 ceiling 1",
		"mixed50 2x1 bellwether 0", "mixed50 2x1 bellwether 1", "mixed50 2x4 bellwether 0", "mixed50 2x4 bellwether 1",
	}
	if strings.Join(order, "\n") != strings.Join(want, "\n") {
		t.Errorf("windows in the order\n%s\nwant\n%s", strings.Join(order, "\n"), strings.Join(want, "\n"))
	}
	if len(result.Parties) != 2 || len(result.Profiles) != 2 || len(result.Failures) != 0 {
		t.Errorf("%d parties, %d profiles, failures %v", len(result.Parties), len(result.Profiles), result.Failures)
	}
	for _, name := range []string{"RESULTS.md", "profiles/read100.pprof", "profiles/read100.txt", "profiles/mixed50.pprof"} {
		if info, err := os.Stat(filepath.Join(s.out, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, err := os.ReadDir(s.data); err != nil || len(left) > 0 {
		t.Errorf("left in the data folder: %v, %v", left, err)
	}
}

// A server that dies under load ends the run at once; what was measured stands, marked as partial, with the dead
// server's own words.
func TestServerThatDiesLeavesAPartialResult(t *testing.T) {
	var s *suite
	windows := 0
	s = newSuite(t, func(ctx context.Context, spec loadSpec) (Load, error) {
		if windows++; windows < 6 { // the second case's server window
			return pingLoad(ctx, spec)
		}
		killServer(t, s.data)
		<-ctx.Done() // as a load generator that goes on trying
		return Load{}, ctx.Err()
	})
	s.result.Settings.Profile = 0
	err := s.run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "read100, 100 B, 2x4, bellwether: bellwether serve ended by itself") ||
		!strings.Contains(err.Error(), "killed") || !strings.Contains(err.Error(), "serving") {
		t.Fatalf("error %v", err)
	}
	result, err := readResult(filepath.Join(s.out, filepath.FromSlash(rawName)))
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Failures) != 1 || len(result.Cases) != 2 || len(result.Cases[0].Windows) != 4 {
		t.Fatalf("failures %v, cases %+v", result.Failures, result.Cases)
	}
	if w := result.Cases[1].Windows[1]; w.Error == "" || w.Party != nameServer {
		t.Errorf("the last window is %+v", w)
	}
	report, err := os.ReadFile(filepath.Join(s.out, reportName))
	if err != nil || !bytes.Contains(report, []byte("**PARTIAL")) || !bytes.Contains(report, []byte("**FAILED**")) {
		t.Errorf("report %s, %v", report, err)
	}
}

// Whoever interrupts a run keeps what it measured.
func TestInterruptedRunKeepsItsResult(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	windows := 0
	s := newSuite(t, func(ctx context.Context, spec loadSpec) (Load, error) {
		if windows++; windows == 3 {
			cancel()
			<-ctx.Done()
			return Load{}, ctx.Err()
		}
		return pingLoad(ctx, spec)
	})
	if err := s.run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	result, err := readResult(filepath.Join(s.out, filepath.FromSlash(rawName)))
	if err != nil || len(result.Cases) != 1 || len(result.Cases[0].Windows) != 3 || len(result.Failures) != 1 {
		t.Fatalf("result %+v, %v", result, err)
	}
}

// A program that ends before it serves is reported as such, as is one that is not there.
func TestServerThatDoesNotStart(t *testing.T) {
	s := newSuite(t, pingLoad)
	s.program = "/bin/false"
	if err := s.run(t.Context()); err == nil || !strings.Contains(err.Error(), "ended by itself (exit status 1) and printed nothing") {
		t.Fatalf("error %v", err)
	}
	s = newSuite(t, pingLoad)
	s.program = filepath.Join(s.out, "missing")
	if err := s.run(t.Context()); err == nil || !strings.Contains(err.Error(), "start echo ceiling") {
		t.Fatalf("error %v", err)
	}
}

// A busy port is no reason to fail: the start is tried again with another.
func TestStartIsTriedAgainOnABusyPort(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	go func() { // it accepts and closes, as a server that does not serve
		for {
			conn, err := busy.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	attempts := 0
	p, err := start(t.Context(), func() (*running, error) {
		addr := busy.Addr().String()
		if attempts++; attempts > 1 {
			if addr, err = freeAddress(); err != nil {
				return nil, err
			}
		}
		dir := t.TempDir()
		c, err := startChild("ceiling", dir, program, "bench", "ceiling", "echo", "--listen", addr)
		if err != nil {
			return nil, err
		}
		return &running{child: c, addr: addr, dir: dir}, nil
	})
	if err != nil || attempts != 2 {
		t.Fatalf("%d attempts, %v", attempts, err)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
}

// newSuite is a small run on this test binary, in a folder of its own.
func newSuite(t *testing.T, load loader) *suite {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &suite{
		program: program, out: t.TempDir(), data: t.TempDir(), proc: os.DirFS("/proc"), load: load, say: t.Logf,
		result: &Result{
			Schema: SchemaVersion, Started: time.Now(), Command: "bellwether bench",
			Settings: Settings{
				Keys: keyCount, Scenarios: []Scenario{scenarios[0], scenarios[2]}, ValueSize: []int{100},
				Shapes: []Shape{{2, 1}, {2, 4}}, Duration: time.Second, Profile: time.Second, Repeat: 2,
			},
		},
	}
	return s
}

const pingRequests = 20

// pingLoad stands in for the load generator: a few reads on one session, or, asked for a load that a profile is taken
// of, sessions until it is ended.
func pingLoad(ctx context.Context, spec loadSpec) (Load, error) {
	if spec.loading != nil {
		spec.loading()
		for ctx.Err() == nil {
			if err := greet(ctx, spec.addr); err != nil {
				return Load{}, err
			}
		}
		return Load{}, ctx.Err()
	}
	for range pingRequests {
		if err := greet(ctx, spec.addr); err != nil {
			return Load{}, err
		}
	}
	return Load{Command: "bellwether load", Started: time.Now(), Elapsed: time.Millisecond, Ops: pingRequests}, nil
}

// killServer kills the stand-in whose folder is in data, once it has said who it is.
func killServer(t *testing.T, data string) {
	names, err := filepath.Glob(filepath.Join(data, nameServer+"-*", "pid"))
	if err != nil || len(names) != 1 {
		t.Errorf("stand-ins: %v, %v", names, err)
		return
	}
	text, err := os.ReadFile(names[0])
	if err != nil {
		t.Error(err)
		return
	}
	pid, err := strconv.Atoi(string(text))
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		t.Error(err)
	}
}
