package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bellwether/engine/wire"

	"github.com/go-zookeeper/zk"
)

// Every request gets a reply of getData's size with its own xid, in order, on many pipelined connections.
func TestEchoCeilingAnswersEveryReadInOrder(t *testing.T) {
	addr := startCeiling(t, ceilingConfig{kind: ceilingEcho, valueBytes: 100})
	// header, length of the data, data, Stat: what a ZooKeeper answers to getData
	expectReplies(t, addr, getDataFrame, 16+4+100+68)
}

// The same for writes, whose replies are a Stat.
func TestAppendCeilingAnswersEveryWriteInOrder(t *testing.T) {
	addr := startCeiling(t, ceilingConfig{kind: ceilingAppend})
	expectReplies(t, addr, setDataFrame, 16+68)
}

// What the append ceiling acknowledges stands in its file, byte for byte as it was sent.
func TestAppendCeilingWritesTheRequests(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	addr := startCeiling(t, ceilingConfig{kind: ceilingAppend, file: file})
	c := dialCeiling(t, addr)
	var sent []byte
	for xid := int32(1); xid <= 3; xid++ {
		frame := setDataFrame(xid)
		sent = append(sent, frame...)
		c.send(frame)
		c.expect(xid, 16+68)
	}
	log, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(log[:len(sent)]); got != string(sent) {
		t.Fatalf("the file holds\n%q, want\n%q", got, sent)
	}
}

// An ordinary client finds a ceiling enough of a ZooKeeper to prepare a load on it.
func TestCeilingsServeAnOrdinaryClient(t *testing.T) {
	for _, kind := range []ceilingKind{ceilingEcho, ceilingAppend} {
		t.Run(string(kind), func(t *testing.T) {
			addr := startCeiling(t, ceilingConfig{kind: kind, valueBytes: 7})
			client, events, err := zk.Connect([]string{addr}, 10*time.Second, zk.WithLogInfo(false))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			go func() {
				for range events {
				}
			}()
			if path, err := client.Create("/load", nil, 0, zk.WorldACL(zk.PermAll)); err != nil || path != "/load" {
				t.Fatalf("create: %q, %v", path, err)
			}
			if exists, _, err := client.Exists("/load"); err != nil || !exists {
				t.Fatalf("exists: %v, %v", exists, err)
			}
			if data, stat, err := client.Get("/load"); err != nil || len(data) != 7 || stat.DataLength != 7 {
				t.Fatalf("get: %q, %+v, %v", data, stat, err)
			}
			if children, _, err := client.Children("/load"); err != nil || len(children) != 0 {
				t.Fatalf("children: %v, %v", children, err)
			}
			if _, err := client.Set("/load", []byte("x"), -1); err != nil {
				t.Fatalf("set: %v", err)
			}
			if err := client.Delete("/load", -1); err != nil {
				t.Fatalf("delete: %v", err)
			}
			if path, err := client.Sync("/load"); err != nil || path != "/load" {
				t.Fatalf("sync: %q, %v", path, err)
			}
		})
	}
}

// A frame may arrive a byte at a time, the connect request too.
func TestCeilingPutsSplitFramesTogether(t *testing.T) {
	for _, kind := range []ceilingKind{ceilingEcho, ceilingAppend} {
		addr := startCeiling(t, ceilingConfig{kind: kind, valueBytes: 5})
		c := dialCeiling(t, addr)
		for _, b := range getDataFrame(9) {
			c.send([]byte{b})
		}
		want := 16 + 4 + 5 + 68
		c.expect(9, want)
	}
}

// Garbage closes the connection it came on, and no other.
func TestCeilingClosesOnGarbage(t *testing.T) {
	for _, kind := range []ceilingKind{ceilingEcho, ceilingAppend} {
		addr := startCeiling(t, ceilingConfig{kind: kind})
		good, bad := dialCeiling(t, addr), dialCeiling(t, addr)
		bad.send([]byte{0xff, 0xff, 0xff, 0xff})
		if _, err := bad.in.ReadByte(); err != io.EOF {
			t.Fatalf("%s: a negative length was answered: %v", kind, err)
		}
		short := dialCeiling(t, addr)
		short.send([]byte{0, 0, 0, 2, 1, 2})
		if _, err := short.in.ReadByte(); err != io.EOF {
			t.Fatalf("%s: a frame without a header was answered: %v", kind, err)
		}
		good.send(setDataFrame(1))
		good.expect(1, 16+68)
	}
}

