package replica

import (
	"fmt"

	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/wire"
)

// Observer hears of every change to the tree while it is made: inside the step, before anybody can read the changed
// znode or a zxid that includes it. It must not block and must not read the tree.
type Observer interface {
	Changed(zxid int64, event wire.EventType, path string)
}

// Applier applies committed transactions, in zxid order, to the tree and the session table, and encodes the replies
// of local requests. Owned by one goroutine, which is the tree's only writer.
type Applier struct {
	tree     *tree.Tree
	sessions *session.Table
	observer Observer

	// Decoded records and lists, reused from one transaction to the next.
	create    wire.CreateTxn
	container wire.CreateContainerTxn
	ttl       wire.CreateTTLTxn
	delete    wire.DeleteTxn
	setData   wire.SetDataTxn
	setACL    wire.SetACLTxn
	close     wire.CloseSessionTxn
	paths     []string
	stat      wire.Stat

	bug bug // always 0, except in tests
}

// NewApplier returns an applier that is the only writer of tree and sessions from now on. observer may be nil.
func NewApplier(t *tree.Tree, sessions *session.Table, observer Observer) *Applier {
	return &Applier{tree: t, sessions: sessions, observer: observer}
}

// Outcome is what the world outside the tree must know of an applied transaction.
type Outcome struct {
	Type    wire.OpCode // of the transaction; OpError for a request that failed its checks
	Session int64
	Cxid    int32
	Code    wire.Code
	Timeout int32 // ms; with OpCreateSession
}

// Apply applies the transaction txn that has the given zxid. If reply is true, the whole reply frame for the client
// whose request op became this transaction is appended to dst; not so for createSession, whose answer is a
// ConnectResponse and the caller's to make. It keeps no reference to txn. An error means that txn is not a
// transaction: the server must stop, for nothing after it can be trusted.
func (a *Applier) Apply(dst []byte, zxid int64, txn []byte, reply bool) ([]byte, Outcome, error) {
	r := wire.NewReader(txn)
	var h wire.TxnHeader
	if err := h.Decode(&r); err != nil {
		return dst, Outcome{}, fmt.Errorf("replica: decode the header of transaction 0x%x: %w", zxid, err)
	}
	out := Outcome{Type: h.Type, Session: h.ClientID, Cxid: h.Cxid}
	start := len(dst)
	dst = wire.AppendReplyHeader(wire.BeginFrame(dst), h.Cxid, zxid, wire.OK)
	step := step{zxid: zxid, time: h.Time, session: h.ClientID}
	dst, err := a.dispatch(dst, &h, &r, &step, &out)
	if err != nil {
		return dst[:start], out, fmt.Errorf("replica: apply transaction 0x%x (%v): %w", zxid, h.Type, err)
	}
	if !reply || h.Type == wire.OpCreateSession {
		return dst[:start], out, nil
	}
	if out.Code != wire.OK {
		dst = wire.AppendReplyHeader(wire.BeginFrame(dst[:start]), h.Cxid, zxid, out.Code)
	}
	wire.EndFrame(dst, start)
	return dst, out, nil
}

// step is what all parts of one transaction share.
type step struct {
	zxid    int64
	time    int64 // ms since 1970, by the leader's clock
	session int64
	mask    uint64 // shards locked
}

// lock locks the shards that the step changes.
func (a *Applier) lock(s *step, mask uint64) {
	s.mask = mask
	a.tree.Lock(mask)
}

// unlock ends the step: all of it becomes visible.
func (a *Applier) unlock(s *step) {
	a.tree.SetZxid(s.zxid)
	a.tree.Unlock(s.mask)
}

// dispatch applies the body by the transaction's type and appends the body of the reply.
func (a *Applier) dispatch(dst []byte, h *wire.TxnHeader, r *wire.Reader, s *step, out *Outcome) ([]byte, error) {
	switch h.Type {
	case wire.OpError:
		out.Code = wire.Code(r.Int())
	case wire.OpCreateSession:
		if out.Timeout = r.Int(); r.Err() == nil {
			a.sessions.Add(h.ClientID, out.Timeout)
		}
	case wire.OpCloseSession:
		return dst, a.closeSession(r, s)
	case wire.OpMulti:
		return a.applyMulti(dst, r, s)
	case wire.OpCheck: // never proposed alone, but old logs of Apache ZooKeeper hold some (ZOOKEEPER-2623)
	default:
		path, err := a.decode(h.Type, r)
		if err != nil {
			return dst, err
		}
		a.lock(s, a.maskFor(h.Type, path))
		dst, out.Code = a.change(dst, h.Type, s)
		a.unlock(s)
		return dst, nil
	}
	a.tree.SetZxid(s.zxid)
	return dst, r.Err()
}

