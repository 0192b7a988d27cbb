package server

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"bellwether/engine/wire"
)

// sampleReport is a server in the middle of its life.
func sampleReport() *Report {
	config := newFileConfig("zoo.cfg")
	config.TickTime = 2 * time.Second
	return &Report{
		Version: "3.9.5-bellwether-4f1c2ab, built on 11/22/2026 08:00 GMT",
		Mode:    "standalone", LatencyMin: 0, LatencyAvg: 2.05257, LatencyMax: 9, Received: 22, Sent: 21,
		ConnectionCount: 3, Outstanding: 0, Zxid: 5, ZnodeCount: 8,
		WatchCount: 4, EphemeralCount: 2, SessionCount: 2, DataSizeBytes: 71, UptimeMillis: 1153, OpenFiles: 71, MaxFiles: 20000,
		Clients: []ClientReport{
			{Remote: "127.0.0.1:42184", Interest: 1, Received: 2, Sent: 2, SessionID: 0x10000176c510001, LastOperation: "GETD",
				Established: 1795334855873, TimeoutMillis: 12000, LastCxid: 1, LastZxid: 5, LastResponse: 1535911, LastLatency: 1, MaximumLatency: 1},
			{Remote: "127.0.0.1:42200", Interest: 5, Queued: 3, Received: 4, Sent: 1, SessionID: -1, LastOperation: "SESS",
				TimeoutMillis: 4000, LastCxid: -1, LastZxid: -1},
			{Remote: "127.0.0.1:42216", Received: 1},
		},
		Watches:     WatchReport{Connections: 2, Paths: 2, Total: 3},
		Directories: DirectoryReport{Data: "/path/data", Log: "/path/log", DataBytes: 67109337, LogBytes: 42},
		Environment: []EnvironmentEntry{{"host.name", "zoo1"}, {"java.home", ""}},
		Config:      config, ClientPort: 21100,
	}
}

func answer(t *testing.T, word string, r *Report, allowed Whitelist) string {
	t.Helper()
	out, known := AppendFourLetterWord([]byte("kept "), word, r, allowed)
	text, ok := strings.CutPrefix(string(out), "kept ")
	if !known || !ok {
		t.Fatalf("%s: known %v, answer %q", word, known, out)
	}
	return text
}

