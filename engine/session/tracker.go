package session

import (
	"fmt"
	"iter"
	"math"
	"slices"
)

// Tracker decides when sessions expire; the leader has one. A session that was last heard at time t with the timeout d
// expires at ((t+d)/tick + 1) * tick, so that expiry happens once a tick for all sessions due in it, and never earlier
// than d nor later than d + tick after the last word.
//
// PURE: time is an argument, in milliseconds of any one clock that starts at 0 or later and does not go back. Not safe for concurrent use: the
// goroutine that prepares requests owns it.
//
// Hearing from a session is made cheap by being lazy. Touch only notes the time, and a caller who notes it elsewhere
// need not call Touch at all; the session stays in the bucket of its old deadline. When that bucket is due, Expire asks
// when the session was last heard and either moves it to the bucket of its true deadline or declares it expired. A
// session is so visited about once in its timeout, however often it speaks.
type Tracker struct {
	tickMs   int64
	byID     map[int64]sessionRef
	sessions []tracked  // slab; sessions[0] is unused so that 0 can mean "none"
	free     sessionRef // head of the list of unused places, linked by next
	// due holds the buckets by ascending deadline. Invariant: every session is in the bucket of its deadline field, except
	// those that are closing, which are in none; no bucket is empty.
	due []bucket
}

// sessionRef is an index into Tracker.sessions; 0 is none.
type sessionRef uint32

// tracked is what the tracker knows about one session.
type tracked struct {
	id         int64
	owner      int64 // see SetOwner; 0 is nobody
	heardMs    int64 // the last time the tracker itself was told of; lastHeard may know of a later one
	deadlineMs int64 // of the bucket it is in: at most the true deadline; 0 when in none
	timeoutMs  int32
	next, prev sessionRef // neighbours in the bucket
	closing    bool
}

type bucket struct {
	deadlineMs int64
	first      sessionRef
}

// NewTracker returns a tracker without sessions. The tick is the grain of expiry, in milliseconds, above 0.
func NewTracker(tickMs int64) *Tracker {
	if tickMs <= 0 {
		panic(fmt.Sprintf("session: a tick of %d ms", tickMs))
	}
	return &Tracker{tickMs: tickMs, byID: make(map[int64]sessionRef), sessions: make([]tracked, 1)}
}

// Add starts tracking a session that was heard now. For one that is tracked already it is SetTimeout.
func (t *Tracker) Add(id int64, timeoutMs int32, now int64) {
	if _, known := t.byID[id]; known {
		t.SetTimeout(id, timeoutMs, now)
		return
	}
	ref := t.allocate()
	t.byID[id] = ref
	t.sessions[ref] = tracked{id: id, heardMs: now, timeoutMs: timeoutMs}
	t.schedule(ref)
}

// Touch notes that the session was heard now. It answers false, and nothing is noted, for a session that is unknown
// or closing: the caller then refuses what the session asked.
func (t *Tracker) Touch(id, now int64) bool {
	ref, known := t.byID[id]
	if !known || t.sessions[ref].closing {
		return false
	}
	s := &t.sessions[ref]
	s.heardMs = max(s.heardMs, now)
	return true
}

// SetTimeout is Touch with a new timeout in milliseconds, which holds from now on: what a resume negotiated.
func (t *Tracker) SetTimeout(id int64, timeoutMs int32, now int64) bool {
	if !t.Touch(id, now) {
		return false
	}
	ref := t.byID[id]
	t.unschedule(ref) // not left to Expire: a shorter timeout may be due before the old bucket
	t.sessions[ref].timeoutMs = timeoutMs
	t.schedule(ref)
	return true
}

// Remove forgets a session: its closeSession is applied. Unknown ids are ignored.
func (t *Tracker) Remove(id int64) {
	ref, known := t.byID[id]
	if !known {
		return
	}
	t.unschedule(ref)
	delete(t.byID, id)
	t.sessions[ref] = tracked{next: t.free}
	t.free = ref
}

// Len returns the number of tracked sessions, closing ones included.
func (t *Tracker) Len() int { return len(t.byID) }

// Known reports whether the session is tracked, closing or not.
func (t *Tracker) Known(id int64) bool {
	_, known := t.byID[id]
	return known
}

// Closing reports whether the session is tracked and a closeSession is on its way for it.
func (t *Tracker) Closing(id int64) bool {
	return t.sessions[t.byID[id]].closing // sessions[0] is never closing
}

// SetClosing notes that a closeSession is on its way: from here on touches fail and the session does not expire
// (again). Unknown ids are ignored.
func (t *Tracker) SetClosing(id int64) {
	if ref, known := t.byID[id]; known {
		t.unschedule(ref)
		t.sessions[ref].closing = true
	}
}

// Owner returns who SetOwner named for the session, or 0 when nobody claimed it yet or it is unknown.
func (t *Tracker) Owner(id int64) int64 {
	return t.sessions[t.byID[id]].owner
}

