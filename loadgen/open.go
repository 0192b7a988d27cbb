package loadgen

import "math"

// The open loop: requests go out when the schedule says, whatever the replies do. A request that is due goes to the next
// session in turn that has room. If none has, it waits, and its latency runs: the time from due to room is the server's,
// the time from room to the write call the generator's own.

// maxBurst bounds how many overdue requests are issued before replies are read again.
const maxBurst = 1024

// sendDue issues what is due at now and returns when it wants to be called again.
func (w *worker) sendDue(now int64) int64 {
	for range maxBurst {
		due := w.schedule.due()
		if due > now {
			return due
		}
		if w.left == 0 || due >= w.run.end {
			return endless
		}
		s := w.pick()
		if s == nil {
			w.pressed = true
			return endless // a reply wakes the loop
		}
		p := w.issue(s, &w.random)
		p.Due, p.Since = due, max(due, w.roomSince)
		if due >= w.run.start {
			p.Aux = measuredMark
			w.left--
			w.issued++
			if now < w.run.end {
				w.inTime++
			}
		}
		w.schedule.advance()
	}
	return now
}

// pick returns the next session with room, nil if there is none.
func (w *worker) pick() *session {
	if w.outstanding >= w.loop.ReadyCount()*w.config.Depth {
		return nil
	}
	for range w.sessions {
		s := &w.sessions[w.next]
		if w.next++; w.next == len(w.sessions) {
			w.next = 0
		}
		if w.hasRoom(s) {
			return s
		}
	}
	return nil
}

// madeRoom notes when requests that wait for room can go.
func (w *worker) madeRoom() {
	if w.pressed {
		w.pressed = false
		w.roomSince = w.loop.Now()
	}
}

// countUnsent counts the measured requests that were due by now but not sent: exactly for uniform arrivals, by their
// expected number for Poisson ones.
func (w *worker) countUnsent(now int64) int64 {
	if w.config.Rate == 0 {
		return 0
	}
	behind := min(now+1, w.run.end) - w.schedule.due()
	if behind <= 0 {
		return 0
	}
	return min(int64(math.Ceil(float64(behind)/w.schedule.gap)), w.left)
}
