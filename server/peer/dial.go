package peer

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// dialStagger is how long an address has to answer before the next one is tried beside it.
const dialStagger = 250 * time.Millisecond

// dialAny connects to one of the addresses: the first, unless that fails or takes its time.
func (o *Options) dialAny(ctx context.Context, addresses []string) (net.Conn, error) {
	if len(addresses) == 0 {
		return nil, errNoAddress
	}
	ctx, cancel := context.WithTimeout(ctx, o.DialTimeout)
	defer cancel()
	type outcome struct {
		conn net.Conn
		err  error
	}
	outcomes := make(chan outcome)
	stagger := time.NewTimer(0)
	defer stagger.Stop()
	var first net.Conn
	var errs []error
	for started, ended := 0, 0; ended < started || started < len(addresses) && first == nil; {
		select {
		case <-stagger.C:
			if started == len(addresses) || first != nil {
				continue
			}
			address := addresses[started]
			started++
			stagger.Reset(dialStagger)
			go func() {
				conn, err := o.Dial(ctx, "tcp", address)
				outcomes <- outcome{conn, err}
			}()
		case got := <-outcomes:
			ended++
			switch {
			case got.err != nil:
				errs = append(errs, got.err)
				stagger.Reset(0)
			case first == nil:
				first = got.conn
				cancel() // the others
			default:
				_ = got.conn.Close()
			}
		}
	}
	if first != nil {
		return first, nil
	}
	return nil, errors.Join(errs...)
}

// backOff is how long to leave a server alone that did not answer. Not safe for concurrent use.
type backOff struct {
	min, max time.Duration
	next     time.Duration
}

// failed returns the time until the next attempt: between half and all of a step that doubles from time to time, so that
// servers which lost each other at the same moment do not try again at the same moment.
func (b *backOff) failed() time.Duration {
	step := max(b.next, b.min)
	b.next = min(2*step, b.max)
	return step/2 + rand.N(step/2+1)
}

func (b *backOff) succeeded() { b.next = 0 }

// door accepts connections and limits how many of them may stand in it unnamed. It is shared by the listeners of one
// kind.
type door struct {
	o       *Options
	serve   func(conn net.Conn, arrival uint64) // one goroutine each; later connections have greater numbers
	wg      *sync.WaitGroup
	mu      sync.Mutex
	inside  map[net.Conn]bool // strangers
	arrived uint64
	closing bool
	open    []net.Listener
}

// accept serves l until the door is closed. It goes on after errors: a listener that fails for a moment, for lack of file
// descriptors or the like, is one that works later.
func (d *door) accept(l net.Listener) {
	d.mu.Lock()
	if d.closing {
		d.mu.Unlock()
		_ = l.Close()
		return
	}
	d.open = append(d.open, l)
	d.mu.Unlock()
	wait := backOff{min: 5 * time.Millisecond, max: time.Second}
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			wait.succeeded()
			d.enter(conn)
		case d.closed() || errors.Is(err, net.ErrClosed):
			return
		default:
			d.o.Log.Warn("accepting a server's connection failed", "address", l.Addr(), "error", err)
			time.Sleep(wait.failed())
		}
	}
}

// enter has a stranger served, if there is room for one.
func (d *door) enter(conn net.Conn) {
	d.mu.Lock()
	full := len(d.inside) >= d.o.MaxStrangers
	if d.closing || full {
		d.mu.Unlock()
		_ = conn.Close()
		if full {
			d.o.Log.Warn("too many connections that do not say who they are", slog.Any("refused", conn.RemoteAddr()))
		}
		return
	}
	d.inside[conn] = true
	d.arrived++
	arrival := d.arrived
	d.wg.Add(1) // under the lock: close waits for all that it has seen
	d.mu.Unlock()
	go func() {
		defer d.wg.Done()
		defer d.named(conn)
		d.serve(conn, arrival)
	}()
}

// named says that conn is a stranger no more.
func (d *door) named(conn net.Conn) {
	d.mu.Lock()
	delete(d.inside, conn)
	d.mu.Unlock()
}

func (d *door) closed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closing
}

// close closes the listeners and sends the strangers away.
func (d *door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closing = true
	for _, l := range d.open {
		_ = l.Close()
	}
	for conn := range d.inside {
		_ = conn.Close()
	}
}