// SetOwner notes through which server's link the session is now served (any number but 0, chosen by the caller), so
// that requests still arriving on its old connection elsewhere can be told from those of the new one. 0 makes the session
// nobody's again. It reports whether the session is tracked.
func (t *Tracker) SetOwner(id, owner int64) bool {
	ref, known := t.byID[id]
	if known {
		t.sessions[ref].owner = owner
	}
	return known
}

// Reset forgets everything and tracks the given sessions (Table.All) as if each was heard now and owned by nobody: what
// a new leader does, which cannot know when its predecessor last heard of whom.
func (t *Tracker) Reset(sessions iter.Seq2[int64, int32], now int64) {
	clear(t.byID)
	clear(t.sessions)
	t.sessions, t.free, t.due = t.sessions[:1], 0, t.due[:0]
	for id, timeoutMs := range sessions {
		t.Add(id, timeoutMs, now)
	}
}

// NextDeadline returns the earliest time at which Expire may have something to do; math.MaxInt64 when no session waits.
func (t *Tracker) NextDeadline() int64 {
	if len(t.due) == 0 {
		return math.MaxInt64
	}
	return t.due[0].deadlineMs
}

// Expire appends to dst the sessions whose deadline is at or before now, marks them closing and returns the extended dst.
// They come by deadline, then by id: the same calls give the same order.
//
// Before a session is declared expired, lastHeard is asked when it was last heard by whoever serves it, in milliseconds
// of the same clock, or anything earlier (0) when that is not known; if heard since, it lives on. A nil lastHeard
// knows nothing. It must not call the tracker.
func (t *Tracker) Expire(now int64, lastHeard func(id int64) int64, dst []int64) []int64 {
	for len(t.due) > 0 && t.due[0].deadlineMs <= now {
		ref := t.due[0].first
		t.due = slices.Delete(t.due, 0, 1)
		from := len(dst)
		dst = t.settle(ref, lastHeard, dst)
		slices.Sort(dst[from:])
	}
	return dst
}

// settle decides over each session of the due bucket that begins at ref and that t.due no longer holds: those heard
// meanwhile go to the bucket of their true deadline, which is a later one, though it may be due by now as well; the others
// are marked closing and appended to dst.
func (t *Tracker) settle(ref sessionRef, lastHeard func(id int64) int64, dst []int64) []int64 {
	for ref != 0 {
		s := &t.sessions[ref]
		next, deadline := s.next, s.deadlineMs
		if lastHeard != nil {
			s.heardMs = max(s.heardMs, lastHeard(s.id))
		}
		s.next, s.prev, s.deadlineMs = 0, 0, 0
		if t.deadline(s) > deadline {
			t.schedule(ref)
		} else {
			s.closing = true
			dst = append(dst, s.id)
		}
		ref = next
	}
	return dst
}

// deadline returns when a session expires that stays silent: rounded up to the tick after its timeout has passed.
func (t *Tracker) deadline(s *tracked) int64 {
	return ((s.heardMs+int64(s.timeoutMs))/t.tickMs + 1) * t.tickMs
}

// schedule puts a session that is in no bucket at the head of the one its deadline names.
func (t *Tracker) schedule(ref sessionRef) {
	s := &t.sessions[ref]
	s.deadlineMs = t.deadline(s)
	i, found := t.search(s.deadlineMs)
	if !found {
		t.due = slices.Insert(t.due, i, bucket{deadlineMs: s.deadlineMs})
	}
	s.prev, s.next = 0, t.due[i].first
	if s.next != 0 {
		t.sessions[s.next].prev = ref
	}
	t.due[i].first = ref
}

// unschedule takes a session out of its bucket, and the bucket away when that leaves it empty.
func (t *Tracker) unschedule(ref sessionRef) {
	s := &t.sessions[ref]
	if s.deadlineMs == 0 {
		return
	}
	if s.next != 0 {
		t.sessions[s.next].prev = s.prev
	}
	if s.prev != 0 {
		t.sessions[s.prev].next = s.next
	} else if i, _ := t.search(s.deadlineMs); s.next != 0 {
		t.due[i].first = s.next
	} else {
		t.due = slices.Delete(t.due, i, i+1)
	}
	s.next, s.prev, s.deadlineMs = 0, 0, 0
}

// search returns where in due the bucket of a deadline is or belongs. There are at most as many buckets as ticks in the
// longest timeout.
func (t *Tracker) search(deadlineMs int64) (int, bool) {
	return slices.BinarySearchFunc(t.due, deadlineMs, func(b bucket, want int64) int {
		switch {
		case b.deadlineMs < want:
			return -1
		case b.deadlineMs > want:
			return 1
		}
		return 0
	})
}

// allocate returns an unused place in the slab.
func (t *Tracker) allocate() sessionRef {
	if ref := t.free; ref != 0 {
		t.free = t.sessions[ref].next
		return ref
	}
	t.sessions = append(t.sessions, tracked{})
	return sessionRef(len(t.sessions) - 1)
}
