package zkfile

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/wire"
)

// The body is the state itself, as it stands in snapshot files and travels over links:
//
//	sessions   int count | (long id, int timeout in ms) …
//	ACLs       int count | (long key, vector of ACL entries) …
//	znodes     (string path, buffer data, long ACL key, 60 bytes of stat) … | string "/"
//
// Parents stand before their children; the path of the root is empty. The key of the list that is open to everyone is -1
// and not in the map.
const (
	bodyEnd    = "/"
	openACLKey = -1
	statSize   = 60
)

// Sink takes what a snapshot holds, in the order of the body: sessions, then znodes.
type Sink interface {
	AddSession(id int64, timeoutMs int32) error
	// AddZnode takes a znode. What z refers to is reused afterwards, except its ACL, which may be kept.
	AddZnode(z *tree.Znode) error
}

// Builder is a Sink that makes a tree and a session table.
type Builder struct {
	Loader   *tree.Loader
	Sessions *session.Table
}

// NewBuilder returns a Builder of an empty state with these options of the tree.
func NewBuilder(o tree.Options) *Builder {
	return &Builder{Loader: tree.NewLoader(o), Sessions: session.NewTable()}
}

// AddSession adds a session to the table.
func (b *Builder) AddSession(id int64, timeoutMs int32) error {
	b.Sessions.Add(id, timeoutMs)
	return nil
}

// AddZnode adds a znode to the tree.
func (b *Builder) AddZnode(z *tree.Znode) error { return b.Loader.Add(z) }

// BodyInfo counts what a body held.
type BodyInfo struct {
	Sessions int
	Znodes   int
	// Orphans are znodes whose ACL list the body lacks. A snapshot that was written while the server went on can have
	// some: a later transaction, which is in the log, brings the list. Until then such a znode has a list that allows
	// nobody anything.
	Orphans int
}

// nobody is the list of a znode whose list is missing. (An empty one would allow everybody everything.)
var nobody = []wire.ACL{{Perms: 0, Scheme: "world", ID: "anyone"}}

// ReadBody reads a body that reaches to the end of r.
func ReadBody(r io.Reader, sink Sink) (BodyInfo, error) {
	in := newInput(r)
	info, err := readBody(in, sink)
	if err == nil {
		if in.fixed(1); in.err != io.EOF {
			err = cmp.Or(in.err, errTrailing)
		}
	}
	if err != nil {
		return info, fmt.Errorf("zkfile: read a snapshot's body: byte %d: %w", in.off, err)
	}
	return info, nil
}

var errTrailing = errors.New("something stands behind the end")

func readBody(in *input, sink Sink) (info BodyInfo, err error) {
	for n := in.count(); n > 0 && in.err == nil; n-- {
		id, timeoutMs := in.long(), in.int()
		if in.err == nil {
			info.Sessions++
			if err := sink.AddSession(id, timeoutMs); err != nil {
				return info, err
			}
		}
	}
	lists := readLists(in)
	var z tree.Znode
	for {
		path := in.text()
		if in.err != nil {
			return info, in.ended()
		}
		if path == bodyEnd {
			return info, nil
		}
		z = tree.Znode{Path: path}
		key := readZnode(in, &z)
		if in.err != nil {
			return info, in.ended()
		}
		if z.ACL = lists[key]; key == openACLKey {
			z.ACL = wire.OpenACL
		} else if z.ACL == nil {
			z.ACL = nobody
			info.Orphans++
		}
		info.Znodes++
		if err := sink.AddZnode(&z); err != nil {
			return info, err
		}
	}
}

// ended is the error of an input that should have had more.
func (in *input) ended() error {
	if in.err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return in.err
}

// readLists reads the ACL lists by their keys.
func readLists(in *input) map[int64][]wire.ACL {
	lists := map[int64][]wire.ACL{}
	for n := in.count(); n > 0 && in.err == nil; n-- {
		key := in.long()
		list := []wire.ACL{}
		for m := in.count(); m > 0 && in.err == nil; m-- {
			a := wire.ACL{Perms: in.int(), Scheme: in.repaired()}
			id := in.buffer()
			a.NullID, a.ID = id == nil, repair(id)
			list = append(list, a)
		}
		lists[key] = list
	}
	return lists
}

// repaired reads a string as wire.Reader does: what is not UTF-8 becomes so.
func (in *input) repaired() string { return repair(in.buffer()) }

// repair has package wire read text, so that one rule holds everywhere for what is not UTF-8.
func repair(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	r := wire.NewReader(wire.AppendBuffer(nil, text))
	return r.String()
}

// readZnode reads what stands behind a znode's path, and returns the key of its ACL list. Data is valid until the next
// read of a buffer.
func readZnode(in *input, z *tree.Znode) (aclKey int64) {
	z.Data = in.buffer()
	aclKey = in.long()
	b := in.fixed(statSize)
	z.Czxid = int64(binary.BigEndian.Uint64(b[0:]))
	z.Mzxid = int64(binary.BigEndian.Uint64(b[8:]))
	z.Ctime = int64(binary.BigEndian.Uint64(b[16:]))
	z.Mtime = int64(binary.BigEndian.Uint64(b[24:]))
	z.Version = int32(binary.BigEndian.Uint32(b[32:]))
	z.Cversion = int32(binary.BigEndian.Uint32(b[36:]))
	z.Aversion = int32(binary.BigEndian.Uint32(b[40:]))
	z.Owner = int64(binary.BigEndian.Uint64(b[44:]))
	z.Pzxid = int64(binary.BigEndian.Uint64(b[52:]))
	return aclKey
}
