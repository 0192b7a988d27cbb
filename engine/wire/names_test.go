package wire_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"bellwether/engine/wire"
)

// Every operation has its number and its name; no other number has one.
func TestOpCodeNames(t *testing.T) {
	names := map[wire.OpCode]string{
		wire.OpNotification: "0 notification", wire.OpCreate: "1 create", wire.OpDelete: "2 delete", wire.OpExists: "3 exists",
		wire.OpGetData: "4 getData", wire.OpSetData: "5 setData", wire.OpGetACL: "6 getACL", wire.OpSetACL: "7 setACL",
		wire.OpGetChildren: "8 getChildren", wire.OpSync: "9 sync", wire.OpPing: "11 ping", wire.OpGetChildren2: "12 getChildren2",
		wire.OpCheck: "13 check", wire.OpMulti: "14 multi", wire.OpCreate2: "15 create2", wire.OpReconfig: "16 reconfig",
		wire.OpCheckWatches: "17 checkWatches", wire.OpRemoveWatches: "18 removeWatches",
		wire.OpCreateContainer: "19 createContainer", wire.OpDeleteContainer: "20 deleteContainer",
		wire.OpCreateTTL: "21 createTTL", wire.OpMultiRead: "22 multiRead", wire.OpAuth: "100 auth",
		wire.OpSetWatches: "101 setWatches", wire.OpSASL: "102 sasl", wire.OpGetEphemerals: "103 getEphemerals",
		wire.OpGetAllChildrenNumber: "104 getAllChildrenNumber", wire.OpSetWatches2: "105 setWatches2",
		wire.OpAddWatch: "106 addWatch", wire.OpWhoAmI: "107 whoAmI",
		wire.OpCreateSession: "-10 createSession", wire.OpCloseSession: "-11 closeSession", wire.OpError: "-1 error",
	}
	for op, name := range names {
		if got := strconv.Itoa(int(op)) + " " + op.String(); got != name {
			t.Errorf("%s, want %s", got, name)
		}
	}
	for op := wire.OpCode(-200); op < 200; op++ {
		if named := !strings.HasPrefix(op.String(), "op("); named != (names[op] != "") {
			t.Errorf("%d is called %v", int32(op), op)
		}
	}
}

// What a client may send: everything with a request record of its own, but neither what servers make nor a lone check.
func TestOpCodeClasses(t *testing.T) {
	for op := wire.OpCode(-20); op < 120; op++ {
		_, err := requestRecord(op)
		sent := err == nil && op != wire.OpCheck && op != wire.OpDeleteContainer || op == wire.OpMulti || op == wire.OpMultiRead
		if op.FromClient() != sent {
			t.Errorf("%v from a client: %v", op, op.FromClient())
		}
		_, err = txnRecord(op)
		written := err == nil && op != wire.OpCheck && op != wire.OpError
		if op.IsWrite() != written {
			t.Errorf("%v is a write: %v", op, op.IsWrite())
		}
		if op.InMulti() && op.InMultiRead() {
			t.Errorf("%v is in both", op)
		}
		m := wire.NewMultiReader(wire.NewReader(wire.AppendMultiOp(nil, op)))
		if _, _, err := m.Next(); (err == nil) != (op.InMulti() || op.InMultiRead()) {
			t.Errorf("%v in a multi: %v", op, err)
		}
	}
}

// Every error code has its number and its name; no other number has one.
func TestCodeNames(t *testing.T) {
	names := map[wire.Code]string{
		wire.OK: "0 OK", wire.SystemError: "-1 SYSTEMERROR", wire.RuntimeInconsistency: "-2 RUNTIMEINCONSISTENCY",
		wire.DataInconsistency: "-3 DATAINCONSISTENCY", wire.ConnectionLoss: "-4 CONNECTIONLOSS",
		wire.MarshallingError: "-5 MARSHALLINGERROR", wire.Unimplemented: "-6 UNIMPLEMENTED",
		wire.OperationTimeout: "-7 OPERATIONTIMEOUT", wire.BadArguments: "-8 BADARGUMENTS", wire.InvalidState: "-9 INVALIDSTATE",
		wire.UnknownSession: "-12 UNKNOWNSESSION", wire.NewConfigNoQuorum: "-13 NEWCONFIGNOQUORUM",
		wire.ReconfigInProgress: "-14 RECONFIGINPROGRESS", wire.APIError: "-100 APIERROR", wire.NoNode: "-101 NONODE",
		wire.NoAuth: "-102 NOAUTH", wire.BadVersion: "-103 BADVERSION",
		wire.NoChildrenForEphemerals: "-108 NOCHILDRENFOREPHEMERALS", wire.NodeExists: "-110 NODEEXISTS",
		wire.NotEmpty: "-111 NOTEMPTY", wire.SessionExpired: "-112 SESSIONEXPIRED", wire.InvalidCallback: "-113 INVALIDCALLBACK",
		wire.InvalidACL: "-114 INVALIDACL", wire.AuthFailed: "-115 AUTHFAILED", wire.SessionMoved: "-118 SESSIONMOVED",
		wire.NotReadOnly: "-119 NOTREADONLY", wire.EphemeralOnLocalSession: "-120 EPHEMERALONLOCALSESSION",
		wire.NoWatcher: "-121 NOWATCHER", wire.RequestTimeout: "-122 REQUESTTIMEOUT",
		wire.ReconfigDisabled: "-123 RECONFIGDISABLED", wire.SessionClosedRequireSaslAuth: "-124 SESSIONCLOSEDREQUIRESASLAUTH",
		wire.QuotaExceeded: "-125 QUOTAEXCEEDED", wire.ThrottledOp: "-127 THROTTLEDOP",
	}
	for code, name := range names {
		if got := strconv.Itoa(int(code)) + " " + code.String(); got != name {
			t.Errorf("%s, want %s", got, name)
		}
	}
	for code := wire.Code(-200); code < 200; code++ {
		if named := !strings.HasPrefix(code.String(), "code("); named != (names[code] != "") {
			t.Errorf("%d is called %v", int32(code), code)
		}
	}
}