// A port that is taken is an error that names it.
func TestCeilingSaysWhichPortIsBusy(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	err = runCeiling(t.Context(), ceilingConfig{kind: ceilingEcho, listen: busy.Addr().String()}, func(net.Addr) {})
	if err == nil || !strings.Contains(err.Error(), busy.Addr().String()) || !strings.Contains(err.Error(), "in use") {
		t.Fatalf("error %v, want one about %v in use", err, busy.Addr())
	}
}

// Replies cost no allocation: a ceiling is to be as cheap as a server can be.
func TestCeilingRepliesAllocateNothing(t *testing.T) {
	replies := newCeilingReplies(100)
	dst := make([]byte, 0, 1<<10)
	frames := [][]byte{getDataFrame(1)[4:], setDataFrame(2)[4:]}
	if n := testing.AllocsPerRun(1000, func() {
		for _, frame := range frames {
			q, _ := parseCeilingRequest(frame)
			dst = replies.append(dst[:0], q)
		}
	}); n != 0 {
		t.Fatalf("%v allocations, want 0", n)
	}
}

// startCeiling runs a ceiling until the test ends and returns its address.
func startCeiling(t *testing.T, config ceilingConfig) string {
	t.Helper()
	if config.listen == "" {
		config.listen = "127.0.0.1:0"
	}
	if config.file == "" {
		config.file = filepath.Join(t.TempDir(), "log")
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() { ended <- runCeiling(ctx, config, func(addr net.Addr) { ready <- addr }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("ceiling ended with %v", err)
		}
	})
	select {
	case addr := <-ready:
		return addr.String()
	case err := <-ended:
		t.Fatalf("ceiling did not start: %v", err)
		return ""
	}
}

// expectReplies keeps eight requests in flight on each of four connections and checks a few hundred replies.
func expectReplies(t *testing.T, addr string, request func(xid int32) []byte, replyBytes int) {
	t.Helper()
	var clients []*ceilingClient
	for range 4 {
		clients = append(clients, dialCeiling(t, addr))
	}
	const depth, requests = 8, 200
	for xid := int32(1); xid <= requests+depth; xid++ {
		for _, c := range clients {
			if xid <= requests {
				c.send(request(xid))
			}
			if xid > depth {
				c.expect(xid-depth, replyBytes)
			}
		}
	}
}

// ceilingClient is a connection after its handshake.
type ceilingClient struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func dialCeiling(t *testing.T, addr string) *ceilingClient {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &ceilingClient{t, conn, bufio.NewReader(conn)}
	hello := wire.ConnectRequest{Timeout: 4000, Passwd: make([]byte, 16), HasReadOnly: true}
	c.send(endFrame(hello.Append(wire.BeginFrame(nil))))
	if frame := c.receive(); len(frame) != 37 || binary.BigEndian.Uint32(frame[4:]) != 4000 {
		t.Fatalf("connect response %x, want 37 bytes with a timeout of 4000", frame)
	}
	return c
}

func (c *ceilingClient) send(b []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

func (c *ceilingClient) receive() []byte {
	c.t.Helper()
	var length [4]byte
	if _, err := io.ReadFull(c.in, length[:]); err != nil {
		c.t.Fatal(err)
	}
	frame := make([]byte, binary.BigEndian.Uint32(length[:]))
	if _, err := io.ReadFull(c.in, frame); err != nil {
		c.t.Fatal(err)
	}
	return frame
}

// expect reads one reply and checks its xid, its error code and its size without the length.
func (c *ceilingClient) expect(xid int32, size int) {
	c.t.Helper()
	frame := c.receive()
	r := wire.NewReader(frame)
	var header wire.ReplyHeader
	if err := header.Decode(&r); err != nil {
		c.t.Fatal(err)
	}
	if header.Xid != xid || header.Err != wire.OK || len(frame) != size {
		c.t.Fatalf("reply %+v of %d bytes, want xid %d, no error, %d bytes", header, len(frame), xid, size)
	}
}

func getDataFrame(xid int32) []byte {
	b := wire.AppendRequestHeader(wire.BeginFrame(nil), xid, wire.OpGetData)
	return endFrame(wire.AppendBool(wire.AppendString(b, "/load/1"), false))
}

func setDataFrame(xid int32) []byte {
	b := wire.AppendRequestHeader(wire.BeginFrame(nil), xid, wire.OpSetData)
	b = wire.AppendBuffer(wire.AppendString(b, "/load/1"), []byte("value"))
	return endFrame(wire.AppendInt(b, -1))
}

func endFrame(b []byte) []byte {
	wire.EndFrame(b, 0)
	return b
}
