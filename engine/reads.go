package engine

import (
	"bellwether/engine/replica"
	"bellwether/engine/tree"
	"bellwether/engine/watch"
	"bellwether/engine/wire"
)

// decoders are the request records of a loop, reused from one request to the next.
type decoders struct {
	watch  wire.PathWatch
	path   wire.PathOnly
	auth   wire.AuthRequest
	set    wire.SetWatches
	set2   wire.SetWatches2
	add    wire.AddWatchRequest
	remove wire.WatchesRequest
	stat   wire.Stat
	paths  []string
}

// The reads below all have one shape: decode; open a View, which holds the znode still; check; register the watch; append
// the reply; note how far the loop's box had been filled; close the View; settle the reply's place.

func (c *Conn) getData(xid int32, r *wire.Reader) {
	q := &c.loop.in.watch
	if q.Decode(r) != nil || q.NullPath {
		c.reply(xid, wire.MarshallingError)
		return
	}
	e := c.loop.engine
	start := len(c.out)
	v := e.tree.View(q.Path)
	if code := c.mayRead(&v); code != wire.OK {
		c.refuse(&v, xid, code)
		return
	}
	if q.Watch {
		e.watches.Add(q.Path, watch.Data, c.watcher())
	}
	c.out = wire.AppendReplyHeader(wire.BeginFrame(c.out), xid, e.tree.Zxid(), wire.OK)
	c.out = wire.AppendBuffer(c.out, v.Data())
	c.finish(&v, start)
}

func (c *Conn) exists(xid int32, r *wire.Reader) {
	q := &c.loop.in.watch
	if q.Decode(r) != nil || q.NullPath || hasNUL(q.Path) {
		c.reply(xid, existsCode(q))
		return
	}
	e := c.loop.engine
	start := len(c.out)
	v := e.tree.View(q.Path)
	code := c.mayRead(&v)
	if q.Watch && code != wire.NoAuth { // a watch on what does not exist waits for its creation
		e.watches.Add(q.Path, watch.Data, c.watcher())
	}
	if code != wire.OK {
		c.refuse(&v, xid, code)
		return
	}
	c.out = wire.AppendReplyHeader(wire.BeginFrame(c.out), xid, e.tree.Zxid(), wire.OK)
	c.finish(&v, start)
}

// existsCode is the answer to an exists that names no possible path.
func existsCode(q *wire.PathWatch) wire.Code {
	if !q.NullPath && hasNUL(q.Path) {
		return wire.BadArguments
	}
	return wire.MarshallingError
}

func hasNUL(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] == 0 {
			return true
		}
	}
	return false
}

func (c *Conn) getChildren(xid int32, op wire.OpCode, r *wire.Reader) {
	q := &c.loop.in.watch
	if q.Decode(r) != nil || q.NullPath {
		c.reply(xid, wire.MarshallingError)
		return
	}
	e := c.loop.engine
	start := len(c.out)
	v := e.tree.View(q.Path)
	if code := c.mayRead(&v); code != wire.OK {
		c.refuse(&v, xid, code)
		return
	}
	if q.Watch {
		e.watches.Add(q.Path, watch.Child, c.watcher())
	}
	c.out = wire.AppendReplyHeader(wire.BeginFrame(c.out), xid, e.tree.Zxid(), wire.OK)
	c.out = v.AppendChildren(c.out)
	if op == wire.OpGetChildren {
		seq := c.loop.box.pushed.Load()
		v.Close()
		wire.EndFrame(c.out, start)
		c.settle(start, seq)
		return
	}
	c.finish(&v, start)
}

// finish ends the reply that begins at out[start] with the znode's Stat and closes the View.
func (c *Conn) finish(v *tree.View, start int) {
	st := &c.loop.in.stat
	v.Stat(st)
	seq := c.loop.box.pushed.Load()
	v.Close()
	c.out = wire.AppendStat(c.out, st)
	wire.EndFrame(c.out, start)
	c.loop.reads++
	c.settle(start, seq)
}

