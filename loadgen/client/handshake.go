package client

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"bellwether/engine/wire"
)

const (
	firstRetry   = int64(20 * time.Millisecond) // after every server was tried once; doubles with every round
	lastRetry    = int64(1 * time.Second)
	closePatient = int64(3 * time.Second) // for the reply to closeSession
)

// dial begins a connection to the session's next server.
func (c *Conn) dial() {
	l := c.loop
	l.dialing++
	c.state = dialing
	c.deadline = l.now + int64(l.opts.AttemptTimeout)
	l.servers[c.server].attempts++
	fd, err := connect(l.opts.Servers[c.server])
	if err != nil {
		c.drop(err)
		return
	}
	c.fd = fd
	c.generation++
	// Until it is made, a connection can be written to in neither sense: EPOLLOUT also reports that it failed.
	if err := l.poll.set(unix.EPOLL_CTL_ADD, fd, c.slot, c.generation, unix.EPOLLOUT); err != nil {
		c.drop(err)
	}
}

// connect opens a non-blocking socket and starts its connection.
func connect(to netip.AddrPort) (fd int, err error) {
	family := unix.AF_INET6
	var addr unix.Sockaddr = &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}
	if to.Addr().Is4() {
		family, addr = unix.AF_INET, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // without it the session is slower, not wrong
	if err := unix.Connect(fd, addr); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		unix.Close(fd)
		return -1, fmt.Errorf("connect: %w", err)
	}
	return fd, nil
}

// dialed sends the connect request, if there is a connection.
func (c *Conn) dialed() {
	if code, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
		if err == nil {
			err = unix.Errno(code)
		}
		c.drop(fmt.Errorf("connect: %w", err))
		return
	}
	c.state = shaking
	c.lastRecv = c.loop.now
	// With the readOnly byte, as Apache ZooKeeper's own client sends it; a server that only reads is not wanted.
	request := wire.ConnectRequest{
		LastZxidSeen: c.lastZxid, Timeout: int32(c.loop.opts.SessionTimeout / time.Millisecond),
		SessionID: c.id, Passwd: c.passwd, HasReadOnly: true,
	}
	start := len(c.out)
	c.out = request.Append(wire.BeginFrame(c.out))
	wire.EndFrame(c.out, start)
	c.touch()
	c.listen()
}

// shaken takes the answer to the connect request and sends the credentials.
func (c *Conn) shaken(frame []byte) {
	var response wire.ConnectResponse
	r := wire.NewReader(frame)
	if err := response.Decode(&r); err != nil {
		c.drop(fmt.Errorf("connect response: %w", err))
		return
	}
	if response.Timeout <= 0 {
		c.expired()
		return
	}
	resumed := c.id != 0 && c.id == response.SessionID
	c.id = response.SessionID
	c.passwd = append(c.passwd[:0], response.Passwd...)
	// Negotiated anew each time, and servers may differ.
	c.timeout = int64(response.Timeout) * int64(time.Millisecond)
	c.loop.servers[c.server].connects++
	if resumed {
		c.loop.stats.Resumes++
	} else {
		c.loop.stats.Connects++
	}
	c.resumed = resumed
	c.proofs = len(c.loop.opts.Auth)
	for _, a := range c.loop.opts.Auth {
		c.prove(a)
	}
	if c.state = proving; c.proofs == 0 {
		c.settle()
	}
}

// expired begins a session from nothing. A new session must not claim to have seen a zxid: a server that was restored from
// an older state would never let it in.
func (c *Conn) expired() {
	c.loop.stats.Expired++
	c.id, c.lastZxid = 0, 0
	clear(c.passwd)
	c.drop(ErrExpired)
}

// prove sends one credential. The reply, like that to a ping, has an xid of its own kind and may overtake others.
func (c *Conn) prove(a Auth) {
	start := len(c.out)
	request := wire.AuthRequest{Scheme: a.Scheme, Auth: a.Credential}
	c.out = request.Append(wire.AppendRequestHeader(wire.BeginFrame(c.out), wire.XidAuth, wire.OpAuth))
	wire.EndFrame(c.out, start)
	c.touch()
}

