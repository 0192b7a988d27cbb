package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bellwether/engine/zab"
)

// linked is the learner links' end of one server on a fake network.
type linked struct {
	*Links
	*listener
	id zab.ServerID
}

func newLinked(t *testing.T, n *fakeNet, id zab.ServerID, change func(*Options)) *linked {
	t.Helper()
	v := &linked{listener: &listener{}, id: id}
	o := optionsOf(n, id, 3, v.listener)
	if change != nil {
		change(&o)
	}
	var err error
	if v.Links, err = NewLinks(o); err != nil {
		t.Fatal(err)
	}
	go v.Serve(n.listen(fmt.Sprintf("h%d:2888", id)))
	synctest.Wait()
	return v
}

// say sends messages over a link and waits until they have arrived.
func (v *linked) say(link zab.LinkID, messages ...zab.Message) {
	for i := range messages {
		messages[i].Link = link
	}
	v.Send(messages)
	synctest.Wait()
}

// twoLinked are a learner, 1, and a leader, 3, whose link is open as far as FOLLOWERINFO.
func twoLinked(t *testing.T, change func(*Options)) (learner, leader *linked) {
	t.Helper()
	n := newFakeNet()
	learner, leader = newLinked(t, n, 1, change), newLinked(t, n, 3, change)
	learner.Dial(3)
	synctest.Wait()
	learner.expect(t, "the learner", "3 up, link 1")
	learner.say(1, zab.Message{Kind: zab.FollowerInfo, Epoch: 1})
	leader.expect(t, "the leader", "1: FOLLOWERINFO epoch 1")
	return learner, leader
}

func closeBoth(a, b *linked) {
	a.Close()
	b.Close()
}

// A link goes from the first packet to the broadcast, both sides hear what the other says, and each hears once that it is over.
func TestLinkFromGreetingToBroadcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		learner, leader := twoLinked(t, nil)
		epoch, z := zab.MakeZxid(2, 0), zab.MakeZxid(2, 1)
		leader.say(1, zab.Message{Kind: zab.LeaderInfo, Epoch: 2})
		learner.say(1, zab.Message{Kind: zab.AckEpoch, Epoch: 1, Zxid: zab.MakeZxid(1, 5)})
		leader.say(1, zab.Message{Kind: zab.Diff, Zxid: zab.MakeZxid(1, 5)}, zab.Message{Kind: zab.NewLeader, Epoch: 2})
		learner.say(1, zab.Message{Kind: zab.Ack, Zxid: epoch})
		leader.say(1, zab.Message{Kind: zab.UpToDate})
		learner.say(1, zab.Message{Kind: zab.Ack, Zxid: epoch})
		leader.say(1, zab.Message{Kind: zab.Proposal, Entries: []zab.Entry{entryAt(z), entryAt(z + 1), entryAt(z + 2)}},
			zab.Message{Kind: zab.Commit, First: z, Zxid: z + 2}, zab.Message{Kind: zab.Ping, Zxid: z + 2})
		learner.say(1, zab.Message{Kind: zab.Ack, First: z, Zxid: z + 2}, zab.Message{Kind: zab.Ping, Zxid: z + 2, Data: []byte{}})
		learner.expect(t, "the learner", "3: LEADERINFO epoch 2", "3: DIFF 1:5", "3: NEWLEADER epoch 2", "3: UPTODATE",
			"3: PROPOSAL 2:1..2:3", "3: COMMIT 2:1..2:3", "3: PING 2:3")
		leader.expect(t, "the leader", "1: ACKEPOCH log to 1:5 of epoch 1", "1: ACK 2:0", "1: ACK 2:0", "1: ACK 2:1..2:3", "1: PING 2:3")
		leader.Drop(1, "enough")
		synctest.Wait()
		learner.expect(t, "the learner", "link 1 down")
		leader.expect(t, "the leader", "link 1 down")
		leader.say(1, zab.Message{Kind: zab.Ping}) // to nobody
		closeBoth(learner, leader)
	})
}

// What was sent before a link is dropped still arrives.
func TestDropComesBehindWhatWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		learner, leader := twoLinked(t, nil)
		leader.Send([]zab.Message{{Kind: zab.LeaderInfo, Epoch: 2, Link: 1}})
		leader.Drop(1, "done")
		leader.Send([]zab.Message{{Kind: zab.Diff, Link: 1}}) // too late
		synctest.Wait()
		learner.expect(t, "the learner", "3: LEADERINFO epoch 2", "link 1 down")
		closeBoth(learner, leader)
	})
}

