package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// The exit codes of Command.
const (
	exitOK     = 0
	exitFailed = 1 // what there is of a result is kept, and marked
	exitUsage  = 2
)

const usage = `bellwether bench measures this server beside its ceilings, and renders RESULTS.md.

  bellwether bench [flags]               run the suite
  bellwether bench render RESULT.json    render RESULTS.md again, to standard output or --out FILE
  bellwether bench scenarios             list the scenarios and what each asks

A run writes, below --out: RESULTS.md, bench/results/latest.json (the raw result) and profiles/.
Exit codes: 0 done, 1 failed (what was measured is kept and marked as partial), 2 usage.

Flags of a run:
`

// Command runs the subcommand with the arguments behind "bench" and returns the exit code. Standard output gets the
// report in short, standard error the progress and the errors. SIGINT and SIGTERM end a run; what it measured is kept.
func Command(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	name := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name = args[0]
	}
	switch name {
	case "":
		err = runCommand(ctx, args, stdout, stderr)
	case "render":
		err = renderCommand(args[1:], stdout, stderr)
	case "scenarios":
		err = listScenarios(stdout)
	case "ceiling": // not for people: a run starts it
		err = ceilingCommand(ctx, args[1:], stdout, stderr)
	default:
		err = usageError{fmt.Errorf("unknown command %q; known are render and scenarios, or flags only for a run", name)}
	}
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.As(err, new(usageError)):
		fmt.Fprintf(stderr, "bellwether bench: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "bellwether bench: %v\n", err)
	return exitFailed
}

// usageError is a mistake in the arguments.
type usageError struct{ error }

// Unwrap lets errors.Is see through.
func (e usageError) Unwrap() error { return e.error }

// parse parses flags, and takes exactly the number of arguments behind them that it is told.
func parse(flags *flag.FlagSet, args []string, positional int) error {
	if err := flags.Parse(args); err != nil {
		return usageError{err}
	}
	if flags.NArg() != positional {
		return usageError{fmt.Errorf("%s takes %d arguments besides flags, not %q", flags.Name(), positional, flags.Args())}
	}
	return nil
}

// options are the flags of a run.
type options struct {
	out, data, peer          string
	settings                 Settings
	scenario, values, shapes string
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.scenario, "scenario", "", "comma-separated `names` of scenarios (default all of them: "+strings.Join(scenarioNames(), ",")+")")
	flags.StringVar(&o.values, "value", "", "comma-separated value sizes in `bytes` (default 100,1024)")
	flags.StringVar(&o.shapes, "load", "", "comma-separated loads as `SESSIONSxDEPTH` (default 128x1,64x32)")
	flags.DurationVar(&o.settings.Duration, "duration", 3*time.Second, "measured part of every window")
	flags.DurationVar(&o.settings.Warmup, "warmup", time.Second, "unmeasured part before it")
	flags.DurationVar(&o.settings.Profile, "profile", 3*time.Second, "length of each CPU profile, in whole seconds, 0 for none")
	flags.IntVar(&o.settings.Repeat, "repeat", 1, "windows for each party and case")
	flags.StringVar(&o.peer, "peer", "", "also measure a peer in the same run: zookeeper")
	flags.StringVar(&o.out, "out", ".", "`folder` of the report")
	flags.StringVar(&o.data, "data", "", "`folder` for the servers' data, on the disk to be measured (default the report's)")
	flags.Uint64Var(&o.settings.Seed, "seed", 1, "seed of the load's random choices")
	if err := parse(flags, args, 0); err != nil {
		return options{}, err
	}
	return o, o.complete()
}

// complete turns the lists into settings and checks the rest.
func (o *options) complete() (err error) {
	s := &o.settings
	if s.Scenarios, err = selectScenarios(o.scenario); err != nil {
		return usageError{err}
	}
	if s.ValueSize, err = parseValueBytes(o.values); err != nil {
		return usageError{err}
	}
	if s.Shapes, err = parseShapes(o.shapes); err != nil {
		return usageError{err}
	}
	switch {
	case s.Duration < 100*time.Millisecond:
		return usageError{fmt.Errorf("a duration of %v is too short to measure anything: 100ms at least", s.Duration)}
	case s.Warmup < 0:
		return usageError{fmt.Errorf("a warm-up of %v is no length of time", s.Warmup)}
	case s.Profile != 0 && s.Profile < time.Second:
		return usageError{fmt.Errorf("a profile of %v is too short: 1s at least, or 0 for none", s.Profile)}
	case s.Repeat < 1:
		return usageError{fmt.Errorf("--repeat %d measures nothing", s.Repeat)}
	case o.peer != "" && o.peer != nameZooKeeper:
		return usageError{fmt.Errorf("unknown peer %q; known is %s", o.peer, nameZooKeeper)}
	}
	s.Peer, s.Keys = o.peer, keyCount
	if o.data == "" {
		o.data = o.out
	}
	return nil
}

func runCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("this program cannot find itself: %w", err)
	}
	s := &suite{
		program: program, out: o.out, proc: os.DirFS("/proc"), load: drive, say: sayTo(stderr),
		result: &Result{
			Schema: SchemaVersion, Started: time.Now(), Settings: o.settings,
			Command: commandLine("bellwether", append([]string{"bench"}, args...)),
		},
	}
	if o.peer == nameZooKeeper {
		zookeeper, err := findZooKeeper(ctx)
		if err != nil {
			return err
		}
		s.peer = zookeeper.start
	}
	if err := os.MkdirAll(o.data, 0o755); err != nil {
		return fmt.Errorf("folder for data: %w", err)
	}
	if s.data, err = os.MkdirTemp(o.data, ".bench-data-"); err != nil {
		return fmt.Errorf("folder for data: %w", err)
	}
	defer os.RemoveAll(s.data)
	if s.data, err = filepath.Abs(s.data); err != nil {
		return fmt.Errorf("folder for data: %w", err)
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	if s.result.Disk.InMemory() {
		s.say("the data lies on %s: syncs there cost nothing, and the figures for writes mean nothing", s.result.Disk.FileSystem)
	}
	windows, about := s.plan()
	s.say("%d windows, about %v", windows, about.Round(time.Second))
	failure := s.run(ctx)
	if err := printShort(stdout, s.result); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\nreport %s, raw result %s\n", filepath.Join(o.out, reportName), filepath.Join(o.out, rawName))
	return failure
}

// printShort prints what a run is for: every row, and the table beside the ceilings.
func printShort(w io.Writer, r *Result) error {
	rep := newReport(r)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(cells ...string) { fmt.Fprintln(t, strings.Join(cells, "\t")+"\t") }
	line("scenario", "value", "load", "party", "ops/s", "read p50", "p99 ms", "write p50", "p99 ms", "CPU µs/op", "generator's")
	for _, table := range rep.Tables {
		for _, row := range table.Rows {
			line(table.Scenario.Name, row.Value, row.Load, row.Party, row.Ops, row.ReadP50, row.ReadP99,
				row.WriteP50, row.WriteP99, row.ServerCPU, row.GeneratorCPU, strings.ReplaceAll(row.Note, "*", ""))
		}
	}
	if len(rep.Ceilings) > 0 {
		line()
		line("beside the ceiling", "value", "load", "party", "CPU µs/op", "ceiling's", "ratio", "ops/s", "ceiling's", "share", "budget")
	}
	for _, row := range rep.Ceilings {
		line(row.Scenario, row.Value, row.Load, row.Party, row.ServerCPU, row.CeilingCPU, row.CPU,
			row.ServerOps, row.CeilingOps, row.Through, row.Budget, strings.Trim(row.Verdict, "*"))
	}
	return t.Flush()
}

// renderCommand makes a report of a raw result that is stored.
func renderCommand(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench render", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("out", "", "`file` to write instead of standard output")
	// The flag may stand before or behind the name.
	var name string
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	positional := 0
	if name == "" {
		positional = 1
	}
	if err := parse(flags, args, positional); err != nil {
		return err
	}
	if name == "" {
		name = flags.Arg(0)
	}
	result, err := readResult(name)
	if err != nil {
		return err
	}
	report, err := render(result)
	if err != nil {
		return err
	}
	if *out != "" {
		return writeFile(*out, report)
	}
	_, err = stdout.Write(report)
	return err
}

func listScenarios(stdout io.Writer) error {
	t := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	for _, s := range scenarios {
		fmt.Fprintf(t, "%s\t%s\t%s\n", s.Name, s.Mix, s.Question)
	}
	return t.Flush()
}

// ceilingCommand is a ceiling's process.
func ceilingCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return usageError{fmt.Errorf("which ceiling: %s or %s?", ceilingEcho, ceilingAppend)}
	}
	config := ceilingConfig{kind: ceilingKind(args[0])}
	if config.kind != ceilingEcho && config.kind != ceilingAppend {
		return usageError{fmt.Errorf("unknown ceiling %q; known are %s and %s", args[0], ceilingEcho, ceilingAppend)}
	}
	flags := flag.NewFlagSet("bench ceiling", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&config.listen, "listen", "127.0.0.1:0", "`host:port` to serve on")
	flags.IntVar(&config.valueBytes, "value", 100, "`bytes` of the value that reads answer with")
	flags.StringVar(&config.file, "file", "ceiling-log", "`file` that writes are appended to; it is removed at the end")
	if err := parse(flags, args[1:], 0); err != nil {
		return err
	}
	// As the server does: an event loop in epoll_wait and a committer in fdatasync hold a processor of the scheduler each,
	// until the runtime notices.
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.NumCPU() + 2)
	}
	return runCeiling(ctx, config, func(addr net.Addr) { fmt.Fprintf(stdout, "ceiling %s serves on %v\n", config.kind, addr) })
}
