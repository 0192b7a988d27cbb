package wire

import "encoding/binary"

// subTxnMinSize is the size in bytes of the shortest SubTxn: a type and an empty buffer.
const subTxnMinSize = 8

// SubTxn is one transaction within a multi. It has no header of its own: session, cxid, zxid and time are those of the
// multi.
type SubTxn struct {
	Type OpCode
	Body []byte // decode it with the record of Type
}

// MultiTxn is the body of multi. A multi of which one part has the type OpError changes nothing at all.
type MultiTxn struct {
	Txns []SubTxn // nil for null
}

// Append appends t.
func (t *MultiTxn) Append(dst []byte) []byte {
	if t.Txns == nil {
		return appendNull(dst)
	}
	dst = AppendInt(dst, int32(len(t.Txns)))
	for i := range t.Txns {
		dst = AppendBuffer(AppendInt(dst, int32(t.Txns[i].Type)), t.Txns[i].Body)
	}
	return dst
}

// Decode reads t. MultiTxnReader reads the same without a slice.
func (t *MultiTxn) Decode(r *Reader) error {
	n := r.Count(subTxnMinSize)
	if n < 0 {
		t.Txns = nil
		return r.err
	}
	if t.Txns = t.Txns[:0]; t.Txns == nil {
		t.Txns = []SubTxn{}
	}
	for ; n > 0 && r.err == nil; n-- {
		t.Txns = append(t.Txns, SubTxn{Type: OpCode(r.Int()), Body: r.Buffer()})
	}
	return r.err
}

// MultiTxnReader walks over the parts of a multi's body:
//
//	m := wire.NewMultiTxnReader(r)
//	for sub, ok := m.Next(); ok; sub, ok = m.Next() {
//	}
//	err := m.Err()
type MultiTxnReader struct {
	Reader
	left int
}

// NewMultiTxnReader reads the number of parts where r stands.
func NewMultiTxnReader(r Reader) MultiTxnReader {
	m := MultiTxnReader{Reader: r}
	m.left = m.Count(subTxnMinSize)
	return m
}

// Len returns how many parts are still to come.
func (m *MultiTxnReader) Len() int { return max(m.left, 0) }

// Next returns the next part; ok is false at the end and after an error. The body aliases the input.
func (m *MultiTxnReader) Next() (sub SubTxn, ok bool) {
	if m.left <= 0 {
		return SubTxn{}, false
	}
	m.left--
	sub = SubTxn{Type: OpCode(m.Int()), Body: m.Buffer()}
	if m.err != nil {
		m.left = 0
		return SubTxn{}, false
	}
	return sub, true
}

// MultiTxnWriter writes the body of a multi part by part, without knowing their number beforehand:
//
//	var w wire.MultiTxnWriter
//	dst = w.Begin(dst)
//	dst = w.BeginTxn(dst, wire.OpDelete)
//	dst = delete.Append(dst)
//	w.EndTxn(dst)
//	w.End(dst)
type MultiTxnWriter struct {
	start, part int // where the count stands, where the open part's buffer begins
	count       uint32
}

// Begin reserves the count.
func (w *MultiTxnWriter) Begin(dst []byte) []byte {
	w.start, w.count = len(dst), 0
	return AppendInt(dst, 0)
}

// BeginTxn opens a part; its body follows.
func (w *MultiTxnWriter) BeginTxn(dst []byte, op OpCode) []byte {
	dst = AppendInt(dst, int32(op))
	w.part = len(dst)
	return BeginFrame(dst)
}

// EndTxn closes the open part, whose body reaches to the end of dst.
func (w *MultiTxnWriter) EndTxn(dst []byte) {
	EndFrame(dst, w.part)
	w.count++
}

// End fills in the count.
func (w *MultiTxnWriter) End(dst []byte) { binary.BigEndian.PutUint32(dst[w.start:], w.count) }
