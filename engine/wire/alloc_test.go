package wire_test

import (
	"testing"

	"bellwether/engine/wire"
)

// The records of the hot path cost no allocation, neither to read nor to write.
func TestHotPathAllocatesNothing(t *testing.T) {
	for _, hot := range hotPaths() {
		t.Run(hot.name, func(t *testing.T) {
			hot.run() // the first time may grow what is reused
			if n := testing.AllocsPerRun(100, hot.run); n != 0 {
				t.Errorf("%v allocations a run, want 0", n)
			}
		})
	}
}

// A Reader on the stack stays there when records are decoded by their own type.
func TestReaderStaysOnTheStack(t *testing.T) {
	frame := wire.AppendGetDataRequest(nil, hotXid, hotPathname, true)
	var q wire.GetDataRequest
	if n := testing.AllocsPerRun(100, func() { decodeGetData(frame, &q) }); n != 0 {
		t.Errorf("%v allocations a run, want 0", n)
	}
}

func BenchmarkDecodeGetData(b *testing.B) {
	frame := wire.AppendGetDataRequest(nil, hotXid, hotPathname, true)
	var q wire.GetDataRequest
	b.ReportAllocs()
	for b.Loop() {
		decodeGetData(frame, &q)
	}
}

func decodeGetData(stream []byte, q *wire.GetDataRequest) {
	frame, _, ok, err := wire.NextFrame(stream, wire.DefaultMaxFrame)
	if !ok || err != nil {
		panic("no frame")
	}
	r := wire.NewReader(frame)
	var h wire.RequestHeader
	if h.Decode(&r) != nil || q.Decode(&r) != nil {
		panic("the request cannot be read")
	}
}

func BenchmarkHotPath(b *testing.B) {
	for _, hot := range hotPaths() {
		b.Run(hot.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				hot.run()
			}
		})
	}
}

// hotPath is something a server or a load generator does for every operation.
type hotPath struct {
	name string
	run  func()
}

func hotPaths() []hotPath {
	all := append(requestPaths(), replyPaths()...)
	all = append(all, txnPaths()...)
	return append(all, pathPaths()...)
}

const (
	hotPathname = "/services/orders/members/0000000042"
	hotXid      = 4711
	hotZxid     = 0x100000abc
)

var hotData = make([]byte, 100)

// decoding returns a run that decodes header and body of a request frame into reused records.
func decoding(name string, frame []byte, rec wire.Record) hotPath {
	content := frame[wire.FrameHeaderSize:]
	var r wire.Reader // reused: through an interface it would escape
	return hotPath{"Decode" + name, func() {
		r.Reset(content)
		var h wire.RequestHeader
		if h.Decode(&r) != nil || rec != nil && rec.Decode(&r) != nil {
			panic("the request cannot be read")
		}
	}}
}

// encoding returns a run that appends to a reused buffer.
func encoding(name string, appendTo func(dst []byte) []byte) hotPath {
	buf := make([]byte, 0, 4096)
	return hotPath{"Encode" + name, func() { buf = appendTo(buf[:0]) }}
}

func requestPaths() []hotPath {
	getData := func(dst []byte) []byte { return wire.AppendGetDataRequest(dst, hotXid, hotPathname, true) }
	exists := func(dst []byte) []byte { return wire.AppendExistsRequest(dst, hotXid, hotPathname, true) }
	children := func(dst []byte) []byte { return wire.AppendGetChildrenRequest(dst, hotXid, hotPathname, true) }
	setData := func(dst []byte) []byte { return wire.AppendSetDataRequest(dst, hotXid, hotPathname, hotData, -1) }
	create := func(dst []byte) []byte {
		return wire.AppendCreateRequest(dst, hotXid, wire.OpCreate, hotPathname, hotData, wire.OpenACL, wire.Persistent)
	}
	remove := func(dst []byte) []byte { return wire.AppendDeleteRequest(dst, hotXid, hotPathname, -1) }
	setWatches := wire.SetWatches{Data: []string{"/a", "/b"}, Exist: []string{"/c"}, Child: []string{}}
	connect := wire.ConnectRequest{Timeout: 10_000, Passwd: make([]byte, 16), HasReadOnly: true}
	return []hotPath{
		decoding("GetData", getData(nil), new(wire.GetDataRequest)), encoding("GetDataRequest", getData),
		decoding("Exists", exists(nil), new(wire.ExistsRequest)), encoding("ExistsRequest", exists),
		decoding("GetChildren", children(nil), new(wire.GetChildrenRequest)), encoding("GetChildrenRequest", children),
		decoding("SetData", setData(nil), new(wire.SetDataRequest)), encoding("SetDataRequest", setData),
		decoding("Create", create(nil), new(wire.CreateRequest)), encoding("CreateRequest", create),
		decoding("Delete", remove(nil), new(wire.DeleteRequest)), encoding("DeleteRequest", remove),
		decoding("Ping", wire.AppendPing(nil), nil), encoding("PingRequest", wire.AppendPing),
		decoding("SetWatches", wire.AppendRequest(nil, wire.XidSetWatches, wire.OpSetWatches, &setWatches), new(wire.SetWatches)),
		encoding("ConnectRequest", connect.Append),
		{"DecodeMulti", decodeMulti()},
	}
}

// decodeMulti returns a run that decodes a multi of three operations.
func decodeMulti() func() {
	create := wire.CreateRequest{Path: hotPathname, Data: hotData, ACL: wire.OpenACL}
	set := wire.SetDataRequest{Path: hotPathname, Data: hotData, Version: 1}
	body := create.Append(wire.AppendMultiOp(nil, wire.OpCreate))
	body = set.Append(wire.AppendMultiOp(body, wire.OpSetData))
	body = set.Append(wire.AppendMultiOp(body, wire.OpSetData))
	body = wire.AppendMultiEnd(body)
	return func() {
		m := wire.NewMultiReader(wire.NewReader(body))
		for op, done, err := m.Next(); !done; op, done, err = m.Next() {
			switch op {
			case wire.OpCreate:
				err = create.Decode(&m.Reader)
			case wire.OpSetData:
				err = set.Decode(&m.Reader)
			}
			if err != nil {
				panic(err)
			}
		}
	}
}

