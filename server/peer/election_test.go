package peer

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"bellwether/engine/zab"
)

// voter is the election's end of one server on a fake network.
type voter struct {
	*Election
	*listener
	id zab.ServerID
}

func newVoter(t *testing.T, n *fakeNet, id zab.ServerID, of int) *voter {
	t.Helper()
	v := &voter{listener: &listener{}, id: id}
	var err error
	if v.Election, err = NewElection(optionsOf(n, id, of, v.listener)); err != nil {
		t.Fatal(err)
	}
	go v.Serve(n.listen(fmt.Sprintf("h%d:3888", id)))
	synctest.Wait()
	return v
}

func (v *voter) vote(to zab.ServerID, round uint64) {
	v.Send(zab.Message{Kind: zab.Notification, To: to, Round: round, Vote: zab.Vote{Leader: v.id}})
	synctest.Wait()
}

func ballotOf(from zab.ServerID, round uint64) string {
	return fmt.Sprintf("%d: NOTIFICATION looking in round %d: for %d with 0:0 of epoch 0", from, round, from)
}

// The server with the greater id dials, and the one link carries both directions.
func TestElectionLinkOfTheGreaterServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		one, two := newVoter(t, n, 1, 2), newVoter(t, n, 2, 2)
		two.vote(1, 7)
		one.expect(t, "server 1", "2 reachable true", ballotOf(2, 7))
		two.expect(t, "server 2", "1 reachable true")
		one.vote(2, 8)
		two.expect(t, "server 2", ballotOf(1, 8))
		if len(n.dials("h2:3888")) != 0 || len(n.dials("h1:3888")) != 1 {
			t.Errorf("dialed %v", n.dialed)
		}
		one.Close()
		synctest.Wait()
		two.expect(t, "server 2", "1 reachable false")
		two.Close()
	})
}

// The server with the smaller id asks to be called; its message goes over the link that it is then given.
func TestElectionLinkOfTheSmallerServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		one, two := newVoter(t, n, 1, 2), newVoter(t, n, 2, 2)
		one.vote(2, 7)
		two.expect(t, "server 2", "1 reachable true", ballotOf(1, 7))
		two.vote(1, 8)
		one.expect(t, "server 1", "2 reachable true", ballotOf(2, 8))
		if len(n.dials("h2:3888")) != 1 || len(n.dials("h1:3888")) != 1 {
			t.Errorf("dialed %v", n.dialed)
		}
		one.Close()
		two.Close()
	})
}

// A server calls back where the caller says it is, if it is not found where the configuration says.
func TestElectionCallsBackWhereItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		two := newVoter(t, n, 2, 2)
		l := n.listen("elsewhere:3888")
		conn, err := n.dial(t.Context(), "tcp", "h2:3888")
		if err != nil {
			t.Fatal(err)
		}
		if _, err = conn.Write((&Hello{ID: 1, Addresses: []string{"elsewhere:3888"}}).Append(nil)); err != nil {
			t.Fatal(err)
		}
		called, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if h, err := ReadHello(called); err != nil || h.ID != 2 {
			t.Errorf("called by %+v, %v", h, err)
		}
		_ = conn.Close()
		_ = called.Close()
		_ = l.Close()
		two.Close()
	})
}

// While a link does not take messages, the newest takes the place of those that wait: a vote is worth nothing beside a
// later one.
func TestElectionNewestMessageReplacesOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		one := newVoter(t, n, 1, 2)
		conn := hello(t, n, "h1:3888", 2)
		for round := range uint64(10) {
			one.vote(2, round) // nobody reads: the first is being written, the last waits
		}
		for _, want := range []uint64{0, 9} {
			body, err := readFrame(conn, nil)
			if err != nil {
				t.Fatal(err)
			}
			if m, _, _ := DecodeNotification(body, 1, 2); m.Round != want {
				t.Errorf("round %d, want %d", m.Round, want)
			}
		}
		one.expect(t, "server 1", "2 reachable true")
		_ = conn.Close()
		one.Close()
	})
}

