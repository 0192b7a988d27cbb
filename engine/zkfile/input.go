package zkfile

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/adler32"
	"io"
)

// maxField is the largest string or buffer that is read, in bytes. ZooKeeper refuses more than twice its jute.maxbuffer,
// 2 MiB unless somebody raised it; a directory of somebody who did is to be read too.
const maxField = 64 << 20

// input reads jute from a stream, counts bytes and keeps their checksum. The first error sticks; reads after it return
// zeros.
type input struct {
	r   *bufio.Reader
	sum hash.Hash32
	off int64
	err error
	buf []byte // the last field; reused
}

func newInput(r io.Reader) *input {
	return &input{r: bufio.NewReaderSize(r, 64<<10), sum: adler32.New()}
}

// fixed reads n bytes, at most a few. They are valid until the next read.
func (in *input) fixed(n int) []byte {
	if in.err != nil {
		return zeroBlock[:n]
	}
	b, err := in.r.Peek(n)
	if err != nil {
		in.fail(err, len(b))
		return zeroBlock[:n]
	}
	_, _ = in.sum.Write(b)
	in.off += int64(n)
	_, _ = in.r.Discard(n) // what was peeked at is not written over by this
	return b
}

// fail notes an error after part more bytes.
func (in *input) fail(err error, part int) {
	if err == io.EOF && part > 0 {
		err = io.ErrUnexpectedEOF
	}
	if in.err == nil {
		in.err = err
	}
}

func (in *input) int() int32       { return int32(binary.BigEndian.Uint32(in.fixed(4))) }
func (in *input) long() int64      { return int64(binary.BigEndian.Uint64(in.fixed(8))) }
func (in *input) checksum() uint32 { return in.sum.Sum32() }

// buffer reads a buffer: nil for null. It is valid until the next call. No more is allocated than twice what has come.
func (in *input) buffer() []byte {
	n := in.int()
	if in.err != nil || n == -1 {
		return nil
	}
	if n < 0 || n > maxField {
		in.fail(fmt.Errorf("a length of %d bytes", n), 0)
		return nil
	}
	var err error
	in.buf, err = readGrowing(in.r, in.buf[:0], int(n))
	_, _ = in.sum.Write(in.buf)
	in.off += int64(len(in.buf))
	if err != nil {
		in.fail(err, 1)
		return nil
	}
	if in.buf == nil {
		in.buf = make([]byte, 0, 64)
	}
	return in.buf
}

// text reads a string. Null reads as "".
func (in *input) text() string { return string(in.buffer()) }

// count reads the length of a vector or map: 0 for null.
func (in *input) count() int {
	n := in.int()
	if n < -1 {
		in.fail(fmt.Errorf("a count of %d", n), 0)
	}
	if in.err != nil {
		return 0
	}
	return max(int(n), 0)
}
