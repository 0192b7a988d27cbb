package server

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
)

var open = zk.WorldACL(zk.PermAll)

// A client library written by others creates, reads, changes and deletes znodes, and is told of every refusal by the code
// it knows.
func TestOutsideClientCreatesReadsChangesDeletes(t *testing.T) {
	c, _ := newBed(t, nil).outsider(5 * time.Second)
	must(t)(c.Create("/app", []byte("one"), 0, open))
	data, stat := must2(t)(c.Get("/app"))
	if string(data) != "one" || stat.Version != 0 || stat.DataLength != 3 {
		t.Fatalf("got %q, %+v", data, stat)
	}
	if _, err := c.Create("/app", nil, 0, open); !errors.Is(err, zk.ErrNodeExists) {
		t.Fatalf("second create: %v", err)
	}
	if _, err := c.Create("/no/parent", nil, 0, open); !errors.Is(err, zk.ErrNoNode) {
		t.Fatalf("create without a parent: %v", err)
	}
	stat, err := c.Set("/app", []byte("two"), 0)
	if err != nil || stat.Version != 1 {
		t.Fatalf("set: %+v, %v", stat, err)
	}
	if _, err := c.Set("/app", nil, 0); !errors.Is(err, zk.ErrBadVersion) {
		t.Fatalf("set at an old version: %v", err)
	}
	must(t)(c.Create("/app/child", nil, 0, open))
	if err := c.Delete("/app", -1); !errors.Is(err, zk.ErrNotEmpty) {
		t.Fatalf("delete of a parent: %v", err)
	}
	if err := c.Delete("/app/child", 3); !errors.Is(err, zk.ErrBadVersion) {
		t.Fatalf("delete at a wrong version: %v", err)
	}
	children, stat, err := c.Children("/app")
	if err != nil || !slices.Equal(children, []string{"child"}) || stat.NumChildren != 1 || stat.Cversion != 1 {
		t.Fatalf("children %v, %+v, %v", children, stat, err)
	}
	for _, path := range []string{"/app/child", "/app"} {
		if err := c.Delete(path, -1); err != nil {
			t.Fatalf("delete %s: %v", path, err)
		}
	}
	if there, _, err := c.Exists("/app"); there || err != nil {
		t.Fatalf("exists after delete: %v, %v", there, err)
	}
	acl, _, err := c.GetACL("/")
	if err != nil || !slices.Equal(acl, open) {
		t.Fatalf("acl of the root: %v, %v", acl, err)
	}
	if path, err := c.Sync("/any"); err != nil || path != "/any" {
		t.Fatalf("sync: %q, %v", path, err)
	}
}

// Sequence numbers rise by one with every child of the parent and are never given twice.
func TestSequenceNumbersRise(t *testing.T) {
	b := newBed(t, nil)
	c, _ := b.outsider(5 * time.Second)
	must(t)(c.Create("/queue", nil, 0, open))
	const clients, each = 8, 25
	names := make(chan string, clients*each)
	var all sync.WaitGroup
	for range clients {
		c, _ := b.outsider(5 * time.Second)
		all.Go(func() {
			last := ""
			for range each {
				name, err := c.Create("/queue/n-", nil, zk.FlagSequence, open)
				if err != nil || name <= last {
					t.Errorf("%q behind %q, %v", name, last, err)
				}
				last = name
				names <- name
			}
		})
	}
	all.Wait()
	close(names)
	seen := slices.Sorted(func(yield func(string) bool) {
		for n := range names {
			yield(n)
		}
	})
	for i, name := range seen {
		if want := fmt.Sprintf("/queue/n-%010d", i); name != want {
			t.Fatalf("name %d is %s, want %s", i, name, want)
		}
	}
}

