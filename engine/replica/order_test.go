package replica

import (
	"strings"
	"testing"

	"bellwether/engine/wire"
)

// The order of the checks of each operation (client-protocol §2.5): a request that is wrong in several ways is refused for
// the first of them. Each row is wrong in at least two ways, where there are two; the next row has the first one mended.

// furnished returns a server with something to bump into.
//
//	/open       version 2, aversion 1, children kid (version 0) and full, which has one too
//	/closed     only carol may do anything; it has a child kid, which everybody may read
//	/eph        an ephemeral of alice
//	/box, /ttl  a container and a TTL znode, both empty; /fullbox a container with a child
func furnished(t *testing.T) *bed {
	b := newBed(t, Options{ExtendedTypes: true})
	b.ok(b.create("/open", wire.Persistent))
	b.ok(b.set("/open", "1"))
	b.ok(b.set("/open", "2"))
	b.ok(b.setACL("/open", wire.OpenACL...))
	b.ok(b.create("/open/kid", wire.Persistent))
	b.ok(b.create("/open/full", wire.Persistent))
	b.ok(b.create("/open/full/kid", wire.Persistent))
	b.ok(b.create("/closed", wire.Persistent))
	b.ok(b.createWith("/closed/kid", wire.ACL{Perms: wire.PermRead, Scheme: "world", ID: "anyone"}))
	b.ok(b.setACL("/closed", wire.ACL{Perms: wire.PermAll, Scheme: "digest", ID: "carol:hash"}))
	b.ok(b.create("/eph", wire.Ephemeral))
	b.ok(b.by(alice, wire.OpCreateContainer, &wire.CreateRequest{Path: "/box", ACL: wire.OpenACL, Mode: wire.Container}))
	b.ok(b.by(alice, wire.OpCreateContainer, &wire.CreateRequest{Path: "/fullbox", ACL: wire.OpenACL, Mode: wire.Container}))
	b.ok(b.create("/fullbox/kid", wire.Persistent))
	b.ok(b.createTTL("/ttl", wire.PersistentTTL, 5))
	return b
}

// refusal is a row: a request and the code it is refused with; record is the request's, or nothing but op counts.
type refusal struct {
	why     string
	session int64
	op      wire.OpCode
	record  wire.Record
	code    wire.Code
}

// mustRefuse proposes each row on a server of its own making. Every refusal consumes a zxid and changes nothing.
func mustRefuse(t *testing.T, rows []refusal) {
	for _, row := range rows {
		t.Run(row.why, func(t *testing.T) {
			b := furnished(t)
			before := dumpWithoutZxid(b)
			out := b.do(b.by(row.session, row.op, row.record)).is(row.code)
			if out.txn.Type != wire.OpError {
				t.Fatalf("transaction of type %v, want %v", out.txn.Type, wire.OpError)
			}
			out.body(&wire.ErrorTxn{Err: row.code})
			want := wire.AppendReply(nil, b.cxid, int64(out.zxid), row.code)
			if string(out.reply) != string(want) {
				t.Fatalf("reply %x, want %x", out.reply, want)
			}
			if after := dumpWithoutZxid(b); after != before {
				t.Fatal(difference(after, before))
			}
			if n := len(b.replica.prepare.pending.index); n != 0 {
				t.Fatalf("%d znodes are pending", n)
			}
		})
	}
}

func dumpWithoutZxid(b *bed) string {
	before, _, _ := strings.Cut(b.dump(), "\nzxid ")
	return before
}

var (
	emptyACL  = []wire.ACL{}
	unknown   = []wire.ACL{{Perms: wire.PermAll, Scheme: "nobody", ID: "knows"}}
	nullWorld = []wire.ACL{{Perms: wire.PermAll, Scheme: "world", NullID: true}}
)

