package client

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"bellwether/engine/wire"
)

func servers(stubs ...*stub) []netip.AddrPort {
	var addrs []netip.AddrPort
	for _, s := range stubs {
		addrs = append(addrs, s.addr())
	}
	return addrs
}

// The first frame of a new session is, to the byte, what Apache ZooKeeper's own client sends.
func TestConnectRequestIsTheCapturedOne(t *testing.T) {
	const captured = "00000000" + "0000000000000000" + "00002710" + "0000000000000000" + "00000010" +
		"00000000000000000000000000000000" // then the readOnly byte
	frames := make(chan []byte, 1)
	s := serve(t, func(p *peer) { frames <- p.frame() })
	r := newRig(t, Options{Servers: servers(s), SessionTimeout: 10 * time.Second})
	r.until("connect request", func() bool { return len(frames) > 0 })
	if got := hex.EncodeToString(<-frames); got != captured+"00" {
		t.Fatalf("connect request\n got %s\nwant %s", got, captured+"00")
	}
}

// Replies come back in the order of sending, each with the fields its request was committed with.
func TestRepliesMatchRequestsInOrder(t *testing.T) {
	const n = 300
	s := serve(t, echo)
	r := newRig(t, Options{Servers: servers(s), Depth: n})
	r.untilReady(1)
	for i := range n {
		r.get(fmt.Sprintf("/k%d", i), uint32(i))
	}
	if r.conn.Room() != 0 {
		t.Fatalf("room for %d more above the depth", r.conn.Room())
	}
	r.until("all replies", func() bool { return len(r.replies) == n })
	for i, p := range r.replies {
		if p.Aux != uint32(i) || r.codes[i] != wire.OK || !strings.Contains(r.bodies[i], fmt.Sprintf("/k%d", i)) {
			t.Fatalf("reply %d: tag %d, code %v, body %q", i, p.Aux, r.codes[i], r.bodies[i])
		}
		if p.Sent <= 0 || p.Sent > r.loop.Now() {
			t.Fatalf("reply %d: sent at %d", i, p.Sent)
		}
	}
}

// A reply that is not the oldest request's ends the connection: what is in flight is lost, the next connection resumes.
func TestReplyOutOfOrderEndsTheConnection(t *testing.T) {
	swap := func(p *peer) {
		p.welcome(7, 10*time.Second)
		first, _, _ := p.request()
		second, _, _ := p.request()
		p.ok(second.Xid, 1)
		p.ok(first.Xid, 2)
		p.frame() // until the client hangs up
	}
	s := serve(t, swap, echo)
	r := newRig(t, Options{Servers: servers(s), Depth: 2})
	r.untilReady(1)
	r.get("/a", 1)
	r.get("/b", 2)
	r.untilReady(2)
	if len(r.downs) == 0 || !errors.Is(r.downs[0], ErrOrder) {
		t.Fatalf("down for %v, want ErrOrder", r.downs)
	}
	if len(r.codes) != 2 || r.codes[0] != wire.ConnectionLoss || r.codes[1] != wire.ConnectionLoss {
		t.Fatalf("in flight were answered with %v", r.codes)
	}
	if got := r.loop.Stats().OrderViolations; got != 1 {
		t.Fatalf("%d order violations counted", got)
	}
}

// A reply to nothing ends the connection too.
func TestReplyToNothingEndsTheConnection(t *testing.T) {
	s := serve(t, func(p *peer) {
		p.welcome(7, 10*time.Second)
		p.ok(99, 1)
		p.frame()
	}, echo)
	r := newRig(t, Options{Servers: servers(s)})
	r.untilReady(2)
	if !errors.Is(r.downs[0], ErrOrder) {
		t.Fatalf("down for %v", r.downs[0])
	}
}

