package peer

import (
	"encoding/binary"
	"fmt"
	"io"

	"bellwether/engine/zab"
)

// MaxFrame is the size in bytes above which a frame on an election link is refused, as ZooKeeper does.
const MaxFrame = 512 << 10

// frameHeadSize is the size in bytes of the length before a frame.
const frameHeadSize = 4

// A notification is what servers tell each other on election links:
//
//	 0        4        12       20       28       36       40       44
//	┌────────┬────────┬────────┬────────┬────────┬────────┬────────┬─────────┐
//	│ state  │ leader │  zxid  │ round  │  peer  │version │ config │ config  │
//	│        │        │        │        │ epoch  │  = 2   │ length │ text    │
//	└────────┴────────┴────────┴────────┴────────┴────────┴────────┴─────────┘
//
// Who sent it is known from the link. The three sizes of old servers end at 28 (the epoch is that of the zxid), at 40, and
// at 40 or more with version 1.
const (
	notificationSize28   = 28
	notificationSize40   = 40
	notificationHeadSize = 44
)

// AppendNotification appends the frame of m, a zab.Notification, with the configuration text its sender goes by. A text
// that does not fit a frame is left out: it is a courtesy, the vote is not.
func AppendNotification(dst []byte, m *zab.Message, config []byte) []byte {
	if notificationHeadSize+len(config) > MaxFrame {
		config = nil
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(notificationHeadSize+len(config)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(m.State))
	dst = binary.BigEndian.AppendUint64(dst, uint64(m.Vote.Leader))
	dst = binary.BigEndian.AppendUint64(dst, uint64(m.Vote.Zxid))
	dst = binary.BigEndian.AppendUint64(dst, m.Round)
	dst = binary.BigEndian.AppendUint64(dst, uint64(m.Vote.PeerEpoch))
	dst = binary.BigEndian.AppendUint32(dst, zab.NotificationVersion)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(config)))
	return append(dst, config...)
}

// DecodeNotification reads the body of a frame, its length left out, that server from has sent. config, the sender's
// configuration text, aliases body; it is nil if there is none, and not parsed: a text that is broken does not make the
// vote any worse. An error means that the frame says nothing; the link may go on.
func DecodeNotification(body []byte, from, to zab.ServerID) (m zab.Message, config []byte, err error) {
	if len(body) != notificationSize28 && len(body) < notificationSize40 {
		return m, nil, fmt.Errorf("peer: notification of %d bytes from server %d", len(body), from)
	}
	m = zab.Message{
		Kind: zab.Notification, From: from, To: to,
		State: zab.Role(int32(binary.BigEndian.Uint32(body))),
		Vote:  zab.Vote{Leader: zab.ServerID(binary.BigEndian.Uint64(body[4:])), Zxid: zab.Zxid(binary.BigEndian.Uint64(body[12:]))},
		Round: binary.BigEndian.Uint64(body[20:]),
	}
	if m.State < zab.Looking || m.State > zab.Observing {
		return m, nil, fmt.Errorf("peer: notification from server %d in the unknown state %d", from, int32(m.State))
	}
	if len(body) == notificationSize28 {
		m.Vote.PeerEpoch = int64(m.Vote.Zxid) >> 32
		return m, nil, nil
	}
	m.Vote.PeerEpoch = int64(binary.BigEndian.Uint64(body[28:]))
	if len(body) == notificationSize40 {
		return m, nil, nil
	}
	if m.Version = int32(binary.BigEndian.Uint32(body[36:])); m.Version < 2 {
		return m, nil, nil
	}
	if len(body) < notificationHeadSize {
		return m, nil, fmt.Errorf("peer: notification of %d bytes and version %d from server %d", len(body), m.Version, from)
	}
	size := int(int32(binary.BigEndian.Uint32(body[40:])))
	if size < 0 || size > len(body)-notificationHeadSize {
		return m, nil, fmt.Errorf("peer: notification from server %d with %d bytes of configuration in %d", from, size, len(body))
	}
	if size > 0 {
		config = body[notificationHeadSize : notificationHeadSize+size : notificationHeadSize+size]
	}
	return m, config, nil
}

// readFrame reads one frame into buf, which it grows as bytes arrive, and returns its body. An error ends the link.
func readFrame(r io.Reader, buf []byte) ([]byte, error) {
	var head [frameHeadSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return buf, err
	}
	size := int(int32(binary.BigEndian.Uint32(head[:])))
	if size <= 0 || size > MaxFrame {
		return buf, fmt.Errorf("peer: frame of %d bytes on an election link", size)
	}
	buf = buf[:0]
	for len(buf) < size {
		step := min(size-len(buf), max(1024, len(buf)))
		buf = append(buf, make([]byte, step)...)
		if _, err := io.ReadFull(r, buf[len(buf)-step:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return buf, err
		}
	}
	return buf, nil
}
