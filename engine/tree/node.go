package tree

import "unsafe"

// node is the head of the record of a znode. Behind it, in the same slot of the shard's store, stand the path and the data,
// so that a reader that has found the slot finds everything in the next few cache lines. It holds no pointer.
type node struct {
	pathLen             uint32 // bytes; 0: the slot is free (see blobStore.free)
	dataLen             int32  // bytes; -1 is null
	czxid, mzxid, pzxid int64
	ctime, mtime        int64 // ms since 1970
	owner               int64 // as stored: session, container mark, TTL mark with ms, or 0
	version             int32
	cversion            int32 // creations of children only: client-protocol §2.8
	aversion            int32
	numChildren         int32
	acl                 uint32 // in the tree's aclTable; 0 is open to everyone
	kids                uint32 // the names of the children: a blob or a dir, see children.go
	kidsBytes           uint32 // size of these in the blob, inDir if kids is a dir, 0 if there are none
	ownerRef            uint32 // entry in the tree's ownerIndex, 0 if the owner is 0
	snapshot            uint32 // number of a snapshot that must not take this record as it is, see snapshot.go
}

const nodeSize = int(unsafe.Sizeof(node{}))

// recordSize is the size of the whole record in bytes.
func recordSize(pathLen, dataLen int) int { return nodeSize + pathLen + dataLen }

// path returns the path. It aliases the record: it holds until the shard is unlocked or the znode is changed.
func (n *node) path() string {
	return unsafe.String((*byte)(unsafe.Add(unsafe.Pointer(n), nodeSize)), int(n.pathLen))
}

// data returns the data, nil for null. It aliases the record as path does.
func (n *node) data() []byte {
	if n.dataLen <= 0 { // no pointer to the end of the slot: that may be the end of the chunk too
		if n.dataLen < 0 {
			return nil
		}
		return emptyData
	}
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(n), nodeSize+int(n.pathLen))), int(n.dataLen))
}

// emptyData is data that is neither null nor anything.
var emptyData = []byte{}

// dataBytes is the length of the data in bytes: 0 for null.
func (n *node) dataBytes() int { return int(max(n.dataLen, 0)) }

// size is what the znode counts for in SizeBytes.
func (n *node) size() int64 { return int64(int(n.pathLen) + n.dataBytes()) }

// write puts path and data behind the head, which must have room for them.
func (n *node) write(path string, data []byte) {
	n.pathLen = uint32(len(path))
	copy(unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(n), nodeSize)), len(path)), path)
	n.writeData(data)
}

// writeData replaces the data, which must have room.
func (n *node) writeData(data []byte) {
	n.dataLen = int32(len(data))
	copy(n.data(), data)
	if data == nil {
		n.dataLen = -1
	}
}
