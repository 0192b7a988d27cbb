package wire

// ConnectRequest is the first frame of a client. It has no header.
type ConnectRequest struct {
	ProtocolVersion int32  // clients send 0; servers ignore it
	LastZxidSeen    int64  // the highest zxid the client has seen
	Timeout         int32  // the session timeout it wants, in milliseconds
	SessionID       int64  // 0 for a new session, else the one to resume
	Passwd          []byte // nil for null; the session's 16 bytes, checked only when a session is resumed
	ReadOnly        bool   // a read-only server will do
	HasReadOnly     bool   // the ReadOnly byte is present: old clients, and the Go client, leave it out
}

// Append appends q, the ReadOnly byte only with HasReadOnly.
func (q *ConnectRequest) Append(dst []byte) []byte {
	dst = AppendInt(dst, q.ProtocolVersion)
	dst = AppendLong(dst, q.LastZxidSeen)
	dst = AppendInt(dst, q.Timeout)
	dst = AppendLong(dst, q.SessionID)
	dst = AppendBuffer(dst, q.Passwd)
	if q.HasReadOnly {
		dst = AppendBool(dst, q.ReadOnly)
	}
	return dst
}

// Decode reads q. It cannot be refused politely: on an error the connection is closed.
func (q *ConnectRequest) Decode(r *Reader) error {
	q.ProtocolVersion = r.Int()
	q.LastZxidSeen = r.Long()
	q.Timeout = r.Int()
	q.SessionID = r.Long()
	q.Passwd = r.Buffer()
	q.HasReadOnly = r.Remaining() > 0
	q.ReadOnly = q.HasReadOnly && r.Bool()
	return r.err
}

// ConnectResponse is the first frame of a server. It has no header.
type ConnectResponse struct {
	ProtocolVersion int32  // always 0
	Timeout         int32  // the negotiated session timeout in milliseconds; 0 says that the session is gone
	SessionID       int64  // 0 when the session is gone
	Passwd          []byte // always 16 bytes; zeros when the session is gone
	ReadOnly        bool   // this server only reads
	HasReadOnly     bool   // the ReadOnly byte is present. It must be so exactly if the request had it
}

// Append appends p, the ReadOnly byte only with HasReadOnly.
func (p *ConnectResponse) Append(dst []byte) []byte {
	dst = AppendInt(dst, p.ProtocolVersion)
	dst = AppendInt(dst, p.Timeout)
	dst = AppendLong(dst, p.SessionID)
	dst = AppendBuffer(dst, p.Passwd)
	if p.HasReadOnly {
		dst = AppendBool(dst, p.ReadOnly)
	}
	return dst
}

// Decode reads p.
func (p *ConnectResponse) Decode(r *Reader) error {
	p.ProtocolVersion = r.Int()
	p.Timeout = r.Int()
	p.SessionID = r.Long()
	p.Passwd = r.Buffer()
	p.HasReadOnly = r.Remaining() > 0
	p.ReadOnly = p.HasReadOnly && r.Bool()
	return r.err
}
