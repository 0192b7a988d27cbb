package client

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Auth is a credential that every connection presents before its first request, as ZooKeeper's addAuth does.
type Auth struct {
	Scheme     string // digest for user:password
	Credential []byte
}

// Options say how the sessions of a Loop connect. The zero value is refused for its lack of servers; every other field has
// a default.
type Options struct {
	Servers        []netip.AddrPort // tried in turn; session number i begins at number i
	SessionTimeout time.Duration    // asked for; the server decides. 0 means 10 s
	AttemptTimeout time.Duration    // for one attempt to connect, handshake and credentials included. 0 means 5 s
	Depth          int              // most requests in flight per session. 0 means 1
	MaxFrame       int              // longest reply accepted, in bytes. 0 means 64 MiB
	Auth           []Auth
}

// MaxDepth is the largest depth a session may have.
const MaxDepth = 1 << 16

const (
	defaultSessionTimeout = 10 * time.Second
	defaultAttemptTimeout = 5 * time.Second
	defaultMaxFrame       = 64 << 20
)

func (o Options) withDefaults() (Options, error) {
	if len(o.Servers) == 0 {
		return o, errors.New("client: no servers given")
	}
	if o.Depth == 0 {
		o.Depth = 1
	}
	if o.Depth < 0 || o.Depth > MaxDepth {
		return o, fmt.Errorf("client: depth %d: want 1 to %d", o.Depth, MaxDepth)
	}
	if o.SessionTimeout <= 0 {
		o.SessionTimeout = defaultSessionTimeout
	}
	if o.AttemptTimeout <= 0 {
		o.AttemptTimeout = defaultAttemptTimeout
	}
	if o.MaxFrame <= 0 {
		o.MaxFrame = defaultMaxFrame
	}
	return o, nil
}

// The reasons for which a session goes down, as Handler.Down gets them (possibly wrapped). Any other error is the
// network's: the session then reconnects by itself.
var (
	// ErrClosed: Close was called, and that is done. The session does not come back.
	ErrClosed = errors.New("client: session closed")
	// ErrExpired: the server no longer knows the session. A new one takes its place.
	ErrExpired = errors.New("client: session expired")
	// ErrAuthFailed: the server refused a credential. The session does not come back.
	ErrAuthFailed = errors.New("client: the server refused the credential")
	// ErrOrder: a reply came out of the order of the requests. The session reconnects: nothing on that connection can be
	// trusted.
	ErrOrder = errors.New("client: reply out of order")
	// ErrSilent: the server said nothing for two thirds of the session timeout, pings notwithstanding. The session
	// reconnects.
	ErrSilent = errors.New("client: the server fell silent")
)
