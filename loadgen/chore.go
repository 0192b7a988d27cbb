package loadgen

import (
	"fmt"
	"math"
	"time"

	"bellwether/engine/wire"
	"bellwether/loadgen/client"
)

// chore makes or removes many znodes, pipelined over all sessions of a worker. What a lost connection leaves in doubt is
// done again, so a znode that is already there, or already gone, is as good.
type chore struct {
	what   string // for error texts: what it is good for
	count  uint32
	path   func(i uint32) string // of the i-th znode; good until the next call
	value  bool                  // the znodes have a value: those already there get a new one
	remove bool
	made   []bool // if not nil: which of them were not there before

	next  uint32
	again []uint32 // to be done once more
	done  uint32
	err   error
}

const (
	choreKind    = uint8(200) // Pending.Kind, above every Op: create or delete the znode
	choreSetKind = choreKind + 1
)

// choreDepth is how many requests of a chore a session has in flight.
func choreDepth(c *Config) int { return min(max(4096/c.Sessions, 1), 128) }

// do works until the chore is done, or in vain. It returns nil also when the run ends before it: who ended it knows why.
func (w *worker) do(c chore) error {
	w.chore = c
	limit := endless // an interrupted run cleans up, but not for ever
	for w.chore.done < c.count && w.chore.err == nil {
		if w.run.interrupted() {
			if !c.remove {
				return nil
			}
			limit = min(limit, client.Now()+int64(10*time.Second))
		}
		if w.run.aborted.Load() || client.Now() > limit {
			return nil
		}
		w.feed()
		if err := w.turn(client.Now() + int64(50*time.Millisecond)); err != nil {
			return err
		}
	}
	return w.chore.err
}

// feed gives every session what it has room for. It starts at the first one each time: a chore's sessions need no equal shares.
func (w *worker) feed() {
	c := &w.chore
	for i := range w.sessions {
		conn := w.sessions[i].conn
		for conn.Room() > 0 {
			n := len(c.again)
			switch {
			case n > 0:
				w.sendChore(conn, c.again[n-1], choreKind)
				c.again = c.again[:n-1]
			case c.next < c.count:
				w.sendChore(conn, c.next, choreKind)
				c.next++
			default:
				return
			}
		}
	}
}

// sendChore sends what makes the i-th znode as the chore wants it.
func (w *worker) sendChore(conn *client.Conn, i uint32, kind uint8) {
	c := &w.chore
	var out []byte
	var value []byte
	if c.value {
		value = w.values[:w.config.ValueSize]
	}
	switch {
	case kind == choreSetKind:
		request := wire.SetDataRequest{Path: c.path(i), Data: value, Version: -1}
		out = request.Append(conn.Begin(wire.OpSetData))
	case c.remove:
		request := wire.DeleteRequest{Path: c.path(i), Version: -1}
		out = request.Append(conn.Begin(wire.OpDelete))
	default:
		request := wire.CreateRequest{Path: c.path(i), Data: value, ACL: wire.OpenACL}
		out = request.Append(conn.Begin(wire.OpCreate))
	}
	p := conn.Commit(out)
	p.Kind, p.Aux = kind, i
}

// choreReply takes the answer for one znode.
func (w *worker) choreReply(conn *client.Conn, p client.Pending, r client.Reply) {
	c := &w.chore
	switch {
	case r.Code == wire.OK:
		if c.made != nil {
			c.made[p.Aux] = true
		}
	case r.Code == wire.ConnectionLoss:
		c.again = append(c.again, p.Aux)
		return
	case r.Code == wire.NodeExists && c.value && conn.Room() > 0: // it has: this reply made some
		w.sendChore(conn, p.Aux, choreSetKind)
		return
	case r.Code == wire.NodeExists:
	case c.remove && (r.Code == wire.NoNode || r.Code == wire.NotEmpty): // what others put there stays
	case c.err == nil:
		c.err = fmt.Errorf("%s: %s: %v%s", c.what, c.path(p.Aux), r.Code, remedy(r.Code))
	}
	c.done++
	w.run.progress.znodes.Add(1)
}