// The smaller enumerations.
func TestOtherNames(t *testing.T) {
	for _, v := range []struct {
		value fmt.Stringer
		want  string
	}{
		{wire.EventNone, "None"}, {wire.EventType(0), "event(0)"}, {wire.EventType(1), "NodeCreated"},
		{wire.EventType(2), "NodeDeleted"}, {wire.EventType(3), "NodeDataChanged"}, {wire.EventType(4), "NodeChildrenChanged"},
		{wire.EventType(5), "DataWatchRemoved"}, {wire.EventType(6), "ChildWatchRemoved"},
		{wire.EventType(7), "PersistentWatchRemoved"},
		{wire.WatcherType(1), "children"}, {wire.WatcherType(2), "data"}, {wire.WatcherType(3), "any"},
		{wire.WatcherType(4), "persistent"}, {wire.WatcherType(5), "persistent-recursive"}, {wire.WatcherType(6), "watcherType(6)"},
		{wire.AddWatchMode(0), "persistent"}, {wire.AddWatchMode(1), "persistent-recursive"}, {wire.AddWatchMode(2), "addWatchMode(2)"},
	} {
		if got := v.value.String(); got != v.want {
			t.Errorf("%s, want %s", got, v.want)
		}
	}
	if wire.WatcherType(0).Valid() || !wire.WatcherType(1).Valid() || !wire.WatcherType(5).Valid() || wire.WatcherType(6).Valid() {
		t.Error("watcher types 1 to 5 are valid")
	}
	if wire.AddWatchMode(-1).Valid() || !wire.AddWatchMode(0).Valid() || !wire.AddWatchMode(1).Valid() || wire.AddWatchMode(2).Valid() {
		t.Error("addWatch modes 0 and 1 are valid")
	}
}

// What each create mode means.
func TestCreateModes(t *testing.T) {
	for _, v := range []struct {
		mode                                                wire.CreateMode
		name                                                string
		valid, sequential, ephemeral, container, timeToLive bool
	}{
		{-1, "mode(-1)", false, false, false, false, false},
		{0, "persistent", true, false, false, false, false},
		{1, "ephemeral", true, false, true, false, false},
		{2, "persistent-sequential", true, true, false, false, false},
		{3, "ephemeral-sequential", true, true, true, false, false},
		{4, "container", true, false, false, true, false},
		{5, "persistent-ttl", true, false, false, false, true},
		{6, "persistent-sequential-ttl", true, true, false, false, true},
		{7, "mode(7)", false, false, false, false, false},
	} {
		m := v.mode
		if m.String() != v.name || m.Valid() != v.valid || m.IsSequential() != v.sequential || m.IsEphemeral() != v.ephemeral ||
			m.IsContainer() != v.container || m.IsTTL() != v.timeToLive {
			t.Errorf("%d: %v", int32(m), m)
		}
	}
}

// The number of a sequential znode is padded with zeros to ten characters, the sign included.
func TestSequenceSuffix(t *testing.T) {
	for _, n := range []int32{0, 1, 9, 10, 4711, 999_999_999, 1_000_000_000, math.MaxInt32, -1, -10, -999_999_999, -1_000_000_000, math.MinInt32} {
		want := fmt.Sprintf("/s-%010d", n)
		if got := string(wire.AppendSequence([]byte("/s-"), n)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// IsOpenACL knows the open list by value, and nothing else.
func TestIsOpenACL(t *testing.T) {
	open := wire.ACL{Perms: 31, Scheme: string([]byte("world")), ID: "anyone"}
	for _, v := range []struct {
		acl  []wire.ACL
		want bool
	}{
		{[]wire.ACL{open}, true},
		{nil, false},
		{[]wire.ACL{open, open}, false},
		{[]wire.ACL{{Perms: 15, Scheme: "world", ID: "anyone"}}, false},
		{[]wire.ACL{{Perms: 31, Scheme: "world", NullID: true}}, false},
	} {
		if wire.IsOpenACL(v.acl) != v.want {
			t.Errorf("%+v", v.acl)
		}
	}
}
