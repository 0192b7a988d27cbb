package tree

// node is the record of a znode: 96 bytes without a pointer, so that the collector never looks into the slabs.
type node struct {
	czxid, mzxid, pzxid int64
	ctime, mtime        int64 // ms since 1970
	owner               int64 // as stored: session, container mark, TTL mark with ms, or 0
	version             int32
	cversion            int32 // creations of children only: client-protocol §2.8
	aversion            int32
	acl                 uint32 // in the tree's aclTable; 0 is open to everyone
	blob                uint32 // path and, behind it, data, in the shard's blobStore
	pathLen             uint32 // 0: the slot is free
	dataLen             int32  // -1 is null
	numChildren         int32
	kids                uint32 // the names of the children: a blob or a dir, see children.go
	kidsBytes           uint32 // size of these in the blob, inDir if kids is a dir, 0 if there are none
	hash                uint32 // of the path: the half the index uses
	ownerRef            uint32 // entry in the tree's ownerIndex, 0 if the owner is 0; in a free slot the next free one
}

// blobSize is the size of the blob in bytes.
func (n *node) blobSize() int { return int(n.pathLen) + n.dataBytes() }

// dataBytes is the length of the data in bytes: 0 for null.
func (n *node) dataBytes() int { return int(max(n.dataLen, 0)) }

const (
	slabChunkBits = 7 // 128 records of 96 bytes: 12 KiB, which is a size the allocator has
	slabChunk     = 1 << slabChunkBits
)

// nodeSlab holds the records of a shard by id, from 1. Records do not move. Slots are reused, never given back.
type nodeSlab struct {
	chunks []*[slabChunk]node
	used   uint32 // ids below have been handed out at least once
	freed  uint32 // first of a list of free ids, 0 at its end
	live   int    // znodes there are
}

func (s *nodeSlab) init() { s.used = 1 }

// at returns the record of id.
func (s *nodeSlab) at(id uint32) *node {
	return &s.chunks[id>>slabChunkBits][id&(slabChunk-1)]
}

// alloc returns a free id. The caller overwrites the record.
func (s *nodeSlab) alloc() uint32 {
	s.live++
	if id := s.freed; id != 0 {
		s.freed = s.at(id).ownerRef
		return id
	}
	id := s.used
	if int(id>>slabChunkBits) == len(s.chunks) {
		s.chunks = append(s.chunks, new([slabChunk]node))
	}
	s.used++
	return id
}

// free gives the id back.
func (s *nodeSlab) free(id uint32) {
	*s.at(id) = node{ownerRef: s.freed}
	s.freed = id
	s.live--
}
