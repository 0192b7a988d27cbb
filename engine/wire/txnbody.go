package wire

// CreateTxn is the body of create and create2.
type CreateTxn struct {
	Path           string // final: the number of a sequential znode included
	Data           []byte // nil for null
	ACL            []ACL  // as stored: auth expanded, no duplicates
	Ephemeral      bool
	ParentCversion int32 // of the parent afterwards, counting creations only; -1 in very old logs: one more than it has
}

// Append appends t.
func (t *CreateTxn) Append(dst []byte) []byte {
	dst = appendCreateTxn(dst, t.Path, t.Data, t.ACL)
	return AppendInt(AppendBool(dst, t.Ephemeral), t.ParentCversion)
}

// Decode reads t. A body that ends before ParentCversion is one of a very old log: see there.
func (t *CreateTxn) Decode(r *Reader) error {
	t.Path, t.Data, t.ACL, t.Ephemeral = r.String(), r.Buffer(), r.ACLs(t.ACL), r.Bool()
	if t.ParentCversion = -1; r.Remaining() > 0 {
		t.ParentCversion = r.Int()
	}
	return r.err
}

// CreateContainerTxn is the body of createContainer.
type CreateContainerTxn struct {
	Path           string
	Data           []byte // nil for null
	ACL            []ACL
	ParentCversion int32
}

// Append appends t.
func (t *CreateContainerTxn) Append(dst []byte) []byte {
	return AppendInt(appendCreateTxn(dst, t.Path, t.Data, t.ACL), t.ParentCversion)
}

// Decode reads t.
func (t *CreateContainerTxn) Decode(r *Reader) error {
	t.Path, t.Data, t.ACL, t.ParentCversion = r.String(), r.Buffer(), r.ACLs(t.ACL), r.Int()
	return r.err
}

// CreateTTLTxn is the body of createTTL.
type CreateTTLTxn struct {
	Path           string
	Data           []byte // nil for null
	ACL            []ACL
	ParentCversion int32
	TTL            int64 // milliseconds
}

// Append appends t.
func (t *CreateTTLTxn) Append(dst []byte) []byte {
	dst = appendCreateTxn(dst, t.Path, t.Data, t.ACL)
	return AppendLong(AppendInt(dst, t.ParentCversion), t.TTL)
}

// Decode reads t.
func (t *CreateTTLTxn) Decode(r *Reader) error {
	t.Path, t.Data, t.ACL, t.ParentCversion = r.String(), r.Buffer(), r.ACLs(t.ACL), r.Int()
	t.TTL = r.Long()
	return r.err
}

func appendCreateTxn(dst []byte, path string, data []byte, acl []ACL) []byte {
	return AppendACLs(AppendBuffer(AppendString(dst, path), data), acl)
}

// DeleteTxn is the body of delete and deleteContainer.
type DeleteTxn struct {
	Path string
}

// Append appends t.
func (t *DeleteTxn) Append(dst []byte) []byte { return AppendString(dst, t.Path) }

// Decode reads t.
func (t *DeleteTxn) Decode(r *Reader) error {
	t.Path = r.String()
	return r.err
}

// SetDataTxn is the body of setData and reconfig.
type SetDataTxn struct {
	Path    string
	Data    []byte // nil for null
	Version int32  // the new version, not the one expected; -1 in reconfig
}

// Append appends t.
func (t *SetDataTxn) Append(dst []byte) []byte {
	return AppendInt(AppendBuffer(AppendString(dst, t.Path), t.Data), t.Version)
}

// Decode reads t.
func (t *SetDataTxn) Decode(r *Reader) error {
	t.Path, t.Data, t.Version = r.String(), r.Buffer(), r.Int()
	return r.err
}

// SetACLTxn is the body of setACL.
type SetACLTxn struct {
	Path    string
	ACL     []ACL
	Version int32 // the new aversion
}

// Append appends t.
func (t *SetACLTxn) Append(dst []byte) []byte {
	return AppendInt(AppendACLs(AppendString(dst, t.Path), t.ACL), t.Version)
}

// Decode reads t.
func (t *SetACLTxn) Decode(r *Reader) error {
	t.Path, t.ACL, t.Version = r.String(), r.ACLs(t.ACL), r.Int()
	return r.err
}

