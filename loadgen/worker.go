package loadgen

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"bellwether/loadgen/client"
)

// worker is one event loop with its share of the sessions: session number i belongs to worker i mod W. Everything in it
// belongs to its goroutine, which has a thread of its own, so that the thread's CPU and run-queue times are the worker's.
type worker struct {
	run    *run
	config *Config
	number int
	loop   *client.Loop

	sessions []session
	loading  bool // the load is on: else replies belong to a chore
	chore    chore

	paths   *paths
	chooser chooser
	keys    *keyChooser
	values  []byte // random; every value is a piece of it

	recorder    *recorder
	outstanding int   // requests of the load in flight
	readAt      int64 // when the reply handled last was read
	thread      usage // of the worker's thread, over the measured window

	// Closed loop.
	active int // sessions with measured requests still to be sent

	// Open loop.
	schedule  schedule
	random    random // in a closed loop every session has its own
	left      int64  // measured requests still to be sent
	next      int    // the session that is looked at first
	pressed   bool   // the last look found every session at its depth
	roomSince int64  // when that ended
	issued    int64  // measured requests that were sent, and
	inTime    int64  // how many of them before the end of the window
	unsent    int64  // measured requests that were due and never sent

	unanswered int64 // measured requests that were given up
	finalStats client.Stats
	tried      string // what the loop tried, for texts

	lastReady  int64 // when a session was last ready
	gone       bool  // the loop is closed, or about to be: it must not be woken
	closing    bool  // sessions are being closed: that none is ready means nothing
	orderError error // the first violation of the order of replies
	cleanError error // why something was left behind
}

// session is one session of a worker.
type session struct {
	conn    *client.Conn
	random  random
	left    int64  // closed loop: measured requests still to be sent
	created uint32 // znodes created by this session so far, and
	deleted uint32 // how many of them it has deleted, the oldest first
}

const endless = int64(math.MaxInt64)

func newWorker(r *run, number int) (*worker, error) {
	c := &r.config
	w := &worker{
		run: r, config: c, number: number, paths: newPaths(c, r.name), chooser: newChooser(c.Mix), keys: r.keys, values: r.values,
		random: newRandom(c.Seed, workerStream, number),
	}
	loop, err := client.NewLoop(client.Options{
		Servers: r.addrs, SessionTimeout: c.SessionTimeout, Auth: c.Auth, Depth: max(c.Depth, choreDepth(c)),
		AttemptTimeout: min(c.Patience, 5*time.Second),
	}, w)
	if err != nil {
		return nil, err
	}
	w.loop = loop
	for i := number; i < c.Sessions; i += c.Workers {
		w.sessions = append(w.sessions, session{
			conn: loop.Open(i), random: newRandom(c.Seed, sessionStream, i), left: share(c.Count, c.Sessions, i),
		})
	}
	w.left = share(c.Count, c.Workers, number)
	return w, nil
}

// share splits a count evenly: the first ones get what is left over. A count of 0 means no end.
func share(count int64, parts, number int) int64 {
	if count == 0 {
		return endless
	}
	n := count / int64(parts)
	if int64(number) < count%int64(parts) {
		n++
	}
	return n
}

// main goes through the steps of the run, in step with the other workers.
func (w *worker) main() {
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	// Timers of ordinary threads may be late by 50 µs to save power. If it cannot be changed, the lag shows it.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	for i, s := range steps {
		var err error
		if !w.run.aborted.Load() {
			err = s.do(w)
		}
		if err != nil {
			w.run.abort(err)
		}
		w.run.reached <- struct{}{}
		for w.run.step.Load() <= int32(i) {
			if err := w.turn(client.Now() + int64(100*time.Millisecond)); err != nil && !w.run.aborted.Load() {
				w.run.abort(err)
			}
		}
	}
	w.finishLoop()
	w.run.done.Done()
}

// turn turns the loop and notices when no server was reachable for too long.
func (w *worker) turn(until int64) error {
	if err := w.loop.Turn(until); err != nil {
		return err
	}
	now := w.loop.Now()
	if w.loop.ReadyCount() > 0 || w.lastReady == 0 || w.closing {
		w.lastReady = now
	}
	if gone := time.Duration(now - w.lastReady); gone > w.config.Patience {
		return fmt.Errorf("%w for %v; tried %s", ErrUnreachable, gone.Round(100*time.Millisecond), w.loop.Tried())
	}
	return nil
}

// connect waits until every session is ready.
func (w *worker) connect() error {
	most, since := 0, client.Now()
	for most < len(w.sessions) && !w.run.interrupted() {
		if err := w.turn(client.Now() + int64(50*time.Millisecond)); err != nil {
			return err
		}
		now := w.loop.Now()
		if n := w.loop.ReadyCount(); n > most {
			most, since = n, now
		}
		if w.loop.OpenCount() < len(w.sessions) {
			return fmt.Errorf("a session was refused; tried %s", w.loop.Tried())
		}
		if now-since > int64(w.config.Patience) {
			return fmt.Errorf("only %d of %d sessions could be opened: servers limit the connections from one address "+
				"(maxClientCnxns, by default 60): raise that or ask for fewer sessions; tried %s", most, len(w.sessions), w.loop.Tried())
		}
	}
	return nil
}

// session finds the session of a connection.
func (w *worker) session(c *client.Conn) *session { return &w.sessions[c.Number/w.config.Workers] }

// Ready, Reply, Event and Down make a worker the handler of its loop.

// Ready gives a session of a closed loop its requests.
func (w *worker) Ready(c *client.Conn, _ bool) {
	if !w.loading {
		return
	}
	w.madeRoom()
	if w.config.Rate == 0 {
		w.refill(w.session(c), w.loop.Now())
	}
}

// Reply gives the reply to whoever asked.
func (w *worker) Reply(c *client.Conn, p client.Pending, r client.Reply) {
	switch {
	case p.Kind >= choreKind:
		w.choreReply(c, p, r)
	case w.loading:
		w.loadReply(c, &p, r)
	}
}

// Event does nothing: no operation of a mix sets watches, and the loop counts events.
func (w *worker) Event(*client.Conn, client.Event) {}

// Down keeps the first violation of the order of replies: a server that commits one fails the run.
func (w *worker) Down(_ *client.Conn, err error) {
	if errors.Is(err, client.ErrOrder) && w.orderError == nil {
		w.orderError = err
	}
}
