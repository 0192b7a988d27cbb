package bench

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"bellwether/engine/wire"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"
)

// ceilingServer is a ceiling on gnet: the same event loops, reads and writes as the real server's, and nothing else.
//
//	echo:    socket ─► frames ─► replies ─► one write, all on the event loop
//	append:  socket ─► frames ─► committer (one hand-off per read) ─► outbox of the event loop ─► one write per connection
type ceilingServer struct {
	gnet.BuiltinEventEngine

	replies   *ceilingReplies
	committer *committer // nil for echo
	ready     func(addr net.Addr)
	sessions  atomic.Int64
	engine    gnet.Engine
	failure   error // of OnBoot

	mu    sync.Mutex
	loops map[gnet.EventLoop]*ceilingLoop // filled as connections arrive
}

// ceilingConn is one connection. Its fields belong to its event loop.
type ceilingConn struct {
	gnet.Conn
	loop    *ceilingLoop
	greeted bool
	closed  bool
	out     []byte // replies gathered during one drain of the outbox
}

// ceilingConfig says which ceiling to run and where.
type ceilingConfig struct {
	kind       ceilingKind
	listen     string // host:port; port 0 takes a free one
	valueBytes int    // of the values that reads answer with
	file       string // of the append ceiling
}

// ceilingLoops is how many event loops a ceiling has: as many as the server under test, whose other half of the
// processors is for the load generator and the disk.
func ceilingLoops() int { return max(1, runtime.NumCPU()/2) }

// runCeiling serves until ctx is done. It calls ready, on an event loop's goroutine, once clients may connect.
func runCeiling(ctx context.Context, config ceilingConfig, ready func(addr net.Addr)) error {
	loops := ceilingLoops()
	s := &ceilingServer{
		replies: newCeilingReplies(config.valueBytes),
		loops:   map[gnet.EventLoop]*ceilingLoop{},
	}
	asked := ctx
	ctx, stop := context.WithCancelCause(asked)
	defer stop(nil)
	var wg sync.WaitGroup
	if config.kind == ceilingAppend {
		var err error
		if s.committer, err = newCommitter(config.file, loops); err != nil {
			return err
		}
		wg.Go(func() { stop(s.committer.run(s.deliver)) })
	}
	booted := make(chan struct{})
	boot := sync.OnceFunc(func() { close(booted) })
	wg.Go(func() {
		<-ctx.Done()
		if s.committer != nil {
			s.committer.close()
		}
		<-booted
		// With ctx done, Stop asks and does not wait; Run below returns once the engine has stopped.
		_ = s.engine.Stop(ctx)
	})
	s.ready = func(addr net.Addr) { boot(); ready(addr) }
	err := gnet.Run(s, "tcp://"+config.listen, gnet.WithNumEventLoop(loops), gnet.WithReuseAddr(true),
		gnet.WithLogger(quiet{}), gnet.WithLogLevel(logging.ErrorLevel))
	if err = cmp.Or(err, s.failure); err != nil {
		err = fmt.Errorf("ceiling: serve on %s: %w", config.listen, err)
	}
	stop(err)
	boot()
	wg.Wait()
	if s.committer != nil {
		if removing := s.committer.remove(); err == nil {
			err = removing
		}
	}
	if err == nil && asked.Err() == nil {
		err = context.Cause(ctx) // the committer's
	}
	return err
}

// OnBoot learns the address that was bound.
func (s *ceilingServer) OnBoot(engine gnet.Engine) gnet.Action {
	s.engine = engine
	addr, err := boundAddress(engine)
	if err != nil {
		s.failure = err
		return gnet.Shutdown
	}
	s.ready(addr)
	return gnet.None
}

// boundAddress asks the listener's socket for its address: gnet itself only knows the one that was asked for.
func boundAddress(engine gnet.Engine) (net.Addr, error) {
	fd, err := engine.Dup()
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	address, err := syscall.Getsockname(fd)
	if err != nil {
		return nil, err
	}
	switch a := address.(type) {
	case *syscall.SockaddrInet4:
		return &net.TCPAddr{IP: a.Addr[:], Port: a.Port}, nil
	case *syscall.SockaddrInet6:
		return &net.TCPAddr{IP: a.Addr[:], Port: a.Port}, nil
	}
	return nil, fmt.Errorf("ceiling: listener has an address of type %T", address)
}

