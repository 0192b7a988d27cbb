package peer

import (
	"encoding/hex"
	"flag"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bellwether/engine/wire"
)

var captureInto = flag.String("capture", "", "record links of Apache ZooKeeper servers into this directory (see TestCapture)")

// relay stands between the servers of a javaEnsemble and records what they say.
type relay struct {
	e         *javaEnsemble
	listeners []net.Listener
	mu        sync.Mutex
	links     []*recording
	wg        sync.WaitGroup
}

// recording is one connection: who dialed whom, and what was said, in the order in which it passed by.
type recording struct {
	dialer, acceptor, port int
	chunks                 []chunk
	conns                  [2]net.Conn
}

type chunk struct {
	fromDialer bool
	data       []byte
}

// newRelay listens for every ordered pair of the servers 1..n.
func newRelay(e *javaEnsemble, n int) *relay {
	r := &relay{e: e}
	for from := 1; from <= n; from++ {
		for to := 1; to <= n; to++ {
			for _, port := range []int{quorumPort, electionPort, quorumPort + 1, electionPort + 1} {
				if from != to {
					r.listen(from, to, port)
				}
			}
		}
	}
	e.t.Cleanup(r.close)
	return r
}

func (r *relay) listen(from, to, port int) {
	l, err := net.Listen("tcp", r.e.seen(from, to, port))
	if err != nil {
		r.e.t.Fatal(err)
	}
	r.listeners = append(r.listeners, l)
	r.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.wg.Go(func() { r.serve(c, &recording{dialer: from, acceptor: to, port: port}) })
		}
	})
}

func (r *relay) serve(c net.Conn, rec *recording) {
	defer c.Close()
	target, err := net.DialTimeout("tcp", r.e.at(rec.acceptor, rec.port), time.Second)
	if err != nil {
		if linger, ok := c.(*net.TCPConn); ok {
			_ = linger.SetLinger(0) // as a refused dial, as far as that goes
		}
		return
	}
	defer target.Close()
	rec.conns = [2]net.Conn{c, target}
	r.mu.Lock()
	r.links = append(r.links, rec)
	r.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { r.copy(rec, true, c, target) })
	both.Go(func() { r.copy(rec, false, target, c) })
	both.Wait()
}

func (r *relay) copy(rec *recording, fromDialer bool, from, to net.Conn) {
	buf := make([]byte, 256<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			r.mu.Lock()
			last := len(rec.chunks) - 1
			if last >= 0 && rec.chunks[last].fromDialer == fromDialer {
				rec.chunks[last].data = append(rec.chunks[last].data, buf[:n]...)
			} else {
				rec.chunks = append(rec.chunks, chunk{fromDialer, slices.Clone(buf[:n])})
			}
			r.mu.Unlock()
			_, err = to.Write(buf[:n])
		}
		if err != nil {
			_ = to.Close()
			_ = from.Close()
			return
		}
	}
}

func (r *relay) close() {
	for _, l := range r.listeners {
		_ = l.Close()
	}
	r.mu.Lock()
	for _, rec := range r.links {
		_ = rec.conns[0].Close()
		_ = rec.conns[1].Close()
	}
	r.mu.Unlock()
	r.wg.Wait()
}

// save writes the recordings that say anything in both directions, or are election links.
func (r *relay) save(dir, scenario string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	count := map[string]int{}
	for _, rec := range r.links {
		kind := "learner"
		if rec.port >= electionPort {
			kind = "election"
		}
		if len(rec.chunks) == 0 {
			continue
		}
		name := fmt.Sprintf("%s-%s-%d-to-%d", scenario, kind, rec.dialer, rec.acceptor)
		count[name]++
		var text strings.Builder
		fmt.Fprintf(&text, "# Apache ZooKeeper 3.8.0, %s link that server %d opened to server %d, scenario %s.\n", kind, rec.dialer, rec.acceptor, scenario)
		for _, c := range rec.chunks {
			mark := "< "
			if c.fromDialer {
				mark = "> "
			}
			text.WriteString(mark + hex.EncodeToString(c.data) + "\n")
		}
		r.e.write(filepath.Join(dir, fmt.Sprintf("%s-%d.txt", name, count[name])), text.String())
	}
}

// rawBody is a request's record that is made already.
type rawBody []byte

