package session_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"bellwether/engine/session"
)

const tick = 2000

// A session expires at the end of the tick after its timeout: ZooKeeper's rounding, at its borders.
func TestDeadlineIsRoundedUpToTheNextTick(t *testing.T) {
	for _, c := range []struct {
		heard     int64
		timeoutMs int32
		deadline  int64
	}{
		{0, 4000, 6000}, // a multiple of the tick goes to the one after
		{0, 3999, 4000},
		{1, 3999, 6000},
		{1999, 4000, 6000},
		{2000, 4000, 8000},
		{0, 0, 2000},
		{1_790_000_000_123, 30_000, 1_790_000_032_000},
		{0, math.MaxInt32, 2_147_484_000},
	} {
		tracker := session.NewTracker(tick)
		tracker.Add(1, c.timeoutMs, c.heard)
		if got := tracker.NextDeadline(); got != c.deadline {
			t.Errorf("heard at %d, timeout %d: deadline %d, want %d", c.heard, c.timeoutMs, got, c.deadline)
		}
		if got := tracker.Expire(c.deadline-1, nil, nil); got != nil {
			t.Errorf("heard at %d, timeout %d: expired before its deadline", c.heard, c.timeoutMs)
		}
		if got := tracker.Expire(c.deadline, nil, nil); !slices.Equal(got, []int64{1}) {
			t.Errorf("heard at %d, timeout %d: not expired at its deadline", c.heard, c.timeoutMs)
		}
	}
}

// A session that speaks lives, whether Touch is told or only lastHeard knows; one that falls silent dies between its timeout
// and a tick later.
func TestSessionLivesWhileItSpeaks(t *testing.T) {
	const timeoutMs, silentFrom = 5000, 61_234
	for _, told := range []bool{true, false} {
		tracker, heard := session.NewTracker(tick), int64(0)
		tracker.Add(1, timeoutMs, 0)
		lastHeard := func(int64) int64 { return 0 }
		if !told {
			lastHeard = func(int64) int64 { return heard }
		}
		var diedAt int64
		for now := int64(0); diedAt == 0 && now < 100_000; now++ {
			if now <= silentFrom {
				heard = now
				if told {
					tracker.Touch(1, now)
				}
			}
			if now >= tracker.NextDeadline() && len(tracker.Expire(now, lastHeard, nil)) > 0 {
				diedAt = now
			}
		}
		if silence := diedAt - silentFrom; silence < timeoutMs || silence > timeoutMs+tick {
			t.Errorf("told %v: died after %d ms of silence, timeout %d", told, silence, timeoutMs)
		}
	}
}

// A session is declared expired once; from then on it is closing and its touches fail.
func TestExpiredOnceThenClosing(t *testing.T) {
	tracker := session.NewTracker(tick)
	tracker.Add(1, 4000, 0)
	if got := tracker.Expire(100_000, nil, []int64{77}); !slices.Equal(got, []int64{77, 1}) {
		t.Fatalf("expired %v, want 1 behind what was there", got)
	}
	if !tracker.Known(1) || !tracker.Closing(1) || tracker.Touch(1, 100_000) || tracker.SetTimeout(1, 9000, 100_000) {
		t.Error("an expired session is not closing, or can still be touched")
	}
	tracker.Add(1, 4000, 100_000) // a late Add does not bring it back
	if got := tracker.Expire(200_000, nil, nil); got != nil || tracker.NextDeadline() != math.MaxInt64 {
		t.Errorf("expired %v once more", got)
	}
	tracker.Remove(1)
	if tracker.Known(1) || tracker.Closing(1) || tracker.Len() != 0 {
		t.Error("still known after Remove")
	}
}

// A session that its client closes does not expire as well.
func TestClosingSessionsDoNotExpire(t *testing.T) {
	tracker := session.NewTracker(tick)
	for id := range int64(4) {
		tracker.Add(id, 4000, 0)
	}
	tracker.SetClosing(1)
	tracker.SetClosing(1)
	tracker.SetClosing(3)
	tracker.SetClosing(9) // unknown
	if tracker.Touch(1, 100) || tracker.Known(9) || tracker.Closing(9) || !tracker.Touch(0, 100) {
		t.Error("touches of closing sessions succeed, or others fail, or closing one made it known")
	}
	if got := tracker.Expire(100_000, nil, nil); !slices.Equal(got, []int64{0, 2}) {
		t.Errorf("expired %v, want 0 and 2", got)
	}
}