// proved takes the answer to one credential.
func (c *Conn) proved(code wire.Code) {
	if code != wire.OK {
		c.drop(fmt.Errorf("%w: %v", ErrAuthFailed, code))
		return
	}
	if c.proofs--; c.proofs == 0 && c.state == proving {
		c.settle()
	}
}

// settle opens the session for requests.
func (c *Conn) settle() {
	c.state = ready
	c.failures = 0
	c.loop.dialing--
	c.loop.ready++
	c.loop.nextSweep = 0 // others may be waiting to dial
	c.loop.handler.Ready(c, c.resumed)
}

// drop ends the connection: it answers what is in flight, tells the handler, and plans the next attempt unless the reason
// is final.
func (c *Conn) drop(reason error) {
	l := c.loop
	was := c.state
	if was == closing && !errors.Is(reason, ErrClosed) {
		reason = fmt.Errorf("%w: %w", ErrClosed, reason) // a server may also just hang up
	}
	if c.fd >= 0 {
		unix.Close(c.fd) // which also takes it out of the epoll set
		c.fd = -1
	}
	c.generation++
	c.in, c.out, c.congested = c.in[:0], c.out[:0], false
	switch was {
	case ready:
		l.ready--
		l.stats.Lost++
	case dialing, shaking, proving:
		l.dialing--
	}
	if !errors.Is(reason, ErrClosed) {
		l.servers[c.server].last = reason
	}
	c.retry(reason) // first, so that no handler finds room in a session that is down
	for c.ring.len() > 0 {
		l.handler.Reply(c, c.ring.pop(), Reply{Zxid: -1, Code: wire.ConnectionLoss})
	}
	l.handler.Down(c, reason)
}

// retry plans the next attempt: at the next server, at once until every server was tried, then with a growing pause.
func (c *Conn) retry(reason error) {
	l := c.loop
	if errors.Is(reason, ErrClosed) || errors.Is(reason, ErrAuthFailed) {
		c.state = closed
		l.open--
		return
	}
	c.state = waiting
	c.deadline = l.now
	if c.failures++; c.failures%len(l.servers) == 0 {
		round := min(c.failures/len(l.servers)-1, 10)
		c.deadline += min(firstRetry<<round, lastRetry)
	}
	c.server = (c.server + 1) % len(l.servers)
	l.nextSweep = 0
}

// sweep does what is due for the session by time.
func (c *Conn) sweep() {
	now := c.loop.now
	switch c.state {
	case waiting:
		if now >= c.deadline && c.loop.dialing < maxDialing {
			c.dial()
		}
	case dialing, shaking, proving:
		if now >= c.deadline {
			c.drop(errors.New("no answer in time"))
		}
	case closing:
		if now >= c.deadline {
			c.drop(fmt.Errorf("%w without the server's answer", ErrClosed))
		}
	case ready:
		c.keepAlive(now)
	}
}

// keepAlive pings when the session was idle for a third of its timeout, and gives up when the server was for two.
func (c *Conn) keepAlive(now int64) {
	if now-c.lastRecv >= c.timeout*2/3 {
		c.drop(ErrSilent)
		return
	}
	if !c.congested && now-c.lastSend >= c.timeout/3 {
		c.loop.stats.Pings++
		c.out = wire.AppendPing(c.out)
		c.touch()
	}
}

// Close ends the session: the server forgets it and deletes its ephemerals. What is in flight is answered first. Down
// with ErrClosed tells that it is done; without a connection that is at once, and the server forgets the session when its
// timeout is over.
func (c *Conn) Close() {
	switch c.state {
	case ready:
		c.loop.ready--
		c.append(c.Begin(wire.OpCloseSession))
		c.state = closing
		c.deadline = c.loop.now + closePatient
	case closing, closed:
	default:
		c.drop(ErrClosed)
	}
}