func replyPaths() []hotPath {
	getData := func(dst []byte) []byte {
		start := len(dst)
		dst = wire.AppendReplyHeader(wire.BeginFrame(dst), hotXid, hotZxid, wire.OK)
		dst = wire.AppendStat(wire.AppendBuffer(dst, hotData), &sampleStat)
		wire.EndFrame(dst, start)
		return dst
	}
	stat := func(dst []byte) []byte {
		start := len(dst)
		dst = wire.AppendStat(wire.AppendReplyHeader(wire.BeginFrame(dst), hotXid, hotZxid, wire.OK), &sampleStat)
		wire.EndFrame(dst, start)
		return dst
	}
	names := wire.GetChildrenResponse{Names: []string{"0000000001", "0000000002", "0000000003"}}
	children := wire.AppendResponse(nil, hotXid, hotZxid, &names)
	return []hotPath{
		encoding("GetDataReply", getData), decodingReply("GetDataReply", getData(nil), new(wire.GetDataResponse)),
		encoding("StatReply", stat), decodingReply("StatReply", stat(nil), new(wire.Stat)),
		encoding("Reply", func(dst []byte) []byte { return wire.AppendReply(dst, hotXid, hotZxid, wire.NoNode) }),
		decodingReply("Reply", wire.AppendReply(nil, hotXid, hotZxid, wire.NoNode), nil),
		decodingReply("GetChildrenReply", children, new(wire.GetChildrenResponse)),
		decodingReply("Create2Reply", wire.AppendResponse(nil, hotXid, hotZxid, &wire.Create2Response{Path: hotPathname}), new(wire.Create2Response)),
		encoding("Event", func(dst []byte) []byte {
			return wire.AppendEvent(dst, hotZxid, wire.EventDataChanged, hotPathname)
		}),
		decodingReply("Event", wire.AppendEvent(nil, hotZxid, wire.EventDataChanged, hotPathname), new(wire.WatcherEvent)),
	}
}

// decodingReply returns a run that cuts the frame and decodes header and body of a reply.
func decodingReply(name string, stream []byte, rec wire.Record) hotPath {
	var r wire.Reader
	return hotPath{"Decode" + name, func() {
		frame, _, ok, err := wire.NextFrame(stream, wire.DefaultMaxFrame)
		if !ok || err != nil {
			panic("no frame")
		}
		r.Reset(frame)
		var h wire.ReplyHeader
		if h.Decode(&r) != nil || rec != nil && rec.Decode(&r) != nil {
			panic("the reply cannot be read")
		}
	}}
}

func txnPaths() []hotPath {
	header := wire.TxnHeader{ClientID: 1, Cxid: hotXid, Zxid: hotZxid, Time: 5, Type: wire.OpCreate}
	create := wire.CreateTxn{Path: hotPathname, Data: hotData, ACL: wire.OpenACL, ParentCversion: 3}
	set := wire.SetDataTxn{Path: hotPathname, Data: hotData, Version: 3}
	remove := wire.DeleteTxn{Path: hotPathname}
	ended := wire.CloseSessionTxn{Paths: []string{"/a", "/b"}}
	return []hotPath{
		encoding("CreateTxn", func(dst []byte) []byte { return create.Append(wire.AppendTxnHeader(dst, &header)) }),
		encoding("SetDataTxn", func(dst []byte) []byte { return set.Append(wire.AppendTxnHeader(dst, &header)) }),
		encoding("DeleteTxn", func(dst []byte) []byte { return remove.Append(wire.AppendTxnHeader(dst, &header)) }),
		decodingTxn("CreateTxn", create.Append(wire.AppendTxnHeader(nil, &header)), new(wire.CreateTxn)),
		decodingTxn("SetDataTxn", set.Append(wire.AppendTxnHeader(nil, &header)), new(wire.SetDataTxn)),
		decodingTxn("DeleteTxn", remove.Append(wire.AppendTxnHeader(nil, &header)), new(wire.DeleteTxn)),
		decodingTxn("CloseSessionTxn", ended.Append(wire.AppendTxnHeader(nil, &header)), new(wire.CloseSessionTxn)),
		{"DecodeTxnEnvelope", decodeTxnEnvelope(create.Append(wire.AppendTxnHeader(nil, &header)))},
	}
}

func decodingTxn(name string, b []byte, rec wire.Record) hotPath {
	var r wire.Reader
	return hotPath{"Decode" + name, func() {
		r.Reset(b)
		var h wire.TxnHeader
		if h.Decode(&r) != nil || rec.Decode(&r) != nil {
			panic("the transaction cannot be read")
		}
	}}
}

func decodeTxnEnvelope(b []byte) func() {
	var txn wire.Txn
	return func() {
		if txn.Decode(b) != nil {
			panic("the transaction cannot be read")
		}
	}
}

func pathPaths() []hotPath {
	return []hotPath{
		{"ValidatePath", func() {
			if wire.ValidatePath(hotPathname) != nil {
				panic("the path is illegal")
			}
		}},
		{"SplitPath", func() {
			if parent, base, ok := wire.SplitPath(hotPathname); !ok || parent == "" || base == "" {
				panic("the path has no parent")
			}
		}},
		encoding("Sequence", func(dst []byte) []byte { return wire.AppendSequence(dst, 4711) }),
	}
}
