package zab

import (
	"math/rand/v2"
	"testing"
)

// naiveQuorum is ZooKeeper's rule, word by word, with its integer divisions.
func naiveQuorum(members []Member, in map[ServerID]bool) bool {
	voters, acks := 0, 0
	total, sum := map[int]int{}, map[int]int{}
	grouped := false
	for _, m := range members {
		if m.Observer {
			continue
		}
		voters++
		total[m.Group] += m.Weight
		grouped = grouped || m.Group != 0
		if in[m.ID] {
			acks++
			sum[m.Group] += m.Weight
		}
	}
	if !grouped {
		return acks > voters/2
	}
	groups, won := 0, 0
	for g, w := range total {
		if w == 0 {
			continue
		}
		groups++
		if sum[g] > w/2 {
			won++
		}
	}
	return won > groups/2
}

// A set is a quorum exactly when ZooKeeper says so, and any two quorums have a voter of weight in common.
func TestQuorumsAreZooKeepersAndMeet(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var members []Member
		grouped := rng.IntN(2) == 0
		for i := range 1 + rng.IntN(7) {
			m := Member{ID: ServerID(i + 1), Observer: i > 0 && rng.IntN(5) == 0}
			if grouped && !m.Observer {
				m.Group, m.Weight = 1+rng.IntN(3), rng.IntN(4)
				if i == 0 {
					m.Weight++
				}
			}
			members = append(members, m)
		}
		cfg := Config{ID: 1, Members: members}
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		q := newQuorum(members)
		var quorums []voterSet
		for s := range voterSet(1) << len(members) {
			in := map[ServerID]bool{}
			for i, m := range q.members {
				in[m.ID] = s.has(i)
			}
			if got, want := q.contains(s), naiveQuorum(members, in); got != want {
				t.Fatalf("%+v: %b is a quorum: %v, want %v", members, s, got, want)
			}
			if q.contains(s) {
				quorums = append(quorums, s&q.weighty)
			}
		}
		for _, a := range quorums {
			for _, b := range quorums {
				if a&b == 0 {
					t.Fatalf("%+v: quorums %b and %b do not meet", members, a, b)
				}
			}
		}
		if len(quorums) == 0 {
			t.Fatalf("%+v: no quorum at all", members)
		}
	}
}

// A configuration that cannot work is refused by name.
func TestConfigurationsThatCannotWorkAreRefused(t *testing.T) {
	one := []Member{{ID: 1}}
	for what, cfg := range map[string]Config{
		"id 0":              {ID: 0, Members: []Member{{ID: 0}}},
		"twice":             {ID: 1, Members: []Member{{ID: 1}, {ID: 1}}},
		"not a member":      {ID: 2, Members: one},
		"nobody votes":      {ID: 1, Members: []Member{{ID: 1, Observer: true}}},
		"half in groups":    {ID: 1, Members: []Member{{ID: 1, Group: 1, Weight: 1}, {ID: 2}}},
		"weightless":        {ID: 1, Members: []Member{{ID: 1, Group: 1}}},
		"negative weight":   {ID: 1, Members: []Member{{ID: 1, Group: 1, Weight: -1}}},
		"negative limit":    {ID: 1, Members: one, SyncTicks: -1},
		"epoch without end": {ID: 1, Members: one, RollCounter: 1},
		"too many":          {ID: 1, Members: make([]Member, 65)},
	} {
		if what == "too many" {
			for i := range cfg.Members {
				cfg.Members[i].ID = ServerID(i + 1)
			}
		}
		if _, err := New(cfg, Durable{}); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

// Durable facts that contradict each other are refused: the server must not start on them.
func TestContradictoryDisksAreRefused(t *testing.T) {
	cfg := Config{ID: 1, Members: []Member{{ID: 1}}}
	for what, d := range map[string]Durable{
		"current above accepted":  {Epochs: Epochs{Accepted: 1, Current: 2}},
		"log above accepted":      {Epochs: Epochs{Accepted: 1, Current: 1}, LastZxid: zx(2, 1)},
		"snapshot beyond the log": {Epochs: Epochs{Accepted: 1, Current: 1}, LastZxid: zx(1, 1), SnapshotZxid: zx(1, 2)},
		"recent ends elsewhere":   {Epochs: Epochs{Accepted: 1, Current: 1}, LastZxid: zx(1, 3), Recent: proposals(zx(1, 1), zx(1, 2)).Entries},
		"recent has a gap":        {Epochs: Epochs{Accepted: 1, Current: 1}, LastZxid: zx(1, 3), Recent: []Entry{{zx(1, 1), nil}, {zx(1, 3), nil}}},
	} {
		if _, err := New(cfg, d); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}
