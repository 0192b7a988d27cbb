package wire

// Record is what every request, response and transaction body implements, by its pointer.
//
// Append writes the record behind dst and returns the longer slice. Decode overwrites all of the record, reusing the
// slices it already has; its strings and buffers alias the reader's input. It returns the reader's error, and then what
// the record holds is of no use. Bytes behind the record are left unread: in a request they are ignored.
//
// The hot path calls the methods of the concrete types: through the interface a Reader escapes to the heap.
type Record interface {
	Append(dst []byte) []byte
	Decode(r *Reader) error
}

// AppendRequest appends a whole frame: header and body. A nil body is for the requests that have none: ping,
// closeSession, whoAmI. The functions named after one operation do the same without an interface.
func AppendRequest(dst []byte, xid int32, op OpCode, body Record) []byte {
	start := len(dst)
	dst = AppendRequestHeader(BeginFrame(dst), xid, op)
	if body != nil {
		dst = body.Append(dst)
	}
	EndFrame(dst, start)
	return dst
}

// AppendResponse appends a whole frame: reply header (with OK) and body. See AppendReply for a reply without a body.
func AppendResponse(dst []byte, xid int32, zxid int64, body Record) []byte {
	start := len(dst)
	dst = AppendReplyHeader(BeginFrame(dst), xid, zxid, OK)
	dst = body.Append(dst)
	EndFrame(dst, start)
	return dst
}
