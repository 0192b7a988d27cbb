// Package wire reads and writes the bytes of ZooKeeper's client protocol and of its transactions.
//
// A connection is a stream of frames, each a length and so many bytes. What a frame holds depends on who sends it and
// on whether it is the first:
//
//	client     length | ConnectRequest                            the first: no header
//	           length | RequestHeader | request record            Xid, Op; the record may be absent
//
//	server     length | ConnectResponse                           the first: no header
//	           length | ReplyHeader   | response record           Xid, Zxid, Err; absent when Err is not OK
//	           length | ReplyHeader   | WatcherEvent              Xid -1: a notification
//
// Within a record the encoding is jute: numbers are big endian, a string or a buffer is a length and bytes, a vector is a
// count and elements, and -1 in place of a length or a count is null. There are no tags, no padding, no optional fields:
//
//	2f61 watched:  00000002 2f 61 01                              PathWatch: a string of two bytes, a boolean
//
// A transaction is what a write becomes. It has no length of its own: the log and the links between servers frame it.
//
//	TxnHeader (32 bytes) | body, by TxnHeader.Type | TxnDigest (12 bytes, or absent)
//
// # What is promised
//
//   - Bytes are those of Apache ZooKeeper, in both directions: requests and responses, because servers, clients, load
//     generators and tests all use this package. testdata holds recorded sessions and log records; each is read and
//     written back to the same bytes.
//   - No input panics, and none makes a decoder allocate more than what was really found in it deserves: at most eight
//     bytes for each byte of input (a slice header for an empty string), and nothing at all when records are reused.
//   - Null and empty are kept apart wherever a client can see the difference: nil for buffers and vectors, a field
//     NullPath (and the like) for strings.
//   - The records of the hot path cost no allocation, in either direction.
//
// # Rules for callers
//
//   - Whatever is decoded aliases the frame: strings, buffers, elements of vectors. Clone (strings.Clone, bytes.Clone) what
//     outlives the frame, and do not change a frame while something decoded from it is in use.
//   - Decode into the same record again and again: its slices are reused. A record kept for reuse also keeps its last
//     frame alive.
//   - After an error a record's content means nothing. For a request the answer is MarshallingError; a frame or a header that
//     cannot be read closes the connection.
//   - Nothing here is synchronized, nothing has state beyond the values a caller holds.
//
// # Where to read next
//
// reader.go and append.go are jute itself; frame.go and header.go come next. Then the records: connect.go, reads.go,
// writes.go, watches.go, auth.go, multi.go, event.go for the protocol; txn.go, txnbody.go, multitxn.go for transactions.
// path.go says which paths are legal. opcode.go and code.go are the numbers.
package wire
