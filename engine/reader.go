package engine

import (
	"bellwether/engine/replica"
	"bellwether/engine/tree"
	"bellwether/engine/watch"
	"bellwether/engine/wire"
)

// decoders are request records and lists, reused from one request to the next.
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

// asker is who asks for a read.
type asker struct {
	session int64
	ids     []replica.Identity // never changed, only replaced: requests refer to it
	watcher watch.Watcher
}

// reader executes reads, on an event loop or, for reads that stand behind writes of their session, on the apply loop. Every
// read has one shape: decode; open a View, which holds the znode still; check; register the watch; append the reply; note
// how far the loop's box had been filled; close the View.
type reader struct {
	engine *Engine
	box    *outbox // of the event loop; nil on the apply loop, whose replies have their place already
	decoders
	seq   uint64 // how far the box had been filled when the last reply was made
	count int64  // reads that showed a znode
}

// execute appends the whole reply to a read that answers without a change to the connection; ok is false if op is none.
func (r *reader) execute(dst []byte, who *asker, xid int32, op wire.OpCode, body []byte) (out []byte, ok bool) {
	in := wire.NewReader(body)
	switch op {
	case wire.OpGetData:
		return r.getData(dst, who, xid, &in), true
	case wire.OpExists:
		return r.exists(dst, who, xid, &in), true
	case wire.OpGetChildren, wire.OpGetChildren2:
		return r.getChildren(dst, who, xid, op, &in), true
	case wire.OpPing:
		return r.reply(dst, wire.XidPing, wire.OK), true
	case wire.OpSync:
		return r.sync(dst, xid, &in), true
	case wire.OpGetACL:
		return r.getACL(dst, who, xid, &in), true
	case wire.OpMultiRead:
		return r.multiRead(dst, who, xid, in), true
	case wire.OpGetAllChildrenNumber:
		return r.getAllChildrenNumber(dst, who, xid, &in), true
	case wire.OpGetEphemerals:
		return r.getEphemerals(dst, who, xid, &in), true
	case wire.OpWhoAmI:
		return r.whoAmI(dst, who, xid), true
	case wire.OpAddWatch:
		return r.addWatch(dst, who, xid, &in), true
	case wire.OpCheckWatches, wire.OpRemoveWatches:
		return r.removeWatches(dst, who, xid, op, &in), true
	}
	return dst, false
}

// note remembers how far the box is filled. To be called behind everything the reply shows, its zxid included, and before
// the View is closed: the events of all it shows are then in the box, and those of the watch it sets are not.
func (r *reader) note() {
	if r.box != nil {
		r.seq = r.box.pushed.Load()
	}
}

// reply appends an answer that is a header only, its zxid the last applied.
func (r *reader) reply(dst []byte, xid int32, code wire.Code) []byte {
	dst = wire.AppendReply(dst, xid, r.engine.tree.Zxid(), code)
	r.note()
	return dst
}

// begin starts a reply; end ends one that shows no single znode.
func (r *reader) begin(dst []byte, xid int32) []byte {
	return wire.AppendReplyHeader(wire.BeginFrame(dst), xid, r.engine.tree.Zxid(), wire.OK)
}

func (r *reader) end(dst []byte, start int) []byte {
	r.note()
	wire.EndFrame(dst, start)
	return dst
}

// endView ends a reply from a View and closes it.
func (r *reader) endView(dst []byte, start int, v *tree.View) []byte {
	r.note()
	v.Close()
	r.count++
	wire.EndFrame(dst, start)
	return dst
}

// refuse answers with a code instead, from a View, and closes it.
func (r *reader) refuse(dst []byte, xid int32, code wire.Code, v *tree.View) []byte {
	dst = r.reply(dst, xid, code)
	v.Close()
	return dst
}

// mayRead says whether the znode is there and who may read it.
func (r *reader) mayRead(v *tree.View, who *asker) wire.Code {
	switch {
	case !v.Exists():
		return wire.NoNode
	case !v.ACLOpen() && !r.allowed(v.ACL(), wire.PermRead, who):
		return wire.NoAuth
	}
	return wire.OK
}

func (r *reader) allowed(acl []wire.ACL, perm int32, who *asker) bool {
	return r.engine.options.SkipACL || replica.Allowed(acl, perm, who.ids)
}