// Monitoring systems parse these texts: each is Apache's, to the byte.
func TestAnswersAreApaches(t *testing.T) {
	cases := []struct{ word, text string }{
		{"ruok", "imok"},
		{"isro", "rw"},
		{"srvr", `Zookeeper version: 3.9.5-bellwether-4f1c2ab, built on 11/22/2026 08:00 GMT
Latency min/avg/max: 0/2.0526/9
Received: 22
Sent: 21
Connections: 3
Outstanding: 0
Zxid: 0x5
Mode: standalone
Node count: 8
`},
		{"stat", `Zookeeper version: 3.9.5-bellwether-4f1c2ab, built on 11/22/2026 08:00 GMT
Clients:
 /127.0.0.1:42184[1](queued=0,recved=2,sent=2)
 /127.0.0.1:42200[5](queued=3,recved=4,sent=1)
 /127.0.0.1:42216[0](queued=0,recved=1,sent=0)

Latency min/avg/max: 0/2.0526/9
Received: 22
Sent: 21
Connections: 3
Outstanding: 0
Zxid: 0x5
Mode: standalone
Node count: 8
`},
		{"cons", ` /127.0.0.1:42184[1](queued=0,recved=2,sent=2,sid=0x10000176c510001,lop=GETD,est=1795334855873,to=12000,lcxid=0x1,lzxid=0x5,lresp=1535911,llat=1,minlat=0,avglat=0,maxlat=1)
 /127.0.0.1:42200[5](queued=3,recved=4,sent=1,sid=0xffffffffffffffff,lop=SESS,est=0,to=4000,lzxid=0xffffffffffffffff,lresp=0,llat=0,minlat=0,avglat=0,maxlat=0)
 /127.0.0.1:42216[0](queued=0,recved=1,sent=0)

`},
		{"conf", `clientPort=21100
secureClientPort=-1
dataDir=/path/data
dataDirSize=67109337
dataLogDir=/path/log
dataLogSize=42
tickTime=2000
maxClientCnxns=60
minSessionTimeout=4000
maxSessionTimeout=40000
clientPortListenBacklog=-1
serverId=0
`},
		{"envi", `Environment:
zookeeper.version=3.9.5-bellwether-4f1c2ab, built on 11/22/2026 08:00 GMT
host.name=zoo1
java.home=
`},
		{"wchs", "2 connections watching 2 paths\nTotal watches:3\n"},
		{"dirs", "datadir_size: 67109337\nlogdir_size: 42\n"},
		{"mntr", strings.ReplaceAll(`zk_version 3.9.5-bellwether-4f1c2ab, built on 11/22/2026 08:00 GMT
zk_server_state standalone
zk_ephemerals_count 2
zk_num_alive_connections 3
zk_avg_latency 2.0526
zk_outstanding_requests 0
zk_znode_count 8
zk_watch_count 4
zk_global_sessions 2
zk_approximate_data_size 71
zk_packets_received 22
zk_packets_sent 21
zk_max_file_descriptor_count 20000
zk_open_file_descriptor_count 71
zk_uptime 1153
zk_min_latency 0
zk_max_latency 9
`, " ", "\t")},
	}
	for _, c := range cases {
		t.Run(c.word, func(t *testing.T) {
			want := c.text
			if c.word == "mntr" { // the version has blanks of its own
				want = strings.Replace(want, "3.9.5-bellwether-4f1c2ab,\tbuilt\ton\t11/22/2026\t08:00\tGMT", sampleReport().Version, 1)
			}
			if got := answer(t, c.word, sampleReport(), DefaultWhitelist); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// A server that serves reads alone says so in its second line, and isro tells clients to look elsewhere.
func TestAReadOnlyServerSaysSo(t *testing.T) {
	r := sampleReport()
	r.Mode, r.ReadOnly = "read-only", true
	if got := answer(t, "isro", r, DefaultWhitelist); got != "ro" {
		t.Errorf("isro: %q", got)
	}
	lines := strings.Split(answer(t, "stat", r, DefaultWhitelist), "\n")
	if lines[1] != "READ-ONLY mode; serving only read-only clients" || lines[2] != "Clients:" {
		t.Errorf("stat: %q", lines[:3])
	}
}

// A server that does not serve yet still says that it runs, and what it runs on; everything else has to wait.
func TestAServerThatDoesNotServeYet(t *testing.T) {
	r := sampleReport()
	r.Mode = ""
	for _, word := range FourLetterWords() {
		want := "This ZooKeeper instance is not currently serving requests\n"
		switch word {
		case "ruok":
			want = "imok"
		case "isro":
			want = "null"
		case "envi":
			want = answer(t, "envi", sampleReport(), DefaultWhitelist)
		}
		if DefaultWhitelist.Has(word) && answer(t, word, r, DefaultWhitelist) != want {
			t.Errorf("%s: %q", word, answer(t, word, r, DefaultWhitelist))
		}
	}
}

// A word outside of the whitelist is refused with Apache's text, and nothing is gathered for it.
func TestARefusedWordCostsNothing(t *testing.T) {
	for _, word := range FourLetterWords() {
		want := word + " is not executed because it is not in the whitelist.\n"
		if got := answer(t, word, nil, 0); got != want || PartsOf(word, 0) != 0 {
			t.Errorf("%s: %q, parts %b", word, got, PartsOf(word, 0))
		}
	}
}

// The harmless words are on without a list; those that change something, tell paths or cost much are not.
func TestTheHarmlessWordsAreOn(t *testing.T) {
	var on, off []string
	for _, word := range FourLetterWords() {
		if DefaultWhitelist.Has(word) {
			on = append(on, word)
		} else {
			off = append(off, word)
		}
	}
	if got := strings.Join(on, " "); got != "conf cons dirs envi isro mntr ruok srvr stat wchs" {
		t.Errorf("on: %s", got)
	}
	if got := strings.Join(off, " "); got != "crst dump gtmk hash srst stmk wchc wchp" {
		t.Errorf("off: %s", got)
	}
}

// A whitelist is exactly what it says, and srvr; words that do nothing here are told.
func TestAWhitelistIsWhatItSays(t *testing.T) {
	cases := []struct {
		text    string
		on      string
		unknown []string
	}{
		{"stat, ruok", "ruok srvr stat", nil},
		{"", "srvr", nil},
		{" ,,mntr", "mntr srvr", nil},
		{"*", strings.Join(FourLetterWords(), " "), nil},
		{"nope,conf,Stat,dump", "conf dump srvr", []string{"nope", "Stat", "dump"}},
	}
	for _, c := range cases {
		w, unknown := ParseWhitelist(c.text)
		var on []string
		for _, word := range FourLetterWords() {
			if w.Has(word) {
				on = append(on, word)
			}
		}
		if strings.Join(on, " ") != c.on || !slices.Equal(unknown, c.unknown) {
			t.Errorf("%q allows %q and does not know %q", c.text, on, unknown)
		}
	}
	all, _ := ParseWhitelist("*")
	if got := answer(t, "dump", nil, all); got != "dump is not executed because this server does not offer it.\n" {
		t.Errorf("dump: %q", got)
	}
}

// Only the exact four bytes are a word; a length of a frame never is, and what follows does not matter.
func TestWordsAreToldFromLengths(t *testing.T) {
	for _, word := range FourLetterWords() {
		if got, ok := FourLetterWord([]byte(word + "\n")); !ok || got != word {
			t.Errorf("%s is taken for %q", word, got)
		}
	}
	for _, text := range []string{"", "ruo", "RUOK", "ruo\n", "xxxx", "\x00\x00\x00\x2c", "\x72\x75\x6f\x00"} {
		if got, ok := FourLetterWord([]byte(text)); ok {
			t.Errorf("%q is taken for the word %s", text, got)
		}
	}
	if _, known := AppendFourLetterWord(nil, "xxxx", nil, DefaultWhitelist); known {
		t.Error("xxxx is known")
	}
}

// Telnet's way to close is no garbage: it is answered with nothing.
func TestTelnetsCloseIsAnsweredWithNothing(t *testing.T) {
	word, ok := FourLetterWord([]byte(TelnetClose))
	if out, known := AppendFourLetterWord(nil, word, nil, 0); !ok || !known || len(out) > 0 {
		t.Errorf("word %v, known %v, answer %q", ok, known, out)
	}
}

// Looking for a word is on the way of every new connection, so it costs no allocation.
func TestLookingForAWordAllocatesNothing(t *testing.T) {
	first4 := []byte("wchs")
	if n := testing.AllocsPerRun(1000, func() { _, _ = FourLetterWord(first4) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// Every part a word's answer reads is asked for: with only those parts filled, the answer is the same.
func TestPartsOfAWordSuffice(t *testing.T) {
	for _, word := range FourLetterWords() {
		parts := PartsOf(word, DefaultWhitelist)
		full, some := sampleReport(), &Report{Version: sampleReport().Version, OpenFiles: -1}
		if parts.Has(PartState) {
			some.Mode, some.ReadOnly, some.LatencyMin, some.LatencyAvg, some.LatencyMax = full.Mode, full.ReadOnly, full.LatencyMin, full.LatencyAvg, full.LatencyMax
			some.Received, some.Sent, some.ConnectionCount, some.Outstanding = full.Received, full.Sent, full.ConnectionCount, full.Outstanding
			some.Zxid, some.ZnodeCount = full.Zxid, full.ZnodeCount
		}
		if parts.Has(PartMetrics) {
			some.WatchCount, some.EphemeralCount, some.SessionCount, some.DataSizeBytes = full.WatchCount, full.EphemeralCount, full.SessionCount, full.DataSizeBytes
			some.UptimeMillis, some.OpenFiles, some.MaxFiles = full.UptimeMillis, full.OpenFiles, full.MaxFiles
		}
		if parts.Has(PartClients) {
			some.Clients = full.Clients
		}
		if parts.Has(PartWatches) {
			some.Watches = full.Watches
		}
		if parts.Has(PartDirectories) {
			some.Directories = full.Directories
		}
		if parts.Has(PartEnvironment) {
			some.Environment = full.Environment
		}
		if parts.Has(PartConfig) {
			some.Config, some.ClientPort = full.Config, full.ClientPort
		}
		if got, want := answer(t, word, some, DefaultWhitelist), answer(t, word, full, DefaultWhitelist); got != want {
			t.Errorf("%s asks for too little: %q, want %q", word, got, want)
		}
	}
}

// Distributions have Apache's line names and number forms.
func TestDistributionsOfMntr(t *testing.T) {
	r := sampleReport()
	r.OpenFiles = -1
	r.Gauges = []Gauge{{"connection_rejected", 7}}
	r.Summaries = []Summary{
		{Name: "fsynctime", Avg: 1.5, Min: 1, Max: 2, Count: 2, Sum: 3},
		{Name: "readlatency", Avg: 4, Count: 1, Sum: 4, Quantiles: true, P50: 4, P95: 5, P99: 6, P999: 7},
	}
	text := answer(t, "mntr", r, DefaultWhitelist)
	if strings.Contains(text, "file_descriptor") {
		t.Error("mntr tells of files the system does not tell of")
	}
	want := `zk_max_latency 9
zk_connection_rejected 7
zk_avg_fsynctime 1.5
zk_min_fsynctime 1
zk_max_fsynctime 2
zk_cnt_fsynctime 2
zk_sum_fsynctime 3
zk_avg_readlatency 4.0
zk_min_readlatency 0
zk_max_readlatency 0
zk_cnt_readlatency 1
zk_sum_readlatency 4
zk_p50_readlatency 4
zk_p95_readlatency 5
zk_p99_readlatency 6
zk_p999_readlatency 7
`
	if !strings.HasSuffix(text, strings.ReplaceAll(want, " ", "\t")) {
		t.Errorf("mntr ends\n%s", text)
	}
}

// Some readers of mntr stop at 500 lines, so there are never more.
func TestMntrStaysBelow500Lines(t *testing.T) {
	r := sampleReport()
	for i := range 600 {
		r.Gauges = append(r.Gauges, Gauge{fmt.Sprint("gauge_", i), 1})
	}
	if lines := strings.Count(answer(t, "mntr", r, DefaultWhitelist), "\n"); lines >= 500 {
		t.Errorf("%d lines", lines)
	}
}

// Decimals are rounded to four places and have at least one digit behind the point.
func TestDecimals(t *testing.T) {
	cases := map[float64]string{0: "0.0", 1: "1.0", 2.05257: "2.0526", 0.5: "0.5", 0.00001: "0.0", 12345678: "12345678.0", 99.99999: "100.0"}
	for f, want := range cases {
		if got := string(appendDecimal(nil, f)); got != want {
			t.Errorf("%v is %s, want %s", f, got, want)
		}
	}
}

// The version line satisfies Apache's own test, kazoo and go-zookeeper at once, with a repository and without.
func TestTheVersionSatisfiesAllThreeParsers(t *testing.T) {
	parsers := map[string]*regexp.Regexp{
		"Apache":       regexp.MustCompile(`^Zookeeper version: \d+\.\d+\.\d+-.*, built on .*`),
		"kazoo":        regexp.MustCompile(`^Zookeeper version: (\d+\.)(\d+\.)(\d+)`),
		"go-zookeeper": regexp.MustCompile(`^Zookeeper version: ([A-Za-z0-9\.\-]+), built on (\d\d/\d\d/\d\d\d\d \d\d:\d\d [A-Za-z0-9:\+\-]+)$`),
	}
	built := &debug.BuildInfo{Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "4f1c2ab9d3e1"}, {Key: "vcs.time", Value: "2026-11-22T08:00:00Z"},
	}}
	for _, info := range []*debug.BuildInfo{built, {}, nil} {
		line := "Zookeeper version: " + zooKeeperVersion(info)
		for name, parser := range parsers {
			if !parser.MatchString(line) {
				t.Errorf("%s does not read %q", name, line)
			}
		}
	}
	if got := zooKeeperVersion(built); got != "3.9.5-bellwether-4f1c2ab, built on 11/22/2026 08:00 GMT" {
		t.Errorf("version %s", got)
	}
}

// Every request a client can send has a name in cons.
func TestEveryRequestHasANameInCons(t *testing.T) {
	for op := wire.OpCode(0); op <= wire.OpWhoAmI; op++ {
		unnamed := op == wire.OpAuth || op == wire.OpSASL // they are no part of a session's life
		if name := LastOperationName(op); op.FromClient() && !unnamed && name == "NA" {
			t.Errorf("%v has no name", op)
		}
	}
	if LastOperationName(wire.OpCode(999)) != "NA" || LastOperationName(wire.OpCloseSession) != "CLOS" {
		t.Error("an unknown operation has a name, or closing has none")
	}
}

// The process tells what the system tells.
func TestTheProcessKnowsItself(t *testing.T) {
	var r Report
	FillProcess(&r, PartMetrics|PartEnvironment)
	if r.Version != ZooKeeperVersion() || len(r.Environment) == 0 || r.OpenFiles == 0 || r.MaxFiles == 0 {
		t.Errorf("%+v", r)
	}
	for _, e := range r.Environment {
		if strings.ContainsAny(e.Key+e.Value, "\n") {
			t.Errorf("%q=%q is more than a line", e.Key, e.Value)
		}
	}
}

// The size of a directory is that of all files below it; one that is not there has none.
func TestDirectoryBytes(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{"x": 3, "a/y": 40, "a/b/z": 500} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := DirectoryBytes(dir); got != 543 {
		t.Errorf("%d bytes, want 543", got)
	}
	if got := DirectoryBytes(filepath.Join(dir, "nowhere")); got != 0 {
		t.Errorf("%d bytes of nothing", got)
	}
}
