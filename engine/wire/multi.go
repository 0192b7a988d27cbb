package wire

import "errors"

// ErrMultiOp means that a multi contains an operation that cannot stand in one: the whole request is answered with
// MarshallingError.
var ErrMultiOp = errors.New("wire: operation cannot stand in a multi")

// MultiHeader stands before every operation and every result of a multi, and once more, with Done, at the end.
type MultiHeader struct {
	Type OpCode // OpError in the end and before the results of a failed multi
	Done bool   // the end: only this byte says so
	Err  Code   // in a request -1
}

// Append appends h.
func (h *MultiHeader) Append(dst []byte) []byte {
	return AppendInt(AppendBool(AppendInt(dst, int32(h.Type)), h.Done), int32(h.Err))
}

// Decode reads h.
func (h *MultiHeader) Decode(r *Reader) error {
	h.Type, h.Done, h.Err = OpCode(r.Int()), r.Bool(), Code(r.Int())
	return r.err
}

// AppendMultiOp begins the next operation of a multi or multiRead request; its request record follows.
func AppendMultiOp(dst []byte, op OpCode) []byte {
	h := MultiHeader{Type: op, Err: -1}
	return h.Append(dst)
}

// AppendMultiResult begins the next successful result; its response record follows, if it has one. create is
// answered with CreateResponse; create2, createContainer and createTTL all with op OpCreate2 and Create2Response;
// setData with Stat; getData and getChildren with theirs; delete and check with nothing.
func AppendMultiResult(dst []byte, op OpCode) []byte {
	h := MultiHeader{Type: op}
	return h.Append(dst)
}

// AppendMultiError appends the whole result of an operation that failed or was rolled back (code OK).
func AppendMultiError(dst []byte, code Code) []byte {
	h := MultiHeader{Type: OpError, Err: code}
	return AppendInt(h.Append(dst), int32(code))
}

// AppendMultiEnd ends a request or a response.
func AppendMultiEnd(dst []byte) []byte {
	h := MultiHeader{Type: OpError, Done: true, Err: -1}
	return h.Append(dst)
}

// MultiReader walks over the operations of a multi or multiRead request:
//
//	for m := wire.NewMultiReader(r); ; {
//		op, done, err := m.Next()
//		if done || err != nil {
//			break
//		}
//		switch op { // exactly one Decode for each operation, from m.Reader
//		case wire.OpSetData:
//			err = setData.Decode(&m.Reader)
//
// Next accepts all operations that either kind of request can hold. That the two kinds are not mixed is for the caller
// to check (see OpCode.InMulti and InMultiRead).
type MultiReader struct {
	Reader
}

// NewMultiReader returns a MultiReader that begins where r stands.
func NewMultiReader(r Reader) MultiReader { return MultiReader{r} }

// Next reads the header of the next operation, or done at the end. ErrMultiOp says that the operation, of which op is the
// number, can stand neither in a multi nor in a multiRead.
func (m *MultiReader) Next() (op OpCode, done bool, err error) {
	var h MultiHeader
	if h.Decode(&m.Reader) != nil {
		return 0, false, m.err
	}
	if !h.Done && !h.Type.InMulti() && !h.Type.InMultiRead() {
		m.fail(ErrMultiOp)
		return h.Type, false, m.err
	}
	return h.Type, h.Done, nil
}

// Skip reads the record of an operation that Next returned, for whoever only counts or checks.
func (m *MultiReader) Skip(op OpCode) error {
	switch op {
	case OpCreate, OpCreate2, OpCreateContainer, OpCreateTTL:
		m.skipText()
		m.skipBuffer()
		m.skipACLs()
		m.Int()
		if op == OpCreateTTL {
			m.Long()
		}
	case OpDelete, OpCheck:
		m.skipText()
		m.Int()
	case OpSetData:
		m.skipText()
		m.skipBuffer()
		m.Int()
	case OpGetData, OpGetChildren:
		m.skipText()
		m.Bool()
	default:
		m.fail(ErrMultiOp)
	}
	return m.err
}

// MultiResultReader walks over the results in a response to multi or multiRead.
type MultiResultReader struct {
	Reader
}

// NewMultiResultReader returns a MultiResultReader that begins where r stands.
func NewMultiResultReader(r Reader) MultiResultReader { return MultiResultReader{r} }

// Next reads the header of the next result, or done at the end. With op OpError the result is code and is read
// completely; with any other op the caller decodes the response record from m.Reader, if that op has one.
func (m *MultiResultReader) Next() (op OpCode, code Code, done bool, err error) {
	var h MultiHeader
	if h.Decode(&m.Reader) != nil {
		return 0, 0, false, m.err
	}
	if h.Done {
		return h.Type, h.Err, true, nil
	}
	if h.Type == OpError {
		h.Err = Code(m.Int())
	}
	return h.Type, h.Err, false, m.err
}