// A lost connection is made again with the session's id and password and the highest zxid a reply has shown.
func TestReconnectResumesTheSession(t *testing.T) {
	asked := make(chan wire.ConnectRequest, 2)
	s := serve(t, func(p *peer) {
		asked <- p.welcome(7, 10*time.Second)
		h, _, _ := p.request()
		p.ok(h.Xid, 42)
		_, _, _ = p.request() // is never answered
	}, func(p *peer) {
		asked <- p.welcome(7, 10*time.Second)
		p.echo()
	})
	r := newRig(t, Options{Servers: servers(s), Depth: 2})
	r.untilReady(1)
	r.get("/a", 1)
	r.get("/b", 2)
	r.untilReady(2)
	<-asked
	if q := <-asked; q.SessionID != 7 || !bytes.Equal(q.Passwd, password(7)) || q.LastZxidSeen != 42 {
		t.Fatalf("resumed with %+v", q)
	}
	if r.codes[0] != wire.OK || r.codes[1] != wire.ConnectionLoss || !r.resumed[1] || r.resumed[0] {
		t.Fatalf("codes %v, resumed %v", r.codes, r.resumed)
	}
	if st := r.loop.Stats(); st.Lost != 1 || st.Resumes != 1 || st.Connects != 1 {
		t.Fatalf("stats %+v", st)
	}
}

// A session the server has forgotten is replaced by a new one, asked for without id.
func TestExpiredSessionIsReplaced(t *testing.T) {
	asked := make(chan wire.ConnectRequest, 3)
	s := serve(t, func(p *peer) {
		asked <- p.welcome(7, 10*time.Second)
	}, func(p *peer) {
		asked <- p.welcome(0, 0)
		p.frame()
	}, func(p *peer) {
		asked <- p.welcome(8, 10*time.Second)
		p.echo()
	})
	r := newRig(t, Options{Servers: servers(s)})
	r.untilReady(2)
	if first, second, third := <-asked, <-asked, <-asked; first.SessionID != 0 || second.SessionID != 7 || third.SessionID != 0 {
		t.Fatalf("asked for sessions %d, %d, %d", first.SessionID, second.SessionID, third.SessionID)
	}
	if r.resumed[1] || r.conn.SessionID() != 8 || r.loop.Stats().Expired != 1 {
		t.Fatalf("resumed %v, session %d, stats %+v", r.resumed, r.conn.SessionID(), r.loop.Stats())
	}
}

// Credentials are answered before the session may send.
func TestCredentialsComeFirst(t *testing.T) {
	type proof struct{ scheme, auth string }
	got := make(chan proof, 1)
	s := serve(t, func(p *peer) {
		p.welcome(7, 10*time.Second)
		h, body, _ := p.request()
		var q wire.AuthRequest
		if h.Xid != wire.XidAuth || h.Op != wire.OpAuth || q.Decode(&body) != nil {
			return
		}
		got <- proof{q.Scheme, string(q.Auth)}
		p.ok(wire.XidAuth, 0)
		p.echo()
	})
	r := newRig(t, Options{Servers: servers(s), Auth: []Auth{{Scheme: "digest", Credential: []byte("u:p")}}})
	r.untilReady(1)
	if g := <-got; g != (proof{"digest", "u:p"}) {
		t.Fatalf("credential %+v", g)
	}
}

// A refused credential is final: the session does not come back.
func TestRefusedCredentialIsFinal(t *testing.T) {
	s := serve(t, func(p *peer) {
		p.welcome(7, 10*time.Second)
		h, _, _ := p.request()
		p.send(wire.AppendReply(nil, h.Xid, 0, wire.AuthFailed))
	})
	r := newRig(t, Options{Servers: servers(s), Auth: []Auth{{Scheme: "digest"}}})
	r.until("refusal", func() bool { return len(r.downs) > 0 })
	if !errors.Is(r.downs[0], ErrAuthFailed) || r.loop.OpenCount() != 0 {
		t.Fatalf("down for %v, %d sessions open", r.downs[0], r.loop.OpenCount())
	}
}

// A watch event is delivered before the reply that came behind it.
func TestEventIsDeliveredInItsPlace(t *testing.T) {
	s := serve(t, func(p *peer) {
		p.welcome(7, 10*time.Second)
		h, _, _ := p.request()
		event := wire.WatcherEvent{Type: wire.EventDataChanged, State: 3, Path: "/a"}
		out := event.Append(wire.AppendReplyHeader(wire.BeginFrame(nil), wire.XidNotification, 5, wire.OK))
		wire.EndFrame(out, 0)
		p.send(wire.AppendReply(out, h.Xid, 5, wire.OK))
		p.frame()
	})
	r := newRig(t, Options{Servers: servers(s)})
	r.untilReady(1)
	r.get("/a", 1)
	r.until("reply", func() bool { return len(r.replies) == 1 })
	if want := (Event{Type: wire.EventDataChanged, Path: "/a", Zxid: 5}); len(r.events) != 1 || r.events[0] != want {
		t.Fatalf("events %+v", r.events)
	}
	if r.log[0] != "event" {
		t.Fatalf("order %v", r.log)
	}
}

