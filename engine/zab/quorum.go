package zab

import "math/bits"

// quorum decides which sets of voters may decide. Voters are numbered by their place in the sorted member list, so that a
// set is a word.
//
// Majority: more than half of the voters. Hierarchical: in more than half of the groups that have any weight, voters with
// more than half of the group's weight. Any two quorums have a voter in common; everything else here rests on that.
type quorum struct {
	members []Member // sorted by ID
	voters  voterSet
	weighty voterSet // the voters that a quorum may need: all, or those with weight
	groups  []int    // the groups with weight, sorted; none: majority
	weight  []int    // of each of them
}

// voterSet is a set of members by their place in quorum.members; at most maxMembers.
type voterSet uint64

const maxMembers = 64

func (s voterSet) has(i int) bool         { return i >= 0 && s&(1<<i) != 0 }
func (s voterSet) with(i int) voterSet    { return s | 1<<i }
func (s voterSet) without(i int) voterSet { return s &^ (1 << i) }
func (s voterSet) size() int              { return bits.OnesCount64(uint64(s)) }

func newQuorum(members []Member) quorum {
	q := quorum{members: append([]Member(nil), members...)}
	for i := 1; i < len(q.members); i++ { // insertion sort: a handful of members
		for j := i; j > 0 && q.members[j].ID < q.members[j-1].ID; j-- {
			q.members[j], q.members[j-1] = q.members[j-1], q.members[j]
		}
	}
	for i, m := range q.members {
		if m.Observer {
			continue
		}
		q.voters = q.voters.with(i)
		if m.Group == 0 || m.Weight > 0 {
			q.weighty = q.weighty.with(i)
		}
		if m.Group != 0 && m.Weight > 0 {
			q.addWeight(m.Group, m.Weight)
		}
	}
	return q
}

func (q *quorum) addWeight(group, weight int) {
	for i, g := range q.groups {
		if g == group {
			q.weight[i] += weight
			return
		}
	}
	q.groups, q.weight = append(q.groups, group), append(q.weight, weight)
}

// index returns the place of a member, -1 for a stranger.
func (q *quorum) index(id ServerID) int {
	for i := range q.members {
		if q.members[i].ID == id {
			return i
		}
	}
	return -1
}

// voter says whether id is a voter.
func (q *quorum) voter(id ServerID) bool { return q.voters.has(q.index(id)) }

// electable says whether id may win an election: a voter whose voice weighs something.
func (q *quorum) electable(id ServerID) bool { return q.weighty.has(q.index(id)) }

// contains says whether the voters in s are a quorum; observers in s count nothing.
func (q *quorum) contains(s voterSet) bool {
	s &= q.voters
	if len(q.groups) == 0 {
		return 2*s.size() > q.voters.size()
	}
	won := 0
	for g, group := range q.groups {
		sum := 0
		for i, m := range q.members {
			if s.has(i) && m.Group == group {
				sum += m.Weight
			}
		}
		if 2*sum > q.weight[g] {
			won++
		}
	}
	return 2*won > len(q.groups)
}
