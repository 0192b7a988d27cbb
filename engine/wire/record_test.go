package wire_test

import (
	"errors"
	"fmt"

	"bellwether/engine/wire"
)

// requestRecord returns an empty record for the body of a request, nil where there is none. The bodies of multi and
// multiRead are no single record: see rewriteMulti.
func requestRecord(op wire.OpCode) (wire.Record, error) {
	switch op {
	case wire.OpPing, wire.OpCloseSession, wire.OpWhoAmI:
		return nil, nil
	case wire.OpCreate, wire.OpCreate2, wire.OpCreateContainer:
		return new(wire.CreateRequest), nil
	case wire.OpCreateTTL:
		return new(wire.CreateTTLRequest), nil
	case wire.OpDelete:
		return new(wire.DeleteRequest), nil
	case wire.OpCheck:
		return new(wire.CheckVersionRequest), nil
	case wire.OpExists:
		return new(wire.ExistsRequest), nil
	case wire.OpGetData:
		return new(wire.GetDataRequest), nil
	case wire.OpGetChildren:
		return new(wire.GetChildrenRequest), nil
	case wire.OpGetChildren2:
		return new(wire.GetChildren2Request), nil
	case wire.OpSetData:
		return new(wire.SetDataRequest), nil
	case wire.OpGetACL:
		return new(wire.GetACLRequest), nil
	case wire.OpSetACL:
		return new(wire.SetACLRequest), nil
	case wire.OpSync:
		return new(wire.SyncRequest), nil
	case wire.OpReconfig:
		return new(wire.ReconfigRequest), nil
	case wire.OpCheckWatches:
		return new(wire.CheckWatchesRequest), nil
	case wire.OpRemoveWatches:
		return new(wire.RemoveWatchesRequest), nil
	case wire.OpDeleteContainer:
		return new(wire.DeleteContainerRequest), nil
	case wire.OpAuth:
		return new(wire.AuthRequest), nil
	case wire.OpSetWatches:
		return new(wire.SetWatches), nil
	case wire.OpSetWatches2:
		return new(wire.SetWatches2), nil
	case wire.OpSASL:
		return new(wire.SASL), nil
	case wire.OpGetEphemerals:
		return new(wire.GetEphemeralsRequest), nil
	case wire.OpGetAllChildrenNumber:
		return new(wire.GetAllChildrenNumberRequest), nil
	case wire.OpAddWatch:
		return new(wire.AddWatchRequest), nil
	}
	return nil, fmt.Errorf("no request %v", op)
}

// responseRecord returns an empty record for the body of a reply without error, nil where there is none.
func responseRecord(op wire.OpCode) (wire.Record, error) {
	switch op {
	case wire.OpPing, wire.OpCloseSession, wire.OpDelete, wire.OpCheck, wire.OpDeleteContainer, wire.OpAuth,
		wire.OpCheckWatches, wire.OpRemoveWatches, wire.OpSetWatches, wire.OpSetWatches2:
		return nil, nil
	case wire.OpCreate:
		return new(wire.CreateResponse), nil
	case wire.OpCreate2, wire.OpCreateContainer, wire.OpCreateTTL:
		return new(wire.Create2Response), nil
	case wire.OpExists, wire.OpSetData, wire.OpSetACL:
		return new(wire.Stat), nil
	case wire.OpGetData:
		return new(wire.GetDataResponse), nil
	case wire.OpReconfig:
		return new(wire.ReconfigResponse), nil
	case wire.OpGetChildren:
		return new(wire.GetChildrenResponse), nil
	case wire.OpGetEphemerals:
		return new(wire.GetEphemeralsResponse), nil
	case wire.OpGetChildren2:
		return new(wire.GetChildren2Response), nil
	case wire.OpGetACL:
		return new(wire.GetACLResponse), nil
	case wire.OpSync:
		return new(wire.SyncResponse), nil
	case wire.OpSASL:
		return new(wire.SASL), nil
	case wire.OpGetAllChildrenNumber:
		return new(wire.GetAllChildrenNumberResponse), nil
	case wire.OpAddWatch:
		return new(wire.AddWatchResponse), nil
	case wire.OpWhoAmI:
		return new(wire.WhoAmIResponse), nil
	}
	return nil, fmt.Errorf("no response to %v", op)
}

// txnRecord returns an empty record for the body of a transaction.
func txnRecord(op wire.OpCode) (wire.Record, error) {
	switch op {
	case wire.OpCreate, wire.OpCreate2:
		return new(wire.CreateTxn), nil
	case wire.OpCreateContainer:
		return new(wire.CreateContainerTxn), nil
	case wire.OpCreateTTL:
		return new(wire.CreateTTLTxn), nil
	case wire.OpDelete, wire.OpDeleteContainer:
		return new(wire.DeleteTxn), nil
	case wire.OpSetData, wire.OpReconfig:
		return new(wire.SetDataTxn), nil
	case wire.OpSetACL:
		return new(wire.SetACLTxn), nil
	case wire.OpCheck:
		return new(wire.CheckTxn), nil
	case wire.OpError:
		return new(wire.ErrorTxn), nil
	case wire.OpCreateSession:
		return new(wire.CreateSessionTxn), nil
	case wire.OpCloseSession:
		return new(wire.CloseSessionTxn), nil
	case wire.OpMulti:
		return new(wire.MultiTxn), nil
	}
	return nil, fmt.Errorf("no transaction %v", op)
}