// An ephemeral goes when its session is closed, and when its session expires; until then it outlives its connection.
func TestEphemeralsGoWithTheirSession(t *testing.T) {
	b := newBed(t, nil)
	watcher, _ := b.outsider(5 * time.Second)

	closing, _ := b.outsider(5 * time.Second)
	must(t)(closing.Create("/closing", nil, zk.FlagEphemeral, open))
	_, _, gone, err := watcher.ExistsW("/closing")
	if err != nil {
		t.Fatal(err)
	}
	closing.Close()
	if e := <-gone; e.Type != zk.EventNodeDeleted {
		t.Fatalf("event %v, want the deletion", e)
	}

	gate := newGate(t, b.Address())
	expiring, _ := connect(t, gate.address(), 500*time.Millisecond)
	must(t)(expiring.Create("/expiring", nil, zk.FlagEphemeral, open))
	there, _, gone, err := watcher.ExistsW("/expiring")
	if err != nil || !there {
		t.Fatal(there, err)
	}
	gate.shut()
	if e := <-gone; e.Type != zk.EventNodeDeleted {
		t.Fatalf("event %v, want the deletion", e)
	}
}

// A session outlives its connection: the client resumes it with its password, and its ephemerals and watches are there.
func TestSessionResumesAfterADroppedConnection(t *testing.T) {
	b := newBed(t, nil)
	gate := newGate(t, b.Address())
	c, events := connect(t, gate.address(), 10*time.Second)
	id := c.SessionID()
	must(t)(c.Create("/mine", nil, zk.FlagEphemeral, open))
	_, _, changed, err := c.GetW("/mine")
	if err != nil {
		t.Fatal(err)
	}
	gate.drop()
	await(t, events, zk.StateDisconnected)
	await(t, events, zk.StateHasSession)
	if c.SessionID() != id {
		t.Fatalf("session 0x%x after the reconnect, want 0x%x", c.SessionID(), id)
	}
	_, stat := must2(t)(c.Get("/mine"))
	if stat.EphemeralOwner != id {
		t.Fatalf("owner 0x%x", stat.EphemeralOwner)
	}
	other, _ := b.outsider(5 * time.Second)
	if _, err := other.Set("/mine", []byte("new"), -1); err != nil {
		t.Fatal(err)
	}
	if e := <-changed; e.Type != zk.EventNodeDataChanged {
		t.Fatalf("event %v", e)
	}
}

// Watches fire once, for what they were set on, and are told what happened.
func TestWatchesFireOnce(t *testing.T) {
	b := newBed(t, nil)
	c, _ := b.outsider(5 * time.Second)
	other, _ := b.outsider(5 * time.Second)
	_, _, created, _ := c.ExistsW("/w")
	must(t)(other.Create("/w", nil, 0, open))
	expect(t, created, zk.EventNodeCreated, "/w")
	_, _, changed, _ := c.GetW("/w")
	_, _, children, _ := c.ChildrenW("/w")
	must(t)(other.Create("/w/c", nil, 0, open))
	expect(t, children, zk.EventNodeChildrenChanged, "/w")
	for range 2 {
		if _, err := other.Set("/w", []byte("x"), -1); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, changed, zk.EventNodeDataChanged, "/w")
	if e, more := <-changed; more {
		t.Fatalf("a second event: %v", e)
	}
}

