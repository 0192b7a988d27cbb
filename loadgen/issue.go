package loadgen

import (
	"bellwether/engine/wire"
	"bellwether/loadgen/client"
)

// issue encodes one operation and commits it. Due and Since are the caller's to set.
func (w *worker) issue(s *session, r *random) *client.Pending {
	op := w.chooser.choose(r)
	// Deletes are at most as many as creates, but a random walk comes by zero again and again. Creating then keeps the
	// share of writes, and the counts in the result tell how it came out.
	if op == Delete && s.deleted == s.created {
		op = Create
	}
	// Names are spelled into one buffer and records copied out of it at once, so nothing here allocates.
	out := s.conn.Begin(wireOps[op])
	switch op {
	case Get, Exists:
		out = wire.AppendBool(wire.AppendString(out, w.paths.key(w.keys.choose(r))), false)
	case Children:
		out = wire.AppendBool(wire.AppendString(out, w.paths.dir(w.keys.choose(r)/uint32(w.config.DirSize))), false)
	case ACL, Sync:
		out = wire.AppendString(out, w.paths.key(w.keys.choose(r)))
	case Set:
		out = w.appendSet(out, r)
	case Multi:
		for range w.config.MultiSize {
			out = w.appendSet(wire.AppendMultiOp(out, wire.OpSetData), r)
		}
		out = wire.AppendMultiEnd(out)
	case Create: // counted when sent: a delete behind it on the same session finds it made
		request := wire.CreateRequest{
			Path: w.paths.created(uint32(s.conn.Number), s.created), Data: w.value(r), ACL: wire.OpenACL,
		}
		out = request.Append(out)
		s.created++
	case Delete:
		request := wire.DeleteRequest{Path: w.paths.created(uint32(s.conn.Number), s.deleted), Version: -1}
		out = request.Append(out)
		s.deleted++
	}
	p := s.conn.Commit(out)
	p.Kind = uint8(op)
	w.outstanding++
	return p
}

// appendSet appends a setData record, for set and for each part of a multi.
func (w *worker) appendSet(out []byte, r *random) []byte {
	request := wire.SetDataRequest{Path: w.paths.key(w.keys.choose(r)), Data: w.value(r), Version: -1}
	return request.Append(out)
}

// value is what is written: a piece of random bytes, so that nothing compresses it away.
func (w *worker) value(r *random) []byte {
	at := int(r.below(uint64(len(w.values) - w.config.ValueSize + 1)))
	return w.values[at : at+w.config.ValueSize]
}
