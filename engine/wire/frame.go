package wire

import (
	"encoding/binary"
	"errors"
)

const (
	// FrameHeaderSize is the size, in bytes, of the length in front of every frame.
	FrameHeaderSize = 4
	// DefaultMaxFrame is the longest frame, in bytes without its length, that a server accepts by default.
	DefaultMaxFrame = 0xfffff
)

// ErrFrameLength means that a frame declares a negative length or one above the limit. Nothing after it in the stream
// can be understood: the connection is to be closed.
var ErrFrameLength = errors.New("wire: frame length out of bounds")

// NextFrame cuts the first frame off buf. With ok, frame is its content (without the length, at most max bytes) and
// rest what follows it; both alias buf. Without ok and error, the frame has not fully arrived: rest is buf. A length below
// 0 or above max is ErrFrameLength, which is known as soon as four bytes are there.
func NextFrame(buf []byte, max int) (frame, rest []byte, ok bool, err error) {
	if len(buf) < FrameHeaderSize {
		return nil, buf, false, nil
	}
	n := int(int32(binary.BigEndian.Uint32(buf)))
	if n < 0 || n > max {
		return nil, buf, false, ErrFrameLength
	}
	end := FrameHeaderSize + n
	if len(buf) < end {
		return nil, buf, false, nil
	}
	return buf[FrameHeaderSize:end:end], buf[end:], true, nil
}

// BeginFrame reserves the length of a frame that begins at len(dst). EndFrame fills it in:
//
//	start := len(dst)
//	dst = wire.BeginFrame(dst)
//	dst = ... // the content
//	wire.EndFrame(dst, start)
func BeginFrame(dst []byte) []byte { return append(dst, 0, 0, 0, 0) }

// EndFrame writes the length of the frame that began at start and reaches to the end of dst. A jute buffer has the same
// shape, so the pair also serves to write a buffer whose content is not known beforehand.
func EndFrame(dst []byte, start int) {
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-FrameHeaderSize))
}