func expect(t *testing.T, events <-chan zk.Event, kind zk.EventType, path string) {
	t.Helper()
	select {
	case e := <-events:
		if e.Type != kind || e.Path != path {
			t.Fatalf("event %v, want %v of %s", e, kind, path)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("no %v of %s", kind, path)
	}
}

// A multi happens as a whole or not at all.
func TestMultiIsAllOrNothing(t *testing.T) {
	c, _ := newBed(t, nil).outsider(5 * time.Second)
	results, err := c.Multi(
		&zk.CreateRequest{Path: "/m", Data: []byte("1"), Acl: open},
		&zk.CreateRequest{Path: "/m/c-", Acl: open, Flags: zk.FlagSequence},
		&zk.SetDataRequest{Path: "/m", Data: []byte("2"), Version: 0},
		&zk.CheckVersionRequest{Path: "/m", Version: 1})
	if err != nil || results[1].String != "/m/c-0000000000" || results[2].Stat.Version != 1 {
		t.Fatalf("%+v, %v", results, err)
	}
	_, err = c.Multi(
		&zk.SetDataRequest{Path: "/m", Data: []byte("3"), Version: 1},
		&zk.DeleteRequest{Path: "/nothing", Version: -1})
	if !errors.Is(err, zk.ErrNoNode) {
		t.Fatalf("failing multi: %v", err)
	}
	if data, _ := must2(t)(c.Get("/m")); string(data) != "2" {
		t.Fatalf("a failed multi left %q", data)
	}
}

// Two hundred sessions work at the same time, each on its own znode and all on one.
func TestTwoHundredConcurrentSessions(t *testing.T) {
	b := newBed(t, nil)
	first, _ := b.outsider(10 * time.Second)
	must(t)(first.Create("/shared", nil, 0, open))
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			c, _ := b.outsider(10 * time.Second)
			path := fmt.Sprintf("/own-%d", i)
			if _, err := c.Create(path, nil, zk.FlagEphemeral, open); err != nil {
				t.Error(err)
				return
			}
			for n := range int32(10) {
				if stat, err := c.Set(path, []byte{byte(n)}, n); err != nil || stat.Version != n+1 {
					t.Errorf("set %d: %+v, %v", n, stat, err)
				}
				if _, err := c.Set("/shared", nil, -1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if _, stat := must2(t)(first.Get("/shared")); stat.Version != 2000 {
		t.Fatalf("version of the shared znode is %d, want 2000", stat.Version)
	}
}

// gate passes connections on to a server and can cut them.
type gate struct {
	t        *testing.T
	listener net.Listener
	target   string

	mu    sync.Mutex
	conns []net.Conn
}

func newGate(t *testing.T, target string) *gate {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{t: t, listener: l, target: target}
	t.Cleanup(g.shut)
	go g.run()
	return g
}

func (g *gate) address() string { return g.listener.Addr().String() }

func (g *gate) run() {
	for {
		in, err := g.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", g.target)
		if err != nil {
			_ = in.Close()
			continue
		}
		g.mu.Lock()
		g.conns = append(g.conns, in, out)
		g.mu.Unlock()
		go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
		go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
	}
}

// drop cuts the connections there are; new ones pass.
func (g *gate) drop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.conns {
		_ = c.Close()
	}
	g.conns = nil
}

// shut lets nothing pass any more.
func (g *gate) shut() {
	_ = g.listener.Close()
	g.drop()
}

func must(t *testing.T) func(string, error) {
	return func(_ string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

func must2(t *testing.T) func([]byte, *zk.Stat, error) ([]byte, *zk.Stat) {
	return func(b []byte, s *zk.Stat, err error) ([]byte, *zk.Stat) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b, s
	}
}

// A server told no address is reached on the loopback addresses of both families.
func TestNoAddressIsEveryAddress(t *testing.T) {
	b := newBed(t, func(c *Config) { c.ClientPortAddress = "" })
	for _, host := range []string{"127.0.0.1", "::1"} {
		c, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(b.port)))
		if err != nil && host == "::1" {
			t.Skip("LOUD SKIP: this machine has no IPv6 loopback")
		}
		if err != nil {
			t.Fatalf("%s: %v", host, err)
		}
		_ = c.Close()
	}
}

// Four-letter words are answered also when the client has closed its sending half, whatever they list.
func TestFourLetterWordsAreAnsweredAfterHalfClose(t *testing.T) {
	b := newBed(t, nil)
	b.outsider(5 * time.Second)
	for word, want := range map[string]string{"ruok": "imok", "srvr": "Mode: standalone", "stat": "Clients:", "cons": "sid=0x",
		"mntr": "zk_server_state\tstandalone", "isro": "rw", "conf": "clientPort="} {
		for range 10 {
			c := b.dial().(*net.TCPConn)
			if _, err := c.Write([]byte(word)); err != nil {
				t.Fatal(err)
			}
			if err := c.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if said := closes(t, c); !strings.Contains(string(said), want) {
				t.Fatalf("%s was answered with %q", word, said)
			}
		}
	}
}
