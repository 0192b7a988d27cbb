package zkfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
)

// Compression is how a snapshot file is packed. Its name says so.
type Compression uint8

// The ways to pack a snapshot. Servers before 3.6 read Plain only.
const (
	Plain Compression = iota
	Gzip
	Snappy
)

func (c Compression) suffix() string { return [...]string{"", ".gz", ".snappy"}[c] }

// String names the method as ZooKeeper's zookeeper.snapshot.compression.method does.
func (c Compression) String() string { return [...]string{"none", "gz", "snappy"}[c] }

// reader unpacks r.
func (c Compression) reader(r io.Reader) (io.Reader, error) {
	switch c {
	case Gzip:
		return gzip.NewReader(r)
	case Snappy:
		return newXerialReader(r)
	}
	return r, nil
}

// writer packs what is written to it into w. Close completes it and leaves w open.
func (c Compression) writer(w io.Writer) io.WriteCloser {
	switch c {
	case Gzip:
		return gzip.NewWriter(w)
	case Snappy:
		return &xerialWriter{w: w}
	}
	return unpacked{w}
}

type unpacked struct{ io.Writer }

func (unpacked) Close() error { return nil }

// Snappy snapshots are what the Java library snappy-java makes, which is not the framing format of snappy:
//
//	82 'S' 'N' 'A' 'P' 'P' 'Y' 0 | int 1 | int 1 | (int length | a raw snappy block) …
const (
	xerialHeader = "\x82SNAPPY\x00" + "\x00\x00\x00\x01" + "\x00\x00\x00\x01"
	xerialBlock  = 32 << 10 // bytes in a block, before packing
	// maxXerialBlock is the largest block that is read, packed or not. The library lets its users choose a size; the server
	// does not.
	maxXerialBlock = 16 << 20
)

var errXerial = errors.New("not a stream of snappy-java")

// xerialReader unpacks such a stream.
type xerialReader struct {
	r     io.Reader
	block []byte // unpacked, not yet read
	packed,
	buf []byte
}

func newXerialReader(r io.Reader) (*xerialReader, error) {
	var header [len(xerialHeader)]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, errXerial
	}
	if string(header[:8]) != xerialHeader[:8] {
		return nil, errXerial
	}
	if v := binary.BigEndian.Uint32(header[12:]); v > 1 {
		return nil, fmt.Errorf("a stream of snappy-java that needs a reader of version %d", v)
	}
	return &xerialReader{r: r}, nil
}

func (x *xerialReader) Read(p []byte) (int, error) {
	for len(x.block) == 0 {
		if err := x.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, x.block)
	x.block = x.block[n:]
	return n, nil
}

// next unpacks the next block. The stream may end before it.
func (x *xerialReader) next() error {
	var length [4]byte
	if _, err := io.ReadFull(x.r, length[:]); err != nil {
		return err
	}
	n := int(int32(binary.BigEndian.Uint32(length[:])))
	if n <= 0 || n > maxXerialBlock {
		return fmt.Errorf("a snappy block of %d bytes", n)
	}
	var err error
	if x.packed, err = readGrowing(x.r, x.packed[:0], n); err != nil {
		return err
	}
	if size, err := snappy.DecodedLen(x.packed); err != nil || size > maxXerialBlock {
		return fmt.Errorf("a snappy block of %d bytes that is %d unpacked: %w", n, size, errXerial)
	}
	x.buf, err = snappy.Decode(x.buf[:cap(x.buf)], x.packed)
	x.block = x.buf
	return err
}

// readGrowing reads n bytes behind dst, allocating no more than twice what has come.
func readGrowing(r io.Reader, dst []byte, n int) ([]byte, error) {
	for n > 0 {
		step := min(n, max(4096, len(dst), cap(dst)-len(dst)))
		at := len(dst)
		dst = append(dst, make([]byte, step)...)
		if _, err := io.ReadFull(r, dst[at:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return dst[:at], err
		}
		n -= step
	}
	return dst, nil
}

// xerialWriter packs such a stream.
type xerialWriter struct {
	w      io.Writer
	began  bool
	block  []byte // not yet packed
	packed []byte
}

func (x *xerialWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		take := min(len(p), xerialBlock-len(x.block))
		x.block = append(x.block, p[:take]...)
		p = p[take:]
		n += take
		if len(x.block) == xerialBlock {
			err = x.flush()
		}
	}
	return n, err
}

// flush packs what has gathered, behind the header if nothing was written yet.
func (x *xerialWriter) flush() error {
	if cap(x.packed) == 0 {
		x.packed = make([]byte, len(xerialHeader)+4+snappy.MaxEncodedLen(xerialBlock))
	}
	out := x.packed[:0]
	if !x.began {
		x.began = true
		out = append(out, xerialHeader...)
	}
	if len(x.block) > 0 {
		at := len(out)
		out = out[:cap(out)]
		packed := snappy.Encode(out[at+4:], x.block)
		binary.BigEndian.PutUint32(out[at:], uint32(len(packed)))
		out = out[:at+4+len(packed)]
		x.block = x.block[:0]
	}
	_, err := x.w.Write(out)
	return err
}

func (x *xerialWriter) Close() error { return x.flush() }
