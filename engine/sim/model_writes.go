package sim

import (
	"fmt"
	"slices"
	"strings"

	"bellwether/engine/replica"
	"bellwether/engine/wire"
)

// turn is one write on its way through the model. Its methods return the body of the transaction and of the reply, or the
// code of the first check that fails, in the order of client-protocol §2.5.
type turn struct {
	*Model
	q    *replica.Request
	zxid int64
	time int64
}

// undecodable says that the request's record cannot be decoded.
const undecodable wire.Code = 1

func (t *turn) execute() (body, reply []byte, code wire.Code) {
	r := wire.NewReader(t.q.Body)
	switch t.q.Op {
	case wire.OpCreateSession:
		timeout := r.Int()
		if r.Err() != nil {
			return nil, nil, undecodable
		}
		t.sessions[t.q.Session] = timeout
		return wire.AppendInt(nil, timeout), nil, wire.OK
	case wire.OpCloseSession:
		return t.closeSession()
	case wire.OpMulti:
		return t.multi(r)
	case wire.OpReconfig:
		var c wire.ReconfigRequest
		if c.Decode(&r) != nil {
			return nil, nil, undecodable
		}
		return nil, nil, wire.ReconfigDisabled
	case wire.OpCheck:
		return nil, nil, wire.Unimplemented
	}
	return t.change(t.q.Op, &r)
}

// change executes one operation on one znode.
func (t *turn) change(op wire.OpCode, r *wire.Reader) (body, reply []byte, code wire.Code) {
	switch op {
	case wire.OpCreate, wire.OpCreate2, wire.OpCreateContainer, wire.OpCreateTTL:
		c := wire.CreateTTLRequest{TTL: -1}
		err := error(nil)
		if op == wire.OpCreateTTL {
			err = c.Decode(r)
		} else {
			err = c.CreateRequest.Decode(r)
		}
		if err != nil {
			return nil, nil, undecodable
		}
		return t.create(op, &c)
	case wire.OpDelete, wire.OpCheck:
		var d wire.PathVersion
		if d.Decode(r) != nil {
			return nil, nil, undecodable
		}
		if op == wire.OpCheck {
			return t.check(&d)
		}
		return t.delete(&d)
	case wire.OpDeleteContainer:
		var d wire.DeleteContainerRequest
		if d.Decode(r) != nil {
			return nil, nil, undecodable
		}
		return t.deleteContainer(d.Path)
	case wire.OpSetData:
		var s wire.SetDataRequest
		if s.Decode(r) != nil {
			return nil, nil, undecodable
		}
		return t.setData(&s)
	case wire.OpSetACL:
		var s wire.SetACLRequest
		if s.Decode(r) != nil {
			return nil, nil, undecodable
		}
		return t.setACL(&s)
	}
	return nil, nil, wire.Unimplemented
}

func (t *turn) sessionGone() bool {
	_, known := t.sessions[t.q.Session]
	return t.q.Session != 0 && !known
}

func (t *turn) create(op wire.OpCode, c *wire.CreateTTLRequest) (body, reply []byte, code wire.Code) {
	ttl := c.Mode == wire.PersistentTTL || c.Mode == wire.PersistentSequentialTTL
	slash := strings.LastIndexByte(c.Path, '/')
	switch {
	case c.Mode < 0 || c.Mode > 6:
		return nil, nil, wire.BadArguments
	case ttl && !t.options.ExtendedTypes:
		return nil, nil, wire.Unimplemented
	case ttl && (c.TTL <= 0 || c.TTL > 0xff_ffff_ffff), !ttl && op == wire.OpCreateTTL:
		return nil, nil, wire.BadArguments
	case t.sessionGone():
		return nil, nil, wire.SessionExpired
	case c.NullPath:
		return nil, nil, wire.MarshallingError
	case slash < 0 || strings.ContainsRune(c.Path, 0):
		return nil, nil, wire.BadArguments
	}
	acl, code := t.storedACL(c.ACL)
	if code != wire.OK {
		return nil, nil, code
	}
	parentPath := c.Path[:max(slash, 1)]
	parent, ok := t.znodes[parentPath]
	if !ok {
		return nil, nil, wire.NoNode
	}
	if !t.allowed(&parent, wire.PermCreate) {
		return nil, nil, wire.NoAuth
	}
	path := c.Path
	if c.Mode == wire.PersistentSequential || c.Mode == wire.EphemeralSequential || c.Mode == wire.PersistentSequentialTTL {
		path += fmt.Sprintf("%010d", parent.created)
	}
	switch _, exists := t.znodes[path]; {
	case wire.ValidatePath(path) != nil:
		return nil, nil, wire.BadArguments
	case exists:
		return nil, nil, wire.NodeExists
	case parent.ephemeral():
		return nil, nil, wire.NoChildrenForEphemerals
	}
	parent.created++
	parent.pzxid = t.zxid
	t.znodes[parentPath] = parent
	n := znode{data: slices.Clone(c.Data), acl: acl, czxid: t.zxid, mzxid: t.zxid, pzxid: t.zxid, ctime: t.time, mtime: t.time}
	switch {
	case op == wire.OpCreateContainer:
		n.owner = containerMark
		body = (&wire.CreateContainerTxn{Path: path, Data: n.data, ACL: acl, ParentCversion: parent.created}).Append(nil)
	case op == wire.OpCreateTTL:
		n.owner = ttlMark | c.TTL
		body = (&wire.CreateTTLTxn{Path: path, Data: n.data, ACL: acl, ParentCversion: parent.created, TTL: c.TTL}).Append(nil)
	default:
		ephemeral := c.Mode == wire.Ephemeral || c.Mode == wire.EphemeralSequential
		if ephemeral {
			n.owner = t.q.Session
		}
		body = (&wire.CreateTxn{Path: path, Data: n.data, ACL: acl, Ephemeral: ephemeral, ParentCversion: parent.created}).Append(nil)
	}
	t.znodes[path] = n
	reply = wire.AppendString(nil, path)
	if op != wire.OpCreate {
		reply = t.appendStat(reply, path)
	}
	return body, reply, wire.OK
}

