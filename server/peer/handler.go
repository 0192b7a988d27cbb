package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"bellwether/engine/zab"
)

// Handler hears what links bring: whoever drives package zab. Its methods are called by the goroutines of the links. What
// happens on one link comes in its order, one call after the other; calls about different links, and about elections, may
// come at the same time. A call that waits holds up its link, and so pushes back on the peer. No method may call Close.
type Handler interface {
	// Receive brings messages: those of a learner link in Step's order, or a notification. The slice is reused when it
	// returns; what the messages refer to may be kept for ever. Behind a Snap nothing comes on that link until its
	// snapshot was taken with Links.Body.
	Receive(batch []Incoming)
	// Reachable says whether there is an election link to peer, or that it could not be dialed.
	Reachable(peer zab.ServerID, up bool)
	// LinkUp and DialFailed are the outcome of Links.Dial: exactly one of them comes.
	LinkUp(link zab.LinkID, peer zab.ServerID)
	DialFailed(peer zab.ServerID)
	// LinkDown says that a link has ended, after its last message. It comes once for every link that LinkUp or a message
	// has made known.
	LinkDown(link zab.LinkID)
	// BodySent says that the whole body which Links.SendBody was given is on its way. It may come after LinkDown.
	BodySent(link zab.LinkID)
}

// Options say who this server is and how it reaches the others. They do not change.
type Options struct {
	ID       zab.ServerID
	Ensemble Ensemble // all members, this server among them; its text goes into notifications and NEWLEADER
	Handler  Handler
	Log      *slog.Logger // nil: slog.Default

	// Dial opens a connection; nil is a net.Dialer, which looks up names anew each time.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	DialTimeout  time.Duration // for one connection, name and all; default 5 s
	HelloTimeout time.Duration // for a connection that was accepted to say who it is; default 5 s
	StallTimeout time.Duration // a peer that takes none of what is written to it, or sends none of a snapshot, for so long is gone; default 10 s
	BackOffMin   time.Duration // between two attempts to reach a server for an election; default 50 ms, doubled up to BackOffMax
	BackOffMax   time.Duration // default 2 s
	MaxData      int           // bytes of data in a packet; default DefaultMaxData
	MaxQueue     int           // bytes that wait to be written to one learner or leader; default 256 MiB
	MaxStrangers int           // connections that were accepted and have not said who they are; default 64
}

// Validate says what is wrong with o, or nil.
func (o *Options) Validate() error {
	if o.Handler == nil {
		return errors.New("peer: nobody hears what the links bring")
	}
	if m, ok := o.Ensemble.Member(o.ID); !ok || len(m.Addresses) == 0 {
		return fmt.Errorf("peer: the configuration has no address of this server, %d", o.ID)
	}
	return nil
}

// withDefaults returns o with every zero limit set.
func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	orDefault(&o.DialTimeout, 5*time.Second)
	orDefault(&o.HelloTimeout, 5*time.Second)
	orDefault(&o.StallTimeout, 10*time.Second)
	orDefault(&o.BackOffMin, 50*time.Millisecond)
	orDefault(&o.BackOffMax, 2*time.Second)
	orDefault(&o.MaxData, DefaultMaxData)
	orDefault(&o.MaxQueue, 256<<20)
	orDefault(&o.MaxStrangers, 64)
	return o
}

func orDefault[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// errClosed is what ends the links of a server that stops.
var errClosed = errors.New("peer: this server stops")

// errNoAddress says that a server is in no configuration.
var errNoAddress = errors.New("peer: no address is known")
