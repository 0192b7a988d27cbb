package peer

import (
	"reflect"
	"strings"
	"testing"

	"bellwether/engine/zab"
)

// What stands behind server.N= is read in every form ZooKeeper knows, and printed in the one it prints.
func TestMembers(t *testing.T) {
	for _, c := range []struct {
		spec    string
		want    Member
		printed string // if it is not spec
	}{
		{"h:2888:3888", Member{Addresses: []Address{{"h", 2888, 3888}}}, "h:2888:3888:participant"},
		{"h:2888:3888:participant", Member{Addresses: []Address{{"h", 2888, 3888}}}, ""},
		{"h:2888:3888:Observer", Member{Observer: true, Addresses: []Address{{"h", 2888, 3888}}}, "h:2888:3888:observer"},
		{"h:1:2:observer;2181", Member{Observer: true, Addresses: []Address{{"h", 1, 2}}, ClientHost: "0.0.0.0", ClientPort: 2181},
			"h:1:2:observer;0.0.0.0:2181"},
		{"127.0.0.1:1:2:participant;127.0.0.1:2181", Member{Addresses: []Address{{"127.0.0.1", 1, 2}}, ClientHost: "127.0.0.1", ClientPort: 2181}, ""},
		{"[2001:db8::1]:1:2:participant;[::]:2181", Member{Addresses: []Address{{"2001:db8::1", 1, 2}}, ClientHost: "::", ClientPort: 2181}, ""},
		{"b:1:2|a:3:4:participant", Member{Addresses: []Address{{"a", 3, 4}, {"b", 1, 2}}}, "a:3:4|b:1:2:participant"},
		{"h:1:2;3;4", Member{Addresses: []Address{{"h", 1, 2}}, ClientHost: "0.0.0.0", ClientPort: 3, SecureHost: "0.0.0.0", SecurePort: 4},
			"h:1:2:participant;0.0.0.0:3;0.0.0.0:4"},
		{"h:1:2:participant;;s:4", Member{Addresses: []Address{{"h", 1, 2}}, SecureHost: "s", SecurePort: 4}, ""},
	} {
		c.want.ID = 5
		got, err := ParseMember(5, c.spec)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: read as %+v, %v", c.spec, got, err)
			continue
		}
		if c.printed == "" {
			c.printed = c.spec
		}
		if printed := string(got.Append(nil)); printed != c.printed {
			t.Errorf("%s: printed as %s, want %s", c.spec, printed, c.printed)
		}
	}
}

// What is no server line is refused, and the reason names the part that is wrong.
func TestMembersThatAreNone(t *testing.T) {
	for spec, reason := range map[string]string{
		"":                                 "is not host:port:port",
		"h":                                "is not host:port:port",
		"h:1":                              "is not host:port:port",
		":1:2":                             "is not host:port:port",
		"[::1:1:2":                         "is not host:port:port",
		"h:1:2:3:4":                        "is not host:port:port",
		"h:0:2":                            `"0" is not a port`,
		"h:1:65536":                        `"65536" is not a port`,
		"h:1:2:boss":                       `unknown role "boss"`,
		"a:1:2:observer|b:1:2:participant": "different roles",
		"h:1:2;x":                          `"x" is not a port`,
		"h:1:2;1;2;3":                      "more than three parts",
	} {
		if _, err := ParseMember(1, spec); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: %v, want an error that says %q", spec, err, reason)
		}
	}
}

// A configuration text is read whatever the order and the spaces in it, and printed in ZooKeeper's order.
func TestEnsembleText(t *testing.T) {
	e, err := ParseEnsemble([]byte("# comment\r\nversion=10000000a\r\n\r\nserver.2 = b:1:2:observer\nserver.1:a:1:2;2181\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := "server.1=a:1:2:participant;0.0.0.0:2181\nserver.2=b:1:2:observer\nversion=10000000a"
	if got := string(e.Append(nil)); got != want {
		t.Errorf("printed as\n%s\nwant\n%s", got, want)
	}
	if m, ok := e.Member(2); !ok || !m.Observer || m.Addresses[0].Quorum() != "b:1" || m.Addresses[0].Election() != "b:2" {
		t.Errorf("server 2 is %+v, %v", m, ok)
	}
	if _, ok := e.Member(3); ok {
		t.Error("there is a server 3")
	}
}

// Groups and weights are read, and every voter must be in exactly one group.
func TestEnsembleWithGroups(t *testing.T) {
	const servers = "server.1=a:1:2:participant\nserver.2=b:1:2:participant\nserver.3=c:1:2:observer\n"
	text := servers + "group.1=1\ngroup.2=2\nweight.1=3\nweight.2=1\nversion=0"
	e, err := ParseEnsemble([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(e.Groups, []Group{{1, []zab.ServerID{1}}, {2, []zab.ServerID{2}}}) || !reflect.DeepEqual(e.Weights, []Weight{{1, 3}, {2, 1}}) {
		t.Errorf("read as %+v", e)
	}
	if got := string(e.Append(nil)); got != text {
		t.Errorf("printed as\n%s", got)
	}
	for more, reason := range map[string]string{
		"group.1=1\n":              "server.2 is in no group",
		"group.1=1:2\ngroup.2=2\n": "server.2 is in group.1 and in group.2",
		"weight.1=1\n":             "server.1 is in no group",
		"server.1=x:1:2\n":         "server.1 twice",
		"group.1=1:x\n":            "group.1=1:x",
		"weight.1=x\n":             "weight.1=x",
		"server.x=a:1:2\n":         "server.x",
		"version=-\n":              "version=-",
		"clientPort=2181\n":        "clientPort",
		"server.4=\n":              "server.4=",
		strings.Repeat("server.1=\n", maxEnsembleLines+1): "lines",
	} {
		if _, err := ParseEnsemble([]byte(servers + more)); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: %v, want an error that says %q", more[:min(len(more), 40)], err, reason)
		}
	}
}
