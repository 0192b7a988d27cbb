package engine

import (
	"sync"

	"bellwether/engine/replica"
	"bellwether/engine/watch"
	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// applyQueue carries committed entries, and the local requests that wait for them, from the core loop to the apply loop.
type applyQueue struct {
	signal signal

	mu     sync.Mutex
	work   applyWork
	closed bool
}

type applyWork struct {
	committed []zab.Entry
	awaited   []replica.Awaited
}

// put appends committed entries and awaited requests, which are copied.
func (q *applyQueue) put(committed []zab.Entry, awaited []replica.Awaited) {
	if len(committed) == 0 && len(awaited) == 0 {
		return
	}
	q.mu.Lock()
	q.work.committed = append(q.work.committed, committed...)
	q.work.awaited = append(q.work.awaited, awaited...)
	q.mu.Unlock()
}

// close lets the apply loop end once it has taken everything.
func (q *applyQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.signal.raise()
}

// state reports whether there is something to take, and whether more may come.
func (q *applyQueue) state() (waiting, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.work.committed)+len(q.work.awaited) > 0, q.closed
}

// take swaps what waits for the used-up w.
func (q *applyQueue) take(w *applyWork) {
	clear(w.committed)
	clear(w.awaited)
	w.committed, w.awaited = w.committed[:0], w.awaited[:0]
	q.mu.Lock()
	q.work, *w = *w, q.work
	q.mu.Unlock()
}

// applier is the apply loop: the only writer of the tree. For each committed transaction, in zxid order, it changes the
// tree, leaves the events in the boxes of the event loops concerned before the change can be read, and gathers replies
// per event loop, to be pushed once a batch.
type applier struct {
	mu sync.Mutex // whoever holds it is the apply loop for a round; it guards all below

	engine  *Engine
	replica *replica.Applier
	work    applyWork // of this round
	reader  reader    // of reads that stand behind writes of their session

	awaited []replica.Awaited // from head on still to be answered
	head    int
	last    int64 // zxid of the last transaction applied

	gathers  []gather // by loop, from 0
	reply    []byte
	frame    []byte
	watchers []watch.Watcher
	numbers  []uint32
	closed   []int64
	nowNs    int64
}

// gather is what one event loop is to get at the end of the batch.
type gather struct {
	parcel parcel
	rouse  bool
}

// run applies what comes through the queue until it is closed.
func (a *applier) run() {
	for {
		<-a.engine.applyQueue.signal
		a.round()
		if waiting, closed := a.engine.applyQueue.state(); closed && !waiting || a.engine.failed() {
			return
		}
	}
}

// bringToApply has what was put into the apply queue applied: at once by the caller, if inline and nobody is at it, else by
// the apply loop's goroutine.
func (e *Engine) bringToApply(inline bool) {
	if waiting, _ := e.applyQueue.state(); !waiting {
		return
	}
	if !inline || !e.applier.mu.TryLock() {
		e.applyQueue.signal.raise()
		return
	}
	e.applier.apply()
	e.applier.mu.Unlock()
	if waiting, _ := e.applyQueue.state(); waiting {
		e.applyQueue.signal.raise()
	}
}

func (a *applier) round() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.apply()
}

// apply applies everything there is, and publishes what has come of it.
func (a *applier) apply() {
	w := &a.work
	a.engine.applyQueue.take(w)
	a.nowNs = a.engine.clock.now()
	a.expect(w.awaited)
	a.answerBarriers()
	for i := range w.committed {
		if err := a.applyOne(&w.committed[i]); err != nil {
			a.engine.fail(err)
			return
		}
		a.answerBarriers()
	}
	a.publish()
}

// expect adds requests that wait for transactions still to come.
func (a *applier) expect(more []replica.Awaited) {
	if a.head == len(a.awaited) {
		a.awaited, a.head = a.awaited[:0], 0
	} else if a.head > 4096 && a.head > len(a.awaited)/2 {
		a.awaited, a.head = a.awaited[:copy(a.awaited, a.awaited[a.head:])], 0
	}
	a.awaited = append(a.awaited, more...)
}

