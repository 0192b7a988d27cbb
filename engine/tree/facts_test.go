package tree

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"bellwether/engine/wire"
)

// What the reference says about znodes, fact by fact: client-protocol §2.8 and §12, quorum-and-storage §4.4 and §5.8.

// tester drives a tree the way a writer does, with zxids and times that count up.
type tester struct {
	testing.TB
	tree *Tree
	zxid int64
}

func newTester(tb testing.TB) *tester { return &tester{TB: tb, tree: New()} }

// txn runs one transaction and returns its answer.
func (t *tester) txn(path string, run func(zxid, timeMs int64) wire.Code) wire.Code {
	t.zxid++
	mask := t.tree.MaskFor(path)
	t.tree.Lock(mask)
	code := run(t.zxid, 1000+t.zxid)
	t.tree.SetZxid(t.zxid)
	t.tree.Unlock(mask)
	return code
}

func (t *tester) create(path string, owner int64) wire.Code {
	return t.txn(path, func(zxid, timeMs int64) wire.Code {
		return t.tree.Create(path, []byte("data"), wire.OpenACL, owner, -1, zxid, timeMs, nil)
	})
}

func (t *tester) delete(path string) wire.Code {
	return t.txn(path, func(zxid, _ int64) wire.Code { return t.tree.Delete(path, zxid) })
}

func (t *tester) set(path string, data []byte) wire.Code {
	return t.txn(path, func(zxid, timeMs int64) wire.Code { return t.tree.SetData(path, data, 1, zxid, timeMs, nil) })
}

func (t *tester) stat(path string) (st wire.Stat) {
	v := t.tree.View(path)
	defer v.Close()
	if !v.Exists() {
		t.Fatalf("%s is missing", path)
	}
	v.Stat(&st)
	return st
}

func decodeNames(tb testing.TB, list []byte) []string {
	r := wire.NewReader(list)
	var names []string
	for range r.Int() {
		names = append(names, strings.Clone(r.String()))
	}
	if r.Err() != nil || r.Remaining() > 0 {
		tb.Fatalf("%x is no vector of strings", list)
	}
	return names
}

// expect fails unless got is want.
func expect[T comparable](tb testing.TB, what string, got, want T) {
	tb.Helper()
	if got != want {
		tb.Fatalf("%s is %v, want %v", what, got, want)
	}
}

// An empty server has four znodes, and their children do not count as created.
func TestEmptyTree(t *testing.T) {
	x := newTester(t)
	expect(t, "/", x.stat("/"), wire.Stat{Cversion: -1, NumChildren: 1})
	expect(t, "/zookeeper", x.stat("/zookeeper"), wire.Stat{Cversion: -2, NumChildren: 2})
	expect(t, "/zookeeper/quota", x.stat("/zookeeper/quota"), wire.Stat{})
	expect(t, "/zookeeper/config", x.stat("/zookeeper/config"), wire.Stat{Aversion: -1})
	expect(t, "the number of znodes", x.tree.NodeCount(), 4)
	expect(t, "the size", x.tree.SizeBytes(), 44) // what Apache's mntr shows on an empty server
	v := x.tree.View("/zookeeper/config")
	expect(t, "the ACL of config", fmt.Sprint(v.ACL()), fmt.Sprint([]wire.ACL{{Perms: 1, Scheme: "world", ID: "anyone"}}))
	expect(t, "its data", v.Data() != nil && len(v.Data()) == 0, true)
	v.Close()
}

// "" reads the root; any other odd path is simply not there.
func TestOddPathsAreReadLiterally(t *testing.T) {
	x := newTester(t)
	x.create("/a", 0)
	expect(t, "the root by its other name", x.stat(""), x.stat("/"))
	for _, path := range []string{"a", "/a/", "//a", "/a//b", "/zookeeper/", "//", " ", "/a\x00"} {
		v := x.tree.View(path)
		expect(t, path, v.Exists(), false)
		v.Close()
	}
}

