package replica

import "math"

// What a znode's stored owner can be besides 0 (nobody) and a session (quorum-and-storage §4.4).
const (
	containerOwner int64 = math.MinInt64 // the znode is a container
	ttlMark        int64 = -1 << 56      // 0xff in the top byte: a TTL znode, its ms in the low 40 bits
	maxTTL         int64 = 1<<40 - 1     // ms
)

func ttlOwner(ttlMs int64) int64 { return ttlMark | ttlMs }

// isEphemeralOwner reports whether a stored owner is a session.
func isEphemeralOwner(owner int64) bool {
	return owner != 0 && owner != containerOwner && uint64(owner)>>56 != 0xff
}
