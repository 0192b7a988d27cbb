package replica

import (
	"encoding/binary"

	"bellwether/engine/wire"
)

// Request is one write on its way to becoming a transaction. The replica keeps Body until the transaction is
// applied and never changes it.
type Request struct {
	Session  int64       // the session that asks; 0 for the server's own clean-up
	Cxid     int32       // the client's number for the request
	Op       wire.OpCode // a write, one of the pseudo-operations, or a read that is to be executed in its place
	Origin   Origin      // who waits for the answer
	Received int64       // when it was read, in ns on the server's monotonic clock; carried, not used
	Held     uint32      // bytes that it holds on to until it is answered; carried, not used
	Body     []byte      // the request record as the client sent it; immutable
	IDs      []Identity  // what the connection had proved when the request was read; immutable
}

// Origin names the connection that waits for an answer. The replica carries it and never looks inside.
// The zero Origin waits for nothing.
type Origin struct {
	Loop int32  // which event loop, counted from 1
	Conn uint32 // the connection's number in that loop
}

// None reports whether nobody waits.
func (o Origin) None() bool { return o.Loop == 0 }

// Awaited is a local request whose answer is due at a certain place in the order of transactions.
//
// A request that became a transaction is answered when that is applied (see Becomes). Awaited values stand in the order
// of their transactions, so only the first of them can be meant. A request that became none (Barrier) is answered with
// Code as soon as everything up to After is applied.
type Awaited struct {
	Origin   Origin
	Session  int64
	Cxid     int32
	Op       wire.OpCode
	Received int64  // as in the Request
	Held     uint32 // as in the Request
	Barrier  bool
	Code     wire.Code
	After    int64 // zxid; for a Barrier
	Zxid     int64 // of the transaction, if this server made it; else 0

	// Of a read that stands behind writes of its session: a Barrier whose Code is OK and whose Op is no write.
	Body []byte
	IDs  []Identity
}

// Becomes reports whether txn, applied as zxid, is what has become of the request. Whoever forwards a request to the
// leader knows session and cxid only, the rule of ZooKeeper's CommitProcessor; whoever made the transaction knows better,
// and has to: the closeSession of an expired session has cxid 0, as a client's own requests may have.
func (w *Awaited) Becomes(zxid int64, txn []byte) bool {
	if w.Barrier || w.Zxid != 0 && w.Zxid != zxid || len(txn) < wire.TxnHeaderSize {
		return false
	}
	return w.Session == int64(binary.BigEndian.Uint64(txn)) && w.Cxid == int32(binary.BigEndian.Uint32(txn[8:]))
}
