package zkfile

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"bellwether/engine/tree"
	"bellwether/engine/wire"
	"bellwether/wal/memfs"
)

// shuffled are the znodes of a recorded state, and a few that lie deep, in no order.
func shuffled(t *testing.T) (znodes []tree.Znode, all restored) {
	t.Helper()
	all, err := restore(t, openDir(t, recordedDir(Plain)))
	if err != nil {
		t.Fatal(err)
	}
	deep := ""
	for range 3 * maxSpoolDepth / 2 {
		deep += "/d"
		all.tree.Lock(tree.AllShards)
		code := all.tree.Create(deep, []byte(deep), []wire.ACL{{Perms: int32(len(deep) % 7), Scheme: "ip", ID: "10.0.0.1"}}, 0, -1, 0x30, 5, nil)
		all.tree.Unlock(tree.AllShards)
		if code != wire.OK {
			t.Fatal(code)
		}
	}
	all.tree.Walk("/", func(path string, v *tree.View) bool {
		z := znodeOf(path, v)
		if z.Data != nil { // nil and empty are two things
			z.Data = append([]byte{}, z.Data...)
		}
		z.Path = strings.Clone(z.Path)
		znodes = append(znodes, z)
		return true
	})
	rand.New(rand.NewPCG(3, 4)).Shuffle(len(znodes), func(i, j int) { znodes[i], znodes[j] = znodes[j], znodes[i] })
	return znodes, all
}

// parentsFirst is a Sink that fails the test if a znode comes before its parent, as ZooKeeper would.
type parentsFirst struct {
	*Builder
	t    *testing.T
	seen map[string]bool
}

func (p parentsFirst) AddZnode(z *tree.Znode) error {
	if p.seen[z.Path] = true; z.Path != "" {
		if parent := strings.TrimSuffix(wire.ParentOf(z.Path), "/"); !p.seen[parent] {
			p.t.Errorf("%s comes before its parent", z.Path)
		}
	}
	return p.Builder.AddZnode(z)
}

// Whatever order znodes come in, they leave as a body that servers accept: parents first, and the same state.
func TestArrangerPutsParentsFirst(t *testing.T) {
	znodes, all := shuffled(t)
	d := newDisk(t)
	a := NewArranger(d.fs, memDir)
	for id, timeoutMs := range all.sessions.All() {
		if err := a.AddSession(id, timeoutMs); err != nil {
			t.Fatal(err)
		}
	}
	for i := range znodes {
		if err := a.AddZnode(&znodes[i]); err != nil {
			t.Fatal(err)
		}
	}
	var body bytes.Buffer
	if n, err := a.WriteTo(&body); err != nil || n != int64(body.Len()) || a.Digest() != TreeDigest(all.tree) {
		t.Fatalf("%d bytes, %v, digest %d", n, err, a.Digest())
	}
	b := NewBuilder(tree.Options{})
	if _, err := ReadBody(&body, parentsFirst{b, t, map[string]bool{}}); err != nil {
		t.Fatal(err)
	}
	tr, err := b.Loader.Finish()
	if err != nil {
		t.Fatal(err)
	}
	sameLines(t, "arranged", dumpTree(tr), dumpTree(all.tree))
	if !bytes.Equal(b.Sessions.AppendSnapshot(nil), all.sessions.AppendSnapshot(nil)) {
		t.Error("the sessions differ")
	}
	if err := a.Close(); err != nil || len(d.fs.Paths()) > 0 {
		t.Errorf("closed: %v, left %v", err, d.fs.Paths())
	}
	if a.AddZnode(&znodes[0]) == nil {
		t.Error("taken after Close")
	}
}

// A disk that fails at any call is told, and nothing is left of the files that could be removed.
func TestArrangerOnAFailingDisk(t *testing.T) {
	znodes, _ := shuffled(t)
	big := znodes[slices.IndexFunc(znodes, func(z tree.Znode) bool { return z.Path == "/" })]
	big.Data = make([]byte, 2*spoolBytes)
	znodes = append(znodes, big)
	run := func(fs *memfs.FS) error {
		a := NewArranger(fs, memDir)
		for i := range znodes {
			_ = a.AddZnode(&znodes[i]) // the error comes again
		}
		_, err := a.WriteTo(&bytes.Buffer{})
		fs.SetFaults(memfs.Faults{})
		_ = a.Close()
		return err
	}
	d := newDisk(t)
	first := d.fs.Calls() + 1
	if err := run(d.fs); err != nil {
		t.Fatal(err)
	}
	removals := uint64(2 * maxSpoolDepth) // Close closes and removes
	for call := first; call < d.fs.Calls()-removals; call++ {
		d := newDisk(t)
		d.fs.SetFaults(memfs.Faults{FailAt: call})
		if err := run(d.fs); err == nil {
			t.Errorf("call %d of %d failed and nobody was told", call, d.fs.Calls())
		}
		if left := d.fs.Paths(); len(left) > 0 {
			t.Errorf("call %d failed, and %v was left", call, left)
		}
	}
	a := NewArranger(newDisk(t).fs, memDir)
	if err := a.AddZnode(&big); err != nil {
		t.Fatal(err)
	}
	if _, err := a.WriteTo(&failingWriter{}); err == nil {
		t.Error("an error of the writer is lost")
	}
}
