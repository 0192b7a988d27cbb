package wire

import (
	"encoding/binary"
	"errors"
)

// ErrTxnType means that a transaction has a type of which no body is known.
var ErrTxnType = errors.New("wire: unknown transaction type")

const (
	// TxnHeaderSize is the size of an encoded TxnHeader in bytes.
	TxnHeaderSize = 32
	// TxnDigestSize is the size of an encoded TxnDigest in bytes.
	TxnDigestSize = 12
)

// TxnHeader begins every transaction.
type TxnHeader struct {
	ClientID int64 // the session that asked; 0 for the removal of a container or an expired TTL znode
	Cxid     int32 // the xid of its request; 0 when the server acts by itself
	Zxid     int64
	Time     int64  // the leader's clock, in milliseconds since 1970
	Type     OpCode // OpError when the request failed, else the operation
}

// AppendTxnHeader appends h.
func AppendTxnHeader(dst []byte, h *TxnHeader) []byte {
	n := len(dst)
	dst = extend(dst, TxnHeaderSize)
	b := (*[TxnHeaderSize]byte)(dst[n:])
	binary.BigEndian.PutUint64(b[0:], uint64(h.ClientID))
	binary.BigEndian.PutUint32(b[8:], uint32(h.Cxid))
	binary.BigEndian.PutUint64(b[12:], uint64(h.Zxid))
	binary.BigEndian.PutUint64(b[20:], uint64(h.Time))
	binary.BigEndian.PutUint32(b[28:], uint32(h.Type))
	return dst
}

// Append appends h.
func (h *TxnHeader) Append(dst []byte) []byte { return AppendTxnHeader(dst, h) }

// Decode reads h.
func (h *TxnHeader) Decode(r *Reader) error {
	if r.Remaining() < TxnHeaderSize {
		r.fail(ErrShort)
		return r.err
	}
	b := (*[TxnHeaderSize]byte)(r.in[r.pos:])
	r.pos += TxnHeaderSize
	h.ClientID = int64(binary.BigEndian.Uint64(b[0:]))
	h.Cxid = int32(binary.BigEndian.Uint32(b[8:]))
	h.Zxid = int64(binary.BigEndian.Uint64(b[12:]))
	h.Time = int64(binary.BigEndian.Uint64(b[20:]))
	h.Type = OpCode(binary.BigEndian.Uint32(b[28:]))
	return nil
}

// TxnDigest is the digest of the whole tree after a transaction. It may follow the body.
type TxnDigest struct {
	Version int32 // 2
	Tree    int64
}

// Append appends d.
func (d *TxnDigest) Append(dst []byte) []byte { return AppendLong(AppendInt(dst, d.Version), d.Tree) }

// Decode reads d.
func (d *TxnDigest) Decode(r *Reader) error {
	d.Version, d.Tree = r.Int(), r.Long()
	return r.err
}

// Txn is the envelope of a transaction, as it stands in a proposal and in the log:
//
//	header (32 bytes) | body (by type, may be absent) | digest (12 bytes, may be absent)
//
// Nothing says how long the body is: one must walk over it. Whoever needs neither the body's bytes nor the digest decodes
// the header and the typed body one after the other, and is done.
type Txn struct {
	TxnHeader
	Body      []byte // aliases the input; decode it with the record of Type
	Digest    TxnDigest
	HasDigest bool
}

// Decode reads all of b, which must be one whole transaction. Bytes behind the body that are too few for a digest, and
// whatever follows the digest, are ignored. A type without a known body is ErrTxnType.
func (t *Txn) Decode(b []byte) error {
	r := NewReader(b)
	if err := t.TxnHeader.Decode(&r); err != nil {
		return err
	}
	start := r.pos
	if err := r.skipTxnBody(t.Type); err != nil {
		return err
	}
	t.Body = b[start:r.pos:r.pos]
	t.Digest, t.HasDigest = ReadTxnDigest(&r)
	return nil
}

// Append appends t.
func (t *Txn) Append(dst []byte) []byte {
	dst = append(AppendTxnHeader(dst, &t.TxnHeader), t.Body...)
	if t.HasDigest {
		dst = t.Digest.Append(dst)
	}
	return dst
}

// ReadTxnDigest reads the digest, if r, which stands behind a body, has enough bytes left for one.
func ReadTxnDigest(r *Reader) (d TxnDigest, ok bool) {
	if r.err != nil || r.Remaining() < TxnDigestSize {
		return d, false
	}
	_ = d.Decode(r)
	return d, true
}