// remedy says what the user can do about a refusal, for the codes that have such a thing.
func remedy(code wire.Code) string {
	switch code {
	case wire.NoAuth:
		return " (give a credential that may write there, or another key prefix)"
	case wire.QuotaExceeded:
		return " (choose fewer keys, smaller values or another key prefix)"
	case wire.NotReadOnly:
		return " (the server has lost its quorum)"
	}
	return ""
}

// The steps before and after the load. Directories come before their keys, and go after them.

// makeRoot makes what leads to the run's znodes. One worker does it.
func (w *worker) makeRoot() error {
	if w.number != 0 {
		return nil
	}
	r := w.run
	return w.do(chore{
		what: "make the root", count: uint32(len(r.roots)), path: func(i uint32) string { return r.roots[i] }, made: r.madeRoots,
	})
}

// makeDirs makes the directories of the keys and, if there will be creates, those of the sessions.
func (w *worker) makeDirs() error {
	if w.usesRunDir() {
		if err := w.do(w.sessionDirs("make the sessions' directories", false)); err != nil {
			return err
		}
	}
	return w.do(w.dirs("make the keys' directories", false))
}

// makeKeys makes the keys, and gives those that an earlier run left a value of this run's size.
func (w *worker) makeKeys() error { return w.do(w.allKeys("make the keys", false)) }

// cleanKeys removes the keys, unless they are kept, and what the sessions created.
func (w *worker) cleanKeys() error {
	for i := range w.sessions {
		s := &w.sessions[i]
		number, first := uint32(s.conn.Number), s.deleted
		w.clean(chore{
			what: "remove what was created", count: s.created - first, remove: true,
			path: func(i uint32) string { return w.paths.created(number, first+i) },
		})
	}
	if !w.config.Keep {
		w.clean(w.allKeys("remove the keys", true))
	}
	return nil
}

// cleanDirs removes the directories that are empty now.
func (w *worker) cleanDirs() error {
	if w.usesRunDir() {
		w.clean(w.sessionDirs("remove the sessions' directories", true))
	}
	if !w.config.Keep {
		w.clean(w.dirs("remove the keys' directories", true))
	}
	return nil
}

// cleanRoot removes what makeRoot made, the deepest first.
func (w *worker) cleanRoot() error {
	if w.number != 0 {
		return nil
	}
	r := w.run
	for i := len(r.roots) - 1; i >= 0; i-- {
		isRunDir := r.roots[i] == w.paths.runDir()
		if r.madeRoots[i] && (!w.config.Keep || isRunDir) {
			w.clean(chore{what: "remove the root", count: 1, remove: true, path: func(uint32) string { return r.roots[i] }})
		}
	}
	return nil
}

// clean does a chore that may fail: the run's result stands without it.
func (w *worker) clean(c chore) {
	if err := w.do(c); err != nil && w.cleanError == nil {
		w.cleanError = err
	}
}

// usesRunDir reports whether sessions create znodes. Their directory is named after the run, so that what a killed run
// left behind is in nobody's way.
func (w *worker) usesRunDir() bool { return w.config.Mix[Create] > 0 }

// mine is how many of n things this worker does: number i of them is thing i*Workers + its own number.
func (w *worker) mine(n int) uint32 {
	if n > math.MaxUint32 {
		panic("loadgen: more keys than a key number can hold")
	}
	return uint32((n - w.number + w.config.Workers - 1) / w.config.Workers)
}

// thing undoes mine.
func (w *worker) thing(i uint32) uint32 { return i*uint32(w.config.Workers) + uint32(w.number) }

func (w *worker) allKeys(what string, remove bool) chore {
	c := chore{what: what, value: !remove, remove: remove, path: func(i uint32) string { return w.paths.key(w.thing(i)) }}
	if w.config.Mix.usesKeys() {
		c.count = w.mine(w.config.Keys)
	}
	return c
}

func (w *worker) dirs(what string, remove bool) chore {
	c := chore{what: what, remove: remove, path: func(i uint32) string { return w.paths.dir(w.thing(i)) }}
	if w.config.Mix.usesKeys() {
		c.count = w.mine((w.config.Keys + w.config.DirSize - 1) / w.config.DirSize)
	}
	return c
}

func (w *worker) sessionDirs(what string, remove bool) chore {
	return chore{
		what: what, count: uint32(len(w.sessions)), remove: remove,
		path: func(i uint32) string { return w.paths.sessionDir(w.thing(i)) },
	}
}
