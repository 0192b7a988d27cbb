package engine

import (
	"encoding/binary"
	"errors"

	"bellwether/engine/replica"
	"bellwether/engine/wire"
)

// requestHeaderSize is the size in bytes of xid and operation.
const requestHeaderSize = 8

// request executes one request of an established session or hands it over; not taken means that it has to wait.
func (c *Conn) request(frame []byte) (taken bool) {
	if len(frame) < requestHeaderSize {
		c.loop.engine.badFrame(c, wire.ErrShort)
		return true
	}
	xid := int32(binary.BigEndian.Uint32(frame))
	op := wire.OpCode(binary.BigEndian.Uint32(frame[4:]))
	body := frame[requestHeaderSize:]
	write := op.IsWrite() && op.FromClient()
	handOver := write || c.inflight > 0
	if handOver {
		held := int64(len(body))
		if !write {
			if !followsWrites(op, body) {
				return false
			}
			held += c.loop.replyBytes(op, body)
		}
		if !c.mayHandOver(held) {
			return false
		}
		c.handing = uint32(held)
	}
	c.stats.Received++
	c.loop.received++
	c.stats.LastOp, c.stats.LastCxid = op, xid
	if op != wire.OpAuth && op != wire.OpSASL {
		c.heard()
	}
	if !handOver {
		c.read(xid, op, body)
		return true
	}
	if op == wire.OpCloseSession {
		c.state = stateLeaving
	}
	c.handOver(xid, op, c.loop.keep(body))
	return true
}

// mayHandOver bounds what is in flight: above the limit no connection that already waits for an answer adds to it
// (globalOutstandingLimit, client-protocol §11), and nobody to the bytes that are held.
func (c *Conn) mayHandOver(held int64) bool {
	l, e := c.loop, c.loop.engine
	few := l.outstanding < e.maxOutstanding || c.inflight == 0
	small := l.outstandingBytes == 0 || l.outstandingBytes+held <= e.maxOutstandingBytes
	if few && small {
		return true
	}
	if !c.stalled {
		c.stalled = true
		l.stalled = append(l.stalled, c)
	}
	return false
}

// replyBytes reckons how large the reply to a read will be, from the tree as it is now.
func (l *Loop) replyBytes(op wire.OpCode, body []byte) int64 {
	const header, perChild = 128, 32
	if op != wire.OpGetData && op != wire.OpGetChildren && op != wire.OpGetChildren2 {
		return header
	}
	r := wire.NewReader(body)
	v := l.engine.tree.View(r.String())
	defer v.Close()
	if !v.Exists() {
		return header
	}
	info := v.Info()
	if op == wire.OpGetData {
		return header + int64(info.DataLen)
	}
	return header + perChild*int64(info.NumChildren)
}

// followsWrites reports whether a read may go to the apply loop behind the session's writes in flight, to be executed in
// its place there, so that the writes behind it need not wait for an answer to those before it. One that sets a watch, or
// says who the connection is, stays on the event loop, and waits until nothing is in flight.
func followsWrites(op wire.OpCode, body []byte) bool {
	switch op {
	case wire.OpGetData, wire.OpExists, wire.OpGetChildren, wire.OpGetChildren2:
		r := wire.NewReader(body)
		r.Buffer() // the path
		watch := r.Bool()
		return r.Err() == nil && !watch
	case wire.OpPing, wire.OpSync:
		return true
	}
	return false
}

// read executes what is no write. Nothing of this session is in flight.
func (c *Conn) read(xid int32, op wire.OpCode, body []byte) {
	start := len(c.out)
	var ok bool
	if c.out, ok = c.loop.reader.execute(c.out, &c.asker, xid, op, body); ok {
		c.settle(start, c.loop.reader.seq)
		return
	}
	r := wire.NewReader(body)
	switch op {
	case wire.OpSetWatches:
		c.setWatches(xid, &r)
	case wire.OpSetWatches2:
		c.setWatches2(xid, &r)
	case wire.OpAuth:
		c.auth(xid, &r)
	case wire.OpSASL:
		c.sasl(xid, &r)
	default:
		c.out = wire.AppendReply(c.out, xid, -1, wire.Unimplemented)
		c.send()
		c.close()
	}
}

// reply appends an answer that is a header only, its zxid the last applied.
func (c *Conn) reply(xid int32, code wire.Code) {
	start := len(c.out)
	c.out = c.loop.reader.reply(c.out, xid, code)
	c.settle(start, c.loop.reader.seq)
}

// settle puts the answer that begins at out[start] into its place: behind every delivery among the first seq that have
// ever been pushed to this loop, before all later ones. seq was read after the answer's zxid, and under the lock of the
// shard that it shows: so the events of everything it shows are among the first seq, and the events of watches it sets
// are not.
func (c *Conn) settle(start int, seq uint64) {
	l := c.loop
	if seq > l.drained {
		l.scratch = append(l.scratch[:0], c.out[start:]...)
		c.out = c.out[:start]
		l.drain(seq)
		c.out = append(c.out, l.scratch...)
	}
	c.send()
}

// auth proves an identity of the connection, for all requests behind it (client-protocol §4.5).
func (c *Conn) auth(xid int32, r *wire.Reader) {
	q := &c.loop.reader.auth
	if err := q.Decode(r); err != nil {
		c.loop.engine.badFrame(c, err)
		return
	}
	if ids, ok := c.loop.engine.authenticate(c.ids, q.Scheme, q.Auth); ok {
		c.ids = ids
		c.out = wire.AppendReply(c.out, xid, 0, wire.OK)
		c.send()
		return
	}
	c.out = wire.AppendReply(c.out, xid, 0, wire.AuthFailed)
	c.send()
	c.close()
}

var errNoToken = errors.New("sasl request without a token")

// authenticate returns ids, which it leaves as they are, with what the credential proves.
func (e *Engine) authenticate(ids []replica.Identity, scheme string, credential []byte) ([]replica.Identity, bool) {
	switch scheme {
	case "ip": // every connection has its address already
		return ids, true
	case "digest":
		if credential == nil {
			return ids, false
		}
		proved := []replica.Identity{replica.DigestIdentity(credential)}
		if e.options.SuperDigest != "" && proved[0].ID == e.options.SuperDigest {
			proved = append(proved, replica.Identity{Scheme: "super"})
		}
		return addIdentities(ids, proved), true
	}
	return ids, false
}

func addIdentities(ids, proved []replica.Identity) []replica.Identity {
	all := append(make([]replica.Identity, 0, len(ids)+len(proved)), ids...)
next:
	for _, p := range proved {
		for _, id := range all {
			if id == p {
				continue next
			}
		}
		all = append(all, p)
	}
	return all
}

// sasl answers as a server without any mechanism does: a null token, and the client gives up SASL by itself. A request
// without a token is none.
func (c *Conn) sasl(xid int32, r *wire.Reader) {
	if token := r.Buffer(); token == nil {
		c.loop.engine.badFrame(c, errNoToken)
		return
	}
	start := len(c.out)
	c.out = wire.AppendReplyHeader(wire.BeginFrame(c.out), xid, 0, wire.OK)
	c.out = wire.AppendBuffer(c.out, nil)
	wire.EndFrame(c.out, start)
	c.send()
}