// A leader that cannot be dialed is a failed dial, whatever the reason; of several addresses any will do, and no more are
// dialed than it takes.
func TestLinksDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		one := newLinked(t, n, 1, func(o *Options) {
			o.Ensemble.Members[2].Addresses = []Address{{"dead", 2888, 3888}, {"refused", 2888, 3888}, {"h3", 2888, 3888}, {"h3", 2889, 3888}}
		})
		one.Dial(2)
		one.Dial(9)
		synctest.Wait()
		got := one.heard()
		slices.Sort(got)
		if !slices.Equal(got, []string{"2 cannot be dialed", "9 cannot be dialed"}) {
			t.Errorf("heard %q", got)
		}
		n.dead["dead:2888"] = true
		three := newLinked(t, n, 3, nil)
		go three.Serve(n.listen("h3:2889"))
		one.Dial(3)
		time.Sleep(time.Second)
		one.expect(t, "the learner", "3 up, link 1")
		if len(n.dials("dead:2888")) != 1 || len(n.dials("refused:2888")) != 1 || len(n.dials("h3:2888")) != 1 || len(n.dials("h3:2889")) != 0 {
			t.Errorf("dialed %v", n.dialed)
		}
		one.Dial(2)
		synctest.Wait()
		one.expect(t, "the learner", "2 cannot be dialed")
		if len(n.dials("h2:2888")) != 2 {
			t.Error("an address is not looked up anew")
		}
		closeBoth(one, three)
	})
}

// A snapshot passes from one server to the other, and the link goes on behind it.
func TestLinksMoveSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		learner, leader := twoLinked(t, nil)
		body := snapBodies(t)[0]
		installed := make(chan []byte, 1)
		learner.onSnap = func(in Incoming) {
			go func() { // as an engine does: not on the link's goroutine
				r, err := learner.Body(in.Link)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(r)
				if err != nil {
					t.Error(err)
				}
				_ = r.Close()
				installed <- got
			}()
		}
		leader.say(1, zab.Message{Kind: zab.LeaderInfo, Epoch: 2})
		learner.say(1, zab.Message{Kind: zab.AckEpoch})
		leader.say(1, zab.Message{Kind: zab.Snap, Zxid: zab.MakeZxid(2, 0)})
		leader.SendBody(1, func(w io.Writer) error {
			for _, b := range body { // as badly as can be
				if _, err := w.Write([]byte{b}); err != nil {
					return err
				}
			}
			return nil
		})
		leader.say(1, zab.Message{Kind: zab.NewLeader, Epoch: 2})
		synctest.Wait()
		if got := <-installed; !bytes.Equal(got, body) {
			t.Errorf("%d bytes of %d were installed", len(got), len(body))
		}
		learner.expect(t, "the learner", "3: LEADERINFO epoch 2", "3: SNAP 2:0", "3: NEWLEADER epoch 2")
		leader.expect(t, "the leader", "1: ACKEPOCH log to 0:0 of epoch 0", "link 1 body sent")
		if _, err := learner.Body(1); err == nil {
			t.Error("the body can be taken twice")
		}
		if _, err := learner.Body(77); err == nil {
			t.Error("an unknown link has a body")
		}
		closeBoth(learner, leader)
	})
}

