package sim

import (
	"bytes"
	"fmt"

	"bellwether/engine/replica"
	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// judge knows every transaction that was proposed, in order, and what was asked for. It holds the promises about the log:
//
//   - PrefixConsistency: what a server applies is what was proposed, in that order, without a gap, to the byte;
//   - zxids rise, and none is used twice, over all restarts;
//   - what was applied, and so may have been seen, is there after a restart; nothing is there that was not proposed.
type judge struct {
	w       *World
	line    []*proposal // by zxid
	visible int         // the first so many were applied by somebody
}

// proposal is one transaction and where it came from.
type proposal struct {
	zxid   zab.Zxid
	timeMs int64           // of the leader's wall clock
	q      replica.Request // nobody's for the closeSession of an expired session
	data   []byte          // nil: not handed to the log yet
}

func (j *judge) init(w *World) { j.w = w }

// proposed takes note of a transaction; q is nil if no request led to it: an expired session is closed. Whether q did, written
// will tell.
func (j *judge) proposed(zxid zab.Zxid, q *replica.Request, timeMs int64) error {
	if n := len(j.line); n > 0 && zxid <= j.line[n-1].zxid {
		return fmt.Errorf("zxid %v is proposed after %v", zxid, j.line[n-1].zxid)
	}
	if zxid.Counter() != 1 && (len(j.line) == 0 || zxid != j.line[len(j.line)-1].zxid+1) {
		return fmt.Errorf("zxid %v is proposed, and the one before it is not", zxid)
	}
	o := &proposal{zxid: zxid, timeMs: timeMs}
	if q != nil {
		o.q = *q
	}
	j.line = append(j.line, o)
	return nil
}

// written takes note of the bytes that go to the log.
func (j *judge) written(entries []zab.Entry) error {
	for _, e := range entries {
		o := j.find(e.Zxid)
		if o == nil || o.data != nil {
			return fmt.Errorf("%v goes to the log, which was not proposed or went before", e.Zxid)
		}
		o.data = e.Data
		var h wire.TxnHeader
		r := wire.NewReader(e.Data)
		if err := h.Decode(&r); err != nil {
			return fmt.Errorf("%v has no header: %x", e.Zxid, e.Data)
		}
		if o.q.Op != 0 && o.q.Session == h.ClientID && o.q.Cxid == h.Cxid {
			continue
		}
		if h.Type != wire.OpCloseSession || h.Cxid != 0 {
			return fmt.Errorf("%v is nobody's request and no closeSession: %x", e.Zxid, e.Data)
		}
		o.q = replica.Request{Session: h.ClientID, Op: wire.OpCloseSession}
		j.w.note("session %#x has expired: %v", h.ClientID, e.Zxid)
	}
	return nil
}

func (j *judge) find(zxid zab.Zxid) *proposal {
	if i := j.place(zxid); i >= 0 {
		return j.line[i]
	}
	return nil
}

// place returns where zxid stands in the line, -1 if it does not.
func (j *judge) place(zxid zab.Zxid) int {
	for i := len(j.line) - 1; i >= 0 && j.line[i].zxid >= zxid; i-- {
		if j.line[i].zxid == zxid {
			return i
		}
	}
	return -1
}

// applied takes note that a server applies a transaction, and returns what must come of it, and the request.
func (j *judge) applied(p *process, e zab.Entry) (Answer, *replica.Request, error) {
	if p.next >= len(j.line) || j.line[p.next].zxid != e.Zxid {
		return Answer{}, nil, fmt.Errorf("server %d applies %v, out of order", p.server.id, e.Zxid)
	}
	o := j.line[p.next]
	p.next++
	j.visible = max(j.visible, p.next)
	want := p.model.Do(&o.q, int64(o.zxid), o.timeMs)
	if !bytes.Equal(want.Txn, e.Data) {
		return Answer{}, nil, fmt.Errorf("%s of %#x became %v,\n%x, want\n%x", describe(&o.q), o.q.Session, e.Zxid, e.Data, want.Txn)
	}
	return want, &o.q, nil
}

// found is asked about each transaction that recovery finds in a log.
func (j *judge) found(e zab.Entry) error {
	o := j.find(e.Zxid)
	if o == nil {
		return fmt.Errorf("%v is in the log and was never proposed", e.Zxid)
	}
	if !bytes.Equal(o.data, e.Data) {
		return fmt.Errorf("%v is in the log as\n%x, was proposed as\n%x", e.Zxid, e.Data, o.data)
	}
	return nil
}

// recovered judges what a server has after a restart, and forgets what was lost, which nobody has seen.
func (j *judge) recovered(p *process) error {
	last := zab.Zxid(p.apply.last)
	n := 0
	if last != 0 {
		if n = j.place(last) + 1; n == 0 {
			return fmt.Errorf("server %d recovers to %v, which was never proposed", p.server.id, last)
		}
	}
	if n < j.visible {
		return fmt.Errorf("server %d recovers to %v; what was acknowledged up to %v is lost", p.server.id, last, j.line[j.visible-1].zxid)
	}
	if lost := j.line[n:]; len(lost) > 0 {
		j.w.note("s%d: lost %v to %v, which nobody has seen", p.server.id, lost[0].zxid, lost[len(lost)-1].zxid)
	}
	j.line = j.line[:n]
	j.visible = n // recovery has applied it
	p.next = n
	p.model = NewModel(j.w.settings.options)
	for _, o := range j.line {
		p.model.Do(&o.q, int64(o.zxid), o.timeMs)
	}
	if err := p.compareAll(); err != nil {
		return fmt.Errorf("server %d, recovered to %v from snapshot %#x: %w", p.server.id, last, p.snapshotZxid, err)
	}
	return nil
}

// resumed judges the answer to a resume, at its place in the order.
func (j *judge) resumed(p *process, w *replica.Awaited) error {
	_, live := p.model.sessions[w.Session]
	if w.Op == replica.OpResume && (w.Code == wire.OK) != live && w.Code != wire.ConnectionLoss {
		return fmt.Errorf("resume of %#x is answered %v, and it is live: %v", w.Session, w.Code, live)
	}
	return nil
}

// compareEvery is how many transactions are applied between two comparisons of the whole state.
const compareEvery = 64

// compareChanged compares what a transaction has changed with the model, and now and then everything.
func (p *process) compareChanged(txn []byte) error {
	var h wire.TxnHeader
	r := wire.NewReader(txn)
	_ = h.Decode(&r) // it was applied
	switch {
	case p.next%compareEvery == 0 || h.Type == wire.OpCloseSession || h.Type == wire.OpMulti:
		return p.compareAll()
	case h.Type == wire.OpError || h.Type == wire.OpCreateSession:
		return nil
	}
	path := r.String()
	if err := p.model.compareZnode(p.tree, path); err != nil {
		return err
	}
	return p.model.compareZnode(p.tree, parentOf(path))
}
