package server

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// parse reads a zoo.cfg that must be sound.
func parse(t *testing.T, text string) (*Config, []Notice) {
	t.Helper()
	c, notices, err := ParseZooCfg(strings.NewReader(text), "zoo.cfg")
	if err != nil {
		t.Fatalf("a sound file is refused: %v", err)
	}
	return c, notices
}

// refusal reads a zoo.cfg that must be refused, and returns what is wrong with it.
func refusal(t *testing.T, text string) []*ConfigError {
	t.Helper()
	c, _, err := ParseZooCfg(strings.NewReader(text), "zoo.cfg")
	if err == nil || c != nil {
		t.Fatalf("%q is accepted", text)
	}
	return configErrors(t, err)
}

// configErrors takes the joined errors of a configuration apart.
func configErrors(t *testing.T, err error) (list []*ConfigError) {
	t.Helper()
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			list = append(list, configErrors(t, e)...)
		}
		return list
	}
	var wrong *ConfigError
	if !errors.As(err, &wrong) {
		t.Fatalf("not a ConfigError: %v", err)
	}
	return []*ConfigError{wrong}
}

// The sample that comes with Apache ZooKeeper means what it means there, and there is nothing to say about it.
func TestTheUsualStandaloneFileIsHonoured(t *testing.T) {
	c, notices := parse(t, `
# The number of milliseconds of each tick
tickTime=2000
initLimit=10
syncLimit=5
# do not use /tmp for storage, /tmp here is just example sakes.
dataDir=/tmp/zookeeper
clientPort=2181
#maxClientCnxns=60
#autopurge.snapRetainCount=3
#metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider
`)
	if c.TickTime != 2*time.Second || c.DataDir != "/tmp/zookeeper" || c.ListenAddress() != ":2181" {
		t.Errorf("tick %v, data in %q, listening on %q", c.TickTime, c.DataDir, c.ListenAddress())
	}
	if c.Ensemble.InitLimitTicks != 10 || c.Ensemble.SyncLimitTicks != 5 || c.MaxClientCnxns != 60 {
		t.Errorf("initLimit %d, syncLimit %d, maxClientCnxns %d", c.Ensemble.InitLimitTicks, c.Ensemble.SyncLimitTicks, c.MaxClientCnxns)
	}
	if len(notices) > 0 {
		t.Errorf("notices %v, want none", notices)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

// What a container image writes: the client's port stands in the server line, the limits are spelled out.
func TestTheContainerFileIsHonoured(t *testing.T) {
	c, notices := parse(t, `dataDir=/data
dataLogDir=/datalog
tickTime=2000
initLimit=5
syncLimit=2
autopurge.snapRetainCount=3
autopurge.purgeInterval=0
maxClientCnxns=60
standaloneEnabled=true
admin.enableServer=true
server.1=localhost:2888:3888;2181
`)
	c.settleClientPort()
	if c.ListenAddress() != ":2181" || c.LogDir() != "/datalog" {
		t.Errorf("listening on %q, log in %q", c.ListenAddress(), c.LogDir())
	}
	wantKeys(t, notices, "autopurge.purgeInterval", "admin.enableServer")
	if err := c.refuseFellows(); err != nil {
		t.Errorf("one server line: %v", err)
	}
}

// An ensemble's file is understood whole, and refused: a server that would not join must not serve beside it.
func TestAnEnsembleIsReadAndRefused(t *testing.T) {
	c, notices := parse(t, `dataDir=/d
clientPort=2181
initLimit=10
syncLimit=5
server.3=[fd00::3]:2888:3888:observer;;2281
server.1=zoo1:2888:3888
server.2=10.0.0.2:2888:3888|10.0.1.2:2889:3889:participant;10.0.0.2:2182
group.1=1:2
weight.1=2
peerType=observer
`)
	want := []Member{
		{ID: 1, Addresses: []MemberAddress{{"zoo1", 2888, 3888}}},
		{ID: 2, Addresses: []MemberAddress{{"10.0.0.2", 2888, 3888}, {"10.0.1.2", 2889, 3889}}, ClientHost: "10.0.0.2", ClientPort: 2182},
		{ID: 3, Addresses: []MemberAddress{{"fd00::3", 2888, 3888}}, Observer: true, SecurePort: 2281},
	}
	if !reflect.DeepEqual(c.Ensemble.Members, want) {
		t.Errorf("members %+v\nwant %+v", c.Ensemble.Members, want)
	}
	if !reflect.DeepEqual(c.Ensemble.Groups, []Group{{1, []int64{1, 2}}}) || !reflect.DeepEqual(c.Ensemble.Weights, []Weight{{1, 2}}) {
		t.Errorf("groups %v, weights %v", c.Ensemble.Groups, c.Ensemble.Weights)
	}
	if !c.Ensemble.Observer || len(notices) > 0 {
		t.Errorf("observer %v, notices %v", c.Ensemble.Observer, notices)
	}
	err := c.refuseFellows()
	if err == nil || !strings.Contains(err.Error(), "zoo.cfg:6") || !strings.Contains(err.Error(), "server.1, server.2, server.3") {
		t.Errorf("refused with %v", err)
	}
}

// A zoo.cfg that leaves everything out has Apache's defaults, not those of the flags.
func TestAFileHasApachesDefaults(t *testing.T) {
	c, _ := parse(t, "dataDir=/d\nclientPort=2181\n")
	shortest, longest := c.SessionTimeouts()
	if c.TickTime != 3*time.Second || c.ClientPortAddress != "" || shortest != 6*time.Second || longest != time.Minute {
		t.Errorf("tick %v, address %q, sessions %v to %v", c.TickTime, c.ClientPortAddress, shortest, longest)
	}
}

// Every key that is honoured reaches its field, in the field's unit.
func TestHonouredKeysReachTheirFields(t *testing.T) {
	c, notices := parse(t, `clientPort=0
clientPortAddress=10.1.2.3
clientPortListenBacklog=-1
clientTcpKeepAlive=TRUE
dataDir=/d
dataLogDir=/l
tickTime=500
minSessionTimeout=700
maxSessionTimeout=90000
nio.sessionlessCnxnTimeout=1500
maxClientCnxns=-1
maxCnxns=12
globalOutstandingLimit=7
jute.maxbuffer=0x3fffff
snapCount=50
preAllocSize=2048
fsync.warningthresholdms=20
autopurge.snapRetainCount=5
4lw.commands.whitelist=stat, ruok
skipACL=yes
DigestAuthenticationProvider.superDigest=super:UdxDQl4f9v5oITwcAsO9bmWgHSI\=
extendedTypesEnabled=true
commitLogCount=9
cnxTimeout=250
`)
	if len(notices) > 0 {
		t.Errorf("notices %v, want none", notices)
	}
	want := newFileConfig("zoo.cfg")
	want.ClientPort, want.ClientPortAddress, want.ClientTCPKeepAlive = 0, "10.1.2.3", true
	want.DataDir, want.DataLogDir = "/d", "/l"
	want.TickTime, want.MinSessionTimeout, want.MaxSessionTimeout = 500*time.Millisecond, 700*time.Millisecond, 90*time.Second
	want.SessionlessTimeout, want.MaxClientCnxns, want.MaxCnxns, want.GlobalOutstandingLimit = 1500*time.Millisecond, 0, 12, 7
	want.JuteMaxBufferBytes, want.SnapCount, want.PreAllocBytes = 0x3fffff, 50, 2<<20
	want.FsyncWarningThreshold, want.SnapRetainCount, want.SkipACL = 20*time.Millisecond, 5, true
	want.FourLetterWords, _ = ParseWhitelist("stat,ruok,srvr")
	want.SuperDigest, want.ExtendedTypes = "super:UdxDQl4f9v5oITwcAsO9bmWgHSI=", true
	want.Ensemble.CommitLogCount, want.Ensemble.CnxTimeout = 9, 250*time.Millisecond
	want.origins = c.origins
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

// Java's properties syntax, case by case.
func TestJavaPropertiesSyntax(t *testing.T) {
	cases := []struct{ rule, text, key, value string }{
		{"equals", "a=b", "a", "b"},
		{"colon", "a:b", "a", "b"},
		{"blank", "a b", "a", "b"},
		{"blanks around", " \t a \t=\f b", "a", "b"},
		{"only the first separator counts", "a==b", "a", "=b"},
		{"a separator after blanks", "a : b=c", "a", "b=c"},
		{"no value", "a", "a", ""},
		{"no key", "=b", "", "b"},
		{"trailing blanks stay", "a=b  ", "a", "b  "},
		{"a hash inside is no comment", "a=b#c", "a", "b#c"},
		{"comments are skipped", "# x=y\n  ! x=y\n\n \t\na=b", "a", "b"},
		{"Windows line ends", "#c\r\na=b\r\n", "a", "b"},
		{"old Macintosh line ends", "#c\ra=b\rc=d", "a", "b"},
		{"escaped separators", `a\=\:\ b=c`, "a=: b", "c"},
		{"escapes", `a=\t\n\r\f\\\x`, "a", "\t\n\r\f\\x"},
		{"unicode escapes", "a=\\u0041\\u00e4", "a", "Aä"},
		{"a pair of surrogates", `a=\ud83d\ude00`, "a", "😀"},
		{"half a pair", `a=\ud83dx`, "a", "\ufffdx"},
		{"bytes stay", "a=/däta", "a", "/däta"},
		{"continuation", "a=b,\\\n    c", "a", "b,c"},
		{"continuation of the key", "a\\\n  b=c", "ab", "c"},
		{"an escaped backslash does not continue", "a=b\\\\\nc=d", "a", `b\`},
		{"three backslashes do", "a=b\\\\\\\nc", "a", `b\c`},
		{"a comment is not continued", "# x\\\na=b", "a", "b"},
		{"a continuation is no comment", "a=\\\n#b", "a", "#b"},
		{"continued by a blank line", "a=b\\\n\nc=d", "a", "b"},
		{"continued by the end", "a=b\\", "a", "b"},
		{"continued twice", "a=1\\\r\n 2\\\r\n 3", "a", "123"},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			s := propertyScanner{rest: c.text}
			p, problem, ok := s.next()
			if !ok || problem != "" || p.key != c.key || p.value != c.value {
				t.Errorf("%q = %q (%s), want %q = %q", p.key, p.value, problem, c.key, c.value)
			}
		})
	}
}

// Lines are counted as an editor counts them, continued ones included.
func TestAnEntryKnowsItsLine(t *testing.T) {
	s := propertyScanner{rest: "#1\na=\\\n  b\\\n  c\n\r\nd=e\n"}
	for _, want := range []int{2, 6} {
		if p, _, ok := s.next(); !ok || p.line != want {
			t.Errorf("%q stands in line %d, want %d", p.key, p.line, want)
		}
	}
}

// A bad value keeps the server from starting, and the error names file, line, key, value and the remedy.
func TestABadValueIsNamedWithItsPlaceAndRemedy(t *testing.T) {
	cases := []struct{ rule, line, error string }{
		{"a tick of nothing", "tickTime=0", "zoo.cfg:3: tickTime=0: is out of range: write a number of milliseconds from 1 to 3600000, or leave it out for 3000"},
		{"a word for a number", "tickTime=2s", "zoo.cfg:3: tickTime=2s: is not a number: write a number of milliseconds from 1"},
		{"more than 32 bits", "maxClientCnxns=4294967296", "zoo.cfg:3: maxClientCnxns=4294967296: is out of range"},
		{"more than 64 bits", "maxClientCnxns=99999999999999999999", "is not a number"},
		{"nothing", "maxSessionTimeout=", "zoo.cfg:3: maxSessionTimeout=: is not a number"},
		{"a port above all ports", "clientPort=65536", "clientPort=65536: is out of range: write a number from 0 to 65535"},
		{"neither true nor false", "standaloneEnabled=yes", "zoo.cfg:3: standaloneEnabled=yes: is neither true nor false: write one of the two, or leave it out for true"},
		{"a parser's key without effect is checked", "sslQuorum=maybe", "sslQuorum=maybe: is neither true nor false"},
		{"neither yes nor no", "skipACL=true", "skipACL=true: is neither yes nor no"},
		{"an old election", "electionAlg=0", "electionAlg=0: is out of range: write 3, the only one there is"},
		{"a session of no length", "minSessionTimeout=0", "minSessionTimeout=0: a session of no length"},
		{"a role that is none", "peerType=leader", "peerType=leader: is neither participant nor observer"},
		{"a bad escape", `4lw.commands.whitelist=\u12`, `\u must be followed by four hexadecimal digits`},
		{"a member without ports", "server.1=zoo1", `server.1=zoo1: "zoo1" names no host: write server.N=host:quorumPort:electionPort`},
		{"a member with one port", "server.1=zoo1:2888", `does not have a quorum port and an election port`},
		{"a member with a bad port", "server.1=zoo1:2888:x", `has a port that is not a number`},
		{"a member with equal ports", "server.1=zoo1:2888:2888", "has the same port for quorum and election"},
		{"a member with a role that is none", "server.1=zoo1:2888:3888:king", `"king" is neither participant nor observer`},
		{"a member with two roles", "server.1=a:1:2:observer|b:1:2", "has two roles"},
		{"a member with a bad client address", "server.1=a:1:2;b:c", `"b:c" is no address for clients`},
		{"a member with an open bracket", "server.1=[::1:2888:3888", "names no host"},
		{"a member with too many parts", "server.1=a:1:2;3;4;5", "more than three parts"},
		{"a member without a number", "server.one=a:1:2", `"one" is not a server's number`},
		{"a group of no numbers", "group.1=a", `"a" is no server's number`},
		{"a negative weight", "weight.1=-1", "is not a weight"},
		{"a jute.maxbuffer of no size", "jute.maxbuffer=0", "jute.maxbuffer=0: is out of range"},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			wrong := refusal(t, "# one\ndataDir=/d\n"+c.line+"\n")
			if len(wrong) != 1 || !strings.Contains(wrong[0].Error(), c.error) {
				t.Fatalf("%v\nwant %s", wrong, c.error)
			}
			if wrong[0].Line != 3 || wrong[0].Source != "zoo.cfg" || wrong[0].Remedy == "" {
				t.Errorf("source %q, line %d, remedy %q", wrong[0].Source, wrong[0].Line, wrong[0].Remedy)
			}
		})
	}
}

// Values that are good alone can be wrong together; the error still names a line.
func TestValuesMustFitEachOther(t *testing.T) {
	cases := []struct{ rule, text, error string }{
		{"both bounds given", "minSessionTimeout=5000\nmaxSessionTimeout=4000",
			"zoo.cfg:1: minSessionTimeout=5000: the shortest session timeout, 5s, is above the longest, 4s: lower"},
		{"one bound and the tick", "maxSessionTimeout=4000", "the shortest session timeout, 6s, is above the longest, 4s"},
		{"members in two places", "dynamicConfigFile=/d/m\nserver.1=a:1:2", "zoo.cfg:1: dynamicConfigFile=/d/m: the members stand in zoo.cfg too"},
		{"an ensemble without its limits", "server.1=a:1:2\nserver.2=b:1:2\nsyncLimit=5", "initLimit: is missing"},
		{"an ensemble of observers", "server.1=a:1:2:observer\nserver.2=b:1:2:observer\nsyncLimit=5\ninitLimit=5", "zoo.cfg:1: server.1=a:1:2:observer: all servers are observers"},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			if wrong := refusal(t, c.text); len(wrong) != 1 || !strings.Contains(wrong[0].Error(), c.error) {
				t.Errorf("%v\nwant %s", wrong, c.error)
			}
		})
	}
}

