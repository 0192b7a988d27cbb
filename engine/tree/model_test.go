package tree

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"bellwether/engine/wire"
)

// model is the truth the tree is compared with: the reference written down as plainly as possible (client-protocol §2.8,
// quorum-and-storage §4.4 and §5.8), every znode on its own, children looked for among all paths.
type model struct {
	znodes map[string]*Znode
	zxid   int64
}

func newModel() *model {
	m := &model{znodes: make(map[string]*Znode)}
	for _, path := range []string{"/", "/zookeeper", "/zookeeper/quota"} {
		m.znodes[path] = &Znode{Path: path, Data: []byte{}, ACL: wire.OpenACL}
	}
	readers := []wire.ACL{{Perms: 1, Scheme: "world", ID: "anyone"}}
	m.znodes["/zookeeper/config"] = &Znode{Path: "/zookeeper/config", Data: []byte{}, ACL: readers, Aversion: -1}
	return m
}

func parentIn(path string) string {
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		return path[:i]
	}
	return "/"
}

func (m *model) create(path string, data []byte, acl []wire.ACL, owner int64, parentCversion int32, zxid, time int64) wire.Code {
	parent := m.znodes[parentIn(path)]
	if parent == nil {
		return wire.NoNode
	}
	if parentCversion == -1 {
		parentCversion = parent.Cversion + 1
	}
	if parentCversion > parent.Cversion {
		parent.Cversion = parentCversion
		parent.Pzxid = zxid
	}
	if n := m.znodes[path]; n != nil {
		n.ACL = acl
		return wire.NodeExists
	}
	m.znodes[path] = &Znode{Path: path, Data: data, ACL: acl, Owner: owner,
		Czxid: zxid, Mzxid: zxid, Pzxid: zxid, Ctime: time, Mtime: time}
	return wire.OK
}

// delete deletes a znode; one with children only if all is locked.
func (m *model) delete(path string, zxid int64, all bool) wire.Code {
	parent := m.znodes[parentIn(path)]
	if parent == nil {
		return wire.NoNode
	}
	if zxid > parent.Pzxid {
		parent.Pzxid = zxid
	}
	if m.znodes[path] == nil {
		return wire.NoNode
	}
	if len(m.children(path)) > 0 && !all {
		return wire.NotEmpty
	}
	maps.DeleteFunc(m.znodes, func(p string, _ *Znode) bool { return p == path || strings.HasPrefix(p, path+"/") })
	return wire.OK
}

func (m *model) setData(path string, data []byte, version int32, zxid, time int64) wire.Code {
	n := m.znodes[path]
	if n == nil {
		return wire.NoNode
	}
	n.Data, n.Version, n.Mzxid, n.Mtime = data, version, zxid, time
	return wire.OK
}

func (m *model) setACL(path string, acl []wire.ACL, aversion int32) wire.Code {
	n := m.znodes[path]
	if n == nil {
		return wire.NoNode
	}
	n.ACL, n.Aversion = acl, aversion
	return wire.OK
}