func TestCreateIsRefusedForTheFirstReason(t *testing.T) {
	q := func(path string, acl []wire.ACL, mode wire.CreateMode) *wire.CreateRequest {
		return &wire.CreateRequest{Path: path, ACL: acl, Mode: mode}
	}
	null := func(acl []wire.ACL, mode wire.CreateMode) *wire.CreateRequest {
		return &wire.CreateRequest{NullPath: true, ACL: acl, Mode: mode}
	}
	rows := []refusal{
		{"flags below", stranger, wire.OpCreate, null(nil, -1), wire.BadArguments},
		{"flags above", stranger, wire.OpCreate2, null(nil, 7), wire.BadArguments},
		{"TTL flag without a TTL", stranger, wire.OpCreate, null(nil, wire.PersistentTTL), wire.BadArguments},
		{"sequential TTL flag without a TTL", stranger, wire.OpCreateContainer, null(nil, wire.PersistentSequentialTTL), wire.BadArguments},
		{"session", stranger, wire.OpCreate, null(nil, 0), wire.SessionExpired},
		{"null path", alice, wire.OpCreate, null(nil, 0), wire.MarshallingError},
		{"empty path", alice, wire.OpCreate, q("", nil, 0), wire.BadArguments},
		{"no slash", alice, wire.OpCreate, q("open", nil, 0), wire.BadArguments},
		{"NUL", alice, wire.OpCreate, q("/none/a\x00b", nil, 0), wire.BadArguments},
		{"null ACL", alice, wire.OpCreate, q("/none/.", nil, 0), wire.InvalidACL},
		{"empty ACL", alice, wire.OpCreate, q("/none/.", emptyACL, 0), wire.InvalidACL},
		{"unknown scheme", alice, wire.OpCreate2, q("/none/.", unknown, 0), wire.InvalidACL},
		{"null id", alice, wire.OpCreate, q("/none/.", nullWorld, 0), wire.MarshallingError},
		{"no parent", alice, wire.OpCreate, q("/none/.", wire.OpenACL, 0), wire.NoNode},
		{"no parent of a relative path", alice, wire.OpCreate, q("x/y", wire.OpenACL, 0), wire.NoNode},
		{"no parent of a path that ends in a slash", alice, wire.OpCreate, q("/none/", wire.OpenACL, 0), wire.NoNode},
		{"no permission", alice, wire.OpCreate, q("/closed/.", wire.OpenACL, 0), wire.NoAuth},
		{"no permission, though it exists", alice, wire.OpCreate, q("/closed/kid", wire.OpenACL, 0), wire.NoAuth},
		{"illegal last part", alice, wire.OpCreate, q("/eph/.", wire.OpenACL, 0), wire.BadArguments},
		{"illegal last part under a parent", alice, wire.OpCreate, q("/open/", wire.OpenACL, 0), wire.BadArguments},
		{"two slashes", alice, wire.OpCreate, q("//", wire.OpenACL, 0), wire.BadArguments},
		{"control character", alice, wire.OpCreate, q("/open/b\x1e", wire.OpenACL, 0), wire.BadArguments},
		{"the root", alice, wire.OpCreate, q("/", wire.OpenACL, 0), wire.NodeExists},
		{"exists", alice, wire.OpCreate, q("/open/kid", wire.OpenACL, 0), wire.NodeExists},
		{"exists, create2", alice, wire.OpCreate2, q("/open/kid", wire.OpenACL, 0), wire.NodeExists},
		{"exists, container", alice, wire.OpCreateContainer, q("/open/kid", wire.OpenACL, wire.Container), wire.NodeExists},
		{"parent is ephemeral", alice, wire.OpCreate, q("/eph/kid", wire.OpenACL, 0), wire.NoChildrenForEphemerals},
		{"parent is ephemeral, sequential", bob, wire.OpCreate, q("/eph/", wire.OpenACL, wire.PersistentSequential), wire.NoChildrenForEphemerals},
	}
	mustRefuse(t, rows)
}

func TestCreateTTLIsRefusedForTheFirstReason(t *testing.T) {
	q := func(mode wire.CreateMode, ttlMs int64) *wire.CreateTTLRequest {
		return &wire.CreateTTLRequest{CreateRequest: wire.CreateRequest{NullPath: true, Mode: mode}, TTL: ttlMs}
	}
	const longest = 0xff_ffff_ffff
	exists := q(wire.PersistentTTL, longest)
	exists.NullPath, exists.Path, exists.ACL = false, "/open", wire.OpenACL
	rows := []refusal{
		{"flags", stranger, wire.OpCreateTTL, q(7, 0), wire.BadArguments},
		{"no TTL flag", stranger, wire.OpCreateTTL, q(wire.Persistent, 5), wire.BadArguments},
		{"no TTL flag and no TTL", stranger, wire.OpCreateTTL, q(wire.Persistent, -1), wire.BadArguments},
		{"container flag and no TTL", stranger, wire.OpCreateTTL, q(wire.Container, -1), wire.BadArguments},
		{"zero", stranger, wire.OpCreateTTL, q(wire.PersistentTTL, 0), wire.BadArguments},
		{"negative", stranger, wire.OpCreateTTL, q(wire.PersistentTTL, -1), wire.BadArguments},
		{"too long", stranger, wire.OpCreateTTL, q(wire.PersistentSequentialTTL, longest+1), wire.BadArguments},
		{"session", stranger, wire.OpCreateTTL, q(wire.PersistentTTL, longest), wire.SessionExpired},
		{"null path", alice, wire.OpCreateTTL, q(wire.PersistentTTL, 1), wire.MarshallingError},
		{"exists", alice, wire.OpCreateTTL, exists, wire.NodeExists},
	}
	mustRefuse(t, rows)
}