// All mistakes of a file are told at once.
func TestAllMistakesAreToldAtOnce(t *testing.T) {
	wrong := refusal(t, "tickTime=x\ndataDir=/d\nclientPort=-1\nsyncEnabled=2\n")
	var keys []string
	for _, w := range wrong {
		keys = append(keys, w.Key)
	}
	if !slices.Equal(keys, []string{"tickTime", "clientPort", "syncEnabled"}) {
		t.Errorf("mistakes in %q", keys)
	}
}

// What a flag may still supply is asked for last, by Validate.
func TestMissingKeysAreAskedFor(t *testing.T) {
	c, _ := parse(t, "tickTime=2000\n")
	err := c.Validate()
	for _, want := range []string{"dataDir: is missing: write dataDir=", "clientPort: is missing: write clientPort=2181, or start with --listen"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

// A key without effect is named once, with its line and the reason; the server starts.
func TestAKeyWithoutEffectIsNamedWithItsReason(t *testing.T) {
	cases := []struct{ line, notice string }{
		{"admin.serverPort=8081", "zoo.cfg:2: admin.serverPort: not honoured: this build has no admin HTTP server"},
		{"secureClientPort=2281", "zoo.cfg:2: secureClientPort: not honoured: this build speaks no TLS"},
		{"ssl.quorum.keyStore.password=secret", "zoo.cfg:2: ssl.quorum.keyStore.password: not honoured: this build speaks no TLS"},
		{"forceSync=no", "zoo.cfg:2: forceSync: not honoured: a write is acknowledged after it is on disk, always"},
		{"zookeeper.forceSync=no", "zoo.cfg:2: forceSync: not honoured: a write is"},
		{"commitProcessor.numWorkerThreads=3", "not honoured: it tunes threads"},
		{"maxclientcnxns=5", "zoo.cfg:2: maxclientcnxns: this key is unknown and has no effect; maxClientCnxns is meant, perhaps"},
		{"my.own.key=1", "zoo.cfg:2: my.own.key: this key is unknown and has no effect"},
		{"zookeeper.tickTime=5", "zoo.cfg:2: zookeeper.tickTime: this key is read without zookeeper. before it"},
		{"autopurge.snapRetainCount=1", "zoo.cfg:2: autopurge.snapRetainCount: fewer than 3 snapshots are never kept; it is 3"},
		{"4lw.commands.whitelist=ruok,nope", "zoo.cfg:2: 4lw.commands.whitelist: no such four-letter word here: nope"},
		{"dataDir=/e", "zoo.cfg:2: dataDir: this key stands in line 1 already; the last one counts"},
	}
	for _, c := range cases {
		t.Run(c.line, func(t *testing.T) {
			_, notices := parse(t, "dataDir=/d\n"+c.line+"\n")
			if len(notices) != 1 || !strings.Contains(notices[0].String(), c.notice) {
				t.Errorf("%v\nwant %s", notices, c.notice)
			}
			if strings.Contains(notices[0].String(), "secret") {
				t.Error("the notice tells a password")
			}
		})
	}
}

// A key that asks for what is done anyway needs no word.
func TestAKeyThatAsksForWhatIsDoneAnywayIsQuiet(t *testing.T) {
	_, notices := parse(t, "forceSync=yes\nadmin.enableServer=FALSE\nlocalSessionsEnabled=false\nelectionAlg=3\nclientPortListenBacklog=-1\n")
	if len(notices) > 0 {
		t.Errorf("notices %v, want none", notices)
	}
}

// What is a Java system property with Apache is a key here, with zookeeper. before it or without.
func TestPropertiesAreKeysWithAndWithoutPrefix(t *testing.T) {
	for _, prefix := range []string{"", "zookeeper."} {
		c, notices := parse(t, prefix+"jute.maxbuffer=4096\n"+prefix+"snapCount=11\n"+prefix+"skipACL=yes\n")
		if c.JuteMaxBufferBytes != 4096 || c.SnapCount != 11 || !c.SkipACL || len(notices) > 0 {
			t.Errorf("prefix %q: %d, %d, %v, notices %v", prefix, c.JuteMaxBufferBytes, c.SnapCount, c.SkipACL, notices)
		}
	}
}

// A file that is none is refused before it is read whole.
func TestAFileTooLargeIsRefused(t *testing.T) {
	_, _, err := ParseZooCfg(strings.NewReader(strings.Repeat("#", maxConfigBytes+1)), "zoo.cfg")
	if err == nil || !strings.Contains(err.Error(), "zoo.cfg is larger than") {
		t.Errorf("%v", err)
	}
}

func wantKeys(t *testing.T, notices []Notice, keys ...string) {
	t.Helper()
	var found []string
	for _, n := range notices {
		found = append(found, n.Key)
	}
	if !slices.Equal(found, keys) {
		t.Errorf("notices about %q, want %q", found, keys)
	}
}

// Whatever stands in a file, reading it ends, in a sound configuration or in errors that name this file.
func FuzzParseZooCfg(f *testing.F) {
	for _, seed := range []string{
		"tickTime=2000\ndataDir=/d\nclientPort=2181\n", "a\\\n b = c\\u0041\\", "server.1=a:1:2|b:3:4:observer;h:5;6\n",
		"! c\r\n# d\rjute.maxbuffer:0x10\n", "group.1=1:2\nweight.1=3\nserver.2=[::1]:1:2;;3", "4lw.commands.whitelist=*,x",
		"minSessionTimeout=9\nmaxSessionTimeout=1", "ssl.quorum.x=y\nzookeeper.a.b=c\n\\ud800", "jute.maxbuffer=-#0",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, notices, err := ParseZooCfg(strings.NewReader(text), "zoo.cfg")
		for _, n := range notices {
			if !strings.HasPrefix(n.Where, "zoo.cfg:") || n.Text == "" {
				t.Errorf("a notice without place or text: %+v", n)
			}
		}
		if err != nil {
			for _, wrong := range configErrors(t, err) {
				if wrong.Problem == "" || wrong.Remedy == "" {
					t.Errorf("an error without problem or remedy: %+v", wrong)
				}
			}
			return
		}
		if err := c.validateRelations(); err != nil || c.TickTime < time.Millisecond || c.SnapRetainCount < 3 ||
			c.GlobalOutstandingLimit < 0 || c.JuteMaxBufferBytes < 1 || c.MaxCnxns < 0 {
			t.Errorf("accepted, and not sound (%v): %+v", err, c)
		}
	})
}
