package sim

import (
	"fmt"

	"bellwether/engine/replica"
	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// think is one round of the core loop.
func (p *process) think() error {
	in := p.inbox
	p.inbox = inbox{}
	now := p.moment()
	p.w.note("s%d: core:%v, applied %v", p.server.id, &in, zab.Zxid(p.applied))
	applied := p.applied
	if p.w.bugs.releaseUnapplied {
		applied = int64(p.core.LastZxid())
	}
	p.replica.Applied(applied, in.closed)
	if in.epochs != nil {
		p.replica.EpochsPersisted(*in.epochs)
	}
	if in.persisted != 0 {
		p.replica.Persisted(in.persisted)
	}
	for range in.ticks {
		if err := p.tick(now); err != nil {
			return err
		}
	}
	for i := range in.requests {
		if err := p.submit(now, &in.requests[i]); err != nil {
			return err
		}
	}
	for {
		rd := p.replica.Ready()
		if err := p.w.judge.written(rd.Entries); err != nil {
			return err
		}
		if err := p.checkPrefix(rd); err != nil {
			return err
		}
		p.expiry.answered(rd.Awaited, now.MonoMs)
		if !p.act(rd) {
			return nil
		}
	}
}

// checkPrefix holds the promise that of a connection's requests those are executed that came before some point: once one is
// given up, none behind it may become a transaction.
func (p *process) checkPrefix(rd replica.Ready) error {
	for i := range rd.Awaited {
		w := &rd.Awaited[i]
		c := p.conns[w.Origin.Conn]
		if w.Zxid != 0 && c.severed {
			return fmt.Errorf("%v of %#x becomes %v, and a request before it on the same connection was given up", w.Op, w.Session, zab.Zxid(w.Zxid))
		}
		c.severed = c.severed || w.Code == wire.ConnectionLoss
	}
	return nil
}

// submit gives the replica one request, and the judge what became of it. Sessions that expired while zab took no proposal
// are closed first, so it may have become several transactions; if one is the request's it is the last.
func (p *process) submit(now replica.Moment, q *replica.Request) error {
	next, serving := p.core.NextZxid(), p.replica.Serving()
	p.replica.Submit(now, []replica.Request{*q})
	last := p.core.LastZxid()
	became := "no transaction"
	for zxid := next; serving && zxid <= last; zxid++ {
		asked := q
		if zxid != last || !q.Op.IsWrite() || !p.model.Consumes(q) {
			asked = nil
		} else {
			became = last.String()
		}
		if err := p.w.judge.proposed(zxid, asked, now.WallMs); err != nil {
			return err
		}
	}
	p.w.note("s%d: %s of %#x cxid %d: %s", p.server.id, describe(q), q.Session, q.Cxid, became)
	p.expiry.submitted(p, q, now.MonoMs)
	return nil
}

// tick lets zab's time pass. The closeSessions that come of it are nobody's request.
func (p *process) tick(now replica.Moment) error {
	next, serving := p.core.NextZxid(), p.replica.Serving()
	ahead := now
	if p.w.bugs.expireEarly {
		ahead.MonoMs += 2 * p.w.settings.tickMs
	}
	p.replica.Tick(ahead)
	for zxid := next; serving && zxid <= p.core.LastZxid(); zxid++ {
		p.w.stats.Expired++
		if err := p.w.judge.proposed(zxid, nil, now.WallMs); err != nil {
			return err
		}
	}
	if !serving || !p.replica.Serving() {
		return nil
	}
	return p.expiry.check(p, now.MonoMs)
}

// act hands out what the replica wants done and reports whether there was anything.
func (p *process) act(rd replica.Ready) bool {
	p.commit.put(rd.Entries, rd.Epochs)
	p.apply.put(rd.Committed, rd.Awaited)
	if rd.StateChanged {
		serving := rd.State.Role == zab.Leading && rd.State.Phase == zab.Broadcast
		if p.serving && !serving {
			p.w.stats.Rollings++
		}
		p.serving = serving
		p.w.note("s%d: %v, %v, epoch %d", p.server.id, rd.State.Role, rd.State.Phase, rd.State.Epoch)
	}
	return len(rd.Entries)+len(rd.Committed)+len(rd.Awaited) > 0 || rd.Epochs != (zab.Epochs{}) || rd.StateChanged
}

func (p *process) removal(path string) replica.Request {
	return replica.Request{Op: wire.OpDeleteContainer, Body: wire.AppendString(nil, path)}
}