// CheckTxn is the body of check. It changes nothing, and stands outside a multi only in logs of servers that should not
// have written it.
type CheckTxn struct {
	Path    string
	Version int32 // the checked version + 1
}

// Append appends t.
func (t *CheckTxn) Append(dst []byte) []byte { return AppendInt(AppendString(dst, t.Path), t.Version) }

// Decode reads t.
func (t *CheckTxn) Decode(r *Reader) error {
	t.Path, t.Version = r.String(), r.Int()
	return r.err
}

// ErrorTxn is the body of error: a request that failed and took a zxid all the same.
type ErrorTxn struct {
	Err Code
}

// Append appends t.
func (t *ErrorTxn) Append(dst []byte) []byte { return AppendInt(dst, int32(t.Err)) }

// Decode reads t.
func (t *ErrorTxn) Decode(r *Reader) error {
	t.Err = Code(r.Int())
	return r.err
}

// CreateSessionTxn is the body of createSession.
type CreateSessionTxn struct {
	Timeout int32 // milliseconds
}

// Append appends t.
func (t *CreateSessionTxn) Append(dst []byte) []byte { return AppendInt(dst, t.Timeout) }

// Decode reads t.
func (t *CreateSessionTxn) Decode(r *Reader) error {
	t.Timeout = r.Int()
	return r.err
}

// CloseSessionTxn is the body of closeSession: the ephemerals that go with the session.
type CloseSessionTxn struct {
	Paths []string // nil when the body is absent: whatever the session owns goes
}

// Append appends t: nothing at all when Paths is nil.
func (t *CloseSessionTxn) Append(dst []byte) []byte {
	if t.Paths == nil {
		return dst
	}
	return AppendStrings(dst, t.Paths)
}

// Decode reads t. Servers that do not list the paths leave the body out, and what follows is then a digest, which looks
// much like a list. So the bytes are taken for a list only if it holds nothing but paths and ends where the transaction
// ends, or where only a digest follows.
func (t *CloseSessionTxn) Decode(r *Reader) error {
	if r.pathListSize() < 0 {
		t.Paths = nil
		return r.err
	}
	t.Paths = r.Strings(t.Paths)
	return r.err
}

// pathListSize looks ahead for the body of closeSession and returns its size in bytes, -1 if it is absent.
func (r *Reader) pathListSize() int {
	ahead := *r
	for n := ahead.Count(4); n > 0; n-- {
		if path := ahead.Buffer(); len(path) == 0 || path[0] != '/' {
			return -1
		}
	}
	if left := ahead.Remaining(); ahead.err != nil || left != 0 && left != TxnDigestSize {
		return -1
	}
	return ahead.pos - r.pos
}

// skipTxnBody reads over the body of a transaction of this type.
func (r *Reader) skipTxnBody(op OpCode) error {
	switch op {
	case OpCreate, OpCreate2:
		r.skipCreateTxn()
		r.Bool()
		if r.Remaining() > 0 {
			r.Int()
		}
	case OpCreateContainer:
		r.skipCreateTxn()
		r.Int()
	case OpCreateTTL:
		r.skipCreateTxn()
		r.Int()
		r.Long()
	case OpDelete, OpDeleteContainer:
		r.skipText()
	case OpSetData, OpReconfig:
		r.skipText()
		r.skipBuffer()
		r.Int()
	case OpSetACL:
		r.skipText()
		r.skipACLs()
		r.Int()
	case OpCheck:
		r.skipText()
		r.Int()
	case OpError, OpCreateSession:
		r.Int()
	case OpCloseSession:
		r.pos += max(r.pathListSize(), 0)
	case OpMulti:
		r.skipMultiTxn()
	default:
		r.fail(ErrTxnType)
	}
	return r.err
}

func (r *Reader) skipCreateTxn() {
	r.skipText()
	r.skipBuffer()
	r.skipACLs()
}

func (r *Reader) skipMultiTxn() {
	for n := r.Count(subTxnMinSize); n > 0 && r.err == nil; n-- {
		r.Int()
		r.skipBuffer()
	}
}
