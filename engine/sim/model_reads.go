package sim

import (
	"bellwether/engine/replica"
	"bellwether/engine/wire"
)

// Read executes a read on the present state and returns the whole reply frame (client-protocol §2.4, §2.5).
func (m *Model) Read(q *replica.Request) []byte {
	t := turn{Model: m, q: q}
	r := wire.NewReader(q.Body)
	if q.Op == wire.OpPing {
		return wire.AppendReply(nil, wire.XidPing, m.zxid, wire.OK)
	}
	body, code := t.read(q.Op, &r)
	if code != wire.OK {
		return wire.AppendReply(nil, q.Cxid, m.zxid, code)
	}
	reply := append(wire.AppendReplyHeader(wire.BeginFrame(nil), q.Cxid, m.zxid, wire.OK), body...)
	wire.EndFrame(reply, 0)
	return reply
}

func (t *turn) read(op wire.OpCode, r *wire.Reader) (body []byte, code wire.Code) {
	if op == wire.OpSync {
		var p wire.PathOnly
		if p.Decode(r) != nil {
			return nil, wire.MarshallingError
		}
		return wire.AppendNullableString(nil, p.Path, p.NullPath), wire.OK
	}
	var p wire.PathWatch
	if p.Decode(r) != nil || p.NullPath {
		return nil, wire.MarshallingError
	}
	path := p.Path
	if path == "" {
		path = "/"
	}
	if op == wire.OpExists {
		for _, c := range path {
			if c == 0 {
				return nil, wire.BadArguments
			}
		}
	}
	n, exists := t.znodes[path]
	switch {
	case !exists:
		return nil, wire.NoNode
	case !t.allowed(&n, wire.PermRead):
		return nil, wire.NoAuth
	}
	switch op {
	case wire.OpGetData:
		body = wire.AppendBuffer(nil, n.data)
	case wire.OpGetChildren2:
		body = wire.AppendStrings(nil, t.children(path))
	}
	return t.appendStat(body, path), wire.OK
}