// hello opens a link as server id does.
func hello(t *testing.T, n *fakeNet, address string, id zab.ServerID) net.Conn {
	t.Helper()
	conn, err := n.dial(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write((&Hello{ID: id, Addresses: []string{"h9:3888"}}).Append(nil)); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return conn
}

// What was said last is said again on a new link, for it may have been lost with the old one; and the new link takes the
// old one's place.
func TestElectionSaysTheLastMessageAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		one := newVoter(t, n, 1, 2)
		first := hello(t, n, "h1:3888", 2)
		one.vote(2, 5)
		if _, err := readFrame(first, nil); err != nil {
			t.Fatal(err)
		}
		second := hello(t, n, "h1:3888", 2)
		if _, err := readFrame(first, nil); err == nil {
			t.Error("the old link lives on")
		}
		body, err := readFrame(second, nil)
		if m, _, _ := DecodeNotification(body, 1, 2); err != nil || m.Round != 5 {
			t.Errorf("heard %v, %v", m, err)
		}
		one.expect(t, "server 1", "2 reachable true")
		_ = second.Close()
		one.Close()
	})
}

// A server that is down costs nothing: it is dialed while there is something to say to it, less and less often.
func TestElectionLeavesADeadServerAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		two := newVoter(t, n, 2, 3)
		two.vote(1, 1)
		two.expect(t, "server 2", "1 reachable false")
		time.Sleep(time.Minute)
		dials := n.dials("h1:3888")
		if len(dials) < 20 || len(dials) > 80 {
			t.Errorf("%d dials in a minute", len(dials))
		}
		for i := 1; i < len(dials); i++ {
			if gap := dials[i].Sub(dials[i-1]); gap > 2*time.Second || i > 8 && gap < time.Second {
				t.Errorf("dial %d comes %v after the one before", i, gap)
			}
		}
		gaps := map[time.Duration]bool{}
		for i := len(dials) - 10; i < len(dials); i++ {
			gaps[dials[i].Sub(dials[i-1])] = true
		}
		if len(gaps) < 5 {
			t.Error("attempts come at regular intervals; servers that lost each other together try together")
		}
		one := newVoter(t, n, 1, 3)
		time.Sleep(3 * time.Second)
		one.expect(t, "server 1, when it is back", "2 reachable true", ballotOf(2, 1))
		two.expect(t, "server 2", "1 reachable true")
		one.Close()
		time.Sleep(time.Minute)
		if again := len(n.dials("h1:3888")) - len(dials); again > 2 {
			t.Errorf("%d dials without anything to say", again)
		}
		two.Close()
	})
}

// A connection that is never answered is given up, and does not keep others from being made.
func TestElectionDialThatIsNeverAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		n.dead["h1:3888"] = true
		two, three := newVoter(t, n, 2, 3), newVoter(t, n, 3, 3)
		three.vote(1, 1)
		three.vote(2, 1)
		two.expect(t, "server 2", "3 reachable true", ballotOf(3, 1))
		three.expect(t, "server 3", "2 reachable true")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		three.expect(t, "server 3", "1 reachable false")
		two.Close()
		three.Close()
	})
}

