package client

import (
	"net/netip"
	"testing"

	"bellwether/engine/wire"
)

// What a request costs in this package alone, without the kernel: encoding a getData, matching its reply of 100 bytes of data, and the
// handler's call.
//
//	go test -run - -bench Request ./loadgen/client
func BenchmarkRequest(b *testing.B) {
	const depth = 32
	l, err := NewLoop(Options{Servers: make([]netip.AddrPort, 1), Depth: depth}, &observer{onReply: func(*Conn, Pending, Reply) {}})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	c := l.Open(0)
	c.state = ready
	var replies []byte
	body := make([]byte, 4+100+68)
	for i := 0; i < b.N; i += depth {
		replies = replies[:0]
		for range depth {
			request := wire.GetDataRequest{Path: "/bellwether-load/d000012/k00001234"}
			p := c.Commit(request.Append(c.Begin(wire.OpGetData)))
			replies = wire.AppendReplyHeader(wire.BeginFrame(replies), p.Xid, 1, wire.OK)
			start := len(replies) - wire.FrameHeaderSize - wire.ReplyHeaderSize
			replies = append(replies, body...)
			wire.EndFrame(replies, start)
		}
		c.ring.stamp(0)
		c.out = c.out[:0]
		c.consume(replies)
	}
}
