package replica

import (
	"testing"

	"bellwether/engine/tree"
	"bellwether/engine/wire"
)

// The operation makes a container, not the flag, and an owner that is no session is not shown (client-protocol §3.4, §12).
func TestWhatIsCreatedIsDecidedByTheOperation(t *testing.T) {
	cases := []struct {
		op    wire.OpCode
		mode  wire.CreateMode
		path  string
		owner int64 // as stored
	}{
		{wire.OpCreate, wire.Persistent, "/a", 0},
		{wire.OpCreate, wire.Ephemeral, "/a", alice},
		{wire.OpCreate, wire.Container, "/a", 0},
		{wire.OpCreate2, wire.Container, "/a", 0},
		{wire.OpCreate2, wire.EphemeralSequential, "/a0000000000", alice},
		{wire.OpCreateContainer, wire.Container, "/a", tree.ContainerOwner},
		{wire.OpCreateContainer, wire.Persistent, "/a", tree.ContainerOwner},
		{wire.OpCreateContainer, wire.Ephemeral, "/a", tree.ContainerOwner},
		{wire.OpCreateContainer, wire.PersistentSequential, "/a0000000000", tree.ContainerOwner},
		{wire.OpCreateContainer, wire.EphemeralSequential, "/a0000000000", tree.ContainerOwner},
		{wire.OpCreateTTL, wire.PersistentTTL, "/a", tree.TTLOwner(7)},
		{wire.OpCreateTTL, wire.PersistentSequentialTTL, "/a0000000000", tree.TTLOwner(7)},
	}
	for _, c := range cases {
		b := newBed(t, Options{ExtendedTypes: true})
		var record wire.Record = &wire.CreateRequest{Path: "/a", ACL: wire.OpenACL, Mode: c.mode}
		if c.op == wire.OpCreateTTL {
			record = &wire.CreateTTLRequest{CreateRequest: *record.(*wire.CreateRequest), TTL: 7}
		}
		b.propose(b.by(alice, c.op, record)).is(wire.OK)
		pending, _ := b.replica.prepare.pending.lookup(c.path)
		b.settle()
		v := b.tree.View(c.path)
		if !v.Exists() || v.Info().Owner != c.owner || pending.owner != c.owner {
			t.Errorf("%v with flags %v: owner %#x, pending %#x, want %#x", c.op, c.mode, v.Info().Owner, pending.owner, c.owner)
		}
		v.Close()
		shown := int64(0)
		if c.owner == alice {
			shown = alice
		}
		if st := b.stat(c.path); st.EphemeralOwner != shown {
			t.Errorf("%v with flags %v shows owner %#x", c.op, c.mode, st.EphemeralOwner)
		}
	}
}

// The longest time to live is 2^40-1 ms; it stands in the transaction and in the owner.
func TestTheLongestTTL(t *testing.T) {
	b := newBed(t, Options{ExtendedTypes: true})
	b.ok(b.createTTL("/a", wire.PersistentTTL, tree.MaxTTLMs)).body(&wire.CreateTTLTxn{Path: "/a", ACL: wire.OpenACL, ParentCversion: 1, TTL: tree.MaxTTLMs})
	b.ok(b.createTTL("/b", wire.PersistentTTL, 1)).body(&wire.CreateTTLTxn{Path: "/b", ACL: wire.OpenACL, ParentCversion: 2, TTL: 1})
	if paths := b.tree.TTLs(nil); len(paths) != 2 {
		t.Fatalf("TTLs %q", paths)
	}
}

// A container or TTL znode may have children, ephemeral ones too; it goes when it is empty and the server asks.
func TestTheServerRemovesEmptyContainers(t *testing.T) {
	b := furnished(t)
	b.ok(b.create("/box/kid", wire.Ephemeral))
	b.do(b.by(0, wire.OpDeleteContainer, &wire.DeleteContainerRequest{Path: "/box"})).is(wire.NotEmpty)
	b.propose(b.delete("/box/kid")).is(wire.OK)
	b.propose(b.by(0, wire.OpDeleteContainer, &wire.DeleteContainerRequest{Path: "/box"})).is(wire.OK).body(&wire.DeleteTxn{Path: "/box"})
	b.propose(b.by(0, wire.OpDeleteContainer, &wire.DeleteContainerRequest{Path: "/box"})).is(wire.NoNode)
	b.propose(b.by(0, wire.OpDeleteContainer, &wire.DeleteContainerRequest{Path: "/ttl"})).is(wire.OK).body(&wire.DeleteTxn{Path: "/ttl"})
	b.settle()
	if b.exists("/box") || b.exists("/ttl") {
		t.Fatal("still there")
	}
}

// Null data and empty data are different, from the request to the reader.
func TestNullDataIsNotEmptyData(t *testing.T) {
	b := newBed(t, Options{})
	b.ok(b.by(alice, wire.OpCreate, &wire.CreateRequest{Path: "/a", ACL: wire.OpenACL})).
		body(&wire.CreateTxn{Path: "/a", ACL: wire.OpenACL, ParentCversion: 1})
	b.ok(b.by(alice, wire.OpSetData, &wire.SetDataRequest{Path: "/a", Data: []byte{}, Version: 0})).
		body(&wire.SetDataTxn{Path: "/a", Data: []byte{}, Version: 1})
	v := b.tree.View("/a")
	defer v.Close()
	if v.Data() == nil {
		t.Fatal("empty data became null")
	}
}
