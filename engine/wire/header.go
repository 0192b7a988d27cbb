package wire

import "encoding/binary"

// The xids with a meaning of their own. Everything above 0 is an ordinary request, answered in the order of sending.
const (
	XidNotification int32 = -1 // from the server: a watch event, not a reply
	XidPing         int32 = -2 // every reply to a ping carries it, whatever the ping had
	XidAuth         int32 = -4
	XidSetWatches   int32 = -8
)

// RequestHeader begins every frame of a client but the first.
type RequestHeader struct {
	Xid int32
	Op  OpCode
}

// Append appends h.
func (h *RequestHeader) Append(dst []byte) []byte { return AppendRequestHeader(dst, h.Xid, h.Op) }

// Decode reads h. A frame too short for it closes the connection.
func (h *RequestHeader) Decode(r *Reader) error {
	h.Xid, h.Op = r.Int(), OpCode(r.Int())
	return r.err
}

// AppendRequestHeader appends a request header.
func AppendRequestHeader(dst []byte, xid int32, op OpCode) []byte {
	return AppendInt(AppendInt(dst, xid), int32(op))
}

// ReplyHeaderSize is the size of an encoded ReplyHeader in bytes, which is the length of a reply without a body.
const ReplyHeaderSize = 16

// ReplyHeader begins every frame of a server but the first.
type ReplyHeader struct {
	Xid  int32
	Zxid int64
	Err  Code
}

// Append appends h.
func (h *ReplyHeader) Append(dst []byte) []byte { return AppendReplyHeader(dst, h.Xid, h.Zxid, h.Err) }

// Decode reads h.
func (h *ReplyHeader) Decode(r *Reader) error {
	h.Xid, h.Zxid, h.Err = r.Int(), r.Long(), Code(r.Int())
	return r.err
}

// AppendReplyHeader appends a reply header, without a frame.
func AppendReplyHeader(dst []byte, xid int32, zxid int64, code Code) []byte {
	n := len(dst)
	dst = extend(dst, ReplyHeaderSize)
	putReplyHeader((*[ReplyHeaderSize]byte)(dst[n:]), xid, zxid, code)
	return dst
}

// AppendReply appends a whole frame that is nothing but a reply header: refusals, pings, deletes and the like.
func AppendReply(dst []byte, xid int32, zxid int64, code Code) []byte {
	n := len(dst)
	dst = extend(dst, FrameHeaderSize+ReplyHeaderSize)
	binary.BigEndian.PutUint32(dst[n:], ReplyHeaderSize)
	putReplyHeader((*[ReplyHeaderSize]byte)(dst[n+FrameHeaderSize:]), xid, zxid, code)
	return dst
}

func putReplyHeader(b *[ReplyHeaderSize]byte, xid int32, zxid int64, code Code) {
	binary.BigEndian.PutUint32(b[0:], uint32(xid))
	binary.BigEndian.PutUint64(b[4:], uint64(zxid))
	binary.BigEndian.PutUint32(b[12:], uint32(code))
}