func (b rawBody) Append(dst []byte) []byte  { return append(dst, b...) }
func (b rawBody) Decode(*wire.Reader) error { return nil }

func createRecord(path, data string, mode wire.CreateMode) wire.Record {
	return &wire.CreateRequest{Path: path, Data: []byte(data), ACL: wire.OpenACL, Mode: mode}
}

// everyOp has a client of a follower ask for all that followers forward.
func everyOp(c *rawClient) {
	digest := []wire.ACL{{Perms: wire.PermAll, Scheme: "auth", ID: ""}}
	c.do(wire.OpCreate, createRecord("/a", "one", wire.Persistent))
	c.do(wire.OpCreate, createRecord("/a", "again", wire.Persistent))
	c.do(wire.OpCreate2, createRecord("/a/seq-", "", wire.PersistentSequential))
	c.do(wire.OpCreate, createRecord("/a/eph", "mine", wire.Ephemeral))
	c.do(wire.OpCreateContainer, createRecord("/container", "", wire.Container))
	c.do(wire.OpCreateTTL, rawBody(wire.AppendLong(createRecord("/ttl", "", wire.PersistentTTL).Append(nil), 100000)))
	c.do(wire.OpSetData, &wire.SetDataRequest{Path: "/a", Data: []byte("two"), Version: -1})
	c.do(wire.OpSetData, &wire.SetDataRequest{Path: "/a", Data: []byte("no"), Version: 7})
	c.do(wire.OpSync, &wire.SyncRequest{Path: "/"})
	c.prove()
	c.do(wire.OpCreate, &wire.CreateRequest{Path: "/private", Data: nil, ACL: digest})
	c.do(wire.OpSetACL, &wire.SetACLRequest{Path: "/a", ACL: digest, Version: -1})
	multi := (&wire.CreateRequest{Path: "/m", ACL: wire.OpenACL}).Append(wire.AppendMultiOp(nil, wire.OpCreate))
	multi = (&wire.CheckVersionRequest{Path: "/a", Version: 1}).Append(wire.AppendMultiOp(multi, wire.OpCheck))
	multi = (&wire.DeleteRequest{Path: "/m", Version: 0}).Append(wire.AppendMultiOp(multi, wire.OpDelete))
	c.do(wire.OpMulti, rawBody(wire.AppendMultiEnd(multi)))
	multi = (&wire.CreateRequest{Path: "/m", ACL: wire.OpenACL}).Append(wire.AppendMultiOp(nil, wire.OpCreate))
	multi = (&wire.DeleteRequest{Path: "/none", Version: 0}).Append(wire.AppendMultiOp(multi, wire.OpDelete))
	c.do(wire.OpMulti, rawBody(wire.AppendMultiEnd(multi)))
	c.do(wire.OpDelete, &wire.DeleteRequest{Path: "/a/eph", Version: -1})
}

// TestCapture records the links that the other tests replay. It is no test and runs only when asked:
//
//	go test -run TestCapture ./server/peer -args -capture testdata/links
func TestCapture(t *testing.T) {
	if *captureInto == "" {
		t.Skip("records nothing without -capture")
	}
	t.Run("static", captureStatic)
	t.Run("reconfig", captureReconfig)
	t.Run("addresses", captureAddresses)
	t.Run("groups", captureGroups)
}

