package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"bellwether/loadgen"
	"bellwether/loadgen/client"
)

// exitInvalid is the exit status of a load whose generator was itself the limit.
const exitInvalid = 3

const loadUsage = `Usage: bellwether load --servers host:port[,host:port...][/chroot] [flags]

Puts load on any ZooKeeper-compatible service and measures it.

Without --rate the loop is closed: every session keeps --depth requests in flight, and the service sets the pace. That
finds the throughput. With --rate the loop is open: requests are due at times fixed beforehand, however the service gets
on, and latency counts from when a request was due, so that a stall shows in full. That finds the latency under a load.

The report's first line is the verdict: VALID, or INVALID when this program and not the service was the limit.
Exit status: 0 good; 1 failure, or an objective missed; 2 wrong usage; 3 invalid run.

Examples:
  bellwether load --servers 127.0.0.1:2181 --sessions 64 --depth 32 --mix get=90,set=10
  bellwether load --servers zk1,zk2,zk3/app --rate 20k --depth 100 --arrival poisson --slo 'p99<10ms' --json result.json

Flags:
`

// loadOptions are the flags of load that are not the run's own configuration.
type loadOptions struct {
	json       string
	quiet      bool
	objectives []loadgen.Objective
}

// loadCommand runs one load and reports it.
func loadCommand(args []string) int {
	config, options, err := parseLoad(args, os.Stdout)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bellwether load: %v\nRun bellwether load -h for the flags.\n", err)
		return exitUsage
	}
	report, err := newReport(options.json)
	if err != nil {
		fmt.Fprintf(os.Stderr, "bellwether load: %v\n", err)
		return exitUsage
	}
	defer report.discard()
	tuneRuntime()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	context.AfterFunc(ctx, cancel) // a second signal ends the process at once
	endProgress := func() {}
	if !options.quiet {
		config.Progress, endProgress = loadgen.ProgressTo(os.Stderr, isTerminal(os.Stderr))
	}
	res, err := loadgen.Run(ctx, *config)
	endProgress()
	if err != nil {
		fmt.Fprintf(os.Stderr, "bellwether load: %v\n", err)
	}
	if res == nil {
		return exitFailure
	}
	if werr := report.write(res); werr != nil {
		fmt.Fprintf(os.Stderr, "bellwether load: %v\n", werr)
		return exitFailure
	}
	return loadStatus(res, err, options.objectives)
}

// loadStatus says how a load with a result ended.
func loadStatus(res *loadgen.Result, err error, objectives []loadgen.Objective) int {
	status := exitOK
	for _, o := range objectives {
		if met, figure := o.Met(res); !met {
			fmt.Fprintf(os.Stderr, "bellwether load: objective %v missed: %s is %v\n", o, o.Figure, figure)
			status = exitFailure
		}
	}
	switch {
	case err != nil:
		return exitFailure
	case res.Good == 0:
		fmt.Fprintln(os.Stderr, "bellwether load: no request succeeded")
		return exitFailure
	case !res.Verdict.Valid: // says more than a missed objective: the figures are not the service's
		return exitInvalid
	}
	return status
}

// parseLoad reads the command line. It writes the help text to help when asked for, with flag.ErrHelp; it writes no errors.
func parseLoad(args []string, help io.Writer) (*loadgen.Config, *loadOptions, error) {
	c, o := loadgen.DefaultConfig(), &loadOptions{}
	fs := flag.NewFlagSet("load", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	registerLoad(fs, &c, o)
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(help, loadUsage)
		fs.SetOutput(help)
		fs.PrintDefaults()
		return nil, nil, err
	} else if err != nil {
		return nil, nil, err
	}
	if fs.NArg() > 0 {
		return nil, nil, fmt.Errorf("unexpected argument %q: flags begin with --", fs.Arg(0))
	}
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if given["count"] && !given["duration"] {
		c.Duration = 0 // the count ends the run
	}
	if given["arrival"] && c.Rate == 0 {
		return nil, nil, errors.New("--arrival without --rate: a closed loop has no arrivals of its own: give a rate")
	}
	return &c, o, c.Validate()
}

