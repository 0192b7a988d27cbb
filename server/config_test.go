package server

import (
	"flag"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// given is an operator's start: a command line, files by name, an environment.
type given struct {
	flags []string
	files map[string]string // by name; @ in flags and texts stands for their directory
	env   map[string]string
}

func (g given) load(t *testing.T) (*Config, []Notice, string, error) {
	t.Helper()
	dir := t.TempDir()
	here := func(s string) string { return strings.ReplaceAll(s, "@", dir) }
	for name, text := range g.files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(here(text)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Bool("verbose", false, "a flag of the command's own")
	cfg := DefaultConfig()
	RegisterFlags(fs, cfg)
	var args []string
	for _, a := range g.flags {
		args = append(args, here(a))
	}
	if err := fs.Parse(args); err != nil {
		return nil, nil, dir, err
	}
	notices, err := Load(fs, cfg, func(name string) string { return here(g.env[name]) })
	return cfg, notices, dir, err
}

func (g given) mustLoad(t *testing.T) (*Config, []Notice, string) {
	t.Helper()
	c, notices, dir, err := g.load(t)
	if err != nil {
		t.Fatal(err)
	}
	return c, notices, dir
}

// Without anything a server listens on the machine itself and keeps its data below the working directory.
func TestDefaultsWithoutAFile(t *testing.T) {
	c, notices, _ := given{}.mustLoad(t)
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if c.ListenAddress() != "127.0.0.1:2181" || c.DataDir != filepath.Join(wd, "data") || c.LogDir() != c.DataDir || c.TickTime != 2*time.Second {
		t.Errorf("listening on %s, data in %s, log in %s, tick %v", c.ListenAddress(), c.DataDir, c.LogDir(), c.TickTime)
	}
	if len(notices) > 0 {
		t.Errorf("notices %v, want none", notices)
	}
	if c.LogFormat.String() != "text" || c.LogLevel != slog.LevelInfo || c.FourLetterWords != DefaultWhitelist {
		t.Errorf("log %v %v, words %b", c.LogFormat, c.LogLevel, c.FourLetterWords)
	}
}

// Every flag reaches its field, and flags of the command's own do no harm.
func TestFlagsReachTheirFields(t *testing.T) {
	c, _, dir := given{flags: []string{"--verbose", "--data", "@/d", "--log-dir=@/l", "--listen", "[::1]:0", "--tick", "250ms",
		"--log-format", "json", "--log-level", "warn"}}.mustLoad(t)
	if c.DataDir != dir+"/d" || c.LogDir() != dir+"/l" || c.ListenAddress() != "[::1]:0" || c.TickTime != 250*time.Millisecond ||
		c.LogFormat != LogJSON || c.LogLevel != slog.LevelWarn {
		t.Errorf("%+v", c)
	}
}

// A tick without a unit is milliseconds, as in zoo.cfg.
func TestATickWithoutUnitIsMilliseconds(t *testing.T) {
	if c, _, _ := (given{flags: []string{"--tick", "1500"}}).mustLoad(t); c.TickTime != 1500*time.Millisecond {
		t.Errorf("tick %v", c.TickTime)
	}
}

// A flag wins over the file, the file over the environment; what a flag does not name stays the file's.
func TestAFlagWinsOverTheFileAndTheFileOverTheEnvironment(t *testing.T) {
	c, notices, dir := given{
		flags: []string{"--config", "@/zoo.cfg", "--listen", ":2999", "--tick", "4s"},
		files: map[string]string{"zoo.cfg": "clientPort=2181\ndataDir=@/fromfile\ntickTime=1000\nsnapCount=77\n"},
		env: map[string]string{
			"SERVER_JVMFLAGS": "-Xmx1g -Dzookeeper.snapCount=55 -Djute.maxbuffer=5000 -Dzookeeper.maxCnxns=3",
			"JVMFLAGS":        "-Djute.maxbuffer=6000 -Djava.awt.headless=true -Dzookeeper.tickTime=9 -Dzookeeper.nonsense=1",
		},
	}.mustLoad(t)
	if c.ListenAddress() != ":2999" || c.TickTime != 4*time.Second || c.DataDir != dir+"/fromfile" {
		t.Errorf("listening on %s, tick %v, data in %s", c.ListenAddress(), c.TickTime, c.DataDir)
	}
	if c.SnapCount != 77 || c.JuteMaxBufferBytes != 6000 || c.MaxCnxns != 3 {
		t.Errorf("snapCount %d, jute.maxbuffer %d, maxCnxns %d", c.SnapCount, c.JuteMaxBufferBytes, c.MaxCnxns)
	}
	wantKeys(t, notices, "zookeeper.tickTime", "zookeeper.nonsense")
	for _, n := range notices {
		if n.Where != "JVMFLAGS" {
			t.Errorf("notice about %s", n.Where)
		}
	}
}

// The environment counts without a file too, and a bad value in it is named with the variable.
func TestABadPropertyIsNamedWithItsVariable(t *testing.T) {
	_, _, _, err := given{env: map[string]string{"JVMFLAGS": "-Djute.maxbuffer=1M"}}.load(t)
	if err == nil || !strings.Contains(err.Error(), "JVMFLAGS: jute.maxbuffer=1M: is not a number") {
		t.Errorf("%v", err)
	}
}

// A value that a flag made wrong is named with the flag.
func TestABadFlagIsNamed(t *testing.T) {
	cases := []struct{ flags, error string }{
		{"--tick=0", "--tick: tickTime=0s: a tick of 0s cannot be kept"},
		{"--tick=soon", "write a length of time, such as 2s"},
		{"--listen=2181", "write host:port"},
		{"--listen=a:99999", `"99999" is not a port`},
		{"--log-format=xml", "write text or json"},
		{"--log-level=loud", "log-level"},
		{"--config=@/nowhere.cfg", "open the configuration"},
		{"--data=", "dataDir=: is missing"},
	}
	for _, c := range cases {
		if _, _, _, err := (given{flags: []string{c.flags}}).load(t); err == nil || !strings.Contains(err.Error(), c.error) {
			t.Errorf("%s: %v\nwant %s", c.flags, err, c.error)
		}
	}
}

// A log segment is made of whole pages and holds any request and any group of them, whatever preAllocSize says.
func TestALogSegmentHoldsTheLargestRequest(t *testing.T) {
	cases := []struct {
		text   string
		bytes  int64
		notice bool
	}{
		{"", 64 << 20, false},
		{"preAllocSize=65536", 64 << 20, false},
		{"preAllocSize=64", 8 << 20, true},
		{"preAllocSize=10001", 10004 << 10, true},
		{"jute.maxbuffer=50000000", 100_003_840, false},
		{"jute.maxbuffer=536870912\npreAllocSize=9000", 1 << 30, true},
	}
	for _, c := range cases {
		config, notices, _ := given{
			flags: []string{"--config", "@/zoo.cfg"},
			files: map[string]string{"zoo.cfg": "dataDir=@\nclientPort=1\n" + c.text + "\n"},
		}.mustLoad(t)
		if config.PreAllocBytes != c.bytes || (len(notices) > 0) != c.notice {
			t.Errorf("%q: %d bytes, notices %v", c.text, config.PreAllocBytes, notices)
		}
	}
}

// Members may stand in a file of their own, where the client's port stands with the server that myid names.
func TestADynamicFileOfMembers(t *testing.T) {
	start := given{
		flags: []string{"--config", "@/zoo.cfg"},
		files: map[string]string{
			"zoo.cfg":                   "dataDir=@/data\ninitLimit=5\nsyncLimit=2\ndynamicConfigFile=@/zoo.cfg.dynamic.100000000\n",
			"zoo.cfg.dynamic.100000000": "server.2=b:1:2:participant;0.0.0.0:2182",
			"data/myid":                 "2\n",
		},
	}
	c, _, _ := start.mustLoad(t)
	if c.Ensemble.ServerID != 2 || len(c.Ensemble.Members) != 1 || c.ListenAddress() != "0.0.0.0:2182" {
		t.Errorf("server %d of %d, listening on %s", c.Ensemble.ServerID, len(c.Ensemble.Members), c.ListenAddress())
	}

	start.files["zoo.cfg.dynamic.100000000"] += "\ntickTime=1"
	if _, _, _, err := start.load(t); err == nil || !strings.Contains(err.Error(), "tickTime=1: this key cannot stand in a file of members") {
		t.Errorf("%v", err)
	}
}

// A myid that is no number is refused where an ensemble needs it.
func TestABadMyidIsRefused(t *testing.T) {
	_, _, dir, err := given{
		flags: []string{"--config", "@/zoo.cfg"},
		files: map[string]string{"zoo.cfg": "dataDir=@/data\nclientPort=1\nserver.1=a:1:2\n", "data/myid": "one\n"},
	}.load(t)
	if err == nil || !strings.Contains(err.Error(), dir+"/data/myid:1: myid=one: is not a server's number") {
		t.Errorf("%v", err)
	}
}

// Durability is not for sale: no flag turns syncing off.
func TestNoFlagTurnsSyncingOff(t *testing.T) {
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	RegisterFlags(fs, DefaultConfig())
	fs.VisitAll(func(f *flag.Flag) {
		if strings.Contains(f.Name, "sync") {
			t.Errorf("there is a flag --%s", f.Name)
		}
	})
}