// answerBarriers answers the requests at the head that wait for no transaction of their own and whose place has come.
func (a *applier) answerBarriers() {
	for a.head < len(a.awaited) {
		w := &a.awaited[a.head]
		if !w.Barrier || w.After > a.last {
			return
		}
		a.head++
		d := delivery{kind: deliverRefusal, conn: w.Origin.Conn, xid: w.Cxid, code: int32(w.Code), number: a.engine.tree.Zxid(), held: w.Held}
		a.reply = a.reply[:0]
		switch w.Op {
		case replica.OpBarrier:
			d.kind = deliverReleased
		case replica.OpResume, wire.OpCreateSession:
			d.kind, d.number = deliverConnected, w.Session
		default:
			if w.Code == wire.OK {
				d.kind = deliverReply
				a.reply, _ = a.reader.execute(a.reply, &asker{session: w.Session, ids: w.IDs}, w.Cxid, w.Op, w.Body)
			}
		}
		a.gather(w.Origin).add(d, a.reply)
	}
}

// gather returns the parcel of the loop that waits for an answer.
func (a *applier) gather(o replica.Origin) *parcel {
	g := &a.gathers[o.Loop-1]
	g.rouse = true
	return &g.parcel
}

// applyOne applies one transaction and answers the request that it was, if that is one of this server's.
func (a *applier) applyOne(e *zab.Entry) error {
	zxid := int64(e.Zxid)
	w := a.match(zxid, e.Data)
	var out replica.Outcome
	var err error
	a.reply, out, err = a.replica.Apply(a.reply[:0], zxid, e.Data, w != nil)
	if err != nil {
		return err
	}
	a.last = zxid
	a.engine.snaps.count(len(e.Data))
	switch out.Type {
	case wire.OpCreateSession:
		a.engine.lives.add(out.Session, a.nowNs/nsPerMs)
	case wire.OpCloseSession:
		a.sessionClosed(out.Session, w)
	}
	if w == nil {
		return nil
	}
	a.engine.latency.observe(a.nowNs - w.Received)
	d := delivery{kind: deliverReply, conn: w.Origin.Conn, held: w.Held}
	if w.Op == wire.OpCreateSession {
		d.kind, d.number, d.code = deliverConnected, w.Session, int32(out.Code)
	}
	a.gather(w.Origin).add(d, a.reply)
	return nil
}

// match takes the request at the head if this transaction is what became of it.
func (a *applier) match(zxid int64, txn []byte) *replica.Awaited {
	if a.head == len(a.awaited) || !a.awaited[a.head].Becomes(zxid, txn) {
		return nil
	}
	a.head++
	return &a.awaited[a.head-1]
}

// sessionClosed forgets a session and closes its connection, if that is not the one that asked for it.
func (a *applier) sessionClosed(id int64, w *replica.Awaited) {
	a.closed = append(a.closed, id)
	s := a.engine.lives.remove(id)
	if s == nil {
		return
	}
	where := s.location.Load()
	if where == 0 || w != nil && where == location(w.Origin.Loop, w.Origin.Conn) {
		return
	}
	o := replica.Origin{Loop: int32(where >> 32), Conn: uint32(where)}
	a.gather(o).add(delivery{kind: deliverKick, conn: o.Conn, number: id}, nil)
}

// Changed implements replica.Observer: the shards of what has changed are still locked. The events go to the boxes at
// once, behind the replies to earlier transactions, so that whoever can read the change finds them there.
func (a *applier) Changed(zxid int64, event wire.EventType, path string) {
	a.watchers = a.engine.watches.Trigger(a.watchers[:0], path, event)
	if len(a.watchers) == 0 {
		return
	}
	a.frame = wire.AppendEvent(a.frame[:0], zxid, event, path)
	for i := 0; i < len(a.watchers); { // they are sorted, so those of one loop stand together
		loop := a.watchers[i] >> connBits
		a.numbers = a.numbers[:0]
		for ; i < len(a.watchers) && a.watchers[i]>>connBits == loop; i++ {
			a.numbers = append(a.numbers, uint32(a.watchers[i])&(1<<connBits-1))
		}
		g := &a.gathers[loop]
		g.parcel.addEvent(a.frame, a.numbers)
		a.engine.loops[loop].box.push(&g.parcel)
		g.rouse = true
	}
}

// publish gives the event loops what the batch has gathered for them, and the core loop the news of how far the tree is.
func (a *applier) publish() {
	for i := range a.gathers {
		g := &a.gathers[i]
		if !g.rouse {
			continue
		}
		g.rouse = false
		a.engine.loops[i].box.push(&g.parcel)
		a.engine.loops[i].rouse()
	}
	a.engine.applied.Store(a.last)
	if len(a.closed) > 0 {
		closed := a.closed
		a.engine.inbox.put(func(w *work) { w.closed = append(w.closed, closed...) })
		a.engine.inbox.signal.raise()
		a.closed = a.closed[:0]
	}
	a.engine.snaps.consider()
}
