package zab

import (
	"fmt"
	"testing"
)

// bench is a leader whose peers are played by the test: whatever it sends is acknowledged at once.
type bench struct {
	t         testing.TB
	core      *Core
	committed int
}

// newBench brings a leader of n voters into broadcast.
func newBench(t testing.TB, n, window int) *bench {
	var members []Member
	for i := range n {
		members = append(members, Member{ID: ServerID(i + 1)})
	}
	c, err := New(Config{ID: ServerID(n), Members: members, WindowEntries: window}, Durable{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, core: c}
	vote := Vote{Leader: ServerID(n)}
	c.Tick()
	for i := 1; i < n; i++ {
		b.step(Message{Kind: Notification, From: ServerID(i), Version: 2, Round: 1, Vote: vote})
	}
	b.turn()
	for i := 1; i < n; i++ {
		b.step(Message{Kind: FollowerInfo, From: ServerID(i), Link: LinkID(i), Extended: true})
	}
	for range 10 {
		b.turn()
	}
	if c.Phase() != Broadcast {
		t.Fatalf("%+v", c.state)
	}
	return b
}

func (b *bench) step(m Message) {
	if err := b.core.Step(m); err != nil {
		b.t.Fatal(err)
	}
}

// turn is one round of the caller's loop: Ready, then every answer it asks for.
func (b *bench) turn() {
	c := b.core
	rd := c.Ready()
	if n := len(rd.Entries); n > 0 {
		c.Persisted(rd.Entries[n-1].Zxid)
	}
	if rd.Epochs != (Epochs{}) {
		c.EpochsPersisted(rd.Epochs)
	}
	for i := range rd.Messages {
		m := &rd.Messages[i]
		answer := Message{From: m.To, To: m.From, Link: m.Link}
		switch m.Kind {
		case LeaderInfo:
			answer.Kind = AckEpoch
		case NewLeader:
			answer.Kind, answer.Zxid = Ack, m.Zxid
		case Proposal:
			answer.Kind, answer.First, answer.Zxid = Ack, m.Entries[0].Zxid, m.Entries[len(m.Entries)-1].Zxid
		default:
			continue
		}
		b.step(answer)
	}
	b.committed += len(rd.Committed)
}

// write proposes n entries and takes turns until they are committed.
func (b *bench) write(data []byte, n int) {
	for range n {
		if _, err := b.core.Propose(data); err != nil {
			b.t.Fatal(err)
		}
	}
	for want := b.committed + n; b.committed < want; {
		b.turn()
	}
}

// In the steady state a proposal costs no allocation of its own: only one array for a thousand of them, and one more where a
// group crosses from one array to the next.
func TestProposalsAllocateNothing(t *testing.T) {
	for _, n := range []int{1, 3} {
		for _, group := range []int{1, 100} {
			b := newBench(t, n, 0)
			data := make([]byte, 100)
			for range 2000 / group { // fill the window
				b.write(data, group)
			}
			per := testing.AllocsPerRun(4000/group, func() { b.write(data, group) })
			if per >= 0.01*float64(group)+0.99 { // AllocsPerRun is an integer average
				t.Errorf("%d servers, groups of %d: %v allocations a group", n, group, per)
			}
		}
	}
}

// Nor does it cost one on a follower.
func TestFollowersAllocateNothing(t *testing.T) {
	a, err := followerAt(0, Durable{}, 1, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.hear(leaderID, Message{Kind: Diff}, newLeaderOf(1)); err != nil {
		t.Fatal(err)
	}
	a.answer()
	a.answer()
	if err := a.hear(leaderID, Message{Kind: UpToDate}); err != nil {
		t.Fatal(err)
	}
	z, data, batch := zx(1, 0), make([]byte, 100), make([]Entry, 100)
	group := func() {
		for i := range batch {
			z++
			batch[i] = Entry{z, data}
		}
		m := Message{Kind: Proposal, From: leaderID, Link: theLink, Entries: batch, Commit: max(zx(1, 0), z-100)}
		if m.Commit.beginsEpoch() {
			m.Commit = 0
		}
		if err := a.Step(m); err != nil {
			t.Fatal(err)
		}
		if ms := a.answer(); len(a.rd.Entries) != 100 || len(ms) > 1 {
			t.Fatalf("%d entries, %v", len(a.rd.Entries), ms)
		}
	}
	for range 20 {
		group()
	}
	if n := testing.AllocsPerRun(100, group); n >= 2 {
		t.Errorf("%v allocations for a hundred proposals", n)
	}
}

func BenchmarkPropose(b *testing.B) {
	for _, n := range []int{1, 3, 5} {
		for _, group := range []int{1, 32, 1000} {
			b.Run(fmt.Sprintf("servers=%d/group=%d", n, group), func(b *testing.B) {
				l, data := newBench(b, n, 0), make([]byte, 100)
				b.ReportAllocs()
				for i := 0; i < b.N; i += group {
					l.write(data, group)
				}
			})
		}
	}
}
