package sim

import (
	"bytes"
	"fmt"
	"slices"

	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/wire"
)

// compareZnode says how the znode at path differs from the model's, or nil.
func (m *Model) compareZnode(t *tree.Tree, path string) error {
	want, exists := m.znodes[path]
	v := t.View(path)
	defer v.Close()
	switch {
	case !exists && !v.Exists():
		return nil
	case exists != v.Exists():
		return fmt.Errorf("%s exists: %v, want %v", path, v.Exists(), exists)
	}
	info := v.Info()
	got := znode{
		data: v.Data(), acl: v.ACL(), czxid: info.Czxid, mzxid: info.Mzxid, pzxid: info.Pzxid, ctime: info.Ctime, mtime: info.Mtime,
		version: info.Version, aversion: info.Aversion, created: info.Cversion, owner: info.Owner,
	}
	if !got.equal(&want) {
		return fmt.Errorf("%s is\n%+v, want\n%+v", path, got, want)
	}
	if kids, wantKids := v.AppendChildren(nil), wire.AppendStrings(nil, m.children(path)); !bytes.Equal(kids, wantKids) {
		return fmt.Errorf("%s has the children %q, want %q", path, kids, wantKids)
	}
	var st wire.Stat
	if v.Stat(&st); st != m.Stat(path) {
		return fmt.Errorf("%s shows %+v, want %+v", path, st, m.Stat(path))
	}
	return nil
}

// Compare says how a tree and a session table differ from the model, or nil: every znode with all its fields, the
// ephemerals of every session, the sessions with their timeouts, the zxid, and what the tree knows to be wrong with itself.
func (m *Model) Compare(t *tree.Tree, sessions *session.Table) error {
	if got := t.Zxid(); got != m.zxid {
		return fmt.Errorf("the tree is at zxid %#x, want %#x", got, m.zxid)
	}
	seen := 0
	var err error
	var paths []string
	t.Walk("/", func(path string, _ *tree.View) bool {
		seen++
		paths = append(paths, path)
		return true
	})
	for _, path := range paths {
		if err = m.compareZnode(t, path); err != nil {
			return err
		}
	}
	if seen != len(m.znodes) {
		return fmt.Errorf("%d znodes, want %d", seen, len(m.znodes))
	}
	live := 0
	for id, timeoutMs := range sessions.All() {
		live++
		if want, ok := m.sessions[id]; !ok || want != timeoutMs {
			return fmt.Errorf("session %#x has %d ms, want %d (%v)", id, timeoutMs, want, ok)
		}
		if got, want := t.Ephemerals(nil, id), m.ephemerals(id); !slices.Equal(got, want) {
			return fmt.Errorf("session %#x owns %q, want %q", id, got, want)
		}
	}
	if live != len(m.sessions) {
		return fmt.Errorf("%d sessions, want %d", live, len(m.sessions))
	}
	for _, id := range t.EphemeralSessions(nil) {
		if !sessions.Has(id) {
			return fmt.Errorf("session %#x is gone, its ephemerals %q are not", id, t.Ephemerals(nil, id))
		}
	}
	return t.Check()
}
