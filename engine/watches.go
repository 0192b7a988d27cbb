package engine

import (
	"bellwether/engine/watch"
	"bellwether/engine/wire"
)

// setWatches registers again the watches of a client that has reconnected, and tells it what it missed: catch-up events
// come before the reply, in the order of the lists (client-protocol §6.6).
func (c *Conn) setWatches(xid int32, r *wire.Reader) {
	q := &c.loop.reader.set
	if q.Decode(r) != nil || q.HasNull() {
		c.reply(xid, wire.MarshallingError)
		return
	}
	c.catchUp(q)
	c.reply(xid, wire.OK)
}

func (c *Conn) setWatches2(xid int32, r *wire.Reader) {
	q := &c.loop.reader.set2
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
			e.watches.Add(path, register, c.watcher)
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
func (r *reader) addWatch(dst []byte, who *asker, xid int32, in *wire.Reader) []byte {
	q := &r.add
	if q.Decode(in) != nil || q.NullPath {
		return r.reply(dst, xid, wire.MarshallingError)
	}
	kind, ok := watch.KindOfMode(int32(q.Mode))
	if !ok {
		return r.reply(dst, xid, wire.MarshallingError)
	}
	v := r.engine.tree.View(q.Path)
	r.engine.watches.Add(q.Path, kind, who.watcher)
	start := len(dst)
	return r.endView(wire.AppendInt(r.begin(dst, xid), 0), start, &v)
}

// removeWatches serves removeWatches and checkWatches, which only looks.
func (r *reader) removeWatches(dst []byte, who *asker, xid int32, op wire.OpCode, in *wire.Reader) []byte {
	q := &r.remove
	if q.Decode(in) != nil || q.NullPath {
		return r.reply(dst, xid, wire.MarshallingError)
	}
	kinds, ok := watch.KindsOfType(int32(q.Type))
	if !ok {
		return r.reply(dst, xid, wire.MarshallingError)
	}
	found := false
	if op == wire.OpRemoveWatches {
		found = r.engine.watches.Remove(q.Path, kinds, who.watcher)
	} else {
		found = r.engine.watches.Has(q.Path, kinds, who.watcher)
	}
	if !found {
		return r.reply(dst, xid, wire.NoWatcher)
	}
	return r.reply(dst, xid, wire.OK)
}
