package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// DefaultMaxData is the largest packet data that is accepted, in bytes, unless a Decoder is told otherwise: what
// ZooKeeper accepts with its default jute.maxbuffer.
const DefaultMaxData = 2<<20 - 2

const (
	// chunkBytes is the size of the buffers that packets are read into.
	chunkBytes = 64 << 10
	// maxAuthBytes bounds the credentials of one packet.
	maxAuthBytes = 64 << 10
	// minRead is how much room a read is worth starting with.
	minRead = 4 << 10
)

// errPartial says that a packet is not all in the buffer.
var errPartial = errors.New("peer: packet is not complete yet")

// Decoder reads packets from a stream. Data and Auth of the packets it hands out alias its buffers and stay valid for
// ever: a buffer of which something was handed out is never written again but left to the garbage collector, so that
// proposals go from the socket to the log and into memory without a copy. Packets without data cost no memory.
//
// A length is a claim: no more is allocated than twice what has really arrived, and a minimum.
//
// Not safe for concurrent use. After an error it is of no more use.
type Decoder struct {
	r       io.Reader
	maxData int

	buf   []byte // buf[start:] was read and not handed out; its capacity is the whole buffer
	start int
	lent  bool // something that lies before start was handed out
}

// NewDecoder returns a decoder that refuses packets with more than maxData bytes of data; 0 means DefaultMaxData.
func NewDecoder(r io.Reader, maxData int) *Decoder {
	if maxData == 0 {
		maxData = DefaultMaxData
	}
	return &Decoder{r: r, maxData: maxData}
}

// Next returns the next packet and waits for it. The error is io.EOF if the stream ends between two packets, and
// io.ErrUnexpectedEOF if it ends within one.
func (d *Decoder) Next() (Packet, error) {
	return d.next(true)
}

// NextBuffered returns the next packet if all of it has been read already. Without one, ok is false.
func (d *Decoder) NextBuffered() (p Packet, ok bool, err error) {
	p, err = d.next(false)
	if err == errPartial {
		return Packet{}, false, nil
	}
	return p, err == nil, err
}

func (d *Decoder) next(wait bool) (p Packet, err error) {
	if err = d.need(packetHeadSize, wait); err != nil {
		return p, err
	}
	head := d.buf[d.start:]
	p.Type = PacketType(binary.BigEndian.Uint32(head))
	p.Zxid = int64(binary.BigEndian.Uint64(head[4:]))
	size := int(int32(binary.BigEndian.Uint32(head[12:])))
	if size < -1 || size > d.maxData {
		return p, fmt.Errorf("peer: %v claims %d bytes of data, at most %d are accepted", p.Type, size, d.maxData)
	}
	end := packetHeadSize + max(size, 0)
	if err = d.need(end+4, wait); err != nil {
		return p, err
	}
	authEnd := end + 4
	if string(d.buf[d.start+end:d.start+end+4]) != null {
		if authEnd, err = d.authEnd(end, wait); err != nil {
			return p, err
		}
		p.Auth = d.buf[d.start+end : d.start+authEnd : d.start+authEnd]
	}
	if size >= 0 {
		p.Data = d.buf[d.start+packetHeadSize : d.start+end : d.start+end]
	}
	d.lent = d.lent || size >= 0 || p.Auth != nil
	d.start += authEnd
	return p, nil
}

// authEnd returns where the credentials end that begin at offset at of the packet.
func (d *Decoder) authEnd(at int, wait bool) (int, error) {
	count := int(int32(binary.BigEndian.Uint32(d.buf[d.start+at:])))
	if count < 0 || count > maxAuthBytes/8 {
		return 0, fmt.Errorf("peer: packet claims %d credentials", count)
	}
	limit := at + maxAuthBytes
	at += 4
	for range 2 * count { // scheme and id of each
		if err := d.need(at+4, wait); err != nil {
			return 0, err
		}
		size := int(int32(binary.BigEndian.Uint32(d.buf[d.start+at:])))
		if size < -1 || at+4+size > limit {
			return 0, fmt.Errorf("peer: credentials of more than %d bytes, or of %d", maxAuthBytes, size)
		}
		at += 4 + max(size, 0)
	}
	return at, d.need(at, wait)
}

// need makes sure that n bytes of the packet are in the buffer.
func (d *Decoder) need(n int, wait bool) error {
	for len(d.buf)-d.start < n {
		if !wait {
			return errPartial
		}
		if err := d.fill(n); err != nil {
			if err == io.EOF && len(d.buf) > d.start {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// fill reads once, making room first for a packet of n bytes, or for as much of it as it has earned by what came.
func (d *Decoder) fill(n int) error {
	d.makeRoom(n)
	m, err := d.r.Read(d.buf[len(d.buf):cap(d.buf)])
	d.buf = d.buf[:len(d.buf)+m]
	if m > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

func (d *Decoder) makeRoom(n int) {
	have := len(d.buf) - d.start
	if have == 0 && !d.lent {
		d.buf, d.start = d.buf[:0], 0
	}
	if room := cap(d.buf) - len(d.buf); room >= n-have || room >= minRead {
		return
	}
	if d.lent || have > cap(d.buf)/2 || cap(d.buf) == 0 {
		grown := make([]byte, have, max(chunkBytes, min(2*have, n)))
		copy(grown, d.buf[d.start:])
		d.buf, d.start, d.lent = grown, 0, false
		return
	}
	d.buf = d.buf[:copy(d.buf[:have], d.buf[d.start:])]
	d.start = 0
}