// refuse answers with a code instead, from the same View.
func (c *Conn) refuse(v *tree.View, xid int32, code wire.Code) {
	start := len(c.out)
	c.out = wire.AppendReply(c.out, xid, c.loop.engine.tree.Zxid(), code)
	seq := c.loop.box.pushed.Load()
	v.Close()
	c.settle(start, seq)
}

// mayRead says whether the znode is there and the connection may read it.
func (c *Conn) mayRead(v *tree.View) wire.Code {
	switch {
	case !v.Exists():
		return wire.NoNode
	case !v.ACLOpen() && !c.allowed(v.ACL(), wire.PermRead):
		return wire.NoAuth
	}
	return wire.OK
}

func (c *Conn) allowed(acl []wire.ACL, perm int32) bool {
	return c.loop.engine.options.SkipACL || replica.Allowed(acl, perm, c.ids)
}

func (c *Conn) getACL(xid int32, r *wire.Reader) {
	q := &c.loop.in.path
	if q.Decode(r) != nil || q.NullPath {
		c.reply(xid, wire.MarshallingError)
		return
	}
	e := c.loop.engine
	start := len(c.out)
	v := e.tree.View(q.Path)
	if !v.Exists() {
		c.refuse(&v, xid, wire.NoNode)
		return
	}
	acl := wire.OpenACL
	if !v.ACLOpen() {
		acl = v.ACL()
		if !c.allowed(acl, wire.PermRead|wire.PermAdmin) {
			c.refuse(&v, xid, wire.NoAuth)
			return
		}
		if !c.allowed(acl, wire.PermAdmin) {
			acl = replica.MaskDigests(acl)
		}
	}
	c.out = wire.AppendReplyHeader(wire.BeginFrame(c.out), xid, e.tree.Zxid(), wire.OK)
	c.out = wire.AppendACLs(c.out, acl)
	c.finish(&v, start)
}

// sync is an ordered read of nothing on the server that leads: all its earlier writes are answered, and whatever was
// committed before is applied here. It echoes the path, null included.
func (c *Conn) sync(xid int32, r *wire.Reader) {
	q := &c.loop.in.path
	if q.Decode(r) != nil {
		c.reply(xid, wire.MarshallingError)
		return
	}
	start := c.begin(xid)
	c.out = wire.AppendNullableString(c.out, q.Path, q.NullPath)
	c.end(start)
}

func (c *Conn) getAllChildrenNumber(xid int32, r *wire.Reader) {
	q := &c.loop.in.path
	if q.Decode(r) != nil || q.NullPath {
		c.reply(xid, wire.MarshallingError)
		return
	}
	v := c.loop.engine.tree.View(q.Path)
	if code := c.mayRead(&v); code != wire.OK {
		c.refuse(&v, xid, code)
		return
	}
	v.Close()
	n, _ := c.loop.engine.tree.CountDescendants(q.Path)
	start := c.begin(xid)
	c.out = wire.AppendInt(c.out, n)
	c.end(start)
}

func (c *Conn) getEphemerals(xid int32, r *wire.Reader) {
	q := &c.loop.in.path
	if q.Decode(r) != nil {
		c.reply(xid, wire.MarshallingError)
		return
	}
	paths := c.loop.engine.tree.Ephemerals(c.loop.in.paths[:0], c.session)
	c.loop.in.paths = paths
	start := c.begin(xid)
	c.out = appendWithPrefix(c.out, paths, q.Path)
	c.end(start)
}

// begin starts a reply that shows no single znode; end settles it. Its zxid is read first, so it is never above what the
// reply shows.
func (c *Conn) begin(xid int32) (start int) {
	start = len(c.out)
	c.out = wire.AppendReplyHeader(wire.BeginFrame(c.out), xid, c.loop.engine.tree.Zxid(), wire.OK)
	return start
}

func (c *Conn) end(start int) {
	wire.EndFrame(c.out, start)
	c.settle(start, c.loop.box.pushed.Load())
}