// Wire cversion counts creations and deletions; the counter for names counts creations only.
func TestCversionCountsCreationsTwiceMinusChildren(t *testing.T) {
	x := newTester(t)
	x.create("/p", 0)
	for i := range 5 {
		x.create(fmt.Sprintf("/p/%d", i), 0)
	}
	x.delete("/p/1")
	x.delete("/p/2")
	expect(t, "cversion", x.stat("/p").Cversion, 7)
	v := x.tree.View("/p")
	expect(t, "the counter", v.Info().Cversion, 5)
	v.Close()
}

// pzxid moves when a child comes or goes, not when it changes.
func TestPzxidFollowsChildren(t *testing.T) {
	x := newTester(t)
	x.create("/p", 0)
	x.create("/p/c", 0)
	expect(t, "after create", x.stat("/p").Pzxid, 2)
	x.set("/p/c", nil)
	expect(t, "after setData of the child", x.stat("/p").Pzxid, 2)
	x.delete("/p/c")
	expect(t, "after delete", x.stat("/p").Pzxid, 4)
	expect(t, "mzxid", x.stat("/p").Mzxid, 1)
}

// setACL changes the list and its version, nothing else.
func TestSetACLChangesOnlyAversion(t *testing.T) {
	x := newTester(t)
	x.create("/a", 0)
	want := x.stat("/a")
	want.Aversion = 1
	x.txn("/a", func(int64, int64) wire.Code { return x.tree.SetACL("/a", someACLs[4], 1, nil) })
	expect(t, "the stat", x.stat("/a"), want)
}

// Null and empty data are told apart, although both have length 0.
func TestNullAndEmptyDataAreKeptApart(t *testing.T) {
	x := newTester(t)
	x.create("/a", 0)
	for _, data := range [][]byte{nil, {}, []byte("x"), {}, nil} {
		x.set("/a", data)
		v := x.tree.View("/a")
		expect(t, "null", v.Data() == nil, data == nil)
		expect(t, "length", len(v.Data()), len(data))
		v.Close()
		expect(t, "dataLength", x.stat("/a").DataLength, int32(len(data)))
	}
}

// Clients see the owner of ephemerals only; the stored one is there for those who prepare and reap.
func TestOwnersOfContainersAndTTLsAreHidden(t *testing.T) {
	x := newTester(t)
	for path, owner := range map[string]int64{"/e": 42, "/neg": -0x7e << 56, "/c": ContainerOwner, "/t": TTLOwner(7), "/p": 0} {
		x.create(path, owner)
		v := x.tree.View(path)
		expect(t, "stored owner", v.Info().Owner, owner)
		v.Close()
		want := owner
		if path == "/c" || path == "/t" {
			want = 0
		}
		expect(t, path, x.stat(path).EphemeralOwner, want)
	}
	expect(t, "TTL", TTLOf(TTLOwner(7)), 7)
	expect(t, "the longest TTL", uint64(TTLOwner(MaxTTLMs)), 0xff0000ffffffffff)
	expect(t, "ephemerals", x.tree.EphemeralCount(), 2)
}

// Without extended types an owner that begins with 0xff is a session.
func TestNoTTLMakesTTLOwnersSessions(t *testing.T) {
	x := newTester(t)
	x.tree = NewWith(Options{NoTTL: true})
	x.create("/t", TTLOwner(7))
	expect(t, "owner", x.stat("/t").EphemeralOwner, TTLOwner(7))
	expect(t, "listed", fmt.Sprint(x.tree.Ephemerals(nil, TTLOwner(7)), x.tree.TTLs(nil)), "[/t] []")
}

// Ephemerals, containers and TTL znodes are listed by owner, in byte order, also after their records have moved.
func TestOwnedAreListedInOrder(t *testing.T) {
	x := newTester(t)
	for _, path := range []string{"/z", "/b", "/y", "/a"} {
		x.create(path, 5)
		x.create(path+"c", ContainerOwner)
		x.create(path+"t", TTLOwner(int64(len(path))))
	}
	x.create("/other", 6)
	x.set("/b", make([]byte, 3000))
	x.set("/y", make([]byte, 30000))
	x.delete("/z")
	expect(t, "ephemerals", fmt.Sprint(x.tree.Ephemerals([]string{"kept"}, 5)), "[kept /a /b /y]")
	expect(t, "containers", fmt.Sprint(x.tree.Containers(nil)), "[/ac /bc /yc /zc]")
	expect(t, "TTLs", fmt.Sprint(x.tree.TTLs(nil)), "[/at /bt /yt /zt]")
	expect(t, "sessions", fmt.Sprint(x.tree.EphemeralSessions(nil)), "[5 6]")
	expect(t, "no session's", len(x.tree.Ephemerals(nil, 0))+len(x.tree.Ephemerals(nil, 99)), 0)
}

