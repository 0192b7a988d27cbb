package wire

// AuthRequest is the request of auth. It is answered with a header alone.
type AuthRequest struct {
	Type   int32 // always 0, and ignored
	Scheme string
	Auth   []byte // nil for null
}

// Append appends q.
func (q *AuthRequest) Append(dst []byte) []byte {
	return AppendBuffer(AppendString(AppendInt(dst, q.Type), q.Scheme), q.Auth)
}

// Decode reads q. A null scheme reads as "", which no provider has either.
func (q *AuthRequest) Decode(r *Reader) error {
	q.Type, q.Scheme, q.Auth = r.Int(), r.String(), r.Buffer()
	return r.err
}

// SASL is the request and the response of sasl. The token is nil for null, which a server without SASL answers, and
// which stands in the body even of a refusal.
type SASL struct {
	Token []byte
}

// Append appends s.
func (s *SASL) Append(dst []byte) []byte { return AppendBuffer(dst, s.Token) }

// Decode reads s.
func (s *SASL) Decode(r *Reader) error {
	s.Token = r.Buffer()
	return r.err
}

// ClientInfo is one identity of a connection.
type ClientInfo struct {
	AuthScheme, User string
}

// clientInfoMinSize is the size in bytes of the shortest ClientInfo: two empty strings.
const clientInfoMinSize = 8

// WhoAmIResponse is the response of whoAmI; the request has no body.
type WhoAmIResponse struct {
	Clients []ClientInfo // nil for null
}

// Append appends p.
func (p *WhoAmIResponse) Append(dst []byte) []byte {
	if p.Clients == nil {
		return appendNull(dst)
	}
	dst = AppendInt(dst, int32(len(p.Clients)))
	for i := range p.Clients {
		dst = AppendString(AppendString(dst, p.Clients[i].AuthScheme), p.Clients[i].User)
	}
	return dst
}

// Decode reads p.
func (p *WhoAmIResponse) Decode(r *Reader) error {
	n := r.Count(clientInfoMinSize)
	if n < 0 {
		p.Clients = nil
		return r.err
	}
	if p.Clients = p.Clients[:0]; p.Clients == nil {
		p.Clients = []ClientInfo{}
	}
	for ; n > 0 && r.err == nil; n-- {
		p.Clients = append(p.Clients, ClientInfo{AuthScheme: r.String(), User: r.String()})
	}
	return r.err
}