// captureStatic has members that never change: 3 leads 1 from the first moment, 2 and the observer 4 come later, clients
// come and move, a follower comes back, a leader with a proposal of its own is cut back.
func captureStatic(t *testing.T) {
	e := newJavaEnsemble(t, true, "", "", "", ":observer")
	r := newRelay(e, 4)
	e.start(1)
	e.start(3)
	e.awaitMode(3, "leader")
	e.awaitMode(1, "follower")
	c := connectRaw(t, e.at(1, clientPort), 0)
	everyOp(c)
	e.start(2)
	e.awaitMode(2, "follower")
	e.start(4)
	e.awaitMode(4, "observer")
	_ = c.Close()
	moved := connectRaw(t, e.at(2, clientPort), c.session) // REVALIDATE, and it lives
	if moved.session != c.session {
		t.Fatal("the session did not move")
	}
	connectRaw(t, e.at(2, clientPort), 0x0200000000123456) // REVALIDATE, and it does not
	observed := connectRaw(t, e.at(4, clientPort), 0)
	observed.do(wire.OpCreate, createRecord("/observed", "", wire.EphemeralSequential))
	observed.do(wire.OpSync, &wire.SyncRequest{Path: "/"})
	observed.do(wire.OpCloseSession, rawBody(nil))
	e.kill(2)
	c = connectRaw(t, e.at(1, clientPort), 0)
	for i := range 3 {
		c.do(wire.OpCreate, createRecord(fmt.Sprintf("/missed-%d", i), "", wire.Persistent))
	}
	e.start(2) // DIFF with history
	e.awaitMode(2, "follower")
	c.do(wire.OpCloseSession, rawBody(nil))
	// A proposal that only the leader has.
	lost := connectRaw(t, e.at(3, clientPort), 0)
	lost.do(wire.OpCreate, createRecord("/kept", "", wire.Persistent))
	e.kill(1)
	e.kill(2)
	if _, err := lost.Write(wire.AppendRequest(nil, 99, wire.OpCreate, createRecord("/lost", "", wire.Persistent))); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // for the leader's disk; nothing tells when
	e.kill(3)
	e.kill(4)
	e.start(1)
	e.start(2)
	e.awaitMode(2, "leader")
	e.start(3) // TRUNC
	e.awaitMode(3, "follower")
	for id := range 4 {
		e.kill(id + 1)
	}
	r.save(*captureInto, "static")
}

// captureReconfig has an ensemble that loses a member and gets it back.
func captureReconfig(t *testing.T) {
	e := newJavaEnsemble(t, true, ":participant;self:2181", ":participant;self:2181", ":participant;self:2181", ":observer;self:2181")
	e.dynamic = true
	for i, line := range e.lines {
		e.lines[i] = strings.Replace(line, "self", fmt.Sprintf("h%d", i+1), 1)
	}
	r := newRelay(e, 4)
	more := []string{"reconfigEnabled=true", "standaloneEnabled=false", "skipACL=yes"}
	for _, id := range []int{1, 3} {
		e.start(id, more...)
	}
	e.awaitMode(3, "leader")
	e.start(2, more...)
	e.awaitMode(2, "follower")
	e.start(4, more...)
	e.awaitMode(4, "observer")
	c := connectRaw(t, e.at(1, clientPort), 0)
	if code := c.do(wire.OpReconfig, &wire.ReconfigRequest{Leaving: "2", NullJoining: true, NullNewMembers: true, CurConfigID: -1}); code != wire.OK {
		t.Fatalf("leave: %v", code)
	}
	if code := c.do(wire.OpReconfig, &wire.ReconfigRequest{Joining: e.lines[1], NullLeaving: true, NullNewMembers: true, CurConfigID: -1}); code != wire.OK {
		t.Fatalf("join: %v", code)
	}
	c.do(wire.OpSync, &wire.SyncRequest{Path: "/"})
	for id := range 4 {
		e.kill(id + 1)
	}
	r.save(*captureInto, "reconfig")
}

// captureAddresses has servers with two addresses each.
func captureAddresses(t *testing.T) {
	e := newJavaEnsemble(t, true, "", "")
	e.jvm = []string{"-Dzookeeper.multiAddress.enabled=true", "-Dzookeeper.multiAddress.reachabilityCheckEnabled=false"}
	for i := range e.lines {
		e.lines[i] = fmt.Sprintf("server.%d=h%d:%d:%d|h%d:%d:%d", i+1, i+1, quorumPort, electionPort, i+1, quorumPort+1, electionPort+1)
	}
	r := newRelay(e, 2)
	for _, id := range []int{1, 2} {
		e.start(id)
	}
	e.awaitMode(2, "leader")
	e.awaitMode(1, "follower")
	e.kill(1)
	e.kill(2)
	r.save(*captureInto, "addresses")
}

// captureGroups has a hierarchical quorum.
func captureGroups(t *testing.T) {
	e := newJavaEnsemble(t, true, "", "", "")
	r := newRelay(e, 3)
	e.lines = append(e.lines, "group.1=1:2", "group.2=3", "weight.1=1", "weight.2=2", "weight.3=1")
	for id := range 3 {
		e.start(id + 1)
	}
	e.awaitMode(1, "leader", "follower")
	e.awaitMode(2, "leader", "follower")
	e.awaitMode(3, "leader", "follower")
	for id := range 3 {
		e.kill(id + 1)
	}
	r.save(*captureInto, "groups")
}