// rewrite decodes a record and appends what was decoded.
func rewrite(dst []byte, r *wire.Reader, rec wire.Record) ([]byte, error) {
	if rec == nil {
		return dst, nil
	}
	if err := rec.Decode(r); err != nil {
		return nil, err
	}
	return rec.Append(dst), nil
}

// rewriteRequest decodes a request, without its length, and writes it again.
func rewriteRequest(frame []byte) (op wire.OpCode, out []byte, err error) {
	r := wire.NewReader(frame)
	var h wire.RequestHeader
	if err := h.Decode(&r); err != nil {
		return 0, nil, err
	}
	out = h.Append(nil)
	if h.Op == wire.OpMulti || h.Op == wire.OpMultiRead {
		out, err = rewriteMulti(out, r)
		return h.Op, out, err
	}
	rec, err := requestRecord(h.Op)
	if err != nil {
		return h.Op, nil, err
	}
	out, err = rewrite(out, &r, rec)
	return h.Op, out, err
}

// rewriteMulti rewrites the operations of a multi, each with the record it has on its own.
func rewriteMulti(dst []byte, r wire.Reader) ([]byte, error) {
	m := wire.NewMultiReader(r)
	skipping := m
	for {
		op, done, err := m.Next()
		if err != nil {
			return nil, err
		}
		if done {
			return wire.AppendMultiEnd(dst), nil
		}
		rec, err := requestRecord(op)
		if err != nil {
			return nil, err
		}
		if dst, err = rewrite(wire.AppendMultiOp(dst, op), &m.Reader, rec); err != nil {
			return nil, err
		}
		if err := skipAlike(&skipping, op, m.Remaining()); err != nil {
			return nil, err
		}
	}
}

func skipAlike(m *wire.MultiReader, op wire.OpCode, remaining int) error {
	if _, _, err := m.Next(); err != nil {
		return err
	}
	if err := m.Skip(op); err != nil || m.Remaining() != remaining {
		return fmt.Errorf("skipping %v leaves %d bytes, decoding %d (%w)", op, m.Remaining(), remaining, err)
	}
	return nil
}

// rewriteReply decodes a reply to op, without its length, and writes it again.
func rewriteReply(op wire.OpCode, frame []byte) ([]byte, error) {
	r := wire.NewReader(frame)
	var h wire.ReplyHeader
	if err := h.Decode(&r); err != nil {
		return nil, err
	}
	out := h.Append(nil)
	switch {
	case h.Xid == wire.XidNotification:
		return rewrite(out, &r, new(wire.WatcherEvent))
	case h.Err != wire.OK && r.Remaining() == 0:
		return out, nil
	case op == wire.OpMulti || op == wire.OpMultiRead:
		return rewriteMultiResponse(out, r)
	}
	rec, err := responseRecord(op)
	if err != nil {
		return nil, err
	}
	return rewrite(out, &r, rec)
}

func rewriteMultiResponse(dst []byte, r wire.Reader) ([]byte, error) {
	m := wire.NewMultiResultReader(r)
	for {
		op, code, done, err := m.Next()
		switch {
		case err != nil:
			return nil, err
		case done:
			return wire.AppendMultiEnd(dst), nil
		case op == wire.OpError:
			dst = wire.AppendMultiError(dst, code)
			continue
		}
		rec, err := responseRecord(op)
		if err != nil {
			return nil, err
		}
		if dst, err = rewrite(wire.AppendMultiResult(dst, op), &m.Reader, rec); err != nil {
			return nil, err
		}
	}
}

var errTxnLeft = errors.New("the record does not take the whole body")

// rewriteTxn decodes a transaction, body and parts included, and writes it again.
func rewriteTxn(b []byte) ([]byte, error) {
	var txn wire.Txn
	if err := txn.Decode(b); err != nil {
		return nil, err
	}
	body, err := rewriteTxnBody(txn.Type, txn.Body)
	if err != nil {
		return nil, err
	}
	txn.Body = body
	return txn.Append(nil), nil
}

func rewriteTxnBody(op wire.OpCode, body []byte) ([]byte, error) {
	rec, err := txnRecord(op)
	if err != nil {
		return nil, err
	}
	r := wire.NewReader(body)
	if err := rec.Decode(&r); err != nil {
		return nil, err
	}
	if r.Remaining() > 0 {
		return nil, errTxnLeft
	}
	if op == wire.OpMulti {
		return rewriteMultiTxn(rec.(*wire.MultiTxn), body)
	}
	return rec.Append(nil), nil
}

// rewriteMultiTxn writes the parts one by one and also compares the two ways to read them.
func rewriteMultiTxn(whole *wire.MultiTxn, body []byte) ([]byte, error) {
	var w wire.MultiTxnWriter
	dst := w.Begin(nil)
	m := wire.NewMultiTxnReader(wire.NewReader(body))
	for i := 0; ; i++ {
		sub, ok := m.Next()
		if !ok {
			if i != len(whole.Txns) || m.Err() != nil {
				return nil, fmt.Errorf("the iterator finds %d parts of %d: %w", i, len(whole.Txns), m.Err())
			}
			w.End(dst)
			return dst, nil
		}
		part, err := rewriteTxnBody(sub.Type, sub.Body)
		if err != nil {
			return nil, err
		}
		dst = append(w.BeginTxn(dst, sub.Type), part...)
		w.EndTxn(dst)
	}
}
