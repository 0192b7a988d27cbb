package bench

import (
	"encoding/binary"
	"math"

	"bellwether/engine/wire"
)

// ceilingKind says what a ceiling does before it answers: nothing, or append and sync.
type ceilingKind string

const (
	ceilingEcho   ceilingKind = "echo"
	ceilingAppend ceilingKind = "append"
)

// ceilingReplies makes the replies of a ceiling. They have the sizes a ZooKeeper's would have, and the xid of the
// request; everything else in them is the same every time, made once. It is immutable after newCeilingReplies, hence
// safe for concurrent use.
type ceilingReplies struct {
	data []byte // a whole frame: header, a buffer of the value's size, Stat
	stat []byte // a whole frame: header, Stat
}

// ceilingZxid stands in every reply header: a ceiling has no history.
const ceilingZxid = 1

// newCeilingReplies makes replies whose values are valueBytes long.
func newCeilingReplies(valueBytes int) *ceilingReplies {
	value := make([]byte, valueBytes)
	for i := range value {
		value[i] = 'v'
	}
	stat := wire.Stat{Czxid: ceilingZxid, Mzxid: ceilingZxid, DataLength: int32(valueBytes), Pzxid: ceilingZxid}
	frame := func(body func(dst []byte) []byte) []byte {
		dst := wire.BeginFrame(nil)
		dst = wire.AppendReplyHeader(dst, 0, ceilingZxid, wire.OK)
		dst = body(dst)
		wire.EndFrame(dst, 0)
		return dst
	}
	return &ceilingReplies{
		data: frame(func(dst []byte) []byte { return stat.Append(wire.AppendBuffer(dst, value)) }),
		stat: frame(stat.Append),
	}
}

// ceilingRequest is what a ceiling knows of a request.
type ceilingRequest struct {
	xid int32
	op  wire.OpCode
	// path is set for the operations whose reply repeats it; the load generator sends them before the load begins.
	path string
}

// parseCeilingRequest reads the eight bytes every request begins with, and the path where the reply needs it. The path
// is a copy. It reports false for a frame that holds no header.
func parseCeilingRequest(frame []byte) (ceilingRequest, bool) {
	if len(frame) < 8 {
		return ceilingRequest{}, false
	}
	q := ceilingRequest{
		xid: int32(binary.BigEndian.Uint32(frame)),
		op:  wire.OpCode(binary.BigEndian.Uint32(frame[4:])),
	}
	switch q.op {
	case wire.OpCreate, wire.OpCreate2, wire.OpSync:
		r := wire.NewReader(frame[8:])
		q.path = string([]byte(r.String()))
		return q, r.Err() == nil
	}
	return q, true
}

// append appends the reply to q, a whole frame.
func (c *ceilingReplies) append(dst []byte, q ceilingRequest) []byte {
	start := len(dst)
	switch q.op {
	case wire.OpGetData:
		dst = append(dst, c.data...)
	case wire.OpSetData, wire.OpExists:
		dst = append(dst, c.stat...)
	default:
		return c.appendRare(dst, q)
	}
	binary.BigEndian.PutUint32(dst[start+wire.FrameHeaderSize:], uint32(q.xid))
	return dst
}

// appendRare answers what a load generator sends around a load: it builds its znodes, looks at them, and keeps its
// sessions alive. Every create succeeds, every znode has no children.
func (c *ceilingReplies) appendRare(dst []byte, q ceilingRequest) []byte {
	statOnly := c.stat[wire.FrameHeaderSize+wire.ReplyHeaderSize:]
	start, xid := len(dst), q.xid
	if q.op == wire.OpPing {
		xid = wire.XidPing
	}
	dst = wire.BeginFrame(dst)
	dst = wire.AppendReplyHeader(dst, xid, ceilingZxid, wire.OK)
	switch q.op {
	case wire.OpCreate, wire.OpSync:
		dst = wire.AppendString(dst, q.path)
	case wire.OpCreate2:
		dst = append(wire.AppendString(dst, q.path), statOnly...)
	case wire.OpGetChildren:
		dst = wire.AppendInt(dst, 0)
	case wire.OpGetChildren2:
		dst = append(wire.AppendInt(dst, 0), statOnly...)
	}
	wire.EndFrame(dst, start)
	return dst
}

// appendConnectReply answers a connect request with a session of the given number, or reports false if the frame is
// none. The session keeps the timeout that was asked for and has a password of zeros.
func appendConnectReply(dst, frame []byte, session int64) ([]byte, bool) {
	var q wire.ConnectRequest
	r := wire.NewReader(frame)
	if err := q.Decode(&r); err != nil {
		return dst, false
	}
	p := wire.ConnectResponse{
		Timeout: max(q.Timeout, 1), SessionID: session, Passwd: make([]byte, 16), HasReadOnly: q.HasReadOnly,
	}
	start := len(dst)
	dst = p.Append(wire.BeginFrame(dst))
	wire.EndFrame(dst, start)
	return dst, true
}

// ceilingMaxFrame bounds a request frame, so that garbage cannot make a ceiling wait for gigabytes.
const ceilingMaxFrame = math.MaxInt32 >> 8
