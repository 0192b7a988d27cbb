package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Behind a SNAP packet the stream goes on with the state itself, which nothing frames:
//
//	sessions   int count | (long id, int timeout) …
//	ACLs       int count | (long key, vector of (int perms, string scheme, string id)) …
//	znodes     (string path, buffer data, long ACL key, 60 bytes of stat) … | string "/"
//	signature  string "BenWasHere"
//
// To find its end one must walk over it. snapBody does that, field by field, and keeps nothing.

// SnapSignature stands behind the state.
const SnapSignature = "BenWasHere"

// AppendSnapSignature appends what stands behind the state in a SNAP.
func AppendSnapSignature(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(SnapSignature)))
	return append(dst, SnapSignature...)
}

// statBytes is the size of what stands behind a znode's data: ACL key and stat.
const statBytes = 8 + 60

// SnapBody is the body of a snapshot that is being received: an io.Reader of everything from the count of sessions to the
// path "/" that ends the znodes. The signature behind it is read and checked here; io.EOF says that it was there.
// It must be read to io.EOF before the Decoder it came from is used again.
type SnapBody struct {
	d    *Decoder
	scan snapScanner
	err  error
}

// Body returns the snapshot's body that follows the SNAP packet which Next has just returned.
func (d *Decoder) Body() *SnapBody {
	b := &SnapBody{d: d}
	b.scan.begin(int64(d.maxData))
	return b
}

// Read reads the body. It returns io.ErrUnexpectedEOF if the stream ends too early, and says so if what it finds is no
// snapshot.
func (b *SnapBody) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	for {
		if b.scan.step == snapDone {
			b.err = io.EOF
			return 0, b.err
		}
		if err := b.d.need(1, true); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			b.err = fmt.Errorf("peer: receive snapshot: %w", err)
			return 0, b.err
		}
		body, all, err := b.scan.feed(b.d.buf[b.d.start:][:min(len(b.d.buf)-b.d.start, len(p))])
		n := copy(p, b.d.buf[b.d.start:b.d.start+body])
		b.d.start += all
		b.err = err
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// snapStep is the field that comes next.
type snapStep uint8

const (
	snapSessionCount snapStep = iota
	snapACLCount
	snapACLEntries  // key and number of entries of one list
	snapPerms       // perms and length of the scheme
	snapIDLength    // of an entry's id
	snapPathLength  // of a znode
	snapPathStart   // its first byte
	snapDataLength  // of a znode
	snapSignatureIn // length and text of the signature
	snapDone
)

// snapSizes are the bytes of each step that must be seen whole.
var snapSizes = [...]int{
	snapSessionCount: 4, snapACLCount: 4, snapACLEntries: 12, snapPerms: 8, snapIDLength: 4,
	snapPathLength: 4, snapPathStart: 1, snapDataLength: 4, snapSignatureIn: 4 + len(SnapSignature), snapDone: 0,
}

// snapScanner walks over a body that comes in pieces.
type snapScanner struct {
	step    snapStep
	skip    int64 // bytes to pass over before step
	field   [16]byte
	have    int   // bytes of field that are there
	lists   int32 // ACL lists still to come
	entries int32 // of the list at hand
	pathLen int32
	max     int64 // bytes a string or buffer may have
}

func (s *snapScanner) begin(maxBytes int64) { *s = snapScanner{max: maxBytes} }

var errSnapSignature = errors.New("peer: receive snapshot: the signature is wrong")

// feed takes the next piece. body says how many bytes of it belong to the body proper, all how many were taken.
func (s *snapScanner) feed(p []byte) (body, all int, err error) {
	for all < len(p) && s.step != snapDone && err == nil {
		if s.skip > 0 {
			n := int(min(s.skip, int64(len(p)-all)))
			s.skip -= int64(n)
			all += n
			body = all
			continue
		}
		n := copy(s.field[s.have:snapSizes[s.step]], p[all:])
		s.have += n
		all += n
		if s.step != snapSignatureIn {
			body = all
		}
		if s.have == snapSizes[s.step] {
			s.have = 0
			err = s.take()
		}
	}
	return body, all, err
}

// take goes on behind the field that is now complete.
func (s *snapScanner) take() error {
	word := func(at int) int32 { return int32(binary.BigEndian.Uint32(s.field[at:])) }
	switch s.step {
	case snapSessionCount:
		s.step = snapACLCount
		return s.pass(int64(word(0))*12, false, math.MaxInt64)
	case snapACLCount:
		s.lists = word(0)
		s.nextList()
	case snapACLEntries:
		s.entries = word(8)
		s.lists--
		s.nextEntry()
	case snapPerms:
		s.step = snapIDLength
		return s.pass(int64(word(4)), true, s.max)
	case snapIDLength:
		s.entries--
		s.nextEntry()
		return s.pass(int64(word(0)), true, s.max)
	case snapPathLength:
		s.pathLen = word(0)
		s.step = snapPathStart
		if s.pathLen == 0 {
			s.step = snapDataLength
		}
		if s.pathLen < 0 {
			return s.pass(int64(s.pathLen), false, s.max)
		}
	case snapPathStart:
		if s.pathLen == 1 && s.field[0] == '/' {
			s.step = snapSignatureIn
			return nil
		}
		s.step = snapDataLength
		return s.pass(int64(s.pathLen-1), false, s.max)
	case snapDataLength:
		s.step = snapPathLength
		if err := s.pass(int64(word(0)), true, s.max); err != nil {
			return err
		}
		s.skip += statBytes
	case snapSignatureIn:
		s.step = snapDone
		if word(0) != int32(len(SnapSignature)) || string(s.field[4:4+len(SnapSignature)]) != SnapSignature {
			return errSnapSignature
		}
	}
	return nil
}

func (s *snapScanner) nextList() {
	if s.step = snapACLEntries; s.lists <= 0 {
		s.step = snapPathLength
	}
}

func (s *snapScanner) nextEntry() {
	if s.step = snapPerms; s.entries <= 0 {
		s.nextList()
	}
}

// pass passes over n bytes; -1 is null where that may be.
func (s *snapScanner) pass(n int64, nullable bool, limit int64) error {
	if n == -1 && nullable {
		n = 0
	}
	if n < 0 || n > limit {
		return fmt.Errorf("peer: receive snapshot: a length of %d bytes", n)
	}
	s.skip = n
	return nil
}
