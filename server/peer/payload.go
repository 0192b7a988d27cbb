package peer

import (
	"encoding/binary"
	"fmt"

	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// protocolVersion is the version of the learner protocol that all servers since ZooKeeper 3.4 speak.
const protocolVersion = 0x10000

// extension stands behind LearnerInfo and behind the data of LEADERINFO: "I understand Bellwether's extensions", and "so
// we use them". Apache ZooKeeper reads neither so far.
const extension = "BWL\x01"

// LearnerInfo is the data of FOLLOWERINFO and OBSERVERINFO.
type LearnerInfo struct {
	ID            zab.ServerID
	Protocol      int32
	ConfigVersion int64 // of the configuration the learner has; a leader with a lower one closes the link
	Extended      bool  // Bellwether's extensions are understood
}

const learnerInfoSize = 8 + 4 + 8

// Append appends l.
func (l *LearnerInfo) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(l.ID))
	dst = binary.BigEndian.AppendUint32(dst, uint32(l.Protocol))
	dst = binary.BigEndian.AppendUint64(dst, uint64(l.ConfigVersion))
	if l.Extended {
		dst = append(dst, extension...)
	}
	return dst
}

// Decode reads l. Older learners leave out the later fields, which then are 0; whatever else stands behind is ignored.
// A learner that does not say who it is, is refused.
func (l *LearnerInfo) Decode(data []byte) error {
	if len(data) < 8 {
		return fmt.Errorf("peer: learner info of %d bytes names no server", len(data))
	}
	*l = LearnerInfo{ID: zab.ServerID(binary.BigEndian.Uint64(data))}
	if len(data) >= 12 {
		l.Protocol = int32(binary.BigEndian.Uint32(data[8:]))
	}
	if len(data) >= learnerInfoSize {
		l.ConfigVersion = int64(binary.BigEndian.Uint64(data[12:]))
		l.Extended = string(data[learnerInfoSize:]) == extension
	}
	return nil
}

// appendLeaderInfo appends the data of LEADERINFO.
func appendLeaderInfo(dst []byte, extended bool) []byte {
	dst = binary.BigEndian.AppendUint32(dst, protocolVersion)
	if extended {
		dst = append(dst, extension...)
	}
	return dst
}

// decodeLeaderInfo reads the data of LEADERINFO.
func decodeLeaderInfo(data []byte) (extended bool, err error) {
	if len(data) < 4 {
		return false, fmt.Errorf("peer: LEADERINFO with %d bytes of data", len(data))
	}
	if v := binary.BigEndian.Uint32(data); v < protocolVersion {
		return false, fmt.Errorf("peer: the leader speaks version 0x%x of the protocol, older than 3.4", v)
	}
	return string(data[4:]) == extension, nil
}

// ackEpoch is the data of ACKEPOCH.
type ackEpoch struct {
	epoch int64 // current epoch, or zab.NotCounted
	floor zab.Zxid
	long  bool // the floor is there: on links with Bellwether's extensions
}

func (a *ackEpoch) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(a.epoch))
	if a.long {
		dst = binary.BigEndian.AppendUint64(dst, uint64(a.floor))
	}
	return dst
}

func (a *ackEpoch) decode(data []byte) error {
	*a = ackEpoch{long: len(data) == 12}
	if len(data) != 4 && !a.long {
		return fmt.Errorf("peer: ACKEPOCH with %d bytes of data", len(data))
	}
	a.epoch = int64(int32(binary.BigEndian.Uint32(data)))
	if a.long {
		a.floor = zab.Zxid(binary.BigEndian.Uint64(data[4:]))
	}
	return nil
}

// Request is the data of a REQUEST: what a client of the learner wants. Its credentials travel beside it, in Packet.Auth.
type Request struct {
	Session int64
	Cxid    int32
	Op      wire.OpCode
	Body    []byte // the record as the client sent it; for createSession the timeout, an int in ms
}

const requestHeadSize = 8 + 4 + 4

// Append appends r.
func (r *Request) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Session))
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.Cxid))
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.Op))
	return append(dst, r.Body...)
}

