package engine

import (
	"sync"
	"sync/atomic"
)

// deliveryKind says what a delivery asks of the event loop.
type deliveryKind uint8

const (
	deliverReply     deliveryKind = iota // bytes of a reply: one write of the connection is answered
	deliverEvent                         // bytes of a watch event, for each of several connections
	deliverConnected                     // the session is there, or (code != 0) is not
	deliverRefusal                       // a write that became no transaction: code is its answer
	deliverKick                          // the session has gone elsewhere or is no more: close the connection
	deliverReleased                      // nothing follows for this number: it may name another connection
)

// delivery is one thing to do on an event loop, for connection conn.
type delivery struct {
	kind   deliveryKind
	conn   uint32
	xid    int32
	code   int32
	number int64  // the session of deliverConnected and deliverKick; the zxid, at its place, of deliverRefusal
	held   uint32 // bytes that the request held on to, free now
	off, n uint32 // bytes[off:off+n]; for deliverEvent sent to every connection in to[conn:conn+xid]
}

// parcel is a run of deliveries with the bytes they refer to.
type parcel struct {
	items []delivery
	bytes []byte
	to    []uint32
}

func (p *parcel) reset() { p.items, p.bytes, p.to = p.items[:0], p.bytes[:0], p.to[:0] }

// add appends a delivery of these bytes, which are copied.
func (p *parcel) add(d delivery, b []byte) {
	d.off, d.n = uint32(len(p.bytes)), uint32(len(b))
	p.bytes = append(p.bytes, b...)
	p.items = append(p.items, d)
}

// addEvent appends an event for the connections to.
func (p *parcel) addEvent(frame []byte, to []uint32) {
	p.add(delivery{kind: deliverEvent, conn: uint32(len(p.to)), xid: int32(len(to))}, frame)
	p.to = append(p.to, to...)
}

// append moves the deliveries of q behind those of p.
func (p *parcel) append(q *parcel) {
	bytes, to := uint32(len(p.bytes)), uint32(len(p.to))
	p.bytes = append(p.bytes, q.bytes...)
	p.to = append(p.to, q.to...)
	for _, d := range q.items {
		d.off += bytes
		if d.kind == deliverEvent {
			d.conn += to
		}
		p.items = append(p.items, d)
	}
}

// outbox is where the apply loop (and, rarely, another event loop) leaves what an event loop has to do. Its order is the
// order in which clients see things: what changed the tree was put here before the change could be read.
type outbox struct {
	mu     sync.Mutex
	parcel parcel
	pushed atomic.Uint64 // deliveries ever put in; raised under mu
	woken  atomic.Bool   // a wake-up is on its way, or the loop is awake and will look
}

// push puts in all of p and empties it. Any goroutine may call; it does not wake the loop.
func (b *outbox) push(p *parcel) {
	n := uint64(len(p.items))
	if n == 0 {
		return
	}
	b.mu.Lock()
	if len(b.parcel.items) == 0 {
		b.parcel, *p = *p, b.parcel
	} else {
		b.parcel.append(p)
	}
	b.pushed.Add(n)
	b.mu.Unlock()
	p.reset()
}

// take swaps what is in for the empty parcel p. Only the owning loop calls.
func (b *outbox) take(p *parcel) {
	p.reset()
	b.mu.Lock()
	b.parcel, *p = *p, b.parcel
	b.mu.Unlock()
}
