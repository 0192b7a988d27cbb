package zkfile

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/adler32"
	"io"

	"bellwether/engine/wire"
)

// Looking through what stands behind the last record of a log file.

const searchBytes = 1 << 20

func newBuffered(r io.Reader, size int) *bufio.Reader { return bufio.NewReaderSize(r, size) }

// zeros says whether nothing but zeros stands from byte from up to byte to, or the end of the file.
func (l *logReader) zeros(from, to int64) (bool, error) {
	to = min(to, l.size)
	chunk := make([]byte, min(len(zeroBlock), int(max(to-from, 0))))
	for from < to {
		b := chunk[:min(int64(len(chunk)), to-from)]
		if err := l.readAt(b, from); err != nil {
			return false, err
		}
		if !bytes.Equal(b, zeroBlock[:len(b)]) {
			return false, nil
		}
		from += int64(len(b))
	}
	return true, nil
}

var zeroBlock [128 << 10]byte

// find looks for a whole record that begins at byte from or later.
func (l *logReader) find(from int64) (at int64, found bool, err error) {
	chunk := make([]byte, min(searchBytes, max(l.size-from, 0)))
	for ; l.size-from > recordHeaderSize+wire.TxnHeaderSize; from += int64(len(chunk)) - recordHeaderSize + 1 {
		chunk = chunk[:min(int64(len(chunk)), l.size-from)]
		if err := l.readAt(chunk, from); err != nil {
			return 0, false, err
		}
		for i := 0; i+recordHeaderSize <= len(chunk); i++ {
			// The checksum has 32 bits in 64. This is false nearly everywhere, and cheap.
			if binary.BigEndian.Uint32(chunk[i:]) != 0 || !plausibleSize(chunk[i+8:]) {
				continue
			}
			if whole, err := l.wholeAt(from+int64(i), chunk[i:]); err != nil || whole {
				return from + int64(i), whole, err
			}
		}
	}
	return 0, false, nil
}

func plausibleSize(b []byte) bool {
	size := binary.BigEndian.Uint32(b)
	return size >= wire.TxnHeaderSize && size <= maxField
}

// wholeAt says whether the record with this header is whole and has the right checksum.
func (l *logReader) wholeAt(at int64, head []byte) (bool, error) {
	size := int64(binary.BigEndian.Uint32(head[8:]))
	body := at + recordHeaderSize
	if body+size+1 > l.size {
		return false, nil
	}
	var mark [1]byte
	if err := l.readAt(mark[:], body+size); err != nil || mark[0] != recordEnd {
		return false, err
	}
	txn := make([]byte, size)
	if err := l.readAt(txn, body); err != nil {
		return false, err
	}
	return binary.BigEndian.Uint64(head) == uint64(adler32.Checksum(txn)), nil
}

func (l *logReader) readAt(b []byte, at int64) error {
	if _, err := l.file.ReadAt(b, at); err != nil && err != io.EOF {
		return fmt.Errorf("zkfile: read %s: %w", l.path, err)
	}
	return nil
}