// age makes the session as if nothing had been sent, or received, for a while.
func (r *rig) age(sent, received time.Duration) {
	r.conn.lastSend -= int64(sent)
	r.conn.lastRecv -= int64(received)
	r.loop.nextSweep = 0
}

// A session that was idle for a third of its timeout pings, and the answer, which is no reply to anybody, keeps it alive.
func TestIdleSessionPings(t *testing.T) {
	s := serve(t, func(p *peer) {
		p.welcome(7, 30*time.Second)
		p.echo()
	})
	r := newRig(t, Options{Servers: servers(s)})
	r.untilReady(1)
	r.age(9*time.Second, 9*time.Second)
	r.until("a sweep", func() bool { return r.loop.nextSweep > 0 })
	if n := r.loop.Stats().Pings; n != 0 {
		t.Fatalf("%d pings before a third of the timeout", n)
	}
	r.age(time.Second, time.Second)
	heard := r.conn.lastRecv
	r.until("the answer to a ping", func() bool { return r.conn.lastRecv > heard })
	if n := r.loop.Stats().Pings; n != 1 || len(r.downs) != 0 || len(r.replies) != 0 {
		t.Fatalf("%d pings, downs %v, %d replies", n, r.downs, len(r.replies))
	}
}

// A server that said nothing for two thirds of the timeout is left for another.
func TestSilentServerIsLeft(t *testing.T) {
	silent := serve(t, func(p *peer) {
		p.welcome(7, 30*time.Second)
		for p.frame() != nil {
		}
	})
	other := serve(t, echo)
	r := newRig(t, Options{Servers: servers(silent, other)})
	r.untilReady(1)
	r.age(0, 20*time.Second)
	r.untilReady(2)
	if !errors.Is(r.downs[0], ErrSilent) {
		t.Fatalf("down for %v", r.downs[0])
	}
}

// Frames may come in any pieces, and may be larger than the loop's buffer.
func TestFramesComeInPieces(t *testing.T) {
	huge := bytes.Repeat([]byte("x"), 3*readBufferSize)
	s := serve(t, func(p *peer) {
		p.welcome(7, 10*time.Second)
		for range 2 {
			h, _, _ := p.request()
			for _, b := range wire.AppendReply(nil, h.Xid, 1, wire.NoNode) {
				p.send([]byte{b})
			}
		}
		h, _, _ := p.request()
		out := append(wire.AppendReplyHeader(wire.BeginFrame(nil), h.Xid, 1, wire.OK), huge...)
		wire.EndFrame(out, 0)
		p.send(out)
		h, _, _ = p.request()
		p.ok(h.Xid, 2)
		p.frame()
	})
	r := newRig(t, Options{Servers: servers(s), Depth: 4})
	r.untilReady(1)
	for i := range 4 {
		r.get("/a", uint32(i))
	}
	r.until("replies", func() bool { return len(r.replies) == 4 })
	if r.codes[0] != wire.NoNode || r.bodies[2] != string(huge) || r.codes[3] != wire.OK || len(r.downs) != 0 {
		t.Fatalf("codes %v, body of %d bytes, downs %v", r.codes, len(r.bodies[2]), r.downs)
	}
	if cap(r.conn.in) > readBufferSize {
		t.Fatalf("the session keeps %d bytes for a frame long gone", cap(r.conn.in))
	}
}

// A frame above the limit is no reason to allocate: the connection ends.
func TestFrameAboveTheLimitEndsTheConnection(t *testing.T) {
	s := serve(t, func(p *peer) {
		p.welcome(7, 10*time.Second)
		p.send([]byte{0x7f, 0xff, 0xff, 0xff})
		p.frame()
	}, echo)
	r := newRig(t, Options{Servers: servers(s), MaxFrame: 1 << 20})
	r.untilReady(2)
	if !errors.Is(r.downs[0], wire.ErrFrameLength) {
		t.Fatalf("down for %v", r.downs[0])
	}
}

