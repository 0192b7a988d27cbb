package replica

import "bellwether/engine/wire"

// prepareMulti appends the body of a multi: one sub-transaction for each operation, each checked against what the
// ones before it will have done. If one fails, nothing of the multi happens: those before it keep their
// sub-transactions, it and all after it become errors, and whoever applies the multi sees an error and applies
// nothing (client-protocol §5.2; quorum-and-storage §4.4). The exception is MarshallingError, for an operation that can
// be decoded but holds a null where none can be: it fails the multi as a whole.
func (p *preparer) prepareMulti(dst []byte, req *Request, zxid int64) ([]byte, wire.Code) {
	if !p.multiDecodes(req.Body) {
		return dst, notDecoded
	}
	dst = p.writer.Begin(dst)
	failed := wire.OK
	m := wire.NewMultiReader(wire.NewReader(req.Body))
	for op, done, _ := m.Next(); !done; op, done, _ = m.Next() {
		start := len(dst)
		op = p.kindInMulti(op, m.Reader)
		dst = p.writer.BeginTxn(dst, op)
		code := wire.RuntimeInconsistency
		if failed != wire.OK {
			_ = m.Skip(op) // it decoded before
		} else {
			dst, failed = p.change(dst, op, &m.Reader, req, zxid)
			code = failed
		}
		if code == wire.MarshallingError {
			p.pending.rollback()
			return dst, code
		}
		if code != wire.OK {
			dst = wire.AppendInt(p.writer.BeginTxn(dst[:start], wire.OpError), int32(code))
		}
		p.writer.EndTxn(dst)
	}
	p.writer.End(dst)
	if failed != wire.OK {
		p.pending.rollback()
	}
	return dst, wire.OK
}

// multiDecodes reports whether every operation of a multi can be decoded, is one of those a multi may hold, has a path
// and, for a create, a flag that its kind of create can have: otherwise the whole request is refused before anything is checked.
func (p *preparer) multiDecodes(body []byte) bool {
	m := wire.NewMultiReader(wire.NewReader(body))
	for {
		op, done, err := m.Next()
		if done || err != nil {
			return err == nil
		}
		if !op.InMulti() || !p.decodesInMulti(op, &m.Reader) {
			return false
		}
	}
}

func (p *preparer) decodesInMulti(op wire.OpCode, r *wire.Reader) bool {
	switch op {
	case wire.OpCreateTTL:
		err := p.createTTL.Decode(r)
		return err == nil && p.createTTL.Mode.Valid() && !p.createTTL.NullPath
	case wire.OpSetData:
		err := p.setData.Decode(r)
		return err == nil && !p.setData.NullPath
	case wire.OpDelete, wire.OpCheck: // one layout
		err := p.check.Decode(r)
		return err == nil && !p.check.NullPath
	}
	err := p.create.Decode(r)
	return err == nil && p.create.Mode.Valid() && !p.create.Mode.IsTTL() && !p.create.NullPath
}

// kindInMulti returns op, but for a create or create2 whose flag says container: inside a multi, and only there, the flag
// makes it a createContainer. r is a copy and reads ahead.
func (p *preparer) kindInMulti(op wire.OpCode, r wire.Reader) wire.OpCode {
	if (op == wire.OpCreate || op == wire.OpCreate2) && p.create.Decode(&r) == nil && p.create.Mode.IsContainer() {
		return wire.OpCreateContainer
	}
	return op
}
