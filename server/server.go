package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"

	"bellwether/engine"
)

// Server is a running server: an engine and the network in front of it.
type Server struct {
	gnet.BuiltinEventEngine

	config *Config
	engine *engine.Engine
	log    *slog.Logger
	limits *LineLimiter

	network gnet.Engine
	booted  chan struct{}
	ended   chan error    // what gnet's Run returned
	stop    chan struct{} // closed when Stop begins
	failed  chan struct{} // closed when the server cannot go on, for the reason in err
	err     error
	most    int // connections altogether
	address string
	port    int

	mu        sync.Mutex
	loops     []*loop
	bound     map[gnet.EventLoop]*loop
	perOrigin map[string]int
	open      int

	refusals  refusals
	stopTicks chan struct{}
	ticksDone sync.WaitGroup
}

// refusals count what the network refuses.
type refusals struct {
	rejected    atomic.Int64 // connections above a limit
	sessionless atomic.Int64 // connections that never asked for a session
}

// tickEvery is how often waiting connections are looked after.
const tickEvery = 100 * time.Millisecond

// Start opens the data, the network, and returns once clients are served. Its errors name what is in the way: a port that
// is taken, a directory that another server holds, a damaged file.
func Start(config *Config, log *slog.Logger) (*Server, error) {
	s := &Server{
		config: config, log: log, limits: NewLineLimiter(time.Second),
		booted: make(chan struct{}), ended: make(chan error, 1), stop: make(chan struct{}), failed: make(chan struct{}),
		most:  mostConnections(config),
		bound: map[gnet.EventLoop]*loop{}, perOrigin: map[string]int{}, stopTicks: make(chan struct{}),
	}
	var err error
	if s.address, s.port, err = probe(config.ListenAddress()); err != nil {
		return nil, err
	}
	if s.engine, err = engine.Open(engineOptions(config, log)); err != nil {
		return nil, err
	}
	for range eventLoops() {
		l := &loop{server: s}
		l.engine = s.engine.NewLoop(l.wake)
		s.loops = append(s.loops, l)
	}
	s.engine.Start()
	if err := s.listen(); err != nil {
		return nil, errors.Join(err, s.engine.Close())
	}
	return s, nil
}

// probe says early and clearly whether the address can be listened on, and settles a port that the system chooses. The
// host stays as it was given: without one, clients are awaited on every address of both families.
func probe(address string) (string, int, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", 0, fmt.Errorf("server: cannot await clients on %s: %w", address, err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	host, _, err := net.SplitHostPort(address)
	return net.JoinHostPort(host, strconv.Itoa(port)), port, err
}

// listen runs gnet once the engine serves.
func (s *Server) listen() error {
	select {
	case <-s.engine.Ready():
	case <-s.engine.Failed():
		return s.engine.Err()
	}
	options := []gnet.Option{
		gnet.WithNumEventLoop(len(s.loops)), gnet.WithReuseAddr(true), gnet.WithTCPNoDelay(gnet.TCPNoDelay),
		gnet.WithReadBufferCap(readBufferBytes), gnet.WithLogger(gnetLog{s.log}), gnet.WithLogLevel(logging.ErrorLevel),
	}
	if s.config.ClientTCPKeepAlive {
		options = append(options, gnet.WithTCPKeepAlive(keepAliveAfter))
	}
	go func() { s.ended <- gnet.Run(s, "tcp://"+s.address, options...) }()
	select {
	case <-s.booted:
	case err := <-s.ended:
		return fmt.Errorf("server: cannot await clients on %s: %w", s.address, err)
	}
	s.ticksDone.Add(2)
	go func() { defer s.ticksDone.Done(); s.runTicks() }()
	go func() { defer s.ticksDone.Done(); s.watchOver() }()
	return nil
}

// watchOver ends the server when the engine or the network does, unless it was told to stop.
func (s *Server) watchOver() {
	select {
	case <-s.stop:
		return
	case <-s.engine.Failed():
		s.err = s.engine.Err()
	case err := <-s.ended:
		s.ended <- err // Stop asks, too
		s.err = fmt.Errorf("server: the network has ended: %w", err)
	}
	close(s.failed)
}

// descriptorReserve is how many file descriptors are kept from connections, for the log and for accepting one more to
// refuse it.
const descriptorReserve = 256