// A snapshot that fails on either side ends the link: when its source fails, when whoever installs it gives up, when the
// other side stalls, when the link is dropped meanwhile.
func TestLinksEndWithASnapshotThatFails(t *testing.T) {
	body := snapBodies(t)[0]
	writeAll := func(w io.Writer) error { _, err := w.Write(body); return err }
	for name, c := range map[string]struct {
		write   func(io.Writer) error
		install func(io.ReadCloser)
		after   time.Duration
	}{
		"the source fails":       {func(io.Writer) error { return errors.New("disk") }, func(r io.ReadCloser) { _, _ = io.Copy(io.Discard, r) }, 0},
		"the taker gives up":     {writeAll, func(r io.ReadCloser) { _, _ = r.Read(make([]byte, 3)) }, 0},
		"the taker stalls":       {func(w io.Writer) error { _, err := w.Write(make([]byte, 1<<20)); return err }, func(r io.ReadCloser) { time.Sleep(time.Minute); _, _ = io.Copy(io.Discard, r) }, 2 * time.Minute},
		"the source stalls":      {func(io.Writer) error { time.Sleep(time.Minute); return nil }, func(r io.ReadCloser) { _, _ = io.Copy(io.Discard, r) }, 15 * time.Second},
		"it is no snapshot":      {func(w io.Writer) error { _, err := w.Write(bytes.Repeat([]byte{0xff}, 1000)); return err }, func(r io.ReadCloser) { _, _ = io.Copy(io.Discard, r) }, 0},
		"it ends before the end": {func(io.Writer) error { return nil }, func(r io.ReadCloser) { _, _ = io.Copy(io.Discard, r) }, 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				learner, leader := twoLinked(t, nil)
				learner.onSnap = func(in Incoming) {
					go func() {
						r, err := learner.Body(in.Link)
						if err != nil {
							t.Error(err)
							return
						}
						c.install(r)
						_ = r.Close()
					}()
				}
				leader.say(1, zab.Message{Kind: zab.LeaderInfo, Epoch: 2})
				learner.say(1, zab.Message{Kind: zab.AckEpoch})
				leader.say(1, zab.Message{Kind: zab.Snap})
				leader.SendBody(1, c.write)
				time.Sleep(c.after)
				synctest.Wait()
				if got := learner.heard(); got[len(got)-1] != "link 1 down" {
					t.Errorf("the learner heard %q", got)
				}
				closeBoth(learner, leader)
				if got := leader.heard(); !slices.Contains(got, "link 1 down") {
					t.Errorf("the leader heard %q", got)
				}
			})
		})
	}
}

// A snapshot that nobody takes does not keep a link that is dropped, nor a server that stops.
func TestSnapshotNobodyTakes(t *testing.T) {
	for name, end := range map[string]func(learner *linked){
		"dropped": func(learner *linked) { learner.Drop(1, "not wanted any more") },
		"stopped": func(learner *linked) { learner.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				learner, leader := twoLinked(t, nil)
				leader.say(1, zab.Message{Kind: zab.LeaderInfo, Epoch: 2})
				learner.say(1, zab.Message{Kind: zab.AckEpoch})
				leader.say(1, zab.Message{Kind: zab.Snap})
				leader.SendBody(1, func(w io.Writer) error { _, err := w.Write(make([]byte, 1<<20)); return err })
				synctest.Wait()
				end(learner)
				synctest.Wait()
				learner.expect(t, "the learner", "3: LEADERINFO epoch 2", "3: SNAP 0:0", "link 1 down")
				closeBoth(learner, leader)
			})
		})
	}
}

// A snapshot on its way to a learner that is dropped is broken off.
func TestDropBreaksOffASnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		learner, leader := twoLinked(t, nil)
		leader.say(1, zab.Message{Kind: zab.LeaderInfo, Epoch: 2})
		learner.say(1, zab.Message{Kind: zab.AckEpoch})
		leader.say(1, zab.Message{Kind: zab.Snap})
		leader.SendBody(1, func(w io.Writer) error {
			leader.Drop(1, "not wanted any more")
			_, err := w.Write(make([]byte, 1<<20))
			if err == nil {
				t.Error("the snapshot goes on")
			}
			return err
		})
		synctest.Wait()
		if got := leader.heard(); got[len(got)-1] != "link 1 down" {
			t.Errorf("the leader heard %q", got)
		}
		closeBoth(learner, leader)
	})
}

// A learner that does not read costs a bounded amount of memory, and then its link.
func TestLinksBoundWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		leader := newLinked(t, n, 3, func(o *Options) { o.MaxQueue, o.StallTimeout = 1<<20, time.Hour })
		conn := raw(t, n, &Packet{Type: TypeFollowerInfo, Data: (&LearnerInfo{ID: 1, Protocol: protocolVersion}).Append(nil)})
		leader.expect(t, "the leader", "1: FOLLOWERINFO epoch 0")
		sent := 0
		for ; sent < 100; sent++ {
			leader.say(1, zab.Message{Kind: zab.Proposal, Entries: []zab.Entry{{Data: make([]byte, 64<<10)}}})
			if len(leader.heard()) > 0 {
				break
			}
		}
		if sent < 10 || sent > 20 {
			t.Errorf("the link ended after %d proposals of 64 KiB", sent)
		}
		_ = conn.Close()
		leader.Close()
	})
}

