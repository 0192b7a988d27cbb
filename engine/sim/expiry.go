package sim

import (
	"fmt"
	"slices"

	"bellwether/engine/replica"
	"bellwether/engine/wire"
)

// expiry holds the promises about sessions that fall silent: each expires, not before its timeout has passed since the last
// word, and at the first tick of the core loop that comes later than a session tick after that.
type expiry struct {
	sessions map[int64]*watched
	ids      []int64 // sorted
}

type watched struct {
	lastMs    int64 // by the process's clock
	timeoutMs int32
	closing   bool
}

func (x *expiry) init() { x.sessions = map[int64]*watched{} }

func (x *expiry) add(id int64, timeoutMs int32, nowMs int64) {
	x.sessions[id] = &watched{lastMs: nowMs, timeoutMs: timeoutMs}
	i, _ := slices.BinarySearch(x.ids, id)
	x.ids = slices.Insert(x.ids, i, id)
}

// submitted learns from a request that the replica has got.
func (x *expiry) submitted(p *process, q *replica.Request, nowMs int64) {
	switch s := x.sessions[q.Session]; {
	case q.Op == wire.OpCreateSession && s == nil && p.tracker.Known(q.Session):
		r := wire.NewReader(q.Body)
		x.add(q.Session, r.Int(), nowMs)
	case q.Op == wire.OpCloseSession && s != nil:
		s.closing = s.closing || p.tracker.Closing(q.Session)
	}
}

// answered learns from the answers that the replica gives without a transaction.
func (x *expiry) answered(list []replica.Awaited, nowMs int64) {
	for i := range list {
		w := &list[i]
		if s := x.sessions[w.Session]; w.Op == replica.OpResume && w.Code == wire.OK && s != nil {
			r := wire.NewReader(w.Body)
			s.lastMs, s.timeoutMs = nowMs, r.Int()
		}
	}
}

// check looks at every session after a tick.
func (x *expiry) check(p *process, nowMs int64) error {
	kept := x.ids[:0]
	for _, id := range x.ids {
		s := x.sessions[id]
		if !p.tracker.Known(id) {
			delete(x.sessions, id)
			if !s.closing {
				return fmt.Errorf("session %#x is forgotten and was not closed", id)
			}
			continue
		}
		kept = append(kept, id)
		if l := p.lives[id]; l != nil {
			s.lastMs = max(s.lastMs, l.heardMs)
		}
		silentMs := nowMs - s.lastMs
		switch closing := p.tracker.Closing(id); {
		case s.closing:
		case closing && silentMs <= int64(s.timeoutMs):
			return fmt.Errorf("session %#x with %d ms expires %d ms after its last word", id, s.timeoutMs, silentMs)
		case !closing && silentMs >= int64(s.timeoutMs)+p.w.settings.tickMs:
			return fmt.Errorf("session %#x with %d ms lives %d ms after its last word", id, s.timeoutMs, silentMs)
		case closing:
			s.closing = true
		}
	}
	x.ids = kept
	return nil
}
