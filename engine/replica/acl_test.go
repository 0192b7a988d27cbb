package replica

import (
	"fmt"
	"slices"
	"testing"

	"bellwether/engine/wire"
)

func entry(perms int32, scheme, id string) wire.ACL {
	return wire.ACL{Perms: perms, Scheme: scheme, ID: id}
}

func nullEntry(perms int32, scheme string) wire.ACL {
	return wire.ACL{Perms: perms, Scheme: scheme, NullID: true}
}

// What a create stores of the list it was given (client-protocol §4.3).
func TestStoredLists(t *testing.T) {
	const all = wire.PermAll
	three := []Identity{{"ip", "127.0.0.1"}, {"digest", "a:1"}, {"super", ""}, {"digest", "b:2"}, {"x509", "CN=c"}}
	cases := []struct {
		name     string
		ids      []Identity
		acl      []wire.ACL
		want     []wire.ACL
		wantCode wire.Code
	}{
		{"world", nil, wire.OpenACL, wire.OpenACL, wire.OK},
		{"bits outside the permissions are kept", nil, []wire.ACL{entry(-1, "world", "anyone")}, []wire.ACL{entry(-1, "world", "anyone")}, wire.OK},
		{"no permission at all", nil, []wire.ACL{entry(0, "world", "anyone")}, []wire.ACL{entry(0, "world", "anyone")}, wire.OK},
		{"duplicates go, order stays", nil,
			[]wire.ACL{entry(1, "digest", "b:1"), entry(1, "digest", "a:1"), entry(1, "digest", "b:1"), entry(3, "digest", "b:1")},
			[]wire.ACL{entry(1, "digest", "b:1"), entry(1, "digest", "a:1"), entry(3, "digest", "b:1")}, wire.OK},
		{"auth becomes every id that was proved", three, []wire.ACL{entry(1, "auth", "ignored"), entry(2, "world", "anyone")},
			[]wire.ACL{entry(1, "digest", "a:1"), entry(1, "digest", "b:2"), entry(1, "x509", "CN=c"), entry(2, "world", "anyone")}, wire.OK},
		{"auth with a null id", three[:2], []wire.ACL{nullEntry(all, "auth")}, []wire.ACL{entry(all, "digest", "a:1")}, wire.OK},
		{"duplicates are looked for before auth is replaced", three[:2], []wire.ACL{entry(1, "auth", ""), entry(1, "digest", "a:1")},
			[]wire.ACL{entry(1, "digest", "a:1"), entry(1, "digest", "a:1")}, wire.OK},
		{"auth without anything proved", three[:1], []wire.ACL{entry(all, "auth", "")}, nil, wire.InvalidACL},
		{"null", three, nil, nil, wire.InvalidACL},
		{"empty", three, []wire.ACL{}, nil, wire.InvalidACL},
		{"world is anyone only", nil, []wire.ACL{entry(all, "world", "me")}, nil, wire.InvalidACL},
		{"unknown scheme", nil, []wire.ACL{entry(all, "kerberos", "me")}, nil, wire.InvalidACL},
		{"no scheme", nil, []wire.ACL{entry(all, "", "")}, nil, wire.InvalidACL},
		{"null id of an unknown scheme", nil, []wire.ACL{nullEntry(all, "kerberos")}, nil, wire.InvalidACL},
		{"super is for nobody to name", three, []wire.ACL{entry(all, "super", "")}, nil, wire.InvalidACL},
		{"sasl is not configured", three, []wire.ACL{entry(all, "sasl", "me")}, nil, wire.InvalidACL},
		{"null id of world", nil, []wire.ACL{nullEntry(all, "world")}, nil, wire.MarshallingError},
		{"null id of digest", nil, []wire.ACL{nullEntry(all, "digest")}, nil, wire.MarshallingError},
		{"null id of ip", nil, []wire.ACL{nullEntry(all, "ip")}, nil, wire.MarshallingError},
		{"the first wrong entry decides", nil, []wire.ACL{entry(1, "digest", "a:1"), nullEntry(1, "ip"), entry(1, "super", "")}, nil, wire.MarshallingError},
		{"the first wrong entry decides, the other way round", nil, []wire.ACL{entry(1, "super", ""), nullEntry(1, "ip")}, nil, wire.InvalidACL},
	}
	for _, c := range cases {
		got, code := fixACL(nil, c.acl, c.ids)
		if code != c.wantCode || code == wire.OK && !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v, %v", c.name, got, code, c.want, c.wantCode)
		}
	}
}

// A list of any length is sorted out in a time that grows with its length only, and to the same end.
func TestLongLists(t *testing.T) {
	var acl, want []wire.ACL
	for i := range 20_000 {
		acl = append(acl, entry(int32(i%7_000), "digest", fmt.Sprintf("u%d:h", i%7_000)))
	}
	want = slices.Clone(acl[:7_000])
	got, code := fixACL(nil, acl, nil)
	if code != wire.OK || !slices.Equal(got, want) {
		t.Fatalf("%v, %d entries of %d", code, len(got), len(want))
	}
}

