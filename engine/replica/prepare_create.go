package replica

import "bellwether/engine/wire"

// creation is what the four create operations have in common.
type creation struct {
	op wire.OpCode
	*wire.CreateRequest
	ttl int64 // ms; only with OpCreateTTL
}

// prepareCreate appends the body of a create, create2, createContainer or createTTL transaction. The order of the
// checks is the order of client-protocol §2.5: the first that fails decides.
func (p *preparer) prepareCreate(dst []byte, c *creation, req *Request, zxid int64) ([]byte, wire.Code) {
	if code := p.checkMode(c); code != wire.OK {
		return dst, code
	}
	if code := p.checkSession(req); code != wire.OK {
		return dst, code
	}
	if c.NullPath {
		return dst, wire.MarshallingError
	}
	parentPath, _, ok := wire.SplitPath(c.Path)
	if !ok {
		return dst, wire.BadArguments
	}
	acl, code := fixACL(p.acl[:0], c.ACL, req.IDs)
	if p.acl = acl; code != wire.OK {
		return dst, code
	}
	parent := p.lookup(parentPath)
	if !parent.exists {
		return dst, wire.NoNode
	}
	if !p.allowed(parent.acl, wire.PermCreate, req) {
		return dst, wire.NoAuth
	}
	path := c.Path
	if c.Mode.IsSequential() {
		p.name = wire.AppendSequence(append(p.name[:0], c.Path...), parent.cversion)
		path = string(p.name)
	}
	if wire.ValidatePath(path) != nil {
		return dst, wire.BadArguments
	}
	if p.lookup(path).exists {
		return dst, wire.NodeExists
	}
	if isEphemeralOwner(parent.owner) {
		return dst, wire.NoChildrenForEphemerals
	}
	return p.recordCreate(dst, c, path, parentPath, parent, req.Session, zxid), wire.OK
}

// checkMode refuses flags that do not fit the operation (client-protocol §2.5; §12.17 for createTTL).
func (p *preparer) checkMode(c *creation) wire.Code {
	switch {
	case !c.Mode.Valid():
		return wire.BadArguments
	case c.Mode.IsTTL() && !p.options.ExtendedTypes:
		return wire.Unimplemented
	case c.Mode.IsTTL() != (c.op == wire.OpCreateTTL):
		return wire.BadArguments
	case c.Mode.IsTTL() && (c.ttl < 1 || c.ttl > maxTTL):
		return wire.BadArguments
	}
	return wire.OK
}

// recordCreate appends the body and notes what the transaction will have done to the znode and its parent.
func (p *preparer) recordCreate(dst []byte, c *creation, path, parentPath string, parent znode, session, zxid int64) []byte {
	parent.cversion++
	parent.children++
	owner := int64(0)
	start := len(dst)
	switch c.op {
	case wire.OpCreateContainer:
		owner = containerOwner
		dst = (&wire.CreateContainerTxn{Path: path, Data: c.Data, ACL: p.acl, ParentCversion: parent.cversion}).Append(dst)
	case wire.OpCreateTTL:
		owner = ttlOwner(c.ttl)
		dst = (&wire.CreateTTLTxn{Path: path, Data: c.Data, ACL: p.acl, ParentCversion: parent.cversion, TTL: c.ttl}).Append(dst)
	default:
		if c.Mode.IsEphemeral() {
			owner = session
		}
		dst = (&wire.CreateTxn{Path: path, Data: c.Data, ACL: p.acl, Ephemeral: owner != 0, ParentCversion: parent.cversion}).Append(dst)
	}
	path = pathIn(dst[start:])
	n := znode{exists: true, owner: owner}
	if !wire.IsOpenACL(p.acl) {
		n.acl = cloneACL(p.acl)
	}
	p.pending.set(path, n, zxid)
	p.pending.set(path[:len(parentPath)], parent, zxid)
	if owner != 0 && owner == session {
		p.pending.noteEphemeral(session, path, zxid)
	}
	return dst
}
