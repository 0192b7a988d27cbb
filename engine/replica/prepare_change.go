package replica

import "bellwether/engine/wire"

// prepareDelete: the permission is asked of the parent, before the znode is looked for, so that a stranger cannot
// learn what exists (client-protocol §2.5).
func (p *preparer) prepareDelete(dst []byte, r *wire.DeleteRequest, req *Request, zxid int64) ([]byte, wire.Code) {
	if code := p.checkSession(req); code != wire.OK {
		return dst, code
	}
	if r.NullPath {
		return dst, wire.MarshallingError
	}
	path := r.Path
	parentPath, _, ok := wire.SplitPath(path)
	if !ok || !deletable(path) {
		return dst, wire.BadArguments
	}
	parent := p.lookup(parentPath)
	if !parent.exists {
		return dst, wire.NoNode
	}
	if !p.allowed(parent.acl, wire.PermDelete, req) {
		return dst, wire.NoAuth
	}
	n := p.lookup(path)
	switch {
	case !n.exists:
		return dst, wire.NoNode
	case !versionMatches(r.Version, n.version):
		return dst, wire.BadVersion
	case n.children > 0:
		return dst, wire.NotEmpty
	}
	return p.recordDelete(dst, path, parentPath, parent, zxid), wire.OK
}

// prepareDeleteContainer removes a container or TTL znode that has become empty; only the server itself asks. It had
// looked some time ago: by now there may be a znode of that name that somebody means to keep.
func (p *preparer) prepareDeleteContainer(dst []byte, r *wire.Reader, zxid int64) ([]byte, wire.Code) {
	if p.container.Decode(r) != nil {
		return dst, notDecoded
	}
	path := p.container.Path
	parentPath, _, ok := wire.SplitPath(path)
	if !ok || !deletable(path) {
		return dst, wire.BadArguments
	}
	n := p.lookup(path)
	switch {
	case !n.exists:
		return dst, wire.NoNode
	case n.children > 0:
		return dst, wire.NotEmpty
	case n.owner == 0 || isEphemeralOwner(n.owner):
		return dst, wire.BadVersion
	}
	parent := p.lookup(parentPath)
	if !parent.exists {
		return dst, wire.NoNode
	}
	return p.recordDelete(dst, path, parentPath, parent, zxid), wire.OK
}

func (p *preparer) recordDelete(dst []byte, path, parentPath string, parent znode, zxid int64) []byte {
	start := len(dst)
	dst = (&wire.DeleteTxn{Path: path}).Append(dst)
	path = pathIn(dst[start:])
	if p.pending.bug != bugDeleteKeepsParent {
		parent.children--
	}
	p.pending.set(path, znode{}, zxid)
	p.pending.set(path[:len(parentPath)], parent, zxid)
	return dst
}

func (p *preparer) prepareSetData(dst []byte, r *wire.SetDataRequest, req *Request, zxid int64) ([]byte, wire.Code) {
	n, code := p.target(r.Path, req)
	switch {
	case code != wire.OK:
		return dst, code
	case !n.exists:
		return dst, wire.NoNode
	case !p.allowed(n.acl, wire.PermWrite, req):
		return dst, wire.NoAuth
	case !versionMatches(r.Version, n.version):
		return dst, wire.BadVersion
	}
	n.version = nextVersion(n.version)
	start := len(dst)
	dst = (&wire.SetDataTxn{Path: r.Path, Data: r.Data, Version: n.version}).Append(dst)
	p.pending.set(pathIn(dst[start:]), n, zxid)
	return dst, wire.OK
}

func (p *preparer) prepareSetACL(dst []byte, r *wire.SetACLRequest, req *Request, zxid int64) ([]byte, wire.Code) {
	n, code := p.target(r.Path, req)
	if code != wire.OK {
		return dst, code
	}
	acl, code := fixACL(p.acl[:0], r.ACL, req.IDs)
	p.acl = acl
	switch {
	case code != wire.OK:
		return dst, code
	case !n.exists:
		return dst, wire.NoNode
	case !p.allowed(n.acl, wire.PermAdmin, req):
		return dst, wire.NoAuth
	case !versionMatches(r.Version, n.aversion):
		return dst, wire.BadVersion
	}
	n.aversion = nextVersion(n.aversion)
	if n.acl = nil; !wire.IsOpenACL(acl) {
		n.acl = cloneACL(acl)
	}
	start := len(dst)
	dst = (&wire.SetACLTxn{Path: r.Path, ACL: acl, Version: n.aversion}).Append(dst)
	p.pending.set(pathIn(dst[start:]), n, zxid)
	return dst, wire.OK
}

// prepareCheck appends the body of a check, which changes nothing; it stands only inside a multi.
func (p *preparer) prepareCheck(dst []byte, r *wire.CheckVersionRequest, req *Request) ([]byte, wire.Code) {
	n, code := p.target(r.Path, req)
	switch {
	case code != wire.OK:
		return dst, code
	case !n.exists:
		return dst, wire.NoNode
	case !p.allowed(n.acl, wire.PermRead, req):
		return dst, wire.NoAuth
	case !versionMatches(r.Version, n.version):
		return dst, wire.BadVersion
	}
	return (&wire.CheckTxn{Path: r.Path, Version: nextVersion(n.version)}).Append(dst), wire.OK
}

// target looks up the znode that a request names by its full and legal path.
func (p *preparer) target(path string, req *Request) (znode, wire.Code) {
	if code := p.checkSession(req); code != wire.OK {
		return znode{}, code
	}
	if wire.ValidatePath(path) != nil {
		return znode{}, wire.BadArguments
	}
	return p.lookup(path), wire.OK
}

// deletable refuses the paths that nobody may delete.
func deletable(path string) bool {
	switch path {
	case "/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config":
		return false
	}
	return true
}
