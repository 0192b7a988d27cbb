package engine

import (
	"bellwether/engine/watch"
	"bellwether/engine/wire"
)

// setWatches registers again the watches of a client that has reconnected, and tells it what it missed: catch-up events
// come before the reply, in the order of the lists (client-protocol §6.6).
func (c *Conn) setWatches(xid int32, r *wire.Reader) {
	q := &c.loop.in.set
	if q.Decode(r) != nil || q.HasNull() {
		c.reply(xid, wire.MarshallingError)
		return
	}
	c.catchUp(q)
	c.reply(xid, wire.OK)
}

func (c *Conn) setWatches2(xid int32, r *wire.Reader) {
	q := &c.loop.in.set2
	if q.Decode(r) != nil || q.HasNull() {
		c.reply(xid, wire.MarshallingError)
		return
	}
	c.catchUp(&q.SetWatches)
	c.catchUpList(watch.PersistentList, q.Persistent, q.RelativeZxid)
	c.catchUpList(watch.RecursiveList, q.PersistentRecursive, q.RelativeZxid)
	c.reply(xid, wire.OK)
}

func (c *Conn) catchUp(q *wire.SetWatches) {
	c.catchUpList(watch.DataList, q.Data, q.RelativeZxid)
	c.catchUpList(watch.ExistList, q.Exist, q.RelativeZxid)
	c.catchUpList(watch.ChildList, q.Child, q.RelativeZxid)
}

// catchUpList decides each path of one list in one step with the registration of its watch, so that nothing is missed in
// between.
func (c *Conn) catchUpList(list watch.List, paths []string, seen int64) {
	e := c.loop.engine
	for _, path := range paths {
		start := len(c.out)
		v := e.tree.View(path)
		var mzxid, pzxid int64
		if v.Exists() {
			info := v.Info()
			mzxid, pzxid = info.Mzxid, info.Pzxid
		}
		event, register := list.CatchUp(v.Exists(), mzxid, pzxid, seen)
		if register != 0 {
			e.watches.Add(path, register, c.watcher())
		}
		seq := c.loop.box.pushed.Load()
		v.Close()
		if event != 0 {
			c.out = wire.AppendEvent(c.out, -1, event, path)
			c.settle(start, seq)
		}
	}
}

// addWatch sets a persistent watch on any path, whether or not it exists or could.
func (c *Conn) addWatch(xid int32, r *wire.Reader) {
	q := &c.loop.in.add
	if q.Decode(r) != nil || q.NullPath {
		c.reply(xid, wire.MarshallingError)
		return
	}
	kind, ok := watch.KindOfMode(int32(q.Mode))
	if !ok {
		c.reply(xid, wire.MarshallingError)
		return
	}
	v := c.loop.engine.tree.View(q.Path)
	c.loop.engine.watches.Add(q.Path, kind, c.watcher())
	start := c.begin(xid)
	c.out = wire.AppendInt(c.out, 0)
	seq := c.loop.box.pushed.Load()
	v.Close()
	wire.EndFrame(c.out, start)
	c.settle(start, seq)
}

// removeWatches serves removeWatches and checkWatches, which only looks.
func (c *Conn) removeWatches(xid int32, op wire.OpCode, r *wire.Reader) {
	q := &c.loop.in.remove
	if q.Decode(r) != nil || q.NullPath {
		c.reply(xid, wire.MarshallingError)
		return
	}
	kinds, ok := watch.KindsOfType(int32(q.Type))
	if !ok {
		c.reply(xid, wire.MarshallingError)
		return
	}
	t, found := c.loop.engine.watches, false
	if op == wire.OpRemoveWatches {
		found = t.Remove(q.Path, kinds, c.watcher())
	} else {
		found = t.Has(q.Path, kinds, c.watcher())
	}
	if !found {
		c.reply(xid, wire.NoWatcher)
		return
	}
	c.reply(xid, wire.OK)
}