// A counter that has reached the end stays there, and the parent's pzxid with it.
func TestCversionStopsAtItsLargest(t *testing.T) {
	x := newTester(t)
	x.create("/p", 0)
	x.txn("/p/a", func(zxid, timeMs int64) wire.Code {
		return x.tree.Create("/p/a", nil, wire.OpenACL, 0, math.MaxInt32, zxid, timeMs, nil)
	})
	expect(t, "pzxid", x.stat("/p").Pzxid, 2)
	x.txn("/p/b", func(zxid, timeMs int64) wire.Code {
		return x.tree.Create("/p/b", nil, wire.OpenACL, 0, math.MinInt32, zxid, timeMs, nil)
	})
	x.create("/p/c", 0) // -1: one more than there are
	v := x.tree.View("/p")
	expect(t, "the counter", v.Info().Cversion, math.MaxInt32)
	expect(t, "pzxid", v.Info().Pzxid, 2)
	v.Close()
}

// What cannot be applied is answered and changes nothing but what replay needs.
func TestReplayAnswers(t *testing.T) {
	x := newTester(t)
	expect(t, "create without parent", x.create("/no/a", 0), wire.NoNode)
	expect(t, "delete without parent", x.delete("/no/a"), wire.NoNode)
	expect(t, "set", x.set("/no", nil), wire.NoNode)
	expect(t, "setACL", x.txn("/no", func(int64, int64) wire.Code { return x.tree.SetACL("/no", nil, 1, nil) }), wire.NoNode)
	expect(t, "delete of the root", x.delete("/"), wire.BadArguments)
	for _, path := range []string{"", "a", "/a/", "/"} {
		expect(t, "create "+path, x.create(path, 0), wire.BadArguments)
	}
	expect(t, "the tree", x.tree.NodeCount(), 4)

	expect(t, "delete of a missing znode", x.delete("/gone"), wire.NoNode)
	expect(t, "raises pzxid", x.stat("/").Pzxid, x.zxid)
	x.create("/a", 0)
	expect(t, "create again", x.txn("/a", func(zxid, timeMs int64) wire.Code {
		return x.tree.Create("/a", []byte("other"), someACLs[4], 9, 5, zxid, timeMs, nil)
	}), wire.NodeExists)
	v := x.tree.View("/a")
	expect(t, "keeps the data", string(v.Data()), "data")
	expect(t, "keeps the owner", v.Info().Owner, 0)
	expect(t, "takes the ACL", slices.Equal(v.ACL(), someACLs[4]), true)
	v.Close()
	v = x.tree.View("/")
	expect(t, "raises the counter", v.Info().Cversion, 5)
	v.Close()
}

// A znode with children is deleted with them when everything is locked, as replay does; otherwise it stays.
func TestDeleteWithChildren(t *testing.T) {
	x := newTester(t)
	x.create("/p", 0)
	for i := range 500 {
		x.create(fmt.Sprintf("/p/%d", i), 3)
		x.create(fmt.Sprintf("/p/%d/x", i), 0)
	}
	expect(t, "with a few shards locked", x.delete("/p"), wire.NotEmpty)
	expect(t, "znodes", x.tree.NodeCount(), 4+1+1000)
	x.tree.Lock(AllShards)
	expect(t, "with all", x.tree.Delete("/p", 5000), wire.OK)
	x.tree.Unlock(AllShards)
	mustEqual(t, x.tree, modelOf(x.tree))
	expect(t, "znodes", x.tree.NodeCount(), 4)
	expect(t, "ephemerals", x.tree.EphemeralCount(), 0)
}

