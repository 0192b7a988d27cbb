package session

import "sync"

// The layout of a session id: 8 bits server id, 40 bits of a millisecond clock, 16 bits of a counter that may
// overflow into the clock's.
//
//	 63    56 55                                     16 15             0
//	┌────────┬─────────────────────────────────────────┬───────────────┐
//	│ server │ low 40 bits of the wall clock, ms       │ counter       │
//	└────────┴─────────────────────────────────────────┴───────────────┘
const (
	serverShift  = 56
	clockShift   = 16
	sequenceMask = 1<<serverShift - 1 // clock and counter: what grows by one a session
)

// What a znode's stored owner means when it is no session id; see reserved.
const (
	containerOwner  = -1 << 63
	ttlServerByte   = 0xff
	ttlReservedMask = 0x00ffff << 40 // zero in every TTL owner; below it the time to live in ms
)

// IDs hands out session ids for one server. Ids of servers with different server bytes never meet. Safe for
// concurrent use.
type IDs struct {
	server uint64 // already in its place, the top byte

	mu sync.Mutex
	// next is the sequence of the next id to try. Invariant: next <= sequenceMask, so that however long the server
	// lives its ids keep its own top byte.
	next uint64
}

// NewIDs returns a generator whose first id is (serverID << 56) | ((nowMs << 24) >>> 8), as ZooKeeper's; nowMs is wall
// time in milliseconds, where ZooKeeper takes a clock that starts at boot and so may repeat ids after one. With a wall
// clock that never stood ahead, a restarted server cannot repeat ids unless it made more than 65,536 sessions in each
// millisecond of its life; call SkipPast to be safe from a clock that was set back.
//
// A server id of 255 makes ids that look like the owners of TTL nodes to servers with extended types enabled:
// refusing the pair is the configuration's duty.
func NewIDs(serverID byte, nowMs int64) *IDs {
	return &IDs{
		server: uint64(serverID) << serverShift,
		next:   uint64(nowMs) << clockShift & sequenceMask,
	}
}

// SkipPast makes every later id of this server follow known, the largest session id met at the start (or any id met
// since). Ids of other servers, which have another top byte, are ignored; so are those already behind.
func (g *IDs) SkipPast(known int64) {
	sequence := uint64(known) & sequenceMask
	g.mu.Lock()
	defer g.mu.Unlock()
	if uint64(known)&^sequenceMask == g.server && sequence >= g.next {
		g.next = (sequence + 1) & sequenceMask
	}
}

// Next returns a new id: the one before it plus one, except where that would be reserved.
func (g *IDs) Next() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	id := int64(g.server | g.next)
	for reserved(id) {
		g.advance(id)
		id = int64(g.server | g.next)
	}
	g.next = (g.next + 1) & sequenceMask
	return id
}

// advance moves next behind the reserved id: to the end of the whole range when it is a TTL pattern, else by one.
func (g *IDs) advance(id int64) {
	if isTTLOwner(id) {
		g.next = 1 << 40
		return
	}
	g.next = (g.next + 1) & sequenceMask
}

// reserved reports whether id would be read as something else than a session where it is stored as a znode's owner:
// 0 is "no owner", the lone top bit is "container", 0xff0000 before 40 bits of milliseconds is "TTL".
func reserved(id int64) bool {
	return id == 0 || id == containerOwner || isTTLOwner(id)
}

func isTTLOwner(id int64) bool {
	return uint64(id)>>serverShift == ttlServerByte && id&ttlReservedMask == 0
}
