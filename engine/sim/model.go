package sim

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"bellwether/engine/replica"
	"bellwether/engine/wire"
)

// Model is ZooKeeper as the reference tells it, written down as plainly as possible: every znode by itself in one map,
// children looked for among all paths, one request after the other. It is slow, it knows nothing of pipelines, and it is
// right: whatever replica, tree and simulator do differently is their mistake.
type Model struct {
	options  replica.Options
	znodes   map[string]znode
	sessions map[int64]int32 // id to timeout in ms
	zxid     int64
}

// znode is all there is to a znode. It is a value, so that copying the map copies the tree.
type znode struct {
	data                []byte // nil is null; never changed in place
	acl                 []wire.ACL
	czxid, mzxid, pzxid int64
	ctime, mtime        int64
	version, aversion   int32
	created             int32 // children ever created
	owner               int64 // as stored
}

const (
	containerMark = -1 << 63
	ttlMark       = -1 << 56
)

// NewModel returns the state of an empty server.
func NewModel(o replica.Options) *Model {
	open := znode{data: []byte{}, acl: wire.OpenACL}
	config := znode{data: []byte{}, acl: []wire.ACL{{Perms: wire.PermRead, Scheme: "world", ID: "anyone"}}, aversion: -1}
	return &Model{
		options:  o,
		znodes:   map[string]znode{"/": open, "/zookeeper": open, "/zookeeper/quota": open, "/zookeeper/config": config},
		sessions: map[int64]int32{},
	}
}

// Answer is what must become of a request.
type Answer struct {
	Txn   []byte // the transaction, header and body; nil: it consumes no zxid
	Code  wire.Code
	Reply []byte // the whole frame; nil for a createSession, which is answered otherwise
}

// Do executes a write at its place in the order: as the transaction zxid, made at timeMs.
func (m *Model) Do(q *replica.Request, zxid, timeMs int64) Answer {
	t := turn{Model: m, q: q, zxid: zxid, time: timeMs}
	body, reply, code := t.execute()
	if code == undecodable {
		return Answer{Code: wire.MarshallingError}
	}
	header := wire.TxnHeader{ClientID: q.Session, Cxid: q.Cxid, Zxid: zxid, Time: timeMs, Type: q.Op}
	if code != wire.OK {
		header.Type, body = wire.OpError, wire.AppendInt(nil, int32(code))
	}
	m.zxid = zxid
	a := Answer{Txn: append(header.Append(nil), body...), Code: code}
	switch {
	case q.Op == wire.OpCreateSession:
	case code != wire.OK:
		a.Reply = wire.AppendReply(nil, q.Cxid, zxid, code)
	default:
		a.Reply = append(wire.AppendReplyHeader(wire.BeginFrame(nil), q.Cxid, zxid, wire.OK), reply...)
		wire.EndFrame(a.Reply, 0)
	}
	return a
}

// Consumes reports whether a request becomes a transaction at all.
func (m *Model) Consumes(q *replica.Request) bool {
	return m.clone().Do(q, m.zxid+1, 0).Txn != nil
}

func (m *Model) clone() *Model {
	return &Model{options: m.options, znodes: maps.Clone(m.znodes), sessions: maps.Clone(m.sessions), zxid: m.zxid}
}

// children returns the names of a znode's children, sorted.
func (m *Model) children(path string) []string {
	names := []string{}
	for p := range m.znodes {
		if p != "/" && parentOf(p) == path {
			names = append(names, p[strings.LastIndexByte(p, '/')+1:])
		}
	}
	slices.Sort(names)
	return names
}

func parentOf(path string) string {
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		return path[:i]
	}
	return "/"
}

// Stat returns what a client sees of a znode that exists.
func (m *Model) Stat(path string) wire.Stat {
	n, children := m.znodes[path], int32(len(m.children(path)))
	st := wire.Stat{
		Czxid: n.czxid, Mzxid: n.mzxid, Pzxid: n.pzxid, Ctime: n.ctime, Mtime: n.mtime,
		Version: n.version, Cversion: 2*n.created - children, Aversion: n.aversion,
		DataLength: int32(len(n.data)), NumChildren: children,
	}
	if n.ephemeral() {
		st.EphemeralOwner = n.owner
	}
	return st
}

func (n *znode) ephemeral() bool {
	return n.owner != 0 && n.owner != containerMark && n.owner&ttlMark != ttlMark
}

// ephemerals returns the paths that a session owns, sorted.
func (m *Model) ephemerals(session int64) []string {
	paths := []string{}
	for path, n := range m.znodes {
		if n.ephemeral() && n.owner == session {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// equal reports whether two znodes are the same in all there is.
func (n *znode) equal(o *znode) bool {
	return n.czxid == o.czxid && n.mzxid == o.mzxid && n.pzxid == o.pzxid && n.ctime == o.ctime && n.mtime == o.mtime &&
		n.version == o.version && n.aversion == o.aversion && n.created == o.created && n.owner == o.owner &&
		bytes.Equal(n.data, o.data) && (n.data == nil) == (o.data == nil) && slices.Equal(n.acl, o.acl)
}
