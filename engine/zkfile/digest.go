package zkfile

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
	"unsafe"

	"bellwether/engine/tree"
)

// DigestVersion is the version of the digest that TreeDigest computes: the one since ZooKeeper 3.6.
const DigestVersion = 2

// TreeDigest returns the digest of a whole tree: the number that stands behind transactions and in snapshots, by which
// servers notice that their trees differ. Nothing may change the tree meanwhile.
//
// It is the sum over all znodes, modulo 2^64, of the CRC-32 of path, data and stat. ACLs are not part of it, and nothing
// below /zookeeper is.
func TreeDigest(t *tree.Tree) (digest uint64) {
	t.Walk(bodyEnd, func(path string, v *tree.View) bool {
		z := znodeOf(path, v)
		digest += znodeDigest(&z)
		return true
	})
	return digest
}

// znodeDigest is the part of one znode.
func znodeDigest(z *tree.Znode) uint64 {
	if strings.HasPrefix(z.Path, "/zookeeper/") {
		return 0
	}
	var stat [statSize]byte
	for i, n := range [...]int64{z.Czxid, z.Mzxid, z.Pzxid, z.Ctime, z.Mtime} {
		binary.BigEndian.PutUint64(stat[8*i:], uint64(n))
	}
	for i, n := range [...]int32{z.Version, z.Cversion, z.Aversion} {
		binary.BigEndian.PutUint32(stat[40+4*i:], uint32(n))
	}
	binary.BigEndian.PutUint64(stat[52:], uint64(z.Owner))
	path := bodyPath(z)
	sum := crc32.ChecksumIEEE(unsafe.Slice(unsafe.StringData(path), len(path)))
	sum = crc32.Update(sum, crc32.IEEETable, z.Data)
	return uint64(crc32.Update(sum, crc32.IEEETable, stat[:]))
}