// A server that stops reading for a while gets everything, once, when it reads again.
func TestCongestedSessionSendsTheRestLater(t *testing.T) {
	const n = 64
	value := bytes.Repeat([]byte("v"), 256<<10)
	read := make(chan struct{})
	s := serve(t, func(p *peer) {
		p.welcome(7, 10*time.Second)
		<-read
		p.echo()
	})
	r := newRig(t, Options{Servers: servers(s), Depth: n})
	r.untilReady(1)
	for range n {
		request := wire.SetDataRequest{Path: "/a", Data: value}
		r.conn.Commit(request.Append(r.conn.Begin(wire.OpSetData)))
	}
	r.until("a full socket", func() bool { return r.conn.congested })
	close(read)
	r.until("replies", func() bool { return len(r.replies) == n })
	if r.conn.congested || len(r.downs) != 0 {
		t.Fatalf("congested %v, downs %v", r.conn.congested, r.downs)
	}
}

// The next server is tried when one refuses, and the error text tells what was tried.
func TestNextServerIsTried(t *testing.T) {
	gone := serve(t, echo)
	dead := gone.addr()
	gone.listener.Close()
	s := serve(t, echo)
	r := newRig(t, Options{Servers: []netip.AddrPort{dead, s.addr()}})
	r.untilReady(1)
	if text := r.loop.Tried(); !strings.Contains(text, dead.String()) || !strings.Contains(text, "refused") {
		t.Fatalf("tried: %s", text)
	}
}

// Close lets what is in flight be answered, then ends the session on the server.
func TestCloseEndsTheSessionOnTheServer(t *testing.T) {
	ops := make(chan wire.OpCode, 2)
	s := serve(t, func(p *peer) {
		p.welcome(7, 10*time.Second)
		for range 2 {
			h, _, _ := p.request()
			ops <- h.Op
			p.ok(h.Xid, 1)
		}
	})
	r := newRig(t, Options{Servers: servers(s)})
	r.untilReady(1)
	r.get("/a", 1)
	r.conn.Close()
	r.until("close", func() bool { return r.loop.OpenCount() == 0 })
	if first, second := <-ops, <-ops; first != wire.OpGetData || second != wire.OpCloseSession {
		t.Fatalf("the server saw %v, %v", first, second)
	}
	if len(r.replies) != 1 || !errors.Is(r.downs[0], ErrClosed) || r.loop.ReadyCount() != 0 {
		t.Fatalf("%d replies, downs %v, %d ready", len(r.replies), r.downs, r.loop.ReadyCount())
	}
}

// Xids stay positive for ever.
func TestXidsStartAgainAtOne(t *testing.T) {
	s := serve(t, echo)
	r := newRig(t, Options{Servers: servers(s), Depth: 3})
	r.untilReady(1)
	r.conn.xid = 1<<31 - 3
	for i := range 3 {
		r.get("/a", uint32(i))
	}
	r.until("replies", func() bool { return len(r.replies) == 3 })
	if a, b, c := r.replies[0].Xid, r.replies[1].Xid, r.replies[2].Xid; a != 1<<31-2 || b != 1<<31-1 || c != 1 {
		t.Fatalf("xids %d, %d, %d", a, b, c)
	}
}

// Encoding a request and taking its reply allocate nothing.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	const depth = 32
	s := serve(t, echo)
	r := newRig(t, Options{Servers: servers(s), Depth: depth})
	r.untilReady(1)
	answered, data := 0, make([]byte, 0, depth*(wire.FrameHeaderSize+wire.ReplyHeaderSize))
	r.onReply = func(*Conn, Pending, Reply) { answered++ }
	round := func() {
		answered = 0
		for range depth {
			request := wire.GetDataRequest{Path: "/some/path"}
			r.conn.Commit(request.Append(r.conn.Begin(wire.OpGetData)))
		}
		data = data[:0]
		for i := range uint32(depth) {
			data = wire.AppendReply(data, r.conn.ring.at(r.conn.ring.head+i).Xid, 1, wire.OK)
		}
		r.conn.ring.stamp(Now())
		r.conn.out = r.conn.out[:0] // as if the kernel had taken it
		r.conn.consume(data)
	}
	if n := testing.AllocsPerRun(100, round); n != 0 || answered != depth {
		t.Fatalf("%v allocations for %d requests, %d answered", n, depth, answered)
	}
}

// Options that cannot work are refused.
func TestImpossibleOptionsAreRefused(t *testing.T) {
	if _, err := NewLoop(Options{}, &observer{}); err == nil {
		t.Error("no servers: accepted")
	}
	if _, err := NewLoop(Options{Servers: make([]netip.AddrPort, 1), Depth: MaxDepth + 1}, &observer{}); err == nil {
		t.Error("depth above the maximum: accepted")
	}
}