// Without extended types a TTL flag is unimplemented, whatever else is wrong; other flags are refused as ever.
func TestTTLsAreUnimplementedUnlessAllowed(t *testing.T) {
	b := newBed(t, Options{})
	b.do(as(stranger, b.createTTL("/a", wire.PersistentTTL, 0))).is(wire.Unimplemented)
	b.do(as(stranger, b.createTTL("/a", wire.PersistentSequentialTTL, 5))).is(wire.Unimplemented)
	b.do(as(stranger, b.create("/a", wire.PersistentTTL))).is(wire.Unimplemented)
	b.do(b.createTTL("/a", wire.Persistent, -1)).is(wire.BadArguments)
	b.do(b.createTTL("/a", 7, 5)).is(wire.BadArguments)
}

func TestDeleteIsRefusedForTheFirstReason(t *testing.T) {
	q := func(path string, version int32) *wire.DeleteRequest {
		return &wire.DeleteRequest{Path: path, Version: version}
	}
	rows := []refusal{
		{"session", stranger, wire.OpDelete, &wire.DeleteRequest{NullPath: true}, wire.SessionExpired},
		{"null path", alice, wire.OpDelete, &wire.DeleteRequest{NullPath: true}, wire.MarshallingError},
		{"empty path", alice, wire.OpDelete, q("", 5), wire.BadArguments},
		{"no slash", alice, wire.OpDelete, q("open", 5), wire.BadArguments},
		{"NUL", alice, wire.OpDelete, q("/none/\x00", 5), wire.BadArguments},
		{"the root", alice, wire.OpDelete, q("/", 5), wire.BadArguments},
		{"/zookeeper", alice, wire.OpDelete, q("/zookeeper", 5), wire.BadArguments},
		{"/zookeeper/quota", alice, wire.OpDelete, q("/zookeeper/quota", 5), wire.BadArguments},
		{"/zookeeper/config", alice, wire.OpDelete, q("/zookeeper/config", 5), wire.BadArguments},
		{"no parent", alice, wire.OpDelete, q("/none/kid", 5), wire.NoNode},
		{"no permission on the parent", alice, wire.OpDelete, q("/closed/kid", 5), wire.NoAuth},
		{"no permission, and no such child", alice, wire.OpDelete, q("/closed/none", 5), wire.NoAuth},
		{"no such znode", alice, wire.OpDelete, q("/open/none", 5), wire.NoNode},
		{"an illegal path is only missing", alice, wire.OpDelete, q("/open/.", 5), wire.NoNode},
		{"a path that ends in a slash is only missing", alice, wire.OpDelete, q("/open/", 5), wire.NoNode},
		{"version", alice, wire.OpDelete, q("/open/full", 5), wire.BadVersion},
		{"version below any", alice, wire.OpDelete, q("/open/full", -2), wire.BadVersion},
		{"children", alice, wire.OpDelete, q("/open/full", 0), wire.NotEmpty},
		{"children, any version", alice, wire.OpDelete, q("/open/full", -1), wire.NotEmpty},
	}
	mustRefuse(t, rows)
}

func TestSetDataIsRefusedForTheFirstReason(t *testing.T) {
	q := func(path string, version int32) *wire.SetDataRequest {
		return &wire.SetDataRequest{Path: path, Version: version}
	}
	rows := []refusal{
		{"session", stranger, wire.OpSetData, q("open", 5), wire.SessionExpired},
		{"null path", alice, wire.OpSetData, &wire.SetDataRequest{NullPath: true}, wire.BadArguments},
		{"empty path", alice, wire.OpSetData, q("", 5), wire.BadArguments},
		{"illegal path", alice, wire.OpSetData, q("/open/", 5), wire.BadArguments},
		{"missing", alice, wire.OpSetData, q("/none", 5), wire.NoNode},
		{"no permission", alice, wire.OpSetData, q("/closed", 5), wire.NoAuth},
		{"nobody may change the configuration", alice, wire.OpSetData, q("/zookeeper/config", -1), wire.NoAuth},
		{"version", alice, wire.OpSetData, q("/open", 1), wire.BadVersion},
		{"version below any", alice, wire.OpSetData, q("/open", -2), wire.BadVersion},
	}
	mustRefuse(t, rows)
}

