package tree

import (
	"encoding/binary"
	"errors"
	"fmt"

	"bellwether/engine/wire"
)

// Znode is a znode by itself, as a snapshot holds it. Its children are known by their own paths.
type Znode struct {
	Path                string // "/" for the root
	Data                []byte // nil is null
	ACL                 []wire.ACL
	Czxid, Mzxid, Pzxid int64
	Ctime, Mtime        int64 // ms since 1970
	Owner               int64 // as stored
	Version             int32
	Cversion            int32 // creations of children only
	Aversion            int32
}

// The encoded form of a tree; all numbers are big endian:
//
//	header   magic, 8 bytes | version, 4 | zxid, 8
//	znode    length of what follows, 4 bytes | czxid, 8 | mzxid, 8 | pzxid, 8 | ctime, 8 | mtime, 8 | owner, 8 |
//	         version, 4 | cversion, 4 | aversion, 4 | path: length, 4, bytes | data: length, 4 (-1 is null), bytes |
//	         ACL: 0, 1 byte, if it is open to everyone, else 1 and a jute vector<ACL>
//	...      znodes in any order
//	trailer  0, 4 bytes | number of znodes, 8
const (
	streamMagic   = "BWTREE\r\n"
	streamVersion = 1
	headerSize    = 20
	trailerSize   = 12
	fixedSize     = 6*8 + 3*4
	maxRecord     = 1 << 30 // bytes; longer ones are damage
)

var errRecord = errors.New("tree: snapshot: a record is damaged")

func appendHeader(dst []byte, zxid int64) []byte {
	dst = append(dst, streamMagic...)
	dst = binary.BigEndian.AppendUint32(dst, streamVersion)
	return binary.BigEndian.AppendUint64(dst, uint64(zxid))
}

// parseHeader returns the zxid.
func parseHeader(b []byte) (int64, error) {
	if string(b[:8]) != streamMagic {
		return 0, errors.New("tree: snapshot: this is no tree")
	}
	if v := binary.BigEndian.Uint32(b[8:]); v != streamVersion {
		return 0, fmt.Errorf("tree: snapshot: version %d, this server reads %d", v, streamVersion)
	}
	return int64(binary.BigEndian.Uint64(b[12:])), nil
}

func appendTrailer(dst []byte, znodes int64) []byte {
	dst = binary.BigEndian.AppendUint32(dst, 0)
	return binary.BigEndian.AppendUint64(dst, uint64(znodes))
}

// appendRecord appends the encoded form of n.
func (t *Tree) appendRecord(dst []byte, n *node) []byte {
	start := len(dst)
	dst = wire.AppendInt(dst, 0)
	for _, v := range [...]int64{n.czxid, n.mzxid, n.pzxid, n.ctime, n.mtime, n.owner} {
		dst = wire.AppendLong(dst, v)
	}
	for _, v := range [...]int32{n.version, n.cversion, n.aversion} {
		dst = wire.AppendInt(dst, v)
	}
	dst = wire.AppendString(dst, n.path())
	dst = wire.AppendBuffer(dst, n.data())
	if n.acl == openACL {
		dst = append(dst, 0)
	} else {
		dst = append(append(dst, 1), t.acls.get(n.acl).encoded...)
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

// recordBytes is the size of what appendRecord appends.
func (t *Tree) recordBytes(n *node) int {
	size := 4 + fixedSize + 4 + int(n.pathLen) + 4 + n.dataBytes() + 1
	if n.acl != openACL {
		size += len(t.acls.get(n.acl).encoded)
	}
	return size
}

// decode reads a record behind its length. Path and Data alias b, the strings of ACL too.
func (z *Znode) decode(b []byte) error {
	if len(b) < fixedSize {
		return errRecord
	}
	r := wire.NewReader(b)
	for _, v := range [...]*int64{&z.Czxid, &z.Mzxid, &z.Pzxid, &z.Ctime, &z.Mtime, &z.Owner} {
		*v = r.Long()
	}
	for _, v := range [...]*int32{&z.Version, &z.Cversion, &z.Aversion} {
		*v = r.Int()
	}
	path := r.Buffer() // not String: nothing may be repaired here
	z.Path, z.Data = text(path), r.Buffer()
	z.ACL = wire.OpenACL
	if listed := r.Byte(); listed != 0 {
		z.ACL = r.ACLs(nil)
	}
	if r.Err() != nil || r.Remaining() > 0 {
		return errRecord
	}
	return nil
}