// Many auth entries times many ids are not stored.
func TestExpandedListsAreBounded(t *testing.T) {
	var acl []wire.ACL
	var ids []Identity
	for i := range 1000 {
		acl = append(acl, entry(int32(i), "auth", ""))
		ids = append(ids, Identity{"digest", fmt.Sprintf("u%d:h", i)})
	}
	if stored, code := fixACL(nil, acl, ids); code != wire.InvalidACL || len(stored) > 2*maxEntries {
		t.Fatalf("%v, %d entries", code, len(stored))
	}
}

// Which ids an ACL may name (client-protocol §4.6).
func TestIDsOfSchemes(t *testing.T) {
	cases := []struct {
		scheme, id string
		valid      bool
	}{
		{"digest", "a:b", true}, {"digest", ":b", true}, {"digest", "a:b:", true}, {"digest", "a:b::", true},
		{"digest", "a:", false}, {"digest", "a", false}, {"digest", "", false}, {"digest", ":", false}, {"digest", "a:b:c", false},
		{"ip", "1.2.3.4", true}, {"ip", "1.2.3.4/0", true}, {"ip", "1.2.3.4/32", true}, {"ip", "010.2.3.004", true}, {"ip", "255.255.255.255", true},
		{"ip", "1.2.3.4/33", false}, {"ip", "1.2.3.4/-1", false}, {"ip", "1.2.3.4/", false}, {"ip", "1.2.3.4/8/8", false},
		{"ip", "1.2.3", false}, {"ip", "1.2.3.4.5", false}, {"ip", "1.2.3.", false}, {"ip", "1..3.4", false}, {"ip", "1.2.3.0x4", false}, {"ip", "1.2.3.256", false}, {"ip", "", false}, {"ip", "localhost", false}, {"ip", "1.2.3.4 ", false},
		{"ip", "::1", true}, {"ip", "0:0:0:0:0:0:0:1", true}, {"ip", "2001:db8::/32", true}, {"ip", "::/128", true},
		{"ip", "::/129", false}, {"ip", "fe80::1%eth0", false}, {"ip", "::ffff:1.2.3.4", false}, {"ip", "1::2::3", false},
		{"world", "anyone", true}, {"world", "Anyone", false}, {"world", "", false},
	}
	for _, c := range cases {
		if got := validID(c.scheme, c.id); got != c.valid {
			t.Errorf("%s:%s is valid: %v, want %v", c.scheme, c.id, got, c.valid)
		}
	}
}