// children returns the names of the children in order.
func (m *model) children(path string) []string {
	prefix := path + "/"
	if path == "/" {
		prefix = "/"
	}
	var names []string
	for p := range m.znodes {
		if name, below := strings.CutPrefix(p, prefix); below && name != "" && !strings.Contains(name, "/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (m *model) stat(path string) wire.Stat {
	n := m.znodes[path]
	children := int32(len(m.children(path)))
	st := wire.Stat{
		Czxid: n.Czxid, Mzxid: n.Mzxid, Pzxid: n.Pzxid, Ctime: n.Ctime, Mtime: n.Mtime,
		Version: n.Version, Cversion: 2*n.Cversion - children, Aversion: n.Aversion,
		DataLength: int32(len(n.Data)), NumChildren: children,
	}
	if n.Owner > 0 { // sessions in these tests are positive; containers and TTLs are negative
		st.EphemeralOwner = n.Owner
	}
	return st
}

func (m *model) ephemerals(session int64) []string {
	var paths []string
	for path, n := range m.znodes {
		if n.Owner == session {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// clone copies the model, so that the original may go on.
func (m *model) clone() *model {
	c := &model{znodes: make(map[string]*Znode, len(m.znodes)), zxid: m.zxid}
	for path, n := range m.znodes {
		z := *n
		c.znodes[path] = &z
	}
	return c
}

// mustEqual fails unless tree and model are the same in all that can be seen.
func mustEqual(tb testing.TB, tree *Tree, m *model) {
	tb.Helper()
	if err := tree.Check(); err != nil {
		tb.Fatal(err)
	}
	if tree.NodeCount() != int64(len(m.znodes)) {
		tb.Fatalf("%d znodes, want %d", tree.NodeCount(), len(m.znodes))
	}
	if tree.Zxid() != m.zxid {
		tb.Fatalf("zxid %d, want %d", tree.Zxid(), m.zxid)
	}
	names := make(map[string][]string) // children by parent, for the model is slow
	for path := range m.znodes {
		if path != "/" {
			names[parentIn(path)] = append(names[parentIn(path)], path[strings.LastIndexByte(path, '/')+1:])
		}
	}
	for path, n := range m.znodes {
		if err := compare(tree, n, names[path]); err != nil {
			tb.Fatalf("%s: %v", path, err)
		}
	}
	sessions, ephemerals := make(map[int64]bool), 0
	for _, n := range m.znodes {
		if n.Owner > 0 {
			sessions[n.Owner] = true
			ephemerals++
		}
	}
	if got, want := tree.EphemeralSessions(nil), slices.Sorted(maps.Keys(sessions)); !slices.Equal(got, want) {
		tb.Fatalf("sessions with ephemerals %v, want %v", got, want)
	}
	if got := tree.EphemeralCount(); got != int64(ephemerals) {
		tb.Fatalf("%d ephemerals, want %d", got, ephemerals)
	}
	for session := range sessions {
		if got, want := tree.Ephemerals(nil, session), m.ephemerals(session); !slices.Equal(got, want) {
			tb.Fatalf("ephemerals of %d are %v, want %v", session, got, want)
		}
	}
	if got, want := tree.Containers(nil), m.ephemerals(ContainerOwner); !slices.Equal(got, want) {
		tb.Fatalf("containers %v, want %v", got, want)
	}
}

// compare compares one znode, whose children have these names, with what a reader sees of it.
func compare(tree *Tree, n *Znode, children []string) error {
	slices.Sort(children)
	m := model{znodes: map[string]*Znode{n.Path: n}}
	want := m.stat(n.Path)
	want.NumChildren = int32(len(children))
	want.Cversion -= want.NumChildren
	v := tree.View(n.Path)
	defer v.Close()
	if !v.Exists() {
		return fmt.Errorf("is missing")
	}
	var got wire.Stat
	v.Stat(&got)
	if got != want {
		return fmt.Errorf("stat is\n%+v, want\n%+v", got, want)
	}
	if data := v.Data(); string(data) != string(n.Data) || (data == nil) != (n.Data == nil) {
		return fmt.Errorf("data is %q (null: %v), want %q (null: %v)", data, data == nil, n.Data, n.Data == nil)
	}
	if !slices.Equal(v.ACL(), n.ACL) || v.ACLOpen() != wire.IsOpenACL(n.ACL) {
		return fmt.Errorf("ACL is %v, want %v", v.ACL(), n.ACL)
	}
	if list := v.AppendChildren(nil); string(list) != string(wire.AppendStrings(nil, append([]string{}, children...))) {
		return fmt.Errorf("children are %q, want %q", list, children)
	}
	if i := v.Info(); i.Owner != n.Owner || i.Cversion != n.Cversion || i.Version != n.Version || i.Aversion != n.Aversion ||
		i.NumChildren != int32(len(children)) || i.DataLen != int32(len(n.Data)) || i.Czxid != n.Czxid ||
		i.Mzxid != n.Mzxid || i.Pzxid != n.Pzxid || i.Ctime != n.Ctime || i.Mtime != n.Mtime {
		return fmt.Errorf("info is %+v, want %+v", i, n)
	}
	return nil
}
