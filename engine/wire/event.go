package wire

import (
	"encoding/binary"
	"strconv"
)

// EventType says what happened to a watched path.
type EventType int32

// The event types. A server sends the first four; clients make the others themselves.
const (
	EventNone                   EventType = -1
	EventCreated                EventType = 1
	EventDeleted                EventType = 2
	EventDataChanged            EventType = 3
	EventChildrenChanged        EventType = 4
	EventDataWatchRemoved       EventType = 5
	EventChildWatchRemoved      EventType = 6
	EventPersistentWatchRemoved EventType = 7
)

// String gives the protocol's name of the type, or event(n) for a number that has none.
func (t EventType) String() string {
	switch t {
	case EventNone:
		return "None"
	case EventCreated:
		return "NodeCreated"
	case EventDeleted:
		return "NodeDeleted"
	case EventDataChanged:
		return "NodeDataChanged"
	case EventChildrenChanged:
		return "NodeChildrenChanged"
	case EventDataWatchRemoved:
		return "DataWatchRemoved"
	case EventChildWatchRemoved:
		return "ChildWatchRemoved"
	case EventPersistentWatchRemoved:
		return "PersistentWatchRemoved"
	}
	return "event(" + strconv.Itoa(int(t)) + ")"
}

// StateSyncConnected is the state every event of a server carries, also that of a read-only server.
const StateSyncConnected int32 = 3

// WatcherEvent is the body of a notification, behind a ReplyHeader with XidNotification.
type WatcherEvent struct {
	Type  EventType
	State int32
	Path  string // as the server knows it: clients strip their chroot
}

// Append appends e.
func (e *WatcherEvent) Append(dst []byte) []byte {
	return AppendString(AppendInt(AppendInt(dst, int32(e.Type)), e.State), e.Path)
}

// Decode reads e.
func (e *WatcherEvent) Decode(r *Reader) error {
	e.Type, e.State, e.Path = EventType(r.Int()), r.Int(), r.String()
	return r.err
}

// AppendEvent appends the whole frame of a notification. zxid is that of the change, -1 when the event makes up for one
// that a setWatches request missed. The frame does not depend on who receives it.
func AppendEvent(dst []byte, zxid int64, event EventType, path string) []byte {
	const fixed = FrameHeaderSize + ReplyHeaderSize + 3*4 // type, state, length of the path
	n := len(dst)
	dst = extend(dst, fixed+len(path))
	b := dst[n:]
	binary.BigEndian.PutUint32(b[0:], uint32(len(b)-FrameHeaderSize))
	putReplyHeader((*[ReplyHeaderSize]byte)(b[4:]), XidNotification, zxid, OK)
	binary.BigEndian.PutUint32(b[20:], uint32(event))
	binary.BigEndian.PutUint32(b[24:], uint32(StateSyncConnected))
	binary.BigEndian.PutUint32(b[28:], uint32(len(path)))
	copy(b[32:], path)
	return dst
}
