package bench

import (
	"context"
	"sync"

	"bellwether/engine/wire"

	"github.com/panjf2000/gnet/v2"
)

// ceilingLoop is one event loop's part. Fields above mu belong to the loop.
type ceilingLoop struct {
	index   int
	server  *ceilingServer
	loop    gnet.EventLoop
	scratch []byte
	waiters []ceilingWaiter
	touched []*ceilingConn
	// draining is the outbox's second half: the two change places at every drain.
	draining []ceilingWaiter

	mu     sync.Mutex
	outbox []ceilingWaiter
	waking bool // Run is on its way
}

// post copies waiters into the outbox and wakes the loop, unless it is being woken already.
func (l *ceilingLoop) post(waiters []ceilingWaiter) {
	l.mu.Lock()
	l.outbox = append(l.outbox, waiters...)
	wake := !l.waking
	l.waking = true
	l.mu.Unlock()
	if wake {
		_ = l.loop.Execute(context.Background(), l) // fails only while the engine stops
	}
}

// Run drains the outbox on the event loop: all replies of a connection leave in one write.
func (l *ceilingLoop) Run(context.Context) error {
	l.mu.Lock()
	l.outbox, l.draining = l.draining[:0], l.outbox
	l.waking = false
	l.mu.Unlock()
	for _, w := range l.draining {
		if w.conn.closed {
			continue
		}
		if len(w.conn.out) == 0 {
			l.touched = append(l.touched, w.conn)
		}
		w.conn.out = l.server.replies.append(w.conn.out, w.request)
	}
	for _, conn := range l.touched {
		_, _ = conn.Write(conn.out) // gnet closes a connection that cannot be written to
		conn.out = conn.out[:0]
	}
	for _, w := range l.draining {
		if w.request.op == wire.OpCloseSession && !w.conn.closed {
			_ = l.loop.Close(w.conn.Conn)
		}
	}
	clear(l.draining)
	clear(l.touched)
	l.touched = l.touched[:0]
	return nil
}
