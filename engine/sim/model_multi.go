package sim

import (
	"maps"

	"bellwether/engine/wire"
)

// multi executes all operations on a copy of the tree, which becomes the tree if none fails.
func (t *turn) multi(in wire.Reader) (body, reply []byte, code wire.Code) {
	if !t.mayBeMulti(in) {
		return nil, nil, wire.MarshallingError
	}
	copied := *t
	copied.Model = &Model{options: t.options, znodes: maps.Clone(t.znodes), sessions: t.sessions}
	var txns wire.MultiTxn
	txns.Txns = []wire.SubTxn{}
	failed := wire.OK
	m := wire.NewMultiReader(in)
	for op, done, _ := m.Next(); !done; op, done, _ = m.Next() {
		if op == wire.OpCreate || op == wire.OpCreate2 { // inside a multi, and only there, the flag makes a container
			ahead := m.Reader
			var c wire.CreateRequest
			if _ = c.Decode(&ahead); c.Mode == wire.Container {
				op = wire.OpCreateContainer
			}
		}
		code := wire.RuntimeInconsistency
		var body, result []byte
		if failed != wire.OK {
			_ = m.Skip(op)
		} else {
			body, result, code = copied.change(op, &m.Reader)
			failed = code
		}
		if code == wire.MarshallingError {
			return nil, nil, code
		}
		sub := wire.SubTxn{Type: op, Body: append([]byte{}, body...)}
		if code != wire.OK {
			sub = wire.SubTxn{Type: wire.OpError, Body: wire.AppendInt(nil, int32(code))}
		}
		txns.Txns = append(txns.Txns, sub)
		if op == wire.OpCreateContainer || op == wire.OpCreateTTL {
			op = wire.OpCreate2
		}
		reply = append(wire.AppendMultiResult(reply, op), result...)
	}
	if failed == wire.OK {
		t.znodes = copied.znodes
		return txns.Append(nil), wire.AppendMultiEnd(reply), wire.OK
	}
	reply = nil
	for _, sub := range txns.Txns {
		code := wire.OK
		if sub.Type == wire.OpError {
			r := wire.NewReader(sub.Body)
			code = wire.Code(r.Int())
		}
		reply = wire.AppendMultiError(reply, code)
	}
	return txns.Append(nil), wire.AppendMultiEnd(reply), wire.OK
}

// mayBeMulti reports whether a multi can be decoded and holds only what it may.
func (t *turn) mayBeMulti(in wire.Reader) bool {
	m := wire.NewMultiReader(in)
	for {
		op, done, err := m.Next()
		if done || err != nil {
			return err == nil
		}
		var c wire.CreateTTLRequest
		var refused bool
		switch op {
		case wire.OpCreate, wire.OpCreate2, wire.OpCreateContainer:
			err = c.CreateRequest.Decode(&m.Reader)
			refused = c.NullPath || c.Mode == wire.PersistentTTL || c.Mode == wire.PersistentSequentialTTL
		case wire.OpCreateTTL:
			err = c.Decode(&m.Reader)
			refused = c.NullPath
		case wire.OpDelete, wire.OpCheck:
			var d wire.PathVersion
			err = d.Decode(&m.Reader)
			refused = d.NullPath
		case wire.OpSetData:
			var s wire.SetDataRequest
			err = s.Decode(&m.Reader)
			refused = s.NullPath
		default:
			return false
		}
		if err != nil || refused || c.Mode < 0 || c.Mode > 6 {
			return false
		}
	}
}
