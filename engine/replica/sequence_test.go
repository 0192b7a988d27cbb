package replica

import (
	"fmt"
	"math"
	"testing"

	"bellwether/engine/wire"
)

// Sequential znodes are numbered by how many children were ever created under the parent, whatever their kind; deletions
// and refusals do not count (client-protocol §3.2).
func TestSequentialNamesCountCreations(t *testing.T) {
	b := newBed(t, Options{ExtendedTypes: true})
	b.ok(b.create("/q", wire.Persistent))
	next := 0
	created := func(r result) {
		t.Helper()
		if want := fmt.Sprintf("/q/n%010d", next); r.path() != want {
			t.Fatalf("created %s, want %s", r.path(), want)
		}
		next++
	}
	created(b.ok(b.create("/q/n", wire.PersistentSequential)))
	created(b.ok(b.create("/q/n", wire.EphemeralSequential)))
	b.ok(b.create("/q/plain", wire.Persistent))
	next++
	b.ok(b.by(alice, wire.OpCreateContainer, &wire.CreateRequest{Path: "/q/box", ACL: wire.OpenACL, Mode: wire.Container}))
	next++
	b.ok(b.delete("/q/plain"))
	b.do(b.create("/q/box", wire.Persistent)).is(wire.NodeExists)
	created(b.ok(b.createTTL("/q/n", wire.PersistentSequentialTTL, 5)))
	created(b.ok(b.by(bob, wire.OpCreate2, &wire.CreateRequest{Path: "/q/n", ACL: wire.OpenACL, Mode: wire.PersistentSequential})))
}

// The name may be nothing but the number.
func TestASequentialNameMayBeginWithItsNumber(t *testing.T) {
	b := newBed(t, Options{})
	b.ok(b.create("/q", wire.Persistent))
	if got := b.ok(b.create("/q/", wire.PersistentSequential)).path(); got != "/q/0000000000" {
		t.Fatalf("created %s", got)
	}
	if got := b.ok(b.create("/", wire.PersistentSequential)).path(); got != "/0000000001" {
		t.Fatalf("created %s", got)
	}
}

// Creations that are not applied yet count: pipelined creates get consecutive numbers.
func TestPendingCreationsCount(t *testing.T) {
	b := newBed(t, Options{})
	b.ok(b.create("/q", wire.Persistent))
	for i := range 100 {
		want := wire.CreateTxn{Path: fmt.Sprintf("/q/n%010d", i), Data: []byte("data"), ACL: wire.OpenACL, ParentCversion: int32(i + 1)}
		b.propose(b.create("/q/n", wire.PersistentSequential)).is(wire.OK).body(&want)
		if i%7 == 0 {
			b.persist()
			b.apply(min(3, len(b.committed)))
		}
		if i%11 == 0 {
			b.release()
		}
	}
	b.settle()
	if n := b.stat("/q").NumChildren; n != 100 {
		t.Fatalf("%d children", n)
	}
}

// A multi that fails gives its numbers back, with everything else that it would have changed.
func TestAFailedMultiGivesItsNumbersBack(t *testing.T) {
	b := newBed(t, Options{})
	b.ok(b.create("/q", wire.Persistent))
	pipelined := b.propose(b.create("/q/n", wire.PersistentSequential))
	b.propose(b.multi(b.create("/q/n", wire.PersistentSequential), b.create("/q/n", wire.EphemeralSequential), b.delete("/none")))
	second := b.propose(b.create("/q/n", wire.PersistentSequential))
	pipelined.body(&wire.CreateTxn{Path: "/q/n0000000000", Data: []byte("data"), ACL: wire.OpenACL, ParentCversion: 1})
	second.body(&wire.CreateTxn{Path: "/q/n0000000001", Data: []byte("data"), ACL: wire.OpenACL, ParentCversion: 2})
	b.settle()
	if paths := b.tree.Ephemerals(nil, alice); len(paths) != 0 {
		t.Fatalf("ephemerals %q of a multi that failed", paths)
	}
}

// Deleting and creating the parent again begins at 0, also while both are pending.
func TestANewParentCountsFromZero(t *testing.T) {
	b := newBed(t, Options{})
	b.ok(b.create("/q", wire.Persistent))
	b.ok(b.create("/q/n", wire.PersistentSequential))
	b.propose(b.delete("/q/n0000000000")).is(wire.OK)
	b.propose(b.delete("/q")).is(wire.OK)
	b.propose(b.create("/q", wire.Persistent)).is(wire.OK)
	b.propose(b.create("/q/n", wire.PersistentSequential)).is(wire.OK).
		body(&wire.CreateTxn{Path: "/q/n0000000000", Data: []byte("data"), ACL: wire.OpenACL, ParentCversion: 1})
	b.settle()
}

// Versions count up by one and never become -1, by which clients mean any (ZOOKEEPER-4743).
func TestVersionsSkipMinusOne(t *testing.T) {
	for was, want := range map[int32]int32{0: 1, 7: 8, -3: -2, -2: 0, -1: 0, math.MaxInt32: math.MinInt32} {
		if got := nextVersion(was); got != want {
			t.Errorf("after %d comes %d, want %d", was, got, want)
		}
	}
	b := newBed(t, Options{})
	b.ok(b.create("/a", wire.Persistent))
	b.tree.Lock(b.tree.ShardMask("/a"))
	b.tree.SetData("/a", nil, -2, 1, 1, nil)
	b.tree.SetACL("/a", wire.OpenACL, -2, nil)
	b.tree.Unlock(b.tree.ShardMask("/a"))
	b.propose(b.by(alice, wire.OpSetData, &wire.SetDataRequest{Path: "/a", Version: -2})).is(wire.OK).body(&wire.SetDataTxn{Path: "/a", Version: 0})
	b.propose(b.by(alice, wire.OpSetACL, &wire.SetACLRequest{Path: "/a", ACL: wire.OpenACL, Version: -2})).is(wire.OK).
		body(&wire.SetACLTxn{Path: "/a", ACL: wire.OpenACL, Version: 0})
	b.settle()
	if st := b.stat("/a"); st.Version != 0 || st.Aversion != 0 {
		t.Fatalf("%+v", st)
	}
}