func (t *turn) appendStat(dst []byte, path string) []byte {
	st := t.Stat(path)
	return st.Append(dst)
}

// indelible are the paths nobody deletes.
var indelible = []string{"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"}

func (t *turn) delete(d *wire.DeleteRequest) (body, reply []byte, code wire.Code) {
	slash := strings.LastIndexByte(d.Path, '/')
	switch {
	case t.sessionGone():
		return nil, nil, wire.SessionExpired
	case d.NullPath:
		return nil, nil, wire.MarshallingError
	case slash < 0 || strings.ContainsRune(d.Path, 0) || slices.Contains(indelible, d.Path):
		return nil, nil, wire.BadArguments
	}
	parent, ok := t.znodes[d.Path[:max(slash, 1)]]
	n, exists := t.znodes[d.Path]
	switch {
	case !ok:
		return nil, nil, wire.NoNode
	case !t.allowed(&parent, wire.PermDelete):
		return nil, nil, wire.NoAuth
	case !exists:
		return nil, nil, wire.NoNode
	case d.Version != -1 && d.Version != n.version:
		return nil, nil, wire.BadVersion
	case len(t.children(d.Path)) > 0:
		return nil, nil, wire.NotEmpty
	}
	t.remove(d.Path)
	return wire.AppendString(nil, d.Path), nil, wire.OK
}

func (t *turn) deleteContainer(path string) (body, reply []byte, code wire.Code) {
	n, exists := t.znodes[path]
	switch {
	case !strings.Contains(path, "/") || strings.ContainsRune(path, 0) || slices.Contains(indelible, path):
		return nil, nil, wire.BadArguments
	case !exists:
		return nil, nil, wire.NoNode
	case len(t.children(path)) > 0:
		return nil, nil, wire.NotEmpty
	case n.owner == 0 || n.ephemeral():
		return nil, nil, wire.BadVersion
	}
	t.remove(path)
	return wire.AppendString(nil, path), nil, wire.OK
}

func (t *turn) remove(path string) {
	delete(t.znodes, path)
	parent := t.znodes[parentOf(path)]
	parent.pzxid = t.zxid
	t.znodes[parentOf(path)] = parent
}

func (t *turn) setData(s *wire.SetDataRequest) (body, reply []byte, code wire.Code) {
	n, exists := t.znodes[s.Path]
	switch {
	case t.sessionGone():
		return nil, nil, wire.SessionExpired
	case wire.ValidatePath(s.Path) != nil:
		return nil, nil, wire.BadArguments
	case !exists:
		return nil, nil, wire.NoNode
	case !t.allowed(&n, wire.PermWrite):
		return nil, nil, wire.NoAuth
	case s.Version != -1 && s.Version != n.version:
		return nil, nil, wire.BadVersion
	}
	n.data, n.version, n.mzxid, n.mtime = slices.Clone(s.Data), after(n.version), t.zxid, t.time
	t.znodes[s.Path] = n
	body = (&wire.SetDataTxn{Path: s.Path, Data: n.data, Version: n.version}).Append(nil)
	return body, t.appendStat(nil, s.Path), wire.OK
}

func (t *turn) setACL(s *wire.SetACLRequest) (body, reply []byte, code wire.Code) {
	n, exists := t.znodes[s.Path]
	acl, aclCode := t.storedACL(s.ACL)
	switch {
	case t.sessionGone():
		return nil, nil, wire.SessionExpired
	case wire.ValidatePath(s.Path) != nil:
		return nil, nil, wire.BadArguments
	case aclCode != wire.OK:
		return nil, nil, aclCode
	case !exists:
		return nil, nil, wire.NoNode
	case !t.allowed(&n, wire.PermAdmin):
		return nil, nil, wire.NoAuth
	case s.Version != -1 && s.Version != n.aversion:
		return nil, nil, wire.BadVersion
	}
	n.acl, n.aversion = acl, after(n.aversion)
	t.znodes[s.Path] = n
	body = (&wire.SetACLTxn{Path: s.Path, ACL: acl, Version: n.aversion}).Append(nil)
	return body, t.appendStat(nil, s.Path), wire.OK
}

func (t *turn) check(c *wire.CheckVersionRequest) (body, reply []byte, code wire.Code) {
	n, exists := t.znodes[c.Path]
	switch {
	case t.sessionGone():
		return nil, nil, wire.SessionExpired
	case wire.ValidatePath(c.Path) != nil:
		return nil, nil, wire.BadArguments
	case !exists:
		return nil, nil, wire.NoNode
	case !t.allowed(&n, wire.PermRead):
		return nil, nil, wire.NoAuth
	case c.Version != -1 && c.Version != n.version:
		return nil, nil, wire.BadVersion
	}
	return (&wire.CheckTxn{Path: c.Path, Version: after(n.version)}).Append(nil), nil, wire.OK
}

// after is the version behind v, which is never -1.
func after(v int32) int32 {
	if v++; v == -1 {
		return 0
	}
	return v
}

func (t *turn) closeSession() (body, reply []byte, code wire.Code) {
	paths := t.ephemerals(t.q.Session)
	for _, path := range paths {
		t.remove(path)
	}
	delete(t.sessions, t.q.Session)
	return wire.AppendStrings(nil, paths), nil, wire.OK
}
