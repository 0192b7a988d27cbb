package client

import "bellwether/engine/wire"

// Pending is a request without a reply. Its owner sets Due, Since, Kind and Aux and gets them back with the reply; the
// client never looks at them. Sent and Xid are the client's.
type Pending struct {
	Due   int64 // when the request should have been sent
	Since int64 // when it could first have been sent
	Sent  int64 // when the write call that carried it began; 0 if the connection was lost before that
	Xid   int32
	Aux   uint32
	Kind  uint8
}

// Reply is the answer to a Pending. Body aliases the read buffer: it is good until the handler returns.
type Reply struct {
	Zxid int64
	Code wire.Code // wire.ConnectionLoss if the connection went down first: nobody knows whether the request was executed
	Body []byte    // what follows the reply header
}

// ring holds the requests in flight of one session, in the order of sending, which is the order of the replies.
//
// Invariant: head <= sent <= tail <= head+len(slots). Requests in [head, sent) were given to the kernel at least once,
// those in [sent, tail) wait in the out buffer for their first write.
type ring struct {
	slots            []Pending // a power of two
	head, sent, tail uint32
}

func newRing(capacity int) ring {
	n := 1
	for n < capacity {
		n *= 2
	}
	return ring{slots: make([]Pending, n)}
}

func (r *ring) len() int { return int(r.tail - r.head) }

func (r *ring) at(i uint32) *Pending { return &r.slots[i&uint32(len(r.slots)-1)] }

// push makes room for one more request. The caller has made sure that there is some.
func (r *ring) push() *Pending {
	if r.len() == len(r.slots) {
		panic("client: more requests in flight than the session's depth")
	}
	r.tail++
	return r.at(r.tail - 1)
}

// stamp notes that everything pushed so far is being written now.
func (r *ring) stamp(now int64) {
	for ; r.sent != r.tail; r.sent++ {
		r.at(r.sent).Sent = now
	}
}

func (r *ring) pop() Pending {
	p := *r.at(r.head)
	if r.head == r.sent { // lost before it was written
		r.sent++
	}
	r.head++
	return p
}