// Decode reads r. Body aliases data.
func (r *Request) Decode(data []byte) error {
	if len(data) < requestHeadSize {
		return fmt.Errorf("peer: REQUEST with %d bytes of data", len(data))
	}
	r.Session = int64(binary.BigEndian.Uint64(data))
	r.Cxid = int32(binary.BigEndian.Uint32(data[8:]))
	r.Op = wire.OpCode(binary.BigEndian.Uint32(data[12:]))
	r.Body = data[requestHeadSize:]
	return nil
}

// Revalidation is the data of a learner's REVALIDATE: a client came to the learner with a session that began elsewhere.
type Revalidation struct {
	Session   int64
	TimeoutMs int32
}

const revalidationSize = 8 + 4

// Append appends r.
func (r *Revalidation) Append(dst []byte) []byte {
	return wire.AppendInt(wire.AppendLong(dst, r.Session), r.TimeoutMs)
}

// Decode reads r.
func (r *Revalidation) Decode(data []byte) error {
	if len(data) != revalidationSize {
		return fmt.Errorf("peer: REVALIDATE of a learner with %d bytes of data", len(data))
	}
	r.Session = int64(binary.BigEndian.Uint64(data))
	r.TimeoutMs = int32(binary.BigEndian.Uint32(data[8:]))
	return nil
}

// Validity is the data of a leader's REVALIDATE: the answer.
type Validity struct {
	Session int64
	Valid   bool // the session lives, and is the learner's from now on
}

const validitySize = 8 + 1

// Append appends v.
func (v *Validity) Append(dst []byte) []byte {
	return wire.AppendBool(wire.AppendLong(dst, v.Session), v.Valid)
}

// Decode reads v.
func (v *Validity) Decode(data []byte) error {
	if len(data) != validitySize {
		return fmt.Errorf("peer: REVALIDATE of a leader with %d bytes of data", len(data))
	}
	v.Session = int64(binary.BigEndian.Uint64(data))
	v.Valid = data[8] != 0
	return nil
}

// touchSize is the size in bytes of one session in a learner's PING.
const touchSize = 8 + 4

// AppendTouch appends a session that the learner has heard of since its last PING to the data of the next one.
func AppendTouch(dst []byte, session int64, timeoutMs int32) []byte {
	return wire.AppendInt(wire.AppendLong(dst, session), timeoutMs)
}

// Touches walks over the data of a learner's PING:
//
//	t := peer.Touches(data)
//	for session, timeoutMs, ok := t.Next(); ok; session, timeoutMs, ok = t.Next() {
//	}
type Touches []byte

// Next returns the next session; ok is false at the end.
func (t *Touches) Next() (session int64, timeoutMs int32, ok bool) {
	b := *t
	if len(b) < touchSize {
		return 0, 0, false
	}
	*t = b[touchSize:]
	return int64(binary.BigEndian.Uint64(b)), int32(binary.BigEndian.Uint32(b[8:])), true
}

// activationSize is the size in bytes of what COMMITANDACTIVATE and INFORMANDACTIVATE name: the designated leader.
const activationSize = 8

// Credential is what a client has proved to be. Schemes and ids are opaque here.
type Credential struct {
	Scheme string
	ID     string
}

// AppendCredentials appends a vector of credentials as Packet.Auth and zab.Message.Auth hold it.
func AppendCredentials(dst []byte, ids []Credential) []byte {
	dst = wire.AppendInt(dst, int32(len(ids)))
	for i := range ids {
		dst = wire.AppendString(wire.AppendString(dst, ids[i].Scheme), ids[i].ID)
	}
	return dst
}

// DecodeCredentials reads what AppendCredentials has written, behind dst, which it overwrites from the start. nil, for
// null, has none. The strings alias auth.
func DecodeCredentials(dst []Credential, auth []byte) ([]Credential, error) {
	dst = dst[:0]
	if auth == nil {
		return dst, nil
	}
	r := wire.NewReader(auth)
	for n := r.Count(8); n > 0; n-- {
		dst = append(dst, Credential{Scheme: r.String(), ID: r.String()})
	}
	if r.Err() != nil || r.Remaining() > 0 {
		return nil, fmt.Errorf("peer: credentials of %d bytes are malformed", len(auth))
	}
	return dst, nil
}