// mostConnections is the limit of connections: the configured one, or what the file descriptors allow.
func mostConnections(c *Config) int {
	files := maxFiles()
	if files < 0 {
		return c.MaxCnxns
	}
	allowed := int(max(files-descriptorReserve, files/2))
	if c.MaxCnxns > 0 {
		return min(c.MaxCnxns, allowed)
	}
	return allowed
}

const (
	readBufferBytes = 64 << 10
	keepAliveAfter  = 2 * time.Hour
)

// Address is where clients are awaited, as host:port.
func (s *Server) Address() string { return s.address }

// Failed is closed when the server cannot go on; Err says why.
func (s *Server) Failed() <-chan struct{} { return s.failed }

// Err says why the server failed, after Failed is closed.
func (s *Server) Err() error { return s.err }

// Stop lets what was handed over finish and be answered, closes all connections, and leaves a clean log.
func (s *Server) Stop(ctx context.Context) error {
	close(s.stop)
	s.engine.Drain(ctx)
	close(s.stopTicks)
	s.ticksDone.Wait()
	err := s.network.Stop(ctx)
	if ended := <-s.ended; err == nil {
		err = ended
	}
	return errors.Join(err, s.engine.Close())
}

func (s *Server) runTicks() {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			for _, l := range s.loops {
				l.execute(gnet.RunnableFunc(l.tick))
			}
		case <-s.stopTicks:
			return
		}
	}
}

// OnBoot implements gnet.EventHandler.
func (s *Server) OnBoot(network gnet.Engine) gnet.Action {
	s.network = network
	close(s.booted)
	return gnet.None
}

// OnOpen implements gnet.EventHandler: it runs on the event loop of c.
func (s *Server) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	remote := remoteOf(c)
	origin := remote.Addr().String()
	l, admitted := s.admit(c.EventLoop(), origin)
	if !admitted {
		s.refusals.rejected.Add(1)
		s.logLimited("rejected", "refusing a connection: too many", "remote", origin, "limit", s.config.MaxClientCnxns, "limitAltogether", s.most)
		_ = c.SetLinger(0)
		return nil, gnet.Close
	}
	k := &conn{Conn: c, loop: l, origin: origin, opened: time.Now()}
	if k.session = l.engine.Open(k, remote); k.session == nil {
		s.dismiss(origin)
		return nil, gnet.Close
	}
	c.SetContext(k)
	l.silent = append(l.silent, k)
	return nil, gnet.None
}

// OnTraffic implements gnet.EventHandler: bytes have arrived for c.
func (s *Server) OnTraffic(c gnet.Conn) gnet.Action {
	k, ok := c.Context().(*conn)
	if !ok || k.asking {
		_, _ = c.Discard(-1) // all of it
		return gnet.None
	}
	if k.session.Greeting() && s.fourLetterWord(k) {
		return gnet.Close
	}
	if k.paused { // gnet reads on by itself once it has sent what it kept
		k.loop.watchFor(k, false)
	}
	if c.InboundBuffered() >= k.session.Wants() {
		k.loop.engine.Traffic(k.session)
	}
	return gnet.None
}

// OnClose implements gnet.EventHandler.
func (s *Server) OnClose(c gnet.Conn, _ error) gnet.Action {
	if k, ok := c.Context().(*conn); ok {
		k.gone = true
		k.loop.engine.Closed(k.session)
		s.dismiss(k.origin)
	}
	return gnet.None
}

// admit counts a new connection, unless there are too many, and finds its loop.
func (s *Server) admit(el gnet.EventLoop, origin string) (*loop, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	perOrigin := s.config.MaxClientCnxns
	if perOrigin > 0 && s.perOrigin[origin] >= perOrigin || s.most > 0 && s.open >= s.most {
		return nil, false
	}
	s.perOrigin[origin]++
	s.open++
	l := s.bound[el]
	if l == nil {
		l = s.loops[len(s.bound)]
		s.bound[el] = l
		l.gnet.Store(&el)
	}
	return l, true
}

func (s *Server) dismiss(origin string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.perOrigin[origin]--; s.perOrigin[origin] == 0 {
		delete(s.perOrigin, origin)
	}
}

func remoteOf(c gnet.Conn) netip.AddrPort {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		ap := a.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

// logLimited writes one line per cause and second, and says how many it kept back.
func (s *Server) logLimited(cause, message string, args ...any) {
	if held, ok := s.limits.Allow(cause, time.Now()); ok {
		s.log.Warn(message, append(args, "more", held)...)
	}
}
