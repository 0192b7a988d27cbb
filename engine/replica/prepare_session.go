package replica

import (
	"slices"

	"bellwether/engine/wire"
)

// prepareCreateSession appends the body of a createSession transaction.
func (p *preparer) prepareCreateSession(dst []byte, req *Request) ([]byte, wire.Code) {
	r := wire.NewReader(req.Body)
	timeout := r.Int()
	if r.Err() != nil {
		return dst, notDecoded
	}
	return (&wire.CreateSessionTxn{Timeout: timeout}).Append(dst), wire.OK
}

// prepareCloseSession appends the body of a closeSession transaction: the paths of all ephemerals the session will
// own at this point of the order, sorted. Nobody's permission is asked, and a session that is closing or unknown may be
// closed again: expiry and the client may both ask.
func (p *preparer) prepareCloseSession(dst []byte, req *Request, zxid int64) ([]byte, wire.Code) {
	p.paths = p.ownedPaths(p.paths[:0], req.Session)
	dst = (&wire.CloseSessionTxn{Paths: p.paths}).Append(dst)
	for _, path := range p.paths {
		parentPath := wire.ParentOf(path)
		parent := p.lookup(parentPath)
		if p.pending.bug != bugCloseKeepsParents {
			parent.children--
		}
		p.pending.set(path, znode{}, zxid)
		p.pending.set(parentPath, parent, zxid)
	}
	clear(p.paths)
	return dst, wire.OK
}

// ownedPaths appends the paths of the ephemerals that id owns once everything proposed so far is applied: those the
// tree shows, and those proposed since, as far as they still exist and are still this session's.
func (p *preparer) ownedPaths(dst []string, id int64) []string {
	dst = p.tree.Ephemerals(dst, id)
	for _, e := range p.pending.ephemerals[p.pending.ephHead:] {
		if e.session == id && p.pending.bug != bugForgetNewEphemerals {
			dst = append(dst, e.path)
		}
	}
	slices.Sort(dst)
	dst = slices.Compact(dst)
	return slices.DeleteFunc(dst, func(path string) bool {
		n := p.lookup(path)
		return (!n.exists || n.owner != id) && p.pending.bug != bugListDeletedEphemerals
	})
}
