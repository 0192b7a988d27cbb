package replica

import (
	"math"

	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/wire"
)

// preparer turns requests into transactions: it checks each against the tree as it will be once everything
// proposed so far is applied, and writes down the outcome, success or error, as a transaction that every server
// can apply without checking again (quorum-and-storage §4). Owned by the goroutine that runs the Replica.
type preparer struct {
	tree     *tree.Tree
	sessions *session.Tracker
	pending  pending
	options  Options

	// Decoded requests and the lists made from them; reused, so that preparing allocates nothing.
	create    wire.CreateRequest
	createTTL wire.CreateTTLRequest
	delete    wire.DeleteRequest
	container wire.DeleteContainerRequest
	setData   wire.SetDataRequest
	setACL    wire.SetACLRequest
	check     wire.CheckVersionRequest
	reconfig  wire.ReconfigRequest
	writer    wire.MultiTxnWriter
	acl       []wire.ACL
	name      []byte
	paths     []string
}

// notDecoded, never an answer, says that a request's record cannot be decoded.
const notDecoded wire.Code = math.MinInt32

// prepare appends the transaction for req to dst. A request that fails its checks becomes an error transaction.
// One whose record cannot be decoded becomes none (ok is false), except a multi (client-protocol §2.5, notes). What
// the transaction will have changed is pending from now on; p.pending.rollback takes it back as long as nothing else
// has been prepared.
func (p *preparer) prepare(dst []byte, req *Request, zxid, nowMs int64) (txn []byte, ok bool) {
	start := len(dst)
	p.pending.begin()
	header := wire.TxnHeader{ClientID: req.Session, Cxid: req.Cxid, Zxid: zxid, Time: nowMs, Type: req.Op}
	dst = wire.AppendTxnHeader(dst, &header)
	body, code := p.body(dst, req, zxid)
	if code == wire.OK {
		return body, true
	}
	if code == notDecoded {
		if req.Op != wire.OpMulti {
			return dst[:start], false
		}
		code = wire.MarshallingError
	}
	header.Type = wire.OpError
	dst = wire.AppendTxnHeader(dst[:start], &header)
	return wire.AppendInt(dst, int32(code)), true
}

func newPreparer(t *tree.Tree, sessions *session.Tracker, o Options) preparer {
	return preparer{
		tree: t, sessions: sessions, pending: newPending(), options: o,
		paths: []string{}, // never nil: a closeSession without ephemerals lists none, which is not the same as no list
	}
}

// body appends the body of the transaction for req, or says why there can be none.
func (p *preparer) body(dst []byte, req *Request, zxid int64) ([]byte, wire.Code) {
	switch req.Op {
	case wire.OpCreateSession:
		return p.prepareCreateSession(dst, req)
	case wire.OpCloseSession:
		return p.prepareCloseSession(dst, req, zxid)
	case wire.OpMulti:
		return p.prepareMulti(dst, req, zxid)
	case wire.OpCheck: // a log that holds one outside a multi is poisoned for Apache ZooKeeper (ZOOKEEPER-2623)
		return dst, wire.Unimplemented
	}
	r := wire.NewReader(req.Body)
	if req.Op == wire.OpReconfig {
		if p.reconfig.Decode(&r) != nil {
			return dst, notDecoded
		}
		return dst, wire.ReconfigDisabled
	}
	return p.change(dst, req.Op, &r, req, zxid)
}

// change appends the body of one transaction that changes the tree; also used for each part of a multi.
func (p *preparer) change(dst []byte, op wire.OpCode, r *wire.Reader, req *Request, zxid int64) ([]byte, wire.Code) {
	switch op {
	case wire.OpCreate, wire.OpCreate2, wire.OpCreateContainer:
		if p.create.Decode(r) != nil {
			return dst, notDecoded
		}
		c := creation{op: op, CreateRequest: &p.create}
		return p.prepareCreate(dst, &c, req, zxid)
	case wire.OpCreateTTL:
		if p.createTTL.Decode(r) != nil {
			return dst, notDecoded
		}
		c := creation{op: op, CreateRequest: &p.createTTL.CreateRequest, ttl: p.createTTL.TTL}
		return p.prepareCreate(dst, &c, req, zxid)
	case wire.OpDelete:
		if p.delete.Decode(r) != nil {
			return dst, notDecoded
		}
		return p.prepareDelete(dst, &p.delete, req, zxid)
	case wire.OpDeleteContainer:
		return p.prepareDeleteContainer(dst, r, zxid)
	case wire.OpSetData:
		if p.setData.Decode(r) != nil {
			return dst, notDecoded
		}
		return p.prepareSetData(dst, &p.setData, req, zxid)
	case wire.OpSetACL:
		if p.setACL.Decode(r) != nil {
			return dst, notDecoded
		}
		return p.prepareSetACL(dst, &p.setACL, req, zxid)
	case wire.OpCheck:
		if p.check.Decode(r) != nil {
			return dst, notDecoded
		}
		return p.prepareCheck(dst, &p.check, req)
	}
	return dst, wire.Unimplemented
}

// checkSession refuses the request of a session that is unknown or closing.
func (p *preparer) checkSession(req *Request) wire.Code {
	if req.Session != 0 && (!p.sessions.Known(req.Session) || p.sessions.Closing(req.Session)) {
		return wire.SessionExpired
	}
	return wire.OK
}

// lookup returns the state of path once everything proposed so far is applied.
func (p *preparer) lookup(path string) znode {
	if n, ok := p.pending.lookup(path); ok {
		return n
	}
	v := p.tree.View(path)
	defer v.Close()
	if !v.Exists() {
		return znode{}
	}
	info := v.Info()
	n := znode{exists: true, version: info.Version, cversion: info.Cversion, aversion: info.Aversion,
		children: info.NumChildren, owner: info.Owner}
	if !v.ACLOpen() {
		n.acl = v.ACL()
	}
	return n
}

// allowed asks whether the requester may do what perm stands for on a znode with this list.
func (p *preparer) allowed(acl []wire.ACL, perm int32, req *Request) bool {
	return p.options.SkipACL || Allowed(acl, perm, req.IDs)
}

// nextVersion is the version after v: it skips -1, which clients use for "any" (ZOOKEEPER-4743).
func nextVersion(v int32) int32 {
	if v == -2 {
		return 0
	}
	return v + 1
}

// versionMatches reports whether a request made for version wanted (-1: any) may change what has version is.
func versionMatches(wanted, is int32) bool { return wanted == -1 || wanted == is }
