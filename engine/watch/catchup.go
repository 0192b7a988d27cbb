package watch

import "bellwether/engine/wire"

// List is one of the lists of paths in setWatches and setWatches2, with which a client that has reconnected sets its
// watches again.
type List uint8

// The lists, in the order in which they stand in the request and are to be worked through.
const (
	DataList List = iota
	ExistList
	ChildList
	PersistentList
	RecursiveList
)

// CatchUp decides what becomes of one path of the list: either the client missed something, then event is what it is to be
// sent (before the reply, without an ACL check, without looking for duplicates) and nothing is registered; or it missed
// nothing, then event is 0 and register is the kind of watch to add.
//
// exists, mzxid and pzxid describe the znode as it is now (the zxids are ignored when it does not exist); seen is the last
// zxid the client had seen, its relativeZxid. To miss nothing, the caller reads them and adds the watch in one step.
func (l List) CatchUp(exists bool, mzxid, pzxid, seen int64) (event wire.EventType, register Kind) {
	switch {
	case l == PersistentList:
		return 0, Persistent
	case l == RecursiveList:
		return 0, Recursive
	case l == ExistList && exists: // even if it existed before: the client waited for a znode that was not there
		return wire.EventCreated, 0
	case l == ExistList:
		return 0, Data
	case !exists:
		return wire.EventDeleted, 0
	case l == DataList && mzxid > seen:
		return wire.EventDataChanged, 0
	case l == ChildList && pzxid > seen:
		return wire.EventChildrenChanged, 0
	case l == ChildList:
		return 0, Child
	}
	return 0, Data
}