// OnOpen gives a connection its state.
func (s *ceilingServer) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	c.SetContext(&ceilingConn{Conn: c, loop: s.loopOf(c.EventLoop())})
	return nil, gnet.None
}

// loopOf finds or makes the state of an event loop.
func (s *ceilingServer) loopOf(l gnet.EventLoop) *ceilingLoop {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.loops[l]
	if known == nil {
		known = &ceilingLoop{index: len(s.loops), server: s, loop: l}
		s.loops[l] = known
	}
	return known
}

// OnClose marks the connection, so that replies on their way to it are dropped.
func (s *ceilingServer) OnClose(c gnet.Conn, _ error) gnet.Action {
	if conn, ok := c.Context().(*ceilingConn); ok {
		conn.closed = true
	}
	return gnet.None
}

// OnTraffic takes all whole frames that have arrived.
func (s *ceilingServer) OnTraffic(c gnet.Conn) gnet.Action {
	conn := c.Context().(*ceilingConn)
	in, err := c.Peek(-1)
	if err != nil || len(in) == 0 {
		return gnet.None
	}
	rest, action := in, gnet.None
	if !conn.greeted {
		if rest, action = s.greet(conn, rest); action != gnet.None || !conn.greeted {
			return action
		}
	}
	if s.committer == nil {
		rest, action = s.echo(conn, rest)
	} else {
		rest, action = s.enqueue(conn, rest)
	}
	if used := len(in) - len(rest); used > 0 { // for gnet, discarding 0 bytes is discarding all
		if _, err := c.Discard(used); err != nil {
			return gnet.Close
		}
	}
	return action
}

// greet answers the connect request once it is all there.
func (s *ceilingServer) greet(conn *ceilingConn, in []byte) (rest []byte, action gnet.Action) {
	frame, rest, ok, err := wire.NextFrame(in, ceilingMaxFrame)
	if err != nil {
		return in, gnet.Close
	}
	if !ok {
		return in, gnet.None
	}
	reply, ok := appendConnectReply(nil, frame, s.sessions.Add(1))
	if !ok {
		return in, gnet.Close
	}
	if _, err := conn.Write(reply); err != nil {
		return in, gnet.Close
	}
	conn.greeted = true
	return rest, gnet.None
}

// echo answers every whole frame of in with one write.
func (s *ceilingServer) echo(conn *ceilingConn, in []byte) (rest []byte, action gnet.Action) {
	out := conn.loop.scratch[:0]
	for {
		frame, next, ok, err := wire.NextFrame(in, ceilingMaxFrame)
		if err != nil {
			action = gnet.Close
		}
		if !ok {
			break
		}
		request, ok := parseCeilingRequest(frame)
		if !ok {
			action = gnet.Close
			break
		}
		in = next
		out = s.replies.append(out, request)
		if request.op == wire.OpCloseSession {
			action = gnet.Close
			break
		}
	}
	conn.loop.scratch = out
	if len(out) > 0 {
		if _, err := conn.Write(out); err != nil {
			return in, gnet.Close
		}
	}
	return in, action
}

// enqueue hands every whole frame of in to the committer, in one hand-off. Whatever a frame asks, it goes to the disk:
// so replies leave in the order of the requests without another queue.
func (s *ceilingServer) enqueue(conn *ceilingConn, in []byte) (rest []byte, action gnet.Action) {
	loop := conn.loop
	begin, waiters := in, loop.waiters[:0]
	for {
		frame, next, ok, err := wire.NextFrame(in, ceilingMaxFrame)
		if err != nil {
			action = gnet.Close
		}
		if !ok {
			break
		}
		request, ok := parseCeilingRequest(frame)
		if !ok {
			action = gnet.Close
			break
		}
		in = next
		waiters = append(waiters, ceilingWaiter{conn, request})
	}
	loop.waiters = waiters
	if len(waiters) > 0 {
		s.committer.add(loop.index, begin[:len(begin)-len(in)], waiters)
	}
	return in, action
}

// deliver puts the synced requests into the outboxes of their event loops. The committer's goroutine calls it.
func (s *ceilingServer) deliver(waiting [][]ceilingWaiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, loop := range s.loops {
		if ready := waiting[loop.index]; len(ready) > 0 {
			loop.post(ready)
		}
	}
}

// quiet drops gnet's own log lines: what matters comes back as errors.
type quiet struct{}

func (quiet) Debugf(string, ...any) {}
func (quiet) Infof(string, ...any)  {}
func (quiet) Warnf(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(string, ...any) {}