// raw opens a learner link to server 3 and says one packet.
func raw(t *testing.T, n *fakeNet, p *Packet) net.Conn {
	t.Helper()
	conn, err := n.dial(t.Context(), "tcp", "h3:2888")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(p.Append(nil)); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return conn
}

// A learner that takes none of what is written to it is gone after a while.
func TestLinksNoticeAStalledReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		leader := newLinked(t, n, 3, nil)
		conn := raw(t, n, &Packet{Type: TypeObserverInfo, Data: (&LearnerInfo{ID: 1, Protocol: protocolVersion}).Append(nil)})
		leader.say(1, zab.Message{Kind: zab.LeaderInfo, Epoch: 2})
		time.Sleep(9 * time.Second)
		leader.expect(t, "the leader, before", "1: OBSERVERINFO epoch 0")
		time.Sleep(2 * time.Second)
		leader.expect(t, "the leader, after", "link 1 down")
		_ = conn.Close()
		leader.Close()
	})
}

// Whoever speaks nonsense on the quorum port is sent away before anybody hears of it; so is who says nothing.
func TestLinksHostileCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		leader := newLinked(t, n, 3, nil)
		info := func(i LearnerInfo) []byte { return (&Packet{Type: TypeFollowerInfo, Data: i.Append(nil)}).Append(nil) }
		for name, text := range map[string][]byte{
			"a web client":                    []byte("GET / HTTP/1.1\r\nHost: h1\r\n\r\n"),
			"half a packet":                   info(LearnerInfo{ID: 1, Protocol: protocolVersion})[:30],
			"nothing":                         nil,
			"an ack before anything":          appendBare(nil, TypeAck, 1),
			"endless data":                    unhex(t, "0000000b 0000000000000000 7fffffff"),
			"a protocol nobody speaks":        info(LearnerInfo{ID: 1, Protocol: 1}),
			"a configuration from the future": info(LearnerInfo{ID: 1, Protocol: protocolVersion, ConfigVersion: 1 << 40}),
		} {
			conn, err := n.dial(t.Context(), "tcp", "h3:2888")
			if err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = conn.Write(text) }()
			_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("%s: %v", name, err)
			}
			_ = conn.Close()
		}
		leader.expect(t, "the leader")
		// One that becomes hostile later is heard of, and then gone; what came before is not lost.
		conn := raw(t, n, &Packet{Type: TypeFollowerInfo, Data: (&LearnerInfo{ID: 1, Protocol: protocolVersion}).Append(nil)})
		if _, err := conn.Write(appendBare((&Packet{Type: TypeAckEpoch, Data: []byte{0, 0, 0, 1}}).Append(nil), TypeCommit, 5)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		got := strings.Join(leader.heard(), "; ")
		if !strings.HasPrefix(got, "1: FOLLOWERINFO epoch 0; 1: ACKEPOCH log to 0:0 of epoch 1; link ") || !strings.HasSuffix(got, " down") {
			t.Errorf("heard %s", got)
		}
		_ = conn.Close()
		leader.Close()
	})
}

// A server that stops while it dials does not wait for the answer.
func TestCloseDoesNotWaitForDials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		n.dead["h3:2888"], n.dead["h1:3888"] = true, true
		one, two := newLinked(t, n, 1, nil), newVoter(t, n, 2, 2)
		one.Dial(3)
		two.vote(1, 1)
		began := time.Now()
		one.Close()
		two.Close()
		if took := time.Since(began); took != 0 {
			t.Errorf("waited %v", took)
		}
		one.Dial(3) // nothing happens any more
		two.vote(1, 2)
	})
}

// brokenListener fails a few times before it works.
type brokenListener struct {
	net.Listener
	failures int
}

func (l *brokenListener) Accept() (net.Conn, error) {
	if l.failures--; l.failures >= 0 {
		return nil, errors.New("too many open files")
	}
	return l.Listener.Accept()
}

// A listener that fails for a moment is not given up.
func TestServeOutlivesAcceptErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		h := &listener{}
		ls, err := NewLinks(optionsOf(n, 3, 3, h))
		if err != nil {
			t.Fatal(err)
		}
		done, broken := make(chan struct{}), &brokenListener{n.listen("h3:2888"), 12}
		go func() {
			ls.Serve(broken)
			close(done)
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := n.dial(ctx, "tcp", "h3:2888"); err != nil {
			t.Error(err)
		}
		ls.Close()
		<-done
		ls.Serve(n.listen("late:2888")) // returns at once
	})
}
