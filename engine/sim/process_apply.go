package sim

import (
	"bytes"
	"fmt"

	"bellwether/engine/replica"
	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// applyStage is the apply loop: it takes a batch, applies it one transaction after the other, and publishes what came of it.
type applyStage struct {
	waiting        []zab.Entry
	waitingAwaited []replica.Awaited

	busy     bool // a batch is taken and not yet published
	batch    []zab.Entry
	awaited  []replica.Awaited // to be answered, in order
	last     int64             // zxid of the last transaction applied
	gathered []delivery        // what the connections will get when the batch is published
	closed   []int64
}

func (a *applyStage) put(committed []zab.Entry, awaited []replica.Awaited) {
	a.waiting = append(a.waiting, committed...)
	a.waitingAwaited = append(a.waitingAwaited, awaited...)
}

func (a *applyStage) possible() bool {
	return a.busy || len(a.waiting)+len(a.waitingAwaited) > 0
}

// applyStep does the next thing.
func (p *process) applyStep() error {
	a := &p.apply
	switch {
	case !a.busy:
		p.w.note("s%d: apply takes %d transactions, %d who wait", p.server.id, len(a.waiting), len(a.waitingAwaited))
		a.busy = true
		a.batch, a.waiting = a.waiting, nil
		a.awaited = append(a.awaited, a.waitingAwaited...)
		a.waitingAwaited = nil
		return p.answerBarriers()
	case len(a.batch) > 0:
		e := a.batch[0]
		a.batch = a.batch[1:]
		if err := p.applyOne(e); err != nil {
			return err
		}
		return p.answerBarriers()
	}
	p.publish()
	return nil
}

// applyOne applies a transaction, and compares all that came of it with what the model makes of the request.
func (p *process) applyOne(e zab.Entry) error {
	zxid := int64(e.Zxid)
	want, q, err := p.w.judge.applied(p, e)
	if err != nil {
		return err
	}
	w := p.match(e)
	reply, out, err := p.applyTxn(e, w != nil)
	if err != nil {
		return fmt.Errorf("apply %v: %w", e.Zxid, err)
	}
	p.apply.last = zxid
	p.snap.txns++
	p.w.stats.Txns++
	p.w.note("s%d: applies %v, %s: %v", p.server.id, e.Zxid, describe(q), out.Code)
	switch out.Type {
	case wire.OpCreateSession:
		p.lives[out.Session] = &live{heardMs: p.monoMs()}
	case wire.OpCloseSession:
		p.sessionClosed(out.Session, w)
	}
	if err := p.compareChanged(e.Data); err != nil {
		return fmt.Errorf("after %v, %s of %#x: %w", e.Zxid, describe(q), q.Session, err)
	}
	if w == nil {
		return nil
	}
	if !bytes.Equal(reply, want.Reply) {
		return fmt.Errorf("%v, %s of %#x, is answered\n%x, want\n%x", e.Zxid, describe(q), q.Session, reply, want.Reply)
	}
	d := delivery{kind: deliverReply, conn: w.Origin.Conn, xid: w.Cxid, frame: reply}
	if w.Op == wire.OpCreateSession {
		d.kind, d.session, d.code = deliverConnected, w.Session, out.Code
	}
	p.apply.gathered = append(p.apply.gathered, d)
	return nil
}

func (p *process) applyTxn(e zab.Entry, reply bool) ([]byte, replica.Outcome, error) {
	if p.w.bugs.keepEphemerals && len(e.Data) >= wire.TxnHeaderSize {
		var h wire.TxnHeader
		if r := wire.NewReader(e.Data); h.Decode(&r) == nil && h.Type == wire.OpCloseSession {
			p.sessions.Remove(h.ClientID)
			p.tree.SetZxid(h.Zxid)
			frame := wire.AppendReply(nil, h.Cxid, h.Zxid, wire.OK)
			return frame, replica.Outcome{Type: h.Type, Session: h.ClientID, Cxid: h.Cxid}, nil
		}
	}
	return p.applier.Apply(nil, int64(e.Zxid), e.Data, reply)
}

// match takes the request at the head if this transaction is what became of it.
func (p *process) match(e zab.Entry) *replica.Awaited {
	a := &p.apply
	if len(a.awaited) == 0 || !a.awaited[0].Becomes(int64(e.Zxid), e.Data) {
		return nil
	}
	w := a.awaited[0]
	a.awaited = a.awaited[1:]
	return &w
}

// answerBarriers answers the requests at the head that wait for no transaction of their own and whose place has come.
func (p *process) answerBarriers() error {
	a := &p.apply
	for len(a.awaited) > 0 {
		w := a.awaited[0]
		if !w.Barrier || w.After > a.last && !p.w.bugs.earlyBarriers {
			return nil
		}
		a.awaited = a.awaited[1:]
		d := delivery{kind: deliverRefusal, conn: w.Origin.Conn, xid: w.Cxid, code: w.Code,
			frame: wire.AppendReply(nil, w.Cxid, a.last, w.Code)}
		switch w.Op {
		case replica.OpBarrier:
			d.kind = deliverReleased
		case replica.OpResume, wire.OpCreateSession:
			d.kind, d.session = deliverConnected, w.Session
			if err := p.w.judge.resumed(p, &w); err != nil {
				return err
			}
		default:
			if w.Code == wire.OK {
				q := replica.Request{Session: w.Session, Cxid: w.Cxid, Op: w.Op, Body: w.Body, IDs: w.IDs}
				frame, err := p.read(&q)
				if err != nil {
					return err
				}
				d.kind, d.frame = deliverReply, frame
			}
		}
		a.gathered = append(a.gathered, d)
	}
	return nil
}

// sessionClosed forgets a session and closes its connection, if that is not the one that asked for it.
func (p *process) sessionClosed(id int64, w *replica.Awaited) {
	p.apply.closed = append(p.apply.closed, id)
	l := p.lives[id]
	delete(p.lives, id)
	if l == nil || l.conn == nil || w != nil && w.Origin.Conn == l.conn.number {
		return
	}
	p.apply.gathered = append(p.apply.gathered, delivery{kind: deliverKick, conn: l.conn.number, session: id})
}

// publish gives the connections what the batch has gathered for them, and the core loop the news of how far the tree is.
func (p *process) publish() {
	a := &p.apply
	p.w.note("s%d: publishes %v", p.server.id, zab.Zxid(a.last))
	a.busy = false
	p.outbox = append(p.outbox, a.gathered...)
	a.gathered = nil
	p.applied = a.last
	p.inbox.closed = append(p.inbox.closed, a.closed...)
	a.closed = nil
	p.considerSnapshot()
}
