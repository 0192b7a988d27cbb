package main

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"bellwether/loadgen"
)

// Every flag of load reaches the field that it names.
func TestLoadFlagsReachTheConfig(t *testing.T) {
	c, o, err := parseLoad(strings.Fields("--servers a:1,b/app --sessions 7 --depth 3 --rate 20k/s --arrival poisson "+
		"--mix get=1,multi=2 --multi 5 --duration 3s --warmup 1s --count 9 --drain 2s --keys 11 --prefix /x --dir-size 12 --value 13 "+
		"--dist zipf:0.8 --seed 14 --timeout 15s --patience 16s --auth digest:u:p --workers 2 --keep --slo p99<10ms --json out --quiet"), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Servers; !reflect.DeepEqual(got, []string{"a:1", "b:2181"}) || c.Chroot != "/app" {
		t.Errorf("servers %q, chroot %q", got, c.Chroot)
	}
	if a := c.Auth; len(a) != 1 || a[0].Scheme != "digest" || string(a[0].Credential) != "u:p" {
		t.Errorf("auth %v", a)
	}
	want := loadgen.Config{
		Servers: c.Servers, Chroot: c.Chroot, Auth: c.Auth,
		Sessions: 7, Depth: 3, Rate: 20_000, Arrival: loadgen.Poisson, Mix: loadgen.Mix{loadgen.Get: 1, loadgen.Multi: 2}, MultiSize: 5,
		Duration: 3 * time.Second, Warmup: time.Second, Count: 9, Drain: 2 * time.Second, Keys: 11, KeyPrefix: "/x", DirSize: 12,
		ValueSize: 13, KeyDist: loadgen.KeyDist{Kind: loadgen.Zipf, Theta: 0.8}, Seed: 14, SessionTimeout: 15 * time.Second,
		Patience: 16 * time.Second, Workers: 2, Keep: true,
	}
	if !reflect.DeepEqual(*c, want) {
		t.Errorf("config\n got %+v\nwant %+v", *c, want)
	}
	if len(o.objectives) != 1 || o.json != "out" || !o.quiet {
		t.Errorf("options %+v", o)
	}
}

// A count without a duration ends the run alone.
func TestLoadCountStandsAlone(t *testing.T) {
	c, _, err := parseLoad([]string{"--servers", "a", "--count", "5"}, io.Discard)
	if err != nil || c.Duration != 0 || c.Count != 5 {
		t.Fatalf("%v, duration %v, count %d", err, c.Duration, c.Count)
	}
}

// A command line that cannot be meant is refused, and the error says what to do.
func TestLoadRefusesImpossibleFlags(t *testing.T) {
	for _, x := range []struct{ args, word string }{
		{"", "name at least one host:port"},
		{"--servers a:0", "port from 1 to 65535"},
		{"--servers a --mix fetch=1", "known are get"},
		{"--servers a --rate 0", "leave it out for a closed loop"},
		{"--servers a --rate fast", "50k"},
		{"--servers a --arrival poisson", "give a rate"},
		{"--servers a --dist normal", "want uniform or zipf"},
		{"--servers a --dist uniform:2", "zipf:THETA"},
		{"--servers a --auth secret", "digest:user:password"},
		{"--servers a --slo p98<1s", "p99<10ms"},
		{"--servers a --duration 0s", "give one of them"},
		{"--servers a --mix delete=1", "raise create to at least 1"},
		{"--servers a extra", `unexpected argument "extra"`},
		{"--servers a --depht 3", "not defined"},
	} {
		_, _, err := parseLoad(strings.Fields(x.args), io.Discard)
		if err == nil || !strings.Contains(err.Error(), x.word) {
			t.Errorf("%q: error %v does not say %q", x.args, err, x.word)
		}
	}
}

// The help text goes where it is asked for and names every exit status and flag.
func TestLoadHelp(t *testing.T) {
	var help strings.Builder
	if _, _, err := parseLoad([]string{"-h"}, &help); !errors.Is(err, flag.ErrHelp) {
		t.Fatal(err)
	}
	for _, word := range []string{"Exit status", "INVALID", "-rate", "-slo", "open loop"} {
		if !strings.Contains(help.String(), word) {
			t.Errorf("the help does not say %q", word)
		}
	}
}

// A load ends with the status that scripts rely on.
func TestLoadStatus(t *testing.T) {
	good := loadgen.Result{Good: 1}
	good.Verdict.Valid = true
	good.Total.Latency = loadgen.Latency{Count: 1, P99: int64(5 * time.Millisecond)}
	invalid := good
	invalid.Verdict.Valid = false
	missed, _ := loadgen.ParseObjective("p99<5ms")
	met, _ := loadgen.ParseObjective("p99<6ms")
	for _, x := range []struct {
		name       string
		result     loadgen.Result
		err        error
		objectives []loadgen.Objective
		want       int
	}{
		{"good", good, nil, []loadgen.Objective{met}, exitOK},
		{"objective missed", good, nil, []loadgen.Objective{met, missed}, exitFailure},
		{"generator was the limit", invalid, nil, []loadgen.Objective{missed}, exitInvalid},
		{"cut short", invalid, errors.New("servers gone"), nil, exitFailure},
		{"nothing succeeded", loadgen.Result{}, nil, nil, exitFailure},
	} {
		if got := loadStatus(&x.result, x.err, x.objectives); got != x.want {
			t.Errorf("%s: status %d, want %d", x.name, got, x.want)
		}
	}
}

// A result file appears complete or not at all, and a place that cannot be written is found before the load.
func TestLoadReportIsWholeOrAbsent(t *testing.T) {
	if _, err := newReport(filepath.Join(t.TempDir(), "no", "such", "dir.json")); err == nil {
		t.Error("a report in a directory that is not there: accepted")
	}
	if _, err := newReport(t.TempDir()); err == nil {
		t.Error("a report that is a directory: accepted")
	}
	name := filepath.Join(t.TempDir(), "result.json")
	r, err := newReport(name)
	if err != nil {
		t.Fatal(err)
	}
	r.discard()
	if left, _ := os.ReadDir(filepath.Dir(name)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if r, err = newReport(name); err == nil {
		err = r.writeFile([]byte("{}"))
	}
	if b, rerr := os.ReadFile(name); err != nil || rerr != nil || string(b) != "{}" {
		t.Errorf("wrote %q, %v, %v", b, err, rerr)
	}
}
