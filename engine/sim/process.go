package sim

import (
	"fmt"
	"io"

	"bellwether/engine/replica"
	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/zab"
	"bellwether/wal"
)

// process is a running server without its goroutines: the loops of package engine, cut into steps that the scheduler puts
// in any order that the loops could take. What the loops hand to each other lies in the queues between them.
//
//	conns ──► inbox ──► think ──► commit: take, append, sync, tell ──► inbox
//	  ▲                   └─────► apply: take, one transaction, …, publish ──► inbox
//	  └──── outbox ◄────────────────────────────────┘        └──► snapshot: begin, walk, …, commit, retire
type process struct {
	w      *World
	server *server

	lock     io.Closer
	log      *wal.Log
	core     *zab.Core
	tree     *tree.Tree
	sessions *session.Table
	tracker  *session.Tracker
	replica  *replica.Replica
	applier  *replica.Applier
	ids      *session.IDs

	inbox   inbox
	commit  commitStage
	apply   applyStage
	snap    snapshotStage
	outbox  []delivery
	conns   []*conn // by number; nil: the number is free, or number 0
	free    []uint32
	lives   map[int64]*live
	bootMs  int64 // of the world's clock
	serving bool
	applied int64 // up to where the tree is, as the apply loop has published
	failure error // nothing is acknowledged any more

	snapshotZxid int64  // the one it was started from
	model        *Model // what tree and sessions must be
	next         int    // the place in the judge's order of what is applied next
	expiry       expiry
}

// live is what all connections share about a session.
type live struct {
	heardMs int64 // by the process's clock
	conn    *conn // that serves it, nil: none
}

// inbox is what has come in for the core loop.
type inbox struct {
	requests  []replica.Request
	persisted zab.Zxid
	epochs    *zab.Epochs
	ticks     int
	closed    []int64
}

func (b *inbox) empty() bool {
	return len(b.requests) == 0 && b.persisted == 0 && b.epochs == nil && b.ticks == 0 && len(b.closed) == 0
}

// String names what there is.
func (b *inbox) String() string {
	var text []byte
	if n := len(b.requests); n > 0 {
		text = fmt.Appendf(text, " %d requests", n)
	}
	if b.persisted != 0 {
		text = fmt.Appendf(text, " persisted %v", b.persisted)
	}
	if b.epochs != nil {
		text = fmt.Appendf(text, " epochs %v persisted", *b.epochs)
	}
	if b.ticks > 0 {
		text = fmt.Appendf(text, " %d ticks", b.ticks)
	}
	if len(b.closed) > 0 {
		text = fmt.Appendf(text, " closed %#x", b.closed)
	}
	return string(text)
}

// monoMs is the clock of the process that never jumps; it starts at an hour, so that 0 is never.
func (p *process) monoMs() int64 { return 3_600_000 + p.w.nowMs - p.bootMs }

func (p *process) moment() replica.Moment {
	return replica.Moment{WallMs: p.w.wallMs(), MonoMs: p.monoMs()}
}

// heard says when a session was last heard of by a connection.
func (p *process) heard(id int64) int64 {
	if l := p.lives[id]; l != nil && !p.w.bugs.deaf {
		return l.heardMs
	}
	return 0
}

// fail notes the first error after which nothing is known any more.
func (p *process) fail(err error) {
	if p.failure == nil {
		p.failure = err
	}
}

// idle reports whether nothing is under way, and the server serves.
func (p *process) idle() bool {
	return p.serving && p.inbox.empty() && !p.commit.possible(1<<62) && !p.apply.possible() && !p.snap.possible() &&
		len(p.outbox) == 0 && len(p.apply.awaited) == 0 && p.applied == int64(p.core.LastZxid())
}

// reap asks for the removal of empty containers and TTL znodes, as a server does now and then.
func (p *process) reap() {
	paths := p.tree.TTLs(p.tree.Containers(nil))
	for _, path := range paths {
		p.inbox.requests = append(p.inbox.requests, p.removal(path))
	}
	p.w.note("s%d: reaps %q", p.server.id, paths)
}

// close ends the process in an orderly way.
func (p *process) close() error {
	if p.snap.walk != nil {
		p.snap.abort()
	}
	err := p.log.Close()
	if err == nil {
		err = p.lock.Close()
	}
	return err
}

// hangUp ends all links: of what was sent any part arrives.
func (p *process) hangUp() {
	for _, c := range p.conns {
		if c != nil && c.link != nil {
			l := c.link
			c.link = nil
			l.closeByServer(p.w.rng.IntN(len(l.down) + 1))
		}
	}
}

// compareAll compares all of the server's state with the model.
func (p *process) compareAll() error { return p.model.Compare(p.tree, p.sessions) }