// A resume with another timeout counts from the resume, also when that is sooner.
func TestNewTimeoutHoldsAtOnce(t *testing.T) {
	tracker := session.NewTracker(tick)
	tracker.Add(1, 60_000, 0)
	tracker.Add(2, 4000, 0)
	tracker.SetTimeout(1, 4000, 3000)
	tracker.Add(2, 60_000, 3000) // of a known one it is the same
	if got := tracker.Expire(8000, nil, nil); !slices.Equal(got, []int64{1}) {
		t.Errorf("expired %v at 8000, want 1", got)
	}
	if got := tracker.NextDeadline(); got != 64_000 {
		t.Errorf("next deadline %d, want 64000", got)
	}
	if tracker.SetTimeout(3, 4000, 3000) || tracker.Touch(3, 3000) {
		t.Error("an unknown session has a timeout")
	}
}

// The order is by deadline, then by id, also for sessions found to have been heard since, when Expire comes late.
func TestExpiryOrder(t *testing.T) {
	tracker := session.NewTracker(tick)
	for _, id := range []int64{5, -3, 9, 1} {
		tracker.Add(id, 4000, 0) // deadline 6000
	}
	tracker.Add(2, 2000, 0)                                   // deadline 4000
	heard := map[int64]int64{9: 4000, -3: 4500, 5: 10, 2: 90} // 9 and -3 are due at 10000, the others as they were
	got := tracker.Expire(50_000, func(id int64) int64 { return heard[id] }, nil)
	if want := []int64{2, 1, 5, -3, 9}; !slices.Equal(got, want) {
		t.Errorf("expired %v, want %v", got, want)
	}
}

// A session has the owner it was last given, and moving it is nobody else's business.
func TestOwners(t *testing.T) {
	tracker := session.NewTracker(tick)
	tracker.Add(1, 4000, 0)
	tracker.Add(2, 4000, 0)
	if tracker.Owner(1) != 0 || tracker.Owner(3) != 0 || tracker.SetOwner(3, 7) || tracker.Owner(3) != 0 {
		t.Error("owned without being claimed")
	}
	if !tracker.SetOwner(1, 7) || tracker.Owner(1) != 7 || tracker.Owner(2) != 0 {
		t.Error("claim not kept")
	}
	tracker.SetOwner(1, -2)
	tracker.Touch(1, 100)
	if tracker.Owner(1) != -2 {
		t.Error("move not kept")
	}
	tracker.Remove(1)
	tracker.Add(4, 4000, 0) // perhaps in the same place
	if tracker.Owner(1) != 0 || tracker.Owner(4) != 0 {
		t.Error("owner outlived its session")
	}
}

// A new leader gives every session of the table its full timeout, and nothing of the past counts.
func TestResetGivesFullTimeouts(t *testing.T) {
	table := session.NewTable()
	table.Add(1, 4000)
	table.Add(2, 8000)
	tracker := session.NewTracker(tick)
	tracker.Add(1, 4000, 0)
	tracker.SetOwner(1, 7)
	tracker.SetClosing(1)
	tracker.Add(9, 4000, 0)
	tracker.Reset(table.All(), 100_000)
	if tracker.Len() != 2 || tracker.Known(9) || tracker.Closing(1) || tracker.Owner(1) != 0 {
		t.Error("something of the past is left")
	}
	var died []string
	for now := int64(100_000); now < 120_000; now += 100 {
		for _, id := range tracker.Expire(now, nil, nil) {
			died = append(died, fmt.Sprintf("%d at %d", id, now))
		}
	}
	if want := []string{"1 at 106000", "2 at 110000"}; !slices.Equal(died, want) {
		t.Errorf("died: %q, want %q", died, want)
	}
}

func TestTickMustBePositive(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a tick of 0 was accepted")
		}
	}()
	session.NewTracker(0)
}

