package engine

import (
	"sync"
	"sync/atomic"
)

// live is what all loops share about one session: when it was last heard of, and which connection serves it.
type live struct {
	id       int64
	heardMs  atomic.Int64  // by the engine's clock; written by the event loop that serves it
	location atomic.Uint64 // of its connection, 0: it has none here
}

// location packs a loop and a connection's number in it; loops count from 1, so no location is 0.
func location(loop int32, conn uint32) uint64 { return uint64(loop)<<32 | uint64(conn) }

// lives finds the live entry of a session. The apply loop adds and removes, all loops look up.
type lives struct {
	mu   sync.RWMutex
	byID map[int64]*live
}

func newLives() *lives { return &lives{byID: make(map[int64]*live)} }

func (l *lives) add(id, nowMs int64) {
	s := &live{id: id}
	s.heardMs.Store(nowMs)
	l.mu.Lock()
	l.byID[id] = s
	l.mu.Unlock()
}

func (l *lives) remove(id int64) *live {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.byID[id]
	delete(l.byID, id)
	return s
}

func (l *lives) get(id int64) *live {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.byID[id]
}

// heard says when the session was last heard of, 0 if it is unknown.
func (l *lives) heard(id int64) int64 {
	if s := l.get(id); s != nil {
		return s.heardMs.Load()
	}
	return 0
}
