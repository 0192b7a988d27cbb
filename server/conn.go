package server

import (
	"time"

	"github.com/panjf2000/gnet/v2"

	"bellwether/engine"
)

// conn is one accepted connection: gnet's half and the engine's. It belongs to its event loop.
type conn struct {
	gnet.Conn
	loop    *loop
	session *engine.Conn // nil once it turned out to be a four-letter word's
	origin  string       // the client's address, for the limit per address
	opened  time.Time
	asking  bool // closed by us with an answer; what arrives is ignored
	paused  bool
	gone    bool // gnet has closed it: nothing may be asked of it any more
}

// conn implements engine.Sink.

// Unread returns what has arrived and was not discarded.
func (c *conn) Unread() []byte {
	if c.gone {
		return nil
	}
	b, err := c.Peek(-1)
	if err != nil {
		return nil
	}
	return b
}

// Discard drops the first n unread bytes. gnet takes 0 for all there is.
func (c *conn) Discard(n int) {
	if n > 0 && !c.gone {
		_, _ = c.Conn.Discard(n)
	}
}

// Write sends p; what the socket does not take, gnet keeps. If the socket is lost gnet closes the connection, and calls
// OnClose, before Write returns.
func (c *conn) Write(p []byte) {
	if !c.gone {
		_, _ = c.Conn.Write(p)
	}
}

// Unsent returns how many bytes gnet keeps.
func (c *conn) Unsent() int {
	if c.gone {
		return 0
	}
	return c.OutboundBuffered()
}

// Close has gnet close the connection after the current event.
func (c *conn) Close() {
	if !c.gone {
		_ = c.Conn.Close()
	}
}

// Pause stops reading from the socket; see loop.watchFor.
func (c *conn) Pause() {
	c.paused = true
	c.loop.watchFor(c, false)
}

// Resume reads on.
func (c *conn) Resume() {
	c.paused = false
	c.loop.watchFor(c, true)
}
