package zkfile

import (
	"io"

	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/wire"
)

// WriteBody writes the state as a body and returns the digest of its tree. Nothing may change the tree or the sessions
// meanwhile; an Arranger is for a state that goes on. It does not buffer; w should.
func WriteBody(w io.Writer, sessions *session.Table, t *tree.Tree) (digest uint64, err error) {
	lists := collectLists(t)
	b := wire.AppendInt(nil, int32(sessions.Len()))
	for id, timeoutMs := range sessions.All() {
		b = appendSession(b, id, timeoutMs)
	}
	b = lists.append(b)
	if _, err = w.Write(b); err != nil {
		return 0, err
	}
	t.Walk(bodyEnd, func(path string, v *tree.View) bool {
		z := znodeOf(path, v)
		b = appendZnode(b[:0], &z, lists.key(z.ACL))
		digest += znodeDigest(&z)
		_, err = w.Write(b)
		return err == nil
	})
	if err != nil {
		return 0, err
	}
	if _, err = w.Write(wire.AppendString(nil, bodyEnd)); err != nil {
		return 0, err
	}
	return digest, nil
}

// aclLists are the lists that are not open to everyone, numbered from 1 as they are met.
type aclLists struct {
	keys    map[string]int64 // by the list as it is encoded
	encoded []byte           // the map, as a body has it, without the count
	scratch []byte
}

func newLists() *aclLists { return &aclLists{keys: map[string]int64{}} }

func collectLists(t *tree.Tree) *aclLists {
	l := newLists()
	seen := map[uint32]bool{} // by the tree's own number: most znodes share their lists
	t.Walk(bodyEnd, func(_ string, v *tree.View) bool {
		if id := v.Info().ACLID; !seen[id] {
			seen[id] = true
			l.key(v.ACL())
		}
		return true
	})
	return l
}

// key returns the number of a list, which it gets if it is new.
func (l *aclLists) key(list []wire.ACL) int64 {
	if wire.IsOpenACL(list) {
		return openACLKey
	}
	if list == nil {
		list = []wire.ACL{} // null would be refused, and means the same
	}
	l.scratch = wire.AppendACLs(l.scratch[:0], list)
	key, known := l.keys[string(l.scratch)]
	if !known {
		key = int64(len(l.keys) + 1)
		l.keys[string(l.scratch)] = key
		l.encoded = append(wire.AppendLong(l.encoded, key), l.scratch...)
	}
	return key
}

func (l *aclLists) append(dst []byte) []byte {
	return append(wire.AppendInt(dst, int32(len(l.keys))), l.encoded...)
}

func appendSession(dst []byte, id int64, timeoutMs int32) []byte {
	return wire.AppendInt(wire.AppendLong(dst, id), timeoutMs)
}

// znodeOf is a znode of a tree. It aliases what the View does.
func znodeOf(path string, v *tree.View) tree.Znode {
	info := v.Info()
	return tree.Znode{Path: path, Data: v.Data(), ACL: v.ACL(), Czxid: info.Czxid, Mzxid: info.Mzxid, Pzxid: info.Pzxid,
		Ctime: info.Ctime, Mtime: info.Mtime, Owner: info.Owner, Version: info.Version, Cversion: info.Cversion, Aversion: info.Aversion}
}

// bodyPath is the path as bodies have it: that of the root is empty.
func bodyPath(z *tree.Znode) string {
	if z.Path == bodyEnd {
		return ""
	}
	return z.Path
}

func appendZnode(dst []byte, z *tree.Znode, aclKey int64) []byte {
	dst = wire.AppendBuffer(wire.AppendString(dst, bodyPath(z)), z.Data)
	dst = wire.AppendLong(dst, aclKey)
	for _, n := range [...]int64{z.Czxid, z.Mzxid, z.Ctime, z.Mtime} {
		dst = wire.AppendLong(dst, n)
	}
	for _, n := range [...]int32{z.Version, z.Cversion, z.Aversion} {
		dst = wire.AppendInt(dst, n)
	}
	return wire.AppendLong(wire.AppendLong(dst, z.Owner), z.Pzxid)
}
