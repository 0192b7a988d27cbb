package replica

import "bellwether/engine/wire"

// prepareMulti appends the body of a multi: one sub-transaction for each operation, each checked against what the
// ones before it will have done. If one fails, nothing of the multi happens: those before it keep their
// sub-transactions, it and all after it become errors, and whoever applies the multi sees an error and applies
// nothing (client-protocol §5.2; quorum-and-storage §4.4).
func (p *preparer) prepareMulti(dst []byte, req *Request, zxid int64) ([]byte, wire.Code) {
	if !p.multiDecodes(req.Body) {
		return dst, wire.MarshallingError
	}
	dst = p.writer.Begin(dst)
	undo := p.pending.beginMulti()
	failed := wire.OK
	m := wire.NewMultiReader(wire.NewReader(req.Body))
	for op, done, _ := m.Next(); !done; op, done, _ = m.Next() {
		start := len(dst)
		dst = p.writer.BeginTxn(dst, op)
		code := wire.RuntimeInconsistency
		if failed != wire.OK {
			_ = m.Skip(op) // it decoded before
		} else {
			dst, failed = p.change(dst, op, &m.Reader, req, zxid)
			code = failed
		}
		if code != wire.OK {
			dst = wire.AppendInt(p.writer.BeginTxn(dst[:start], wire.OpError), int32(code))
		}
		p.writer.EndTxn(dst)
	}
	p.writer.End(dst)
	p.pending.endMulti(undo, failed != wire.OK)
	return dst, wire.OK
}

// multiDecodes reports whether every operation of a multi can be decoded, is one of those a multi may hold and, for
// a create, has a known flag: otherwise the whole request is refused before anything is checked.
func (p *preparer) multiDecodes(body []byte) bool {
	m := wire.NewMultiReader(wire.NewReader(body))
	for {
		op, done, err := m.Next()
		if done || err != nil {
			return err == nil
		}
		switch op {
		case wire.OpCreate, wire.OpCreate2, wire.OpCreateContainer:
			err = p.create.Decode(&m.Reader)
			if !p.create.Mode.Valid() {
				return false
			}
		case wire.OpCreateTTL:
			err = p.createTTL.Decode(&m.Reader)
			if !p.createTTL.Mode.Valid() {
				return false
			}
		default:
			if !op.InMulti() {
				return false
			}
			err = m.Skip(op)
		}
		if err != nil {
			return false
		}
	}
}
