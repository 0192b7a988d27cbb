package engine

import (
	"strings"

	"bellwether/engine/replica"
	"bellwether/engine/watch"
	"bellwether/engine/wire"
)

func (r *reader) getData(dst []byte, who *asker, xid int32, in *wire.Reader) []byte {
	q := &r.watch
	if q.Decode(in) != nil || q.NullPath {
		return r.reply(dst, xid, wire.MarshallingError)
	}
	v := r.engine.tree.View(q.Path)
	if code := r.mayRead(&v, who); code != wire.OK {
		return r.refuse(dst, xid, code, &v)
	}
	if q.Watch {
		r.engine.watches.Add(q.Path, watch.Data, who.watcher)
	}
	start := len(dst)
	dst = wire.AppendBuffer(r.begin(dst, xid), v.Data())
	v.Stat(&r.stat)
	return r.endView(wire.AppendStat(dst, &r.stat), start, &v)
}

// exists sets its watch also on what does not exist: it then waits for the creation.
func (r *reader) exists(dst []byte, who *asker, xid int32, in *wire.Reader) []byte {
	q := &r.watch
	if q.Decode(in) != nil || q.NullPath {
		return r.reply(dst, xid, wire.MarshallingError)
	}
	if strings.IndexByte(q.Path, 0) >= 0 {
		return r.reply(dst, xid, wire.BadArguments)
	}
	v := r.engine.tree.View(q.Path)
	code := r.mayRead(&v, who)
	if q.Watch && code != wire.NoAuth {
		r.engine.watches.Add(q.Path, watch.Data, who.watcher)
	}
	if code != wire.OK {
		return r.refuse(dst, xid, code, &v)
	}
	start := len(dst)
	v.Stat(&r.stat)
	return r.endView(wire.AppendStat(r.begin(dst, xid), &r.stat), start, &v)
}

func (r *reader) getChildren(dst []byte, who *asker, xid int32, op wire.OpCode, in *wire.Reader) []byte {
	q := &r.watch
	if q.Decode(in) != nil || q.NullPath {
		return r.reply(dst, xid, wire.MarshallingError)
	}
	v := r.engine.tree.View(q.Path)
	if code := r.mayRead(&v, who); code != wire.OK {
		return r.refuse(dst, xid, code, &v)
	}
	if q.Watch {
		r.engine.watches.Add(q.Path, watch.Child, who.watcher)
	}
	start := len(dst)
	dst = v.AppendChildren(r.begin(dst, xid))
	if op == wire.OpGetChildren2 {
		v.Stat(&r.stat)
		dst = wire.AppendStat(dst, &r.stat)
	}
	return r.endView(dst, start, &v)
}

// getACL needs READ or ADMIN; without ADMIN the hashes of digests are masked.
func (r *reader) getACL(dst []byte, who *asker, xid int32, in *wire.Reader) []byte {
	q := &r.path
	if q.Decode(in) != nil || q.NullPath {
		return r.reply(dst, xid, wire.MarshallingError)
	}
	v := r.engine.tree.View(q.Path)
	if !v.Exists() {
		return r.refuse(dst, xid, wire.NoNode, &v)
	}
	acl := wire.OpenACL
	if !v.ACLOpen() {
		if acl = v.ACL(); !r.allowed(acl, wire.PermRead|wire.PermAdmin, who) {
			return r.refuse(dst, xid, wire.NoAuth, &v)
		}
		if !r.allowed(acl, wire.PermAdmin, who) {
			acl = replica.MaskDigests(acl)
		}
	}
	start := len(dst)
	dst = wire.AppendACLs(r.begin(dst, xid), acl)
	v.Stat(&r.stat)
	return r.endView(wire.AppendStat(dst, &r.stat), start, &v)
}

// sync is an ordered read of nothing on the server that leads: all earlier writes of the session are answered, and whatever
// was committed before them is applied here. It echoes the path, null included.
func (r *reader) sync(dst []byte, xid int32, in *wire.Reader) []byte {
	q := &r.path
	if q.Decode(in) != nil {
		return r.reply(dst, xid, wire.MarshallingError)
	}
	start := len(dst)
	return r.end(wire.AppendNullableString(r.begin(dst, xid), q.Path, q.NullPath), start)
}
