package wire

import "encoding/binary"

// StatSize is the size of an encoded Stat in bytes.
const StatSize = 68

// Stat is what a client learns about a znode besides its data. Times are milliseconds since 1970. On the wire Cversion
// counts creations and deletions of children, and EphemeralOwner is 0 for all but ephemeral znodes; the tree keeps both in
// another form.
type Stat struct {
	Czxid, Mzxid, Ctime, Mtime  int64
	Version, Cversion, Aversion int32
	EphemeralOwner              int64
	DataLength, NumChildren     int32
	Pzxid                       int64
}

// AppendStat appends s.
func AppendStat(dst []byte, s *Stat) []byte {
	n := len(dst)
	dst = extend(dst, StatSize)
	b := (*[StatSize]byte)(dst[n:])
	binary.BigEndian.PutUint64(b[0:], uint64(s.Czxid))
	binary.BigEndian.PutUint64(b[8:], uint64(s.Mzxid))
	binary.BigEndian.PutUint64(b[16:], uint64(s.Ctime))
	binary.BigEndian.PutUint64(b[24:], uint64(s.Mtime))
	binary.BigEndian.PutUint32(b[32:], uint32(s.Version))
	binary.BigEndian.PutUint32(b[36:], uint32(s.Cversion))
	binary.BigEndian.PutUint32(b[40:], uint32(s.Aversion))
	binary.BigEndian.PutUint64(b[44:], uint64(s.EphemeralOwner))
	binary.BigEndian.PutUint32(b[52:], uint32(s.DataLength))
	binary.BigEndian.PutUint32(b[56:], uint32(s.NumChildren))
	binary.BigEndian.PutUint64(b[60:], uint64(s.Pzxid))
	return dst
}

// Append appends s.
func (s *Stat) Append(dst []byte) []byte { return AppendStat(dst, s) }

// Decode reads s.
func (s *Stat) Decode(r *Reader) error {
	if r.Remaining() < StatSize {
		r.fail(ErrShort)
		return r.err
	}
	b := (*[StatSize]byte)(r.in[r.pos:])
	r.pos += StatSize
	s.Czxid = int64(binary.BigEndian.Uint64(b[0:]))
	s.Mzxid = int64(binary.BigEndian.Uint64(b[8:]))
	s.Ctime = int64(binary.BigEndian.Uint64(b[16:]))
	s.Mtime = int64(binary.BigEndian.Uint64(b[24:]))
	s.Version = int32(binary.BigEndian.Uint32(b[32:]))
	s.Cversion = int32(binary.BigEndian.Uint32(b[36:]))
	s.Aversion = int32(binary.BigEndian.Uint32(b[40:]))
	s.EphemeralOwner = int64(binary.BigEndian.Uint64(b[44:]))
	s.DataLength = int32(binary.BigEndian.Uint32(b[52:]))
	s.NumChildren = int32(binary.BigEndian.Uint32(b[56:]))
	s.Pzxid = int64(binary.BigEndian.Uint64(b[60:]))
	return nil
}
