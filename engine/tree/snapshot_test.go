package tree

import (
	"bytes"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"bellwether/engine/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

// written returns what is left of a snapshot.
func written(p *Snapshot) []byte {
	var b []byte
	for more := true; more; {
		b, more = p.Next(b)
	}
	return b
}

func startSnapshot(tb testing.TB, tree *Tree) *Snapshot {
	tb.Helper()
	p, err := tree.StartSnapshot()
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// loaded returns the tree of an encoded one, given to the Loader in pieces.
func loaded(tb testing.TB, encoded []byte, piece func() int) *Tree {
	tb.Helper()
	l := NewLoader(Options{Seed: 99})
	for len(encoded) > 0 {
		n := min(piece(), len(encoded))
		if _, err := l.Write(encoded[:n]); err != nil {
			tb.Fatal(err)
		}
		encoded = encoded[n:]
	}
	tree, err := l.Finish()
	if err != nil {
		tb.Fatal(err)
	}
	return tree
}

// A snapshot is the tree at the zxid it was started at, whatever is written between any two steps of its walk.
func TestSnapshotIsExactUnderRandomWrites(t *testing.T) {
	for seed := range uint64(40) {
		tree, m := New(), newModel()
		c := newChooser(seed, m)
		apply := func(n int) {
			for range n {
				applyAll(tree, []txn{c.next()})
			}
		}
		apply(c.IntN(800))
		for range 3 { // one after the other, on the same tree
			p, want := startSnapshot(t, tree), m.clone()
			p.maxSlots, p.maxBytes = 1+c.IntN(10), 1+c.IntN(5000)
			var encoded []byte
			for more := true; more; {
				if c.IntN(3) == 0 {
					apply(c.IntN(12))
				}
				encoded, more = p.Next(encoded)
			}
			if p.Zxid() != want.zxid {
				t.Fatalf("seed %d: zxid %d, want %d", seed, p.Zxid(), want.zxid)
			}
			mustEqual(t, loaded(t, encoded, func() int { return 1 + c.IntN(3000) }), want)
			mustEqual(t, tree, m)
		}
	}
}

// The same for each kind of change at each step of the walk: nothing depends on luck.
func TestSnapshotIsExactForAnyChangeAtAnyStep(t *testing.T) {
	base := []txn{
		{op: wire.OpCreate, path: "/a", data: []byte("a"), zxid: 1, version: 1},
		{op: wire.OpCreate, path: "/a/b", data: nil, zxid: 2, version: 1},
		{op: wire.OpCreate, path: "/e", owner: 7, data: []byte{}, zxid: 3, version: 2},
		{op: wire.OpCreate, path: "/gone", data: []byte("x"), zxid: 4, version: 3},
		{op: wire.OpDelete, path: "/gone", zxid: 5},
	}
	big := bytes.Repeat([]byte{1}, 9000)
	changes := map[string][]txn{
		"create":           {{op: wire.OpCreate, path: "/a/c", version: 2}},
		"create again":     {{op: wire.OpCreate, path: "/gone", version: 4, data: []byte("y")}},
		"set":              {{op: wire.OpSetData, path: "/a", data: []byte("z"), version: 1}},
		"set larger":       {{op: wire.OpSetData, path: "/a", data: big, version: 1}},
		"set, set":         {{op: wire.OpSetData, path: "/a/b", data: big, version: 1}, {op: wire.OpSetData, path: "/a/b", version: 2}},
		"set ephemeral":    {{op: wire.OpSetData, path: "/e", data: big, version: 1}},
		"acl":              {{op: wire.OpSetACL, path: "/a", acl: someACLs[3], version: 1}},
		"delete":           {{op: wire.OpDelete, path: "/a/b"}},
		"delete ephemeral": {{op: wire.OpDelete, path: "/e"}},
		"delete, create":   {{op: wire.OpDelete, path: "/e"}, {op: wire.OpCreate, path: "/e", version: 4, data: []byte("new")}},
		"delete all":       {{op: wire.OpDelete, path: "/a/b"}, {op: wire.OpDelete, path: "/a"}, {op: wire.OpDelete, path: "/e"}},
		"create, delete":   {{op: wire.OpCreate, path: "/n", version: 4}, {op: wire.OpDelete, path: "/n"}},
	}
	want := replayed(base)
	for name, change := range changes {
		for i := range change {
			change[i].zxid = 6 + int64(i)
		}
		for step, steps := 0, 1; step < steps; step++ {
			tree := New()
			applyAll(tree, base)
			p := startSnapshot(t, tree)
			p.maxSlots = 1
			var encoded []byte
			more := true
			for steps = 0; more; steps++ {
				if steps == step {
					applyAll(tree, change)
				}
				encoded, more = p.Next(encoded)
			}
			back := loaded(t, encoded, func() int { return len(encoded) })
			if err := same(back, want); err != "" {
				t.Fatalf("%s at step %d: %s", name, step, err)
			}
			mustEqual(t, tree, replayed(append(base[:len(base):len(base)], change...)))
		}
	}
}

// same is a short mustEqual for trees without children lists worth looking at.
func same(tree *Tree, m *model) string {
	if err := tree.Check(); err != nil {
		return err.Error()
	}
	if tree.NodeCount() != int64(len(m.znodes)) {
		return "another number of znodes"
	}
	for path, n := range m.znodes {
		if err := compare(tree, n, m.children(path)); err != nil {
			return path + ": " + err.Error()
		}
	}
	return ""
}

// Only one snapshot runs at a time; after the last step, or when it is aborted, the next one may.
func TestOneSnapshotAtATime(t *testing.T) {
	tree := New()
	first := startSnapshot(t, tree)
	if _, err := tree.StartSnapshot(); !errors.Is(err, ErrSnapshotRunning) {
		t.Fatalf("the second one: %v", err)
	}
	first.Next(nil)
	first.Abort()
	create(t, tree, "/a", nil)
	second := startSnapshot(t, tree)
	mustEqual(t, loaded(t, written(second), func() int { return 1 }), modelOf(tree))
	second.Abort()
	startSnapshot(t, tree).Abort()
	if b, more := first.Next(nil); len(b) > 0 || more {
		t.Fatal("an aborted snapshot goes on")
	}
}

// An aborted snapshot leaves nothing behind: later changes save nothing.
func TestAbortedSnapshotSavesNothing(t *testing.T) {
	tree := New()
	create(t, tree, "/a", nil)
	startSnapshot(t, tree).Abort()
	create(t, tree, "/a/b", nil)
	for i := range tree.shards {
		if w := &tree.shards[i].walk; w.active || len(w.saved) > 0 {
			t.Fatalf("shard %d: %+v", i, w)
		}
	}
}

// modelOf reads a tree into a model.
func modelOf(tree *Tree) *model {
	m := &model{znodes: make(map[string]*Znode), zxid: tree.Zxid()}
	tree.Walk("/", func(path string, v *View) bool {
		i := v.Info()
		m.znodes[path] = &Znode{
			Path: path, Data: bytes.Clone(v.Data()), ACL: v.ACL(), Owner: i.Owner,
			Czxid: i.Czxid, Mzxid: i.Mzxid, Pzxid: i.Pzxid, Ctime: i.Ctime, Mtime: i.Mtime,
			Version: i.Version, Cversion: i.Cversion, Aversion: i.Aversion,
		}
		return true
	})
	return m
}

// sample is a tree with one of everything a record can hold.
func sample(tb testing.TB) *Tree {
	tree := New()
	applyAll(tree, []txn{
		{op: wire.OpCreate, path: "/app", data: []byte("data"), acl: wire.OpenACL, version: 1, zxid: 0x100000001, timeMs: 1795334603581},
		{op: wire.OpCreate, path: "/app/null", acl: someACLs[5], version: 1, zxid: 0x100000002, timeMs: 1795334603582},
		{op: wire.OpCreate, path: "/app/empty", data: []byte{}, acl: []wire.ACL{}, version: 2, zxid: 0x100000003, timeMs: 1795334603583},
		{op: wire.OpCreate, path: "/app/lock-0000000002", owner: 0x1234567890abcdef, acl: wire.OpenACL, version: 3, zxid: 0x100000004, timeMs: 1795334603584},
		{op: wire.OpCreate, path: "/app/box", owner: ContainerOwner, acl: wire.OpenACL, version: 4, zxid: 0x100000005, timeMs: 1795334603585},
		{op: wire.OpCreate, path: "/app/brief", owner: TTLOwner(5000), acl: wire.OpenACL, version: 5, zxid: 0x100000006, timeMs: 1795334603586},
		{op: wire.OpSetData, path: "/app", data: []byte("more"), version: 1, zxid: 0x100000007, timeMs: 1795334603587},
		{op: wire.OpSetACL, path: "/app", acl: someACLs[4], version: 1, zxid: 0x100000008},
	})
	return tree
}

// The encoded form is what doc.go draws and what every later version must read: it is fixed by a golden file.
func TestEncodedFormIsGolden(t *testing.T) {
	const file = "testdata/tree.v1"
	got := written(startSnapshot(t, sample(t)))
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("encoded is\n%x, want\n%x", got, want)
	}
	mustEqual(t, loaded(t, want, func() int { return 7 }), modelOf(sample(t)))
}

// The size of a record is known before it is written: room for saved records is made in one go.
func TestRecordBytesIsExact(t *testing.T) {
	tree := sample(t)
	for i := range tree.shards {
		err := tree.shards[i].each(func(n *node, _ uint32) error {
			if got, want := tree.recordBytes(n), len(tree.appendRecord(nil, n)); got != want {
				t.Errorf("%s: %d bytes, want %d", n.path(), got, want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A loader refuses what is not whole: cut at any byte, it finds out at the end at the latest.
func TestTruncatedSnapshotIsRefused(t *testing.T) {
	encoded := written(startSnapshot(t, sample(t)))
	for n := range encoded {
		l := NewLoader(Options{})
		_, err := l.Write(encoded[:n])
		if err == nil {
			_, err = l.Finish()
		}
		if err == nil {
			t.Fatalf("accepted with %d of %d bytes", n, len(encoded))
		}
	}
}

// What is wrong with a snapshot is said in words, and a missing parent by name.
func TestLoadErrorsNameTheirReason(t *testing.T) {
	encoded := written(startSnapshot(t, sample(t)))
	damaged := func(change func(b []byte) []byte) []byte { return change(bytes.Clone(encoded)) }
	for want, b := range map[string][]byte{
		"is no tree":         damaged(func(b []byte) []byte { b[0] ^= 1; return b }),
		"version 2":          damaged(func(b []byte) []byte { b[11] = 2; return b }),
		"10 znodes, the end": damaged(func(b []byte) []byte { b[len(b)-1]++; return b }),
		"behind the end":     damaged(func(b []byte) []byte { return append(b, 0) }),
		"record is damaged":  damaged(func(b []byte) []byte { b[headerSize] = 0x7F; return b }),
		`its parent "/apq"`:  damaged(func(b []byte) []byte { return bytes.Replace(b, []byte("/app/box"), []byte("/apq/box"), 1) }),
		`"aapp/box" is no`:   damaged(func(b []byte) []byte { return bytes.Replace(b, []byte("/app/box"), []byte("aapp/box"), 1) }),
		"root is missing":    append(appendHeader(nil, 1), appendTrailer(nil, 0)...),
	} {
		l := NewLoader(Options{})
		_, err := l.Write(b)
		if err == nil {
			_, err = l.Finish()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// Znodes may be added in any order, one by one, as an import does; a path given twice is refused.
func TestAddTakesAnyOrder(t *testing.T) {
	want := modelOf(sample(t))
	var paths []string
	for path := range want.znodes {
		paths = append(paths, path)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		r.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
		l := NewLoader(Options{})
		for _, path := range paths {
			z := *want.znodes[path]
			if path == "/" {
				z.Path = "" // as Apache's snapshots name it
			}
			if err := l.Add(&z); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Add(want.znodes["/app"]); err == nil {
			t.Fatal("a second /app was taken")
		}
		l.SetZxid(want.zxid)
		tree, err := l.Finish()
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, tree, want)
	}
}

// Built-in znodes that an old snapshot lacks are there after loading.
func TestLoadAddsMissingBuiltins(t *testing.T) {
	l := NewLoader(Options{})
	for _, z := range []Znode{{Path: "/", Data: []byte{}, ACL: wire.OpenACL}, {Path: "/zookeeper", Data: []byte{}, ACL: wire.OpenACL}} {
		if err := l.Add(&z); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := l.Finish()
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, tree, newModel())
}

// Whatever bytes a loader is given, it says no or makes a tree that is sound.
func FuzzLoad(f *testing.F) {
	f.Add(written(startSnapshot(f, sample(f))))
	f.Add(written(startSnapshot(f, New())))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := NewLoader(Options{})
		if _, err := l.Write(b); err != nil {
			return
		}
		tree, err := l.Finish()
		if err != nil {
			return
		}
		if err := tree.Check(); err != nil {
			t.Fatal(err)
		}
		again := loaded(t, written(startSnapshot(t, tree)), func() int { return 1000 })
		mustEqual(t, again, modelOf(tree))
	})
}