// trackerModel decides expiry straight from the rule, looking at every session.
type trackerModel map[int64]*struct {
	heard, outside int64 // as told by Touch; as lastHeard knows
	timeoutMs      int32
	closing        bool
}

func (m trackerModel) expire(now int64) (expired []int64) {
	deadline := func(id int64) int64 {
		return ((max(m[id].heard, m[id].outside)+int64(m[id].timeoutMs))/tick + 1) * tick
	}
	for id, s := range m {
		if !s.closing && deadline(id) <= now {
			expired = append(expired, id)
		}
	}
	slices.SortFunc(expired, func(a, b int64) int { return cmp.Or(cmp.Compare(deadline(a), deadline(b)), cmp.Compare(a, b)) })
	for _, id := range expired {
		m[id].closing = true
	}
	return expired
}

// Whatever is done in whatever order, the lazy tracker expires what the rule says, when and in the order it says.
func TestTrackerAgreesWithModel(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		tracker, truth, now := session.NewTracker(tick), make(trackerModel), int64(0)
		lastHeard := func(id int64) int64 { return truth[id].outside }
		for step := range 3000 {
			id, timeoutMs := random.Int64N(60)-30, random.Int32N(20_000)
			s, known := truth[id]
			switch action := random.IntN(12); {
			case action < 3:
				tracker.Add(id, timeoutMs, now)
				if !known {
					truth[id] = new(struct {
						heard, outside int64
						timeoutMs      int32
						closing        bool
					})
				}
				if s = truth[id]; !s.closing {
					s.heard, s.timeoutMs = now, timeoutMs
				}
			case action < 5:
				if got, want := tracker.Touch(id, now), known && !s.closing; got != want {
					t.Fatalf("seed %d, step %d: Touch = %v, want %v", seed, step, got, want)
				}
				if known && !s.closing {
					s.heard = now
				}
			case action < 7 && known:
				s.outside = now
			case action == 7 && known && !s.closing:
				tracker.SetTimeout(id, timeoutMs, now)
				s.heard, s.timeoutMs = now, timeoutMs
			case action == 8 && (!known || s.closing || random.IntN(4) == 0):
				tracker.Remove(id)
				delete(truth, id)
			case action == 9 && known && random.IntN(4) == 0:
				tracker.SetClosing(id)
				s.closing = true
			case action > 9:
				now += random.Int64N(3000)
				if random.IntN(50) == 0 {
					now += 60_000 // everything stood still for a while
				}
				next, got := tracker.NextDeadline(), tracker.Expire(now, lastHeard, nil)
				if want := truth.expire(now); !slices.Equal(got, want) {
					t.Fatalf("seed %d, step %d: expired %v at %d, want %v", seed, step, got, now, want)
				}
				if len(got) > 0 && next > now {
					t.Fatalf("seed %d, step %d: something expired at %d before NextDeadline %d", seed, step, now, next)
				}
				if tracker.NextDeadline() <= now {
					t.Fatalf("seed %d, step %d: NextDeadline %d is past after Expire at %d", seed, step, tracker.NextDeadline(), now)
				}
			}
			if s, known = truth[id]; tracker.Known(id) != known || tracker.Closing(id) != (known && s.closing) || tracker.Len() != len(truth) {
				t.Fatalf("seed %d, step %d: session %d known %v, closing %v, of %d", seed, step, id, tracker.Known(id), tracker.Closing(id), tracker.Len())
			}
		}
	}
}

// In the steady state requests and ticks cost no garbage.
func TestTrackerAllocatesNothing(t *testing.T) {
	tracker, now := session.NewTracker(tick), int64(0)
	for id := range int64(1000) {
		tracker.Add(id, 10_000, id)
	}
	lastHeard := func(int64) int64 { return now }
	tracker.Expire(now, lastHeard, nil)
	if n := testing.AllocsPerRun(1000, func() {
		now += 500
		tracker.Touch(now%1000, now)
		if tracker.Expire(now, lastHeard, nil) != nil {
			t.Fatal("a session that speaks expired")
		}
	}); n != 0 {
		t.Errorf("%v allocations a tick, want 0", n)
	}
}
