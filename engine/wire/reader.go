package wire

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"
	"unsafe"
)

var (
	// ErrShort means that the input ended inside a record.
	ErrShort = errors.New("wire: record ends too early")
	// ErrLength means that a string or a buffer declares a negative length other than -1 (null).
	ErrLength = errors.New("wire: unreasonable length")
	// ErrNullString means that an element of a vector of strings is null.
	ErrNullString = errors.New("wire: null string in a vector")
)

// Reader decodes jute from a byte slice. The first error sticks: every later read returns zeros (null for strings,
// buffers and vectors), so a record's fields can be read without a check between them and Err asked once at the end.
//
// Strings and buffers alias the input; whoever keeps one longer than the input clones it. The input must not change
// while they are in use. A Reader is a small value: a copy reads on from the same place, independently.
type Reader struct {
	in  []byte
	pos int // invariant: 0 <= pos <= len(in); equal to len(in) once err is set
	err error
}

// NewReader returns a Reader at the beginning of in.
func NewReader(in []byte) Reader { return Reader{in: in} }

// Reset moves r to the beginning of in and forgets its error.
func (r *Reader) Reset(in []byte) { r.in, r.pos, r.err = in, 0, nil }

// Err returns the first error, nil while there is none.
func (r *Reader) Err() error { return r.err }

// Remaining returns how many bytes are still unread: 0 after an error.
func (r *Reader) Remaining() int { return len(r.in) - r.pos }

// Rest returns the unread bytes without consuming them. They alias the input.
func (r *Reader) Rest() []byte { return r.in[r.pos:] }

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if r.pos >= len(r.in) {
		r.fail(ErrShort)
		return 0
	}
	b := r.in[r.pos]
	r.pos++
	return b
}

// Bool reads a boolean: any byte but zero is true.
func (r *Reader) Bool() bool { return r.Byte() != 0 }

// Int reads four bytes, big endian.
func (r *Reader) Int() int32 {
	p := r.pos
	if len(r.in)-p < 4 {
		r.fail(ErrShort)
		return 0
	}
	r.pos = p + 4
	return int32(binary.BigEndian.Uint32(r.in[p:]))
}

// Long reads eight bytes, big endian.
func (r *Reader) Long() int64 {
	p := r.pos
	if len(r.in)-p < 8 {
		r.fail(ErrShort)
		return 0
	}
	r.pos = p + 8
	return int64(binary.BigEndian.Uint64(r.in[p:]))
}

// Buffer reads a buffer: nil for null, a slice that is not nil for an empty one. It aliases the input, with its
// capacity cut so that an append to it copies.
func (r *Reader) Buffer() []byte {
	n := r.length()
	if n < 0 {
		return nil
	}
	p := r.pos
	r.pos = p + n
	return r.in[p : p+n : p+n]
}

// String reads a string; null reads as "". It aliases the input, unless the input is not UTF-8: then it is a repaired
// copy (see repairText).
func (r *Reader) String() string {
	s, _ := r.NullableString()
	return s
}

// NullableString is String that tells null ("", true) from empty ("", false).
func (r *Reader) NullableString() (s string, null bool) {
	n := r.length()
	if n <= 0 {
		return "", n < 0
	}
	p := r.pos
	r.pos = p + n
	text := r.in[p : p+n]
	if !utf8.Valid(text) {
		return repairText(text), false
	}
	return unsafe.String(&text[0], n), false
}

// Strings reads a vector of strings into dst, which it overwrites from the start and grows at need. It returns nil
// for null, else a slice that is not nil. A null element is ErrNullString.
func (r *Reader) Strings(dst []string) []string {
	n := r.Count(4)
	if n < 0 {
		return nil
	}
	if dst = dst[:0]; dst == nil || cap(dst) < n {
		dst = make([]string, 0, min(n, r.Remaining()/stringSize)) // no more than the input itself: see Count
	}
	for ; n > 0 && r.err == nil; n-- {
		s, null := r.NullableString()
		if null {
			r.fail(ErrNullString)
		}
		dst = append(dst, s)
	}
	return dst
}

// stringSize is what a string costs in a slice, in bytes, besides its text.
const stringSize = int(unsafe.Sizeof(""))

// Count reads the length of a vector whose elements take at least minSize bytes each: -1 for null and after an error, 0
// for any other negative number, as servers and clients have always read it. A count that the rest of the input cannot
// hold is ErrShort at once. Even so it is a claim, not a size to allocate: the vectors of this package grow element by
// element, as they are found.
func (r *Reader) Count(minSize int) int {
	n := int(r.Int())
	if r.err != nil || n == -1 {
		return -1
	}
	if n < 0 {
		return 0
	}
	if n > r.Remaining()/minSize {
		r.fail(ErrShort)
		return -1
	}
	return n
}

// length reads the length of a string or buffer and makes sure that so many bytes follow: -1 for null or failure.
func (r *Reader) length() int {
	p := r.pos
	if len(r.in)-p < 4 {
		r.fail(ErrShort)
		return -1
	}
	n := int(int32(binary.BigEndian.Uint32(r.in[p:])))
	r.pos = p + 4
	if uint(n) > uint(len(r.in)-p-4) { // also true for every negative n
		if n != -1 {
			r.failLength(n)
		}
		return -1
	}
	return n
}

func (r *Reader) failLength(n int) {
	if n < 0 {
		r.fail(ErrLength)
	} else {
		r.fail(ErrShort)
	}
}

// fail keeps the first error and moves to the end of the input, so that every later read fails too.
func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.pos = len(r.in)
}
