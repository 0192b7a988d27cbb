package peer

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"bellwether/engine/replica"
	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// startTogether starts n members on a fake network.
func startTogether(t *testing.T, n int) (*fakeNet, []*member) {
	t.Helper()
	nw := newFakeNet()
	var all []*member
	for id := 1; id <= n; id++ {
		all = append(all, newMember(t, zab.ServerID(id), ensembleOf(n), nw.dial,
			nw.listen(fmt.Sprintf("h%d:3888", id)), nw.listen(fmt.Sprintf("h%d:2888", id)), nil))
	}
	return nw, all
}

// leaderOf returns the one that leads in broadcast, and the others.
func leaderOf(t *testing.T, all []*member) (leader *member, others []*member) {
	t.Helper()
	for _, m := range all {
		m.awaitServing()
		if ask(m, func() bool { return m.state.Role == zab.Leading }) {
			leader = m
		} else {
			others = append(others, m)
		}
	}
	if leader == nil {
		t.Fatal("nobody leads")
	}
	return leader, others
}

// create has the leader propose a znode.
func (m *member) create(path string) {
	ask(m, func() bool {
		body := (&wire.CreateRequest{Path: path, ACL: wire.OpenACL}).Append(nil)
		m.replica.Submit(m.now(), []replica.Request{{Session: 7, Cxid: 1, Op: wire.OpCreate, Body: body}})
		return true
	})
}

// openSession makes session 7 known.
func (m *member) openSession() {
	ask(m, func() bool {
		m.replica.Submit(m.now(), []replica.Request{{Session: 7, Op: wire.OpCreateSession, Body: wire.AppendInt(nil, 1<<30)}})
		return true
	})
}

func awaitZnode(m *member, path string) {
	m.t.Helper()
	m.await(path, func() bool {
		v := m.tree.View(path)
		defer v.Close()
		return v.Exists()
	})
}

// Three servers over these links elect a leader, replicate, survive the leader, take the old one back by what it lacks or by
// a snapshot, and are equal in the end. The clock is the test's own: this takes no time.
func TestThreeServersOverLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nw, all := startTogether(t, 3)
		leader, others := leaderOf(t, all)
		leader.openSession()
		for i := range 100 {
			leader.create(fmt.Sprintf("/a-%d", i))
		}
		for _, m := range all {
			awaitZnode(m, "/a-99")
		}
		began := time.Now()
		leader.close()
		second, _ := leaderOf(t, others)
		if took := time.Since(began); took > time.Second {
			t.Errorf("fail-over took %v", took)
		}
		for i := range 700 { // more than what is kept for those that fell behind
			second.create(fmt.Sprintf("/b-%d", i))
		}
		awaitZnode(second, "/b-699")
		id := leader.o.ID
		back := newMember(t, id, ensembleOf(3), nw.dial, nw.listen(fmt.Sprintf("h%d:3888", id)), nw.listen(fmt.Sprintf("h%d:2888", id)), nil)
		awaitZnode(back, "/b-699")
		second.create("/last")
		members := append(slices.Clone(others), back)
		for _, m := range members {
			awaitZnode(m, "/last")
		}
		want := second.dump()
		for _, m := range members {
			if got := m.dump(); !slices.Equal(got, want) {
				t.Errorf("server %d has %d znodes, not the %d of the leader", m.o.ID, len(got), len(want))
			}
			if n := ask(m, func() int { return m.seen["refused"] }); n > 0 {
				t.Errorf("server %d refused %d messages", m.o.ID, n)
			}
			m.close()
		}
		if back.seen["installed"] == 0 {
			t.Errorf("the server that came back took no snapshot: %v", back.seen)
		}
	})
}
