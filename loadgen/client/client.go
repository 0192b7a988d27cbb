package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"bellwether/engine/wire"
)

// Client is one session for tools and tests: each method sends one request and waits for its reply. It has a goroutine, which
// turns a Loop, and reconnects by itself. All methods are safe from any goroutine; requests are sent in the order in which
// the calls began. Paths are relative to the chroot, in both directions.
type Client struct {
	chroot  string
	onEvent func(Event)
	loop    *Loop // turned by run; others only wake it
	conn    *Conn // of the goroutine of run

	mu       sync.Mutex
	waiting  []*call // not yet sent; nil with ended
	quit     bool    // Close was called
	ended    error   // why the session is over, nil while it is not
	stopped  chan struct{}
	upOnce   sync.Once
	up       chan struct{} // closed when the session was ready for the first time, or is over
	id       int64         // of the first session; set before up is closed
	inFlight []*call       // of the goroutine of run
}

// call is a request on its way.
type call struct {
	op       wire.OpCode
	request  wire.Record // nil for none
	response wire.Record // nil for none
	code     wire.Code
	err      error
	done     chan struct{}
}

// ClientOptions are for Dial. The zero value works.
type ClientOptions struct {
	SessionTimeout time.Duration // asked for; 0 means 10 s
	Auth           []Auth
	// OnEvent gets every watch event, on the Client's own goroutine: it must not call the Client. The path may be kept.
	OnEvent func(Event)
}

// clientDepth is how many requests a Client has in flight; more wait.
const clientDepth = 256

// Error is a server's refusal, or wire.ConnectionLoss.
type Error struct {
	Op   wire.OpCode
	Path string // as the caller gave it; "" for requests without one
	Code wire.Code
}

func (e *Error) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%v: %v", e.Op, e.Code)
	}
	return fmt.Sprintf("%v %s: %v", e.Op, e.Path, e.Code)
}

// CodeOf is the code in err: OK for nil, and also for an error that is no server's answer.
func CodeOf(err error) wire.Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return wire.OK
}

// Dial opens a session on the servers of a connect string (see ParseServers) and waits until it may be used. When ctx ends
// first, the error tells which servers were tried and how they failed.
func Dial(ctx context.Context, connect string, o ClientOptions) (*Client, error) {
	servers, chroot, err := ParseServers(connect)
	if err != nil {
		return nil, err
	}
	addrs, err := Resolve(ctx, servers)
	if err != nil {
		return nil, err
	}
	c := &Client{chroot: chroot, onEvent: o.OnEvent, stopped: make(chan struct{}), up: make(chan struct{})}
	c.loop, err = NewLoop(Options{
		Servers: addrs, SessionTimeout: o.SessionTimeout, Auth: o.Auth, Depth: clientDepth,
	}, (*clientHandler)(c))
	if err != nil {
		return nil, err
	}
	c.conn = c.loop.Open(0)
	go c.run()
	select {
	case <-c.up:
	case <-ctx.Done():
		c.shut()
		return nil, fmt.Errorf("no session: %w; tried %s", ctx.Err(), c.loop.Tried())
	}
	if c.over() != nil {
		c.shut()
		return nil, fmt.Errorf("no session: %w; tried %s", c.over(), c.loop.Tried())
	}
	return c, nil
}

// SessionID is the id of the session that Dial opened. Should it expire, another takes its place.
func (c *Client) SessionID() int64 { return c.id }

// Close ends the session on the server and waits for that, for a few seconds at most. Calls that still wait return
// ErrClosed.
func (c *Client) Close() { c.shut() }

func (c *Client) shut() {
	c.mu.Lock()
	c.quit = true
	if c.ended == nil {
		c.loop.Wake() // under the lock: the loop is closed only after ended is set
	}
	c.mu.Unlock()
	<-c.stopped
}

func (c *Client) over() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// Do sends one request and reads the answer into response; both may be nil where the operation has no body. Paths inside
// go to the server as they are: prefix them with Path. The strings and buffers of the response are the caller's.
func (c *Client) Do(ctx context.Context, op wire.OpCode, request, response wire.Record) error {
	k := &call{op: op, request: request, response: response, done: make(chan struct{})}
	c.mu.Lock()
	if c.ended != nil {
		c.mu.Unlock()
		return c.ended
	}
	c.waiting = append(c.waiting, k)
	c.loop.Wake() // under the lock, as in shut
	c.mu.Unlock()
	select {
	case <-k.done:
	case <-ctx.Done():
		return fmt.Errorf("%v: %w", op, ctx.Err()) // the request may still be executed
	}
	if k.err == nil && k.code != wire.OK {
		return &Error{Op: op, Code: k.code}
	}
	return k.err
}

// Path is the path as the server knows it.
func (c *Client) Path(path string) string {
	if path == "/" && c.chroot != "" {
		return c.chroot
	}
	return c.chroot + path
}

// local undoes Path.
func (c *Client) local(path string) string {
	if rest, ok := strings.CutPrefix(path, c.chroot); ok && rest != "" {
		return rest
	} else if ok {
		return "/"
	}
	return path
}

// run turns the loop until the session is over.
func (c *Client) run() {
	defer close(c.stopped)
	for c.over() == nil {
		c.submit()
		if err := c.loop.Turn(Now() + int64(time.Minute)); err != nil {
			c.end(err)
		}
	}
	c.loop.Close()
}

// submit hands waiting calls to the session, as far as it has room.
func (c *Client) submit() {
	c.mu.Lock()
	n := min(len(c.waiting), c.conn.Room())
	batch := c.waiting[:n:n]
	c.waiting = c.waiting[n:]
	quit := c.quit
	c.mu.Unlock()
	for _, k := range batch {
		out := c.conn.Begin(k.op)
		if k.request != nil {
			out = k.request.Append(out)
		}
		c.conn.Commit(out)
		c.inFlight = append(c.inFlight, k)
	}
	if quit {
		c.conn.Close()
	}
}

// end answers everything that still waits.
func (c *Client) end(reason error) {
	c.mu.Lock()
	c.ended = reason
	rest := append(c.inFlight, c.waiting...)
	c.inFlight, c.waiting = nil, nil
	c.mu.Unlock()
	for _, k := range rest {
		k.err = reason
		close(k.done)
	}
	c.upOnce.Do(func() { close(c.up) })
}

// clientHandler is Client as its loop sees it.
type clientHandler Client

func (h *clientHandler) Ready(conn *Conn, _ bool) {
	h.upOnce.Do(func() {
		h.id = conn.SessionID()
		close(h.up)
	})
}

func (h *clientHandler) Reply(_ *Conn, _ Pending, r Reply) {
	k := h.inFlight[0]
	h.inFlight = h.inFlight[1:]
	k.code = r.Code
	if r.Code == wire.OK && k.response != nil {
		body := wire.NewReader(append([]byte(nil), r.Body...)) // what is decoded aliases it, and outlives the read buffer
		if err := k.response.Decode(&body); err != nil {
			k.err = fmt.Errorf("%v: reply: %w", k.op, err)
		}
	}
	close(k.done)
}

func (h *clientHandler) Event(_ *Conn, e Event) {
	if h.onEvent != nil {
		e.Path = (*Client)(h).local(strings.Clone(e.Path))
		h.onEvent(e)
	}
}

func (h *clientHandler) Down(_ *Conn, err error) {
	if errors.Is(err, ErrClosed) || errors.Is(err, ErrAuthFailed) {
		(*Client)(h).end(err)
	}
}