// getAllChildrenNumber counts all descendants: three in an empty tree, and one more under the alias "".
func TestCountDescendants(t *testing.T) {
	x := newTester(t)
	for _, path := range []string{"/a", "/a/b", "/a/b/c", "/ab"} {
		x.create(path, 0)
	}
	for path, want := range map[string]int32{"/": 7, "": 8, "/a": 2, "/a/b/c": 0, "/ab": 0, "/zookeeper": 2} {
		got, exists := x.tree.CountDescendants(path)
		expect(t, path, fmt.Sprint(got, exists), fmt.Sprint(want, true))
	}
	if _, exists := x.tree.CountDescendants("/none"); exists {
		t.Fatal("a missing znode exists")
	}
}

// Walk shows parents before children, children in byte order, and nothing below what the visitor declines.
func TestWalkOrder(t *testing.T) {
	x := newTester(t)
	for _, path := range []string{"/b", "/a", "/a/y", "/a/x", "/a/x/1", "/c", "/c/1"} {
		x.create(path, 0)
	}
	var seen []string
	x.tree.Walk("/", func(path string, v *View) bool {
		seen = append(seen, path)
		return path != "/zookeeper" && path != "/c"
	})
	expect(t, "the walk", fmt.Sprint(seen), "[/ /a /a/x /a/x/1 /a/y /b /c /zookeeper]")
}

// Stats of replies: create and setData and setACL fill in the Stat after the change, a refusal leaves it alone.
func TestChangesFillTheStat(t *testing.T) {
	x := newTester(t)
	var st wire.Stat
	x.txn("/a", func(zxid, timeMs int64) wire.Code {
		return x.tree.Create("/a", []byte("abc"), wire.OpenACL, 9, 1, zxid, timeMs, &st)
	})
	expect(t, "created", st, wire.Stat{Czxid: 1, Mzxid: 1, Pzxid: 1, Ctime: 1001, Mtime: 1001, EphemeralOwner: 9, DataLength: 3})
	x.txn("/a", func(zxid, timeMs int64) wire.Code { return x.tree.SetData("/a", nil, 4, zxid, timeMs, &st) })
	expect(t, "set", st, wire.Stat{Czxid: 1, Mzxid: 2, Pzxid: 1, Ctime: 1001, Mtime: 1002, EphemeralOwner: 9, Version: 4})
	expect(t, "set, read", st, x.stat("/a"))
	x.txn("/a", func(int64, int64) wire.Code { return x.tree.SetACL("/a", wire.OpenACL, 3, &st) })
	expect(t, "acl", st, x.stat("/a"))
	before := st
	x.txn("/none", func(zxid, timeMs int64) wire.Code { return x.tree.SetData("/none", nil, 4, zxid, timeMs, &st) })
	expect(t, "refused", st, before)
}

// The writer sees its own changes before it publishes them; nothing may be changed that is not locked.
func TestLockedView(t *testing.T) {
	x := newTester(t)
	mask := x.tree.MaskFor("/a")
	x.tree.Lock(mask)
	x.tree.Create("/a", nil, wire.OpenACL, 0, 1, 1, 1, nil)
	v := x.tree.LockedView("/a")
	expect(t, "created", v.Exists(), true)
	v.Close()
	x.tree.Delete("/a", 2)
	v = x.tree.LockedView("/a")
	expect(t, "deleted", v.Exists(), false)
	x.tree.Unlock(mask)

	mustPanic(t, "a change without a lock", func() { x.tree.SetData("/a", nil, 1, 3, 1, nil) })
	mustPanic(t, "a look without a lock", func() { x.tree.LockedView("/a") })
	mustPanic(t, "another mask", func() { x.tree.Lock(1); x.tree.Unlock(2) })
	mustPanic(t, "a second lock", func() { x.tree.Lock(2) })
	mustPanic(t, "a snapshot within", func() { x.tree.StartSnapshot() })
}

func mustPanic(tb testing.TB, what string, do func()) {
	tb.Helper()
	defer func() {
		if recover() == nil {
			tb.Fatalf("%s went unnoticed", what)
		}
	}()
	do()
}

// The zxid never goes back.
func TestZxidOnlyRises(t *testing.T) {
	tree := New()
	tree.SetZxid(9)
	tree.SetZxid(3)
	expect(t, "zxid", tree.Zxid(), 9)
}