// maskFor returns the shards that a change touches: with creations and deletions the parent's, too.
func (a *Applier) maskFor(op wire.OpCode, path string) uint64 {
	switch op {
	case wire.OpSetData, wire.OpSetACL, wire.OpReconfig:
		return a.tree.ShardMask(path)
	}
	return a.tree.MaskFor(path)
}

// decode reads the body of a transaction that changes one znode and returns the znode's path.
func (a *Applier) decode(op wire.OpCode, r *wire.Reader) (string, error) {
	switch op {
	case wire.OpCreate, wire.OpCreate2:
		err := a.create.Decode(r)
		return a.create.Path, err
	case wire.OpCreateContainer:
		err := a.container.Decode(r)
		return a.container.Path, err
	case wire.OpCreateTTL:
		err := a.ttl.Decode(r)
		return a.ttl.Path, err
	case wire.OpDelete, wire.OpDeleteContainer:
		err := a.delete.Decode(r)
		return a.delete.Path, err
	case wire.OpSetData, wire.OpReconfig:
		err := a.setData.Decode(r)
		return a.setData.Path, err
	case wire.OpSetACL:
		err := a.setACL.Decode(r)
		return a.setACL.Path, err
	}
	return "", fmt.Errorf("unknown type %d", int32(op))
}

// change applies the record that decode has read, tells the observer, and appends the body of the reply. The znode's
// shard and its parent's are locked.
func (a *Applier) change(dst []byte, op wire.OpCode, s *step) ([]byte, wire.Code) {
	switch op {
	case wire.OpCreate, wire.OpCreate2:
		t := &a.create
		owner := int64(0)
		if t.Ephemeral {
			owner = s.session
		}
		return a.createZnode(dst, op, t.Path, t.Data, t.ACL, owner, t.ParentCversion, s)
	case wire.OpCreateContainer:
		t := &a.container
		return a.createZnode(dst, op, t.Path, t.Data, t.ACL, containerOwner, t.ParentCversion, s)
	case wire.OpCreateTTL:
		t := &a.ttl
		return a.createZnode(dst, op, t.Path, t.Data, t.ACL, ttlOwner(t.TTL), t.ParentCversion, s)
	case wire.OpDelete, wire.OpDeleteContainer:
		return dst, a.deleteZnode(a.delete.Path, s)
	case wire.OpSetData, wire.OpReconfig:
		t := &a.setData
		code := a.tree.SetData(t.Path, t.Data, t.Version, s.zxid, s.time, &a.stat)
		if code == wire.OK {
			a.changed(s, wire.EventDataChanged, t.Path)
			dst = wire.AppendStat(dst, &a.stat)
		}
		return dst, code
	default: // OpSetACL: decode refuses all else
		code := a.tree.SetACL(a.setACL.Path, a.setACL.ACL, a.setACL.Version, &a.stat)
		if code == wire.OK {
			dst = wire.AppendStat(dst, &a.stat)
		}
		return dst, code
	}
}

func (a *Applier) createZnode(dst []byte, op wire.OpCode, path string, data []byte, acl []wire.ACL, owner int64,
	parentCversion int32, s *step) ([]byte, wire.Code) {
	code := a.tree.Create(path, data, acl, owner, parentCversion, s.zxid, s.time, &a.stat)
	if code != wire.OK {
		return dst, code
	}
	a.changed(s, wire.EventCreated, path)
	a.changed(s, wire.EventChildrenChanged, wire.ParentOf(path))
	dst = wire.AppendString(dst, path)
	if op != wire.OpCreate {
		dst = wire.AppendStat(dst, &a.stat)
	}
	return dst, code
}

func (a *Applier) deleteZnode(path string, s *step) wire.Code {
	code := a.tree.Delete(path, s.zxid)
	if code == wire.NotEmpty && a.bug == noBug { // a replay, and a later znode of the same name: it goes with all that is below, and comes again
		a.tree.Unlock(s.mask)
		a.lock(s, tree.AllShards)
		code = a.tree.Delete(path, s.zxid)
	}
	if code == wire.OK {
		a.changed(s, wire.EventDeleted, path)
		a.changed(s, wire.EventChildrenChanged, wire.ParentOf(path))
	}
	return code
}

func (a *Applier) changed(s *step, event wire.EventType, path string) {
	if a.observer != nil {
		a.observer.Changed(s.zxid, event, path)
	}
}
