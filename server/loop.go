package server

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"

	"bellwether/engine"
)

// loop is one event loop: gnet's and the engine's, tied together when gnet first shows its own by a connection on it.
type loop struct {
	server *Server
	engine *engine.Loop
	gnet   atomic.Pointer[gnet.EventLoop] // nil until the first connection

	published atomic.Pointer[[]engine.ConnStatus] // of its connections, for reports asked for on other loops

	// The rest belongs to the event loop.
	publishedAt time.Time

	silent []*conn // in the order they were opened: those that may not have asked for a session yet
	epoll  int     // gnet's epoll descriptor, 0 until it was looked for, -1 if it cannot be found
}

// publishEvery is how old a list of connections may be that another loop shows.
const publishEvery = time.Second

// wake makes the event loop take its turn. Without a connection there is nothing to take it for.
func (l *loop) wake() { l.execute(gnet.RunnableFunc(l.turn)) }

func (l *loop) execute(r gnet.Runnable) {
	if el := l.gnet.Load(); el != nil {
		_ = (*el).Execute(context.Background(), r) // refused only while shutting down
	}
}

func (l *loop) turn(context.Context) error {
	l.engine.Turn()
	return nil
}

// tick looks after connections that wait: for a client that does not read, or for one that never says who it is.
func (l *loop) tick(context.Context) error {
	l.engine.Tick()
	if len(l.server.loops) > 1 && time.Since(l.publishedAt) > publishEvery {
		l.publishedAt = time.Now()
		connections := l.engine.Connections(nil)
		l.published.Store(&connections)
	}
	deadline := time.Now().Add(-l.server.config.SessionlessTimeout)
	for len(l.silent) > 0 {
		c := l.silent[0]
		if c.session != nil && c.session.Greeting() {
			if c.opened.After(deadline) {
				break
			}
			l.server.refusals.sessionless.Add(1)
			l.server.logLimited("sessionless", "closing a connection: no connect request in time", "remote", c.origin)
			c.Close()
		}
		l.silent[0] = nil
		l.silent = l.silent[1:]
	}
	return nil
}