// Whoever speaks nonsense on the election port is sent away, and the server goes on as before.
func TestElectionHostileCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		one := newVoter(t, n, 1, 3)
		say := func(text []byte) net.Conn {
			conn, err := n.dial(t.Context(), "tcp", "h1:3888")
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			go func() { _, _ = conn.Write(text) }()
			return conn
		}
		long := binary.BigEndian.AppendUint32((&Hello{ID: 2, Addresses: []string{"h:1"}}).Append(nil)[:16], 1<<30)
		for name, text := range map[string][]byte{
			"a web client":                []byte("GET / HTTP/1.1\r\nHost: h1\r\n\r\n"),
			"half a hello":                (&Hello{ID: 2, Addresses: []string{"h2:3888"}}).Append(nil)[:19],
			"nothing":                     nil,
			"an endless address":          long,
			"a server nobody knows":       (&Hello{ID: 9, Addresses: []string{"h9:3888"}}).Append(nil),
			"this server's own id":        (&Hello{ID: 1, Addresses: []string{"h1:3888"}}).Append(nil),
			"no address":                  (&Hello{ID: 2, Addresses: []string{"nonsense"}}).Append(nil),
			"a bare id that nobody knows": binary.BigEndian.AppendUint64(nil, 1<<63-1),
		} {
			conn := say(text)
			if _, err := conn.Read(make([]byte, 1)); err == nil {
				t.Errorf("%s was answered", name)
			}
			_ = conn.Close()
		}
		// A known server, and then nonsense: what says nothing is passed over, what breaks the framing ends the link.
		two := hello(t, n, "h1:3888", 2)
		good := zab.Message{Kind: zab.Notification, Round: 3, Vote: zab.Vote{Leader: 2}}
		script := append(binary.BigEndian.AppendUint32(nil, 5), "hello"...)
		script = AppendNotification(script, &good, nil)
		script = binary.BigEndian.AppendUint32(script, MaxFrame+1)
		if _, err := two.Write(script); err != nil {
			t.Fatal(err)
		}
		if _, err := readFrame(two, nil); err == nil {
			t.Error("the link lives on")
		}
		synctest.Wait()
		one.expect(t, "server 1", "2 reachable true", ballotOf(2, 3), "2 reachable false")
		_ = two.Close()
		one.Close()
	})
}

// Strangers that say nothing are sent away in time, and are never more than a few.
func TestElectionBoundsStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		o := optionsOf(n, 1, 2, &listener{})
		o.MaxStrangers, o.HelloTimeout = 3, time.Second
		e, err := NewElection(o)
		if err != nil {
			t.Fatal(err)
		}
		go e.Serve(n.listen("h1:3888"))
		synctest.Wait()
		began := time.Now()
		for range 5 {
			conn, err := n.dial(t.Context(), "tcp", "h1:3888")
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				_, _ = conn.Read(make([]byte, 1))
				o.Handler.(*listener).note("%v", time.Since(began))
			}()
			synctest.Wait()
		}
		time.Sleep(2 * time.Second)
		o.Handler.(*listener).expect(t, "strangers lived", "0s", "0s", "1s", "1s", "1s")
		e.Close()
	})
}

// A configuration without this server's own address is refused.
func TestElectionNeedsAnAddressOfItsOwn(t *testing.T) {
	for name, o := range map[string]Options{
		"not a member": {ID: 9, Ensemble: ensembleOf(2), Handler: &listener{}},
		"no address":   {ID: 1, Ensemble: Ensemble{Members: []Member{{ID: 1}}}, Handler: &listener{}},
		"no handler":   {ID: 1, Ensemble: ensembleOf(2)},
	} {
		if _, err := NewElection(o); err == nil {
			t.Errorf("%s: taken", name)
		}
		if _, err := NewLinks(o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// All servers of an ensemble that call each other at once end with one link a pair, and every vote arrives.
func TestElectionAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 5
		n := newFakeNet()
		var all []*voter
		for id := range size {
			all = append(all, newVoter(t, n, zab.ServerID(id+1), size))
		}
		for _, v := range all {
			for to := range size {
				v.Send(zab.Message{Kind: zab.Notification, To: zab.ServerID(to + 1), Round: 4, Vote: zab.Vote{Leader: v.id}})
			}
		}
		time.Sleep(10 * time.Second)
		for _, v := range all {
			heard := v.heard()
			for from := range size {
				id := zab.ServerID(from + 1)
				if id != v.id && (!slices.Contains(heard, ballotOf(id, 4)) || !slices.Contains(heard, fmt.Sprintf("%d reachable true", id))) {
					t.Errorf("server %d heard %q", v.id, heard)
				}
			}
		}
		for _, v := range all {
			v.Close()
		}
	})
}
