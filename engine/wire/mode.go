package wire

import "strconv"

// CreateMode is the kind of znode a create asks for: the flags field of the create requests.
type CreateMode int32

// The kinds of znode. Any other number is refused with BadArguments.
const (
	Persistent              CreateMode = 0
	Ephemeral               CreateMode = 1
	PersistentSequential    CreateMode = 2
	EphemeralSequential     CreateMode = 3
	Container               CreateMode = 4
	PersistentTTL           CreateMode = 5
	PersistentSequentialTTL CreateMode = 6
)

// Valid reports whether m is one of the seven kinds.
func (m CreateMode) Valid() bool { return m >= Persistent && m <= PersistentSequentialTTL }

// IsSequential reports whether the server completes the name with a number.
func (m CreateMode) IsSequential() bool {
	return m == PersistentSequential || m == EphemeralSequential || m == PersistentSequentialTTL
}

// IsEphemeral reports whether the znode goes with its session.
func (m CreateMode) IsEphemeral() bool { return m == Ephemeral || m == EphemeralSequential }

// IsContainer reports whether the znode goes when its last child has gone.
func (m CreateMode) IsContainer() bool { return m == Container }

// IsTTL reports whether the znode goes when it has been neither changed nor a parent for its time to live.
func (m CreateMode) IsTTL() bool { return m == PersistentTTL || m == PersistentSequentialTTL }

// String names the mode, or mode(n) for a number that has no name.
func (m CreateMode) String() string {
	switch m {
	case Persistent:
		return "persistent"
	case Ephemeral:
		return "ephemeral"
	case PersistentSequential:
		return "persistent-sequential"
	case EphemeralSequential:
		return "ephemeral-sequential"
	case Container:
		return "container"
	case PersistentTTL:
		return "persistent-ttl"
	case PersistentSequentialTTL:
		return "persistent-sequential-ttl"
	}
	return "mode(" + strconv.Itoa(int(m)) + ")"
}

// AppendSequence appends the suffix of a sequential znode: n in decimal, padded with zeros to ten characters, a minus
// sign included. The smallest number takes eleven.
func AppendSequence(dst []byte, n int32) []byte {
	const width = 10
	v, digits := int64(n), width
	if v < 0 {
		dst = append(dst, '-')
		v, digits = -v, width-1
		if v > 999_999_999 {
			digits = width
		}
	}
	at := len(dst)
	dst = extend(dst, digits)
	for i := at + digits - 1; i >= at; i-- {
		dst[i] = byte('0' + v%10)
		v /= 10
	}
	return dst
}