// Who may (client-protocol §4.2).
func TestAllowed(t *testing.T) {
	v4, v6 := Identity{"ip", "10.1.2.3"}, Identity{"ip", "2001:db8:0:0:0:0:0:5"}
	carol := Identity{"digest", "carol:hash"}
	acl := func(entries ...wire.ACL) []wire.ACL { return entries }
	cases := []struct {
		name string
		acl  []wire.ACL
		perm int32
		ids  []Identity
		want bool
	}{
		{"a list without entries", nil, wire.PermAdmin, nil, true},
		{"world", acl(entry(wire.PermRead, "world", "anyone")), wire.PermRead, nil, true},
		{"world, another permission", acl(entry(wire.PermRead, "world", "anyone")), wire.PermWrite, nil, false},
		{"one of two permissions", acl(entry(wire.PermAdmin, "world", "anyone")), wire.PermRead | wire.PermAdmin, nil, true},
		{"no permissions match nothing", acl(entry(0, "world", "anyone")), wire.PermAll, nil, false},
		{"super", acl(entry(0, "world", "anyone")), wire.PermAll, []Identity{v4, {"super", ""}}, true},
		{"digest", acl(entry(wire.PermAll, "digest", "carol:hash")), wire.PermWrite, []Identity{v4, carol}, true},
		{"digest of somebody else", acl(entry(wire.PermAll, "digest", "carol:other")), wire.PermWrite, []Identity{v4, carol}, false},
		{"the same id under another scheme", acl(entry(wire.PermAll, "x509", "carol:hash")), wire.PermWrite, []Identity{carol}, false},
		{"a later entry", acl(entry(wire.PermAll, "digest", "x:y"), entry(wire.PermWrite, "digest", "carol:hash")), wire.PermWrite, []Identity{carol}, true},
		{"address", acl(entry(wire.PermAll, "ip", "10.1.2.3")), wire.PermRead, []Identity{v4}, true},
		{"network", acl(entry(wire.PermAll, "ip", "10.1.9.9/16")), wire.PermRead, []Identity{v4}, true},
		{"everything", acl(entry(wire.PermAll, "ip", "1.1.1.1/0")), wire.PermRead, []Identity{v4}, true},
		{"leading zeros are no octal numbers", acl(entry(wire.PermAll, "ip", "010.001.2.3")), wire.PermRead, []Identity{v4}, true},
		{"another network", acl(entry(wire.PermAll, "ip", "10.2.0.0/16")), wire.PermRead, []Identity{v4}, false},
		{"families must agree", acl(entry(wire.PermAll, "ip", "0.0.0.0/0")), wire.PermRead, []Identity{v6}, false},
		{"IPv6", acl(entry(wire.PermAll, "ip", "2001:db8::/32")), wire.PermRead, []Identity{v6}, true},
		{"IPv6, another network", acl(entry(wire.PermAll, "ip", "2001:db9::/32")), wire.PermRead, []Identity{v6}, false},
	}
	for _, c := range cases {
		if got := Allowed(c.acl, c.perm, c.ids); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Which permission an operation needs, and on which znode (client-protocol §4.1): with all the others and without this one
// it is refused, and the other way round allowed.
func TestPermissionsOfOperations(t *testing.T) {
	type world func(parent, child int32) *bed
	made := func(parent, child int32) *bed {
		b := newBed(t, Options{})
		b.ok(b.create("/p", wire.Persistent))
		b.ok(b.createWith("/p/c", entry(child, "world", "anyone")))
		b.ok(b.setACL("/p", entry(parent, "world", "anyone")))
		return b
	}
	cases := []struct {
		name          string
		parent, child int32 // needed there
		request       func(b *bed) Request
	}{
		{"create", wire.PermCreate, 0, func(b *bed) Request { return b.create("/p/new", wire.Persistent) }},
		{"delete", wire.PermDelete, 0, func(b *bed) Request { return b.delete("/p/c") }},
		{"setData", 0, wire.PermWrite, func(b *bed) Request { return b.set("/p/c", "x") }},
		{"setACL", 0, wire.PermAdmin, func(b *bed) Request { return b.setACL("/p/c", wire.OpenACL...) }},
	}
	for _, c := range cases {
		b := world(made)(c.parent, c.child)
		b.do(c.request(b)).is(wire.OK)
		b = made(wire.PermAll&^c.parent, wire.PermAll&^c.child)
		b.do(c.request(b)).is(wire.NoAuth)
	}
	b := made(0, wire.PermRead)
	b.do(b.multi(b.check("/p/c", 0))).gives(success(wire.OpCheck))
	b = made(wire.PermAll, wire.PermAll&^wire.PermRead)
	b.do(b.multi(b.check("/p/c", 0))).gives(int32(wire.NoAuth))
}

// Permissions that are pending count already, and the ids are those of the request itself.
func TestPendingACLsCount(t *testing.T) {
	b := newBed(t, Options{})
	b.propose(b.createWith("/a", nullEntry(wire.PermAll, "auth"))).is(wire.OK).
		body(&wire.CreateTxn{Path: "/a", Data: []byte("data"), ACL: []wire.ACL{entry(wire.PermAll, "digest", "alice:secret")}, ParentCversion: 1})
	b.propose(as(bob, b.set("/a", "x"))).is(wire.NoAuth)
	b.propose(b.set("/a", "x")).is(wire.OK)
	b.propose(b.setACL("/a", wire.OpenACL...)).is(wire.OK)
	b.propose(as(bob, b.set("/a", "x"))).is(wire.OK)
	b.settle()
}

// With skipACL nobody is asked; lists are still checked.
func TestSkipACL(t *testing.T) {
	b := newBed(t, Options{SkipACL: true})
	b.ok(b.createWith("/a", entry(0, "world", "anyone")))
	b.do(as(bob, b.set("/a", "x"))).is(wire.OK)
	b.do(as(bob, b.create("/a/b", wire.Persistent))).is(wire.OK)
	b.do(b.createWith("/c", entry(0, "world", "me"))).is(wire.InvalidACL)
}

// The digest of a credential, and how others see it (client-protocol §4.4, §4.6).
func TestDigests(t *testing.T) {
	for credential, want := range map[string]string{"a:b": "a:3OptnM09ILoVSfbZtd3mB0IViII=", "super:test": "super:D/InIHSb7yEEbrWz8b9l71RjZJU="} {
		if got := DigestIdentity([]byte(credential)); got != (Identity{"digest", want}) {
			t.Errorf("%s: %+v", credential, got)
		}
	}
	if got := DigestIdentity([]byte("bob")); got.ID[:4] != "bob:" {
		t.Errorf("a credential without a colon: %+v", got)
	}
	acl := []wire.ACL{entry(1, "digest", "bob:hash"), entry(1, "x509", "CN=a:b"), entry(1, "world", "anyone")}
	want := []wire.ACL{entry(1, "digest", "bob:x"), acl[1], acl[2]}
	if got := MaskDigests(acl); !slices.Equal(got, want) || acl[0].ID != "bob:hash" {
		t.Errorf("masked %+v of %+v", got, acl)
	}
}