func registerLoad(fs *flag.FlagSet, c *loadgen.Config, o *loadOptions) {
	fs.Func("servers", "connect string, `host:port,...[/chroot]`: the servers, and the znode below which the load stays", func(s string) (err error) {
		c.Servers, c.Chroot, err = client.ParseServers(s)
		return err
	})
	fs.IntVar(&c.Sessions, "sessions", c.Sessions, "`number` of sessions, spread over the servers")
	fs.IntVar(&c.Depth, "depth", c.Depth, "requests in flight per session: always so many in a closed loop, at most so many in an open one")
	fs.Func("rate", "open loop: requests per second in all, as `50000` or 50k (default: closed loop)", func(s string) (err error) {
		c.Rate, err = parseRate(s)
		return err
	})
	fs.StringVar((*string)(&c.Arrival), "arrival", string(c.Arrival), "open loop: how requests are spread over time, `uniform` or poisson")
	fs.Func("mix", fmt.Sprintf("operations by weight: get set exists children acl sync create delete multi (default %v)", c.Mix), func(s string) (err error) {
		c.Mix, err = loadgen.ParseMix(s)
		return err
	})
	fs.IntVar(&c.MultiSize, "multi", c.MultiSize, "`number` of setData in a multi")
	fs.DurationVar(&c.Duration, "duration", c.Duration, "measured `time`; with --count alone, no limit")
	fs.DurationVar(&c.Warmup, "warmup", c.Warmup, "`time` of load before, not measured")
	fs.Int64Var(&c.Count, "count", c.Count, "measured `requests`; 0 for no limit")
	fs.DurationVar(&c.Drain, "drain", c.Drain, "`time` after the end for requests that are due or in flight")
	fs.IntVar(&c.Keys, "keys", c.Keys, "`number` of znodes to work on, made beforehand")
	fs.StringVar(&c.KeyPrefix, "prefix", c.KeyPrefix, "`path` below which they are; it is made and removed")
	fs.IntVar(&c.DirSize, "dir-size", c.DirSize, "`number` of them in a directory: what children lists")
	fs.IntVar(&c.ValueSize, "value", c.ValueSize, "size of values in `bytes`")
	fs.Func("dist", "how keys are chosen: `uniform`, zipf or zipf:THETA; zipf alone has theta 0.99 (default uniform)", func(s string) (err error) {
		c.KeyDist, err = parseDist(s)
		return err
	})
	fs.Uint64Var(&c.Seed, "seed", c.Seed, "`number` from which operations, keys and arrivals are made: the same gives the same")
	fs.DurationVar(&c.SessionTimeout, "timeout", c.SessionTimeout, "session timeout to ask for, a `time`")
	fs.DurationVar(&c.Patience, "patience", c.Patience, "`time` without a reachable server after which the run is given up")
	fs.Func("auth", "credential, `scheme:credential`, as in digest:user:password; may be repeated", func(s string) error {
		scheme, credential, ok := strings.Cut(s, ":")
		if !ok || scheme == "" {
			return errors.New("want scheme:credential, as in digest:user:password")
		}
		c.Auth = append(c.Auth, client.Auth{Scheme: scheme, Credential: []byte(credential)})
		return nil
	})
	fs.IntVar(&c.Workers, "workers", c.Workers, "event loops, a thread each; 0 for half the cores")
	fs.BoolVar(&c.Keep, "keep", c.Keep, "leave the keys for the next run")
	fs.Func("slo", "objective on the latency, `p99<10ms`; may be repeated; exit status 1 if missed", func(s string) error {
		objective, err := loadgen.ParseObjective(s)
		o.objectives = append(o.objectives, objective)
		return err
	})
	fs.StringVar(&o.json, "json", "", "write the whole result as JSON to `file`; - for standard output, and the report to standard error")
	fs.BoolVar(&o.quiet, "quiet", false, "no progress on standard error")
}

// parseRate reads a number of requests per second, with k or m for thousands or millions, and /s if one likes.
func parseRate(s string) (float64, error) {
	number, factor := strings.TrimSuffix(s, "/s"), 1.0
	switch {
	case strings.HasSuffix(number, "k"):
		number, factor = strings.TrimSuffix(number, "k"), 1e3
	case strings.HasSuffix(number, "m"):
		number, factor = strings.TrimSuffix(number, "m"), 1e6
	}
	rate, err := strconv.ParseFloat(number, 64)
	if err != nil || rate <= 0 {
		return 0, errors.New("want requests per second above 0, as 50000 or 50k; leave it out for a closed loop")
	}
	return rate * factor, nil
}

// defaultTheta is the skew that benchmarks of key-value stores use by default.
const defaultTheta = 0.99

func parseDist(s string) (loadgen.KeyDist, error) {
	kind, theta, given := strings.Cut(s, ":")
	d := loadgen.KeyDist{Kind: kind}
	if kind == loadgen.Zipf {
		d.Theta = defaultTheta
	}
	if given {
		var err error
		if d.Theta, err = strconv.ParseFloat(theta, 64); err != nil || kind != loadgen.Zipf {
			return d, errors.New("want uniform, zipf or zipf:THETA with a number, as in zipf:0.99")
		}
	}
	return d, nil
}

// loadReport is where a result goes. A file is made beforehand, so that a bad name is found before the load and not after
// it, and gets its name only when it is complete.
type loadReport struct {
	name string // of the JSON; "" for none, - for standard output
	file *os.File
}

func newReport(name string) (*loadReport, error) {
	r := &loadReport{name: name}
	if name == "" || name == "-" {
		return r, nil
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("--json %s: not a regular file: name another", name)
	}
	var err error
	if r.file, err = os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*"); err != nil {
		return nil, fmt.Errorf("--json: cannot write beside %s: %w", name, err)
	}
	return r, nil
}

// write writes the report for people, and the JSON.
func (r *loadReport) write(res *loadgen.Result) error {
	text := os.Stdout
	if r.name == "-" {
		text = os.Stderr
	}
	if err := res.WriteText(text); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if r.name == "" {
		return nil
	}
	b, err := json.MarshalIndent(res, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	b = append(b, '\n')
	if r.name == "-" {
		_, err = os.Stdout.Write(b)
		return err
	}
	return r.writeFile(b)
}

func (r *loadReport) writeFile(b []byte) error {
	_, err := r.file.Write(b)
	if err = errors.Join(err, r.file.Chmod(0o644), r.file.Close()); err == nil {
		err = os.Rename(r.file.Name(), r.name)
	}
	if err != nil {
		return fmt.Errorf("write the result to %s: %w", r.name, err)
	}
	r.file = nil
	return nil
}

// discard removes what was not finished.
func (r *loadReport) discard() {
	if r.file != nil {
		r.file.Close()
		os.Remove(r.file.Name())
	}
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