func TestSetACLIsRefusedForTheFirstReason(t *testing.T) {
	q := func(path string, acl []wire.ACL, version int32) *wire.SetACLRequest {
		return &wire.SetACLRequest{Path: path, ACL: acl, Version: version}
	}
	rows := []refusal{
		{"session", stranger, wire.OpSetACL, q("open", nil, 5), wire.SessionExpired},
		{"null path", alice, wire.OpSetACL, &wire.SetACLRequest{NullPath: true}, wire.BadArguments},
		{"illegal path", alice, wire.OpSetACL, q("/none/.", nil, 5), wire.BadArguments},
		{"null list", alice, wire.OpSetACL, q("/none", nil, 5), wire.InvalidACL},
		{"empty list", alice, wire.OpSetACL, q("/none", emptyACL, 5), wire.InvalidACL},
		{"unknown scheme", alice, wire.OpSetACL, q("/none", unknown, 5), wire.InvalidACL},
		{"null id", alice, wire.OpSetACL, q("/none", nullWorld, 5), wire.MarshallingError},
		{"missing", alice, wire.OpSetACL, q("/none", wire.OpenACL, 5), wire.NoNode},
		{"no permission", alice, wire.OpSetACL, q("/closed", wire.OpenACL, 5), wire.NoAuth},
		{"READ is not ADMIN", alice, wire.OpSetACL, q("/closed/kid", wire.OpenACL, 5), wire.NoAuth},
		{"version", alice, wire.OpSetACL, q("/open", wire.OpenACL, 2), wire.BadVersion},
	}
	mustRefuse(t, rows)
}

// Only the server itself asks for this one, and only empty containers and TTL znodes go: a reaper that looked too long ago
// must not take away what somebody has put there since.
func TestDeleteContainerIsRefusedForTheFirstReason(t *testing.T) {
	q := func(path string) *wire.DeleteContainerRequest { return &wire.DeleteContainerRequest{Path: path} }
	rows := []refusal{
		{"special path", 0, wire.OpDeleteContainer, q("/zookeeper"), wire.BadArguments},
		{"no slash", 0, wire.OpDeleteContainer, q("box"), wire.BadArguments},
		{"missing", 0, wire.OpDeleteContainer, q("/none/box"), wire.NoNode},
		{"children", 0, wire.OpDeleteContainer, q("/fullbox"), wire.NotEmpty},
		{"ephemeral", 0, wire.OpDeleteContainer, q("/eph"), wire.BadVersion},
		{"persistent", 0, wire.OpDeleteContainer, q("/open/kid"), wire.BadVersion},
	}
	mustRefuse(t, rows)
}

// What this server does not do it refuses in the order of the writes.
func TestOtherWritesAreRefused(t *testing.T) {
	rows := []refusal{
		{"reconfig", stranger, wire.OpReconfig, &wire.ReconfigRequest{}, wire.ReconfigDisabled},
		{"check outside a multi", alice, wire.OpCheck, &wire.CheckVersionRequest{Path: "/open", Version: 2}, wire.Unimplemented},
		{"check outside a multi, undecodable", alice, wire.OpCheck, nil, wire.Unimplemented},
	}
	mustRefuse(t, rows)
}

// A write whose record ends too early is refused without a zxid, in its place among the others; trailing bytes do not
// matter.
func TestUndecodableWritesConsumeNoZxid(t *testing.T) {
	b := furnished(t)
	records := map[wire.OpCode]wire.Record{
		wire.OpCreate:          &wire.CreateRequest{Path: "/new", ACL: wire.OpenACL},
		wire.OpCreate2:         &wire.CreateRequest{Path: "/new2", ACL: wire.OpenACL},
		wire.OpCreateContainer: &wire.CreateRequest{Path: "/new3", ACL: wire.OpenACL, Mode: wire.Container},
		wire.OpCreateTTL:       &wire.CreateTTLRequest{CreateRequest: wire.CreateRequest{Path: "/new4", ACL: wire.OpenACL, Mode: wire.PersistentTTL}, TTL: 5},
		wire.OpSetData:         &wire.SetDataRequest{Path: "/open", Data: []byte("x"), Version: 2},
		wire.OpSetACL:          &wire.SetACLRequest{Path: "/open", ACL: wire.OpenACL, Version: 1},
		wire.OpDelete:          &wire.DeleteRequest{Path: "/open/kid", Version: 0},
		wire.OpReconfig:        &wire.ReconfigRequest{Joining: "x"},
		wire.OpCreateSession:   &wire.CreateSessionTxn{Timeout: 5},
	}
	for op := range wire.OpCode(30) {
		record, ok := records[op]
		if !ok {
			continue
		}
		whole := b.by(alice, op, record)
		for cut := range whole.Body {
			short := whole
			short.Body = whole.Body[:cut]
			out := b.propose(short)
			if out.zxid != 0 || out.code != wire.MarshallingError {
				t.Fatalf("%v cut to %d bytes: %v with zxid %v", op, cut, out.code, out.zxid)
			}
		}
		whole.Body = append(whole.Body, 1, 2, 3)
		if out := b.propose(whole); op != wire.OpReconfig && out.code != wire.OK {
			t.Fatalf("%v with bytes behind it: %v", op, out.code)
		}
	}
	b.settle()
}
