package loadgen

import (
	"time"

	"bellwether/engine/wire"
	"bellwether/loadgen/client"
)

// load puts the load on, from the beginning of the warm-up to the last reply.
//
//	zero ─── warm-up ─── start ─── measured ─── end ─── drain ─── giveUp
//
// Requests are issued until end. What was due by then and is not sent, or not answered, gets until giveUp.
func (w *worker) load() error {
	c, r := w.config, w.run
	if r.interrupted() {
		return nil
	}
	w.recorder = newRecorder(c, r.zero, r.start, r.end, r.seconds)
	w.roomSince = r.zero
	if c.Rate > 0 {
		w.schedule = newSchedule(c, w.number, r.zero)
	}
	for i := range w.sessions {
		if w.sessions[i].left > 0 {
			w.active++
		}
	}
	for client.Now() < r.zero { // all workers begin together
		if err := w.turn(r.zero); err != nil {
			return err
		}
	}
	w.loading = true
	if c.Rate == 0 {
		for i := range w.sessions {
			w.refill(&w.sessions[i], r.zero)
		}
	}
	err := w.untilDone()
	w.unsent = w.countUnsent(w.loop.Now())
	w.unanswered = int64(w.outstanding)
	w.thread.finish(w.loop)
	w.recorder.finish()
	w.loading = false
	return err
}

// untilDone turns the loop until nothing is left to send and every request is answered, or it is time to give up.
func (w *worker) untilDone() error {
	end := w.run.end
	giveUp := endless
	if end != endless {
		giveUp = end + int64(w.config.Drain)
	}
	issuing := true // until the first look that finds nothing more to issue
	for {
		now := client.Now()
		w.recorder.catchUp(now)
		if w.thread.before() && now >= w.run.start {
			w.thread.begin(w.loop)
		}
		if w.thread.during() && now >= end {
			w.thread.finish(w.loop)
		}
		if issuing && !w.moreToIssue(now) {
			issuing = false
			if end == endless || w.run.interrupted() {
				giveUp = now + int64(w.config.Drain)
			}
		}
		quiet := !issuing && w.outstanding == 0 && (now >= end || w.countReached() || w.run.interrupted())
		if quiet || now >= giveUp || w.run.aborted.Load() {
			return nil
		}
		until := now + int64(50*time.Millisecond) // soon enough to notice that the run was stopped
		if issuing && w.config.Rate > 0 {
			until = min(until, w.sendDue(now))
		}
		if w.config.turn != nil {
			w.config.turn(w)
		}
		if err := w.turn(until); err != nil {
			return err
		}
	}
}

// countReached reports whether all requests of the count were issued.
func (w *worker) countReached() bool {
	if w.config.Rate > 0 {
		return w.left == 0
	}
	return w.active == 0
}

// moreToIssue reports whether requests are still to be issued. In an open loop those that are overdue are.
func (w *worker) moreToIssue(now int64) bool {
	if w.run.interrupted() {
		return false
	}
	if w.countReached() {
		return false
	}
	if w.config.Rate > 0 {
		return w.schedule.due() < w.run.end
	}
	return now < w.run.end
}

// loadReply counts a reply. In a closed loop it is followed by the session's next request.
func (w *worker) loadReply(c *client.Conn, p *client.Pending, r client.Reply) {
	now := w.loop.Now()
	if now != w.readAt { // the first reply that this read brought
		w.readAt = now
		record(w.recorder.readDelay, now-w.loop.Arrived())
	}
	w.outstanding--
	w.madeRoom()
	op, code := Op(p.Kind), r.Code
	if code == wire.OK {
		code = w.inspect(op, r.Body)
	}
	w.recorder.reply(op, p, code, now)
	if w.config.Rate == 0 {
		w.refill(w.session(c), now)
	}
}

// getOverhead is what a getData reply holds beside the data: its length and the Stat.
const getOverhead = 4 + 68

// inspect looks into a good reply: a multi may have failed all the same, and what get reads must have the size of what
// was written.
func (w *worker) inspect(op Op, body []byte) wire.Code {
	switch op {
	case Get:
		if len(body) != getOverhead+w.config.ValueSize {
			w.recorder.strange++
		}
	case Multi:
		results := wire.NewMultiResultReader(wire.NewReader(body))
		first, _, done, err := results.Next()
		if err != nil || done || first != wire.OpError {
			return wire.OK
		}
		return multiError(body)
	}
	return wire.OK
}

// multiError finds the operation that made a multi fail: the others are OK or RuntimeInconsistency.
func multiError(body []byte) wire.Code {
	results := wire.NewMultiResultReader(wire.NewReader(body))
	for {
		_, code, done, err := results.Next()
		if done || err != nil {
			return wire.RuntimeInconsistency
		}
		if code != wire.OK && code != wire.RuntimeInconsistency {
			return code
		}
	}
}

// refill brings a session of a closed loop to its depth.
func (w *worker) refill(s *session, now int64) {
	if now >= w.run.end || w.run.interrupted() {
		return
	}
	for s.left > 0 && w.hasRoom(s) {
		p := w.issue(s, &s.random)
		if now < w.run.start {
			continue // warm-up: not measured, and not of the count
		}
		p.Aux = measuredMark
		if s.left--; s.left == 0 {
			w.active--
		}
	}
}

// hasRoom reports whether the load may send on the session. Its connection may take more in flight than the load's depth:
// chores use that.
func (w *worker) hasRoom(s *session) bool {
	return s.conn.Room() > 0 && s.conn.InFlight() < w.config.Depth
}
