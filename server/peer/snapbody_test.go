package peer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"bellwether/engine/wire"
)

// snapBodies returns the bodies of all snapshots in the recorded links, and one made here with everything that may be null.
func snapBodies(t testing.TB) (bodies [][]byte) {
	for _, r := range recordings(t, "learner") {
		for _, p := range r.packets(t) {
			if p.Type == TypeSnap {
				bodies = append(bodies, p.body)
			}
		}
	}
	if len(bodies) < 4 {
		t.Fatalf("only %d recorded snapshots", len(bodies))
	}
	b := wire.AppendInt(nil, 2)
	for id := range 2 {
		b = wire.AppendInt(wire.AppendLong(b, int64(id)), 4000)
	}
	b = wire.AppendInt(b, 3)
	b = wire.AppendACLs(wire.AppendLong(b, 1), wire.OpenACL)
	b = wire.AppendACLs(wire.AppendLong(b, 2), nil)
	b = wire.AppendACLs(wire.AppendLong(b, 3), []wire.ACL{{Scheme: "auth", NullID: true}, {Perms: 1, Scheme: "ip", ID: "10.0.0.0/8"}})
	for _, path := range []string{"", "/", "/a", "/ab"} {
		if b = wire.AppendString(b, path); path == "/" {
			b = b[:len(b)-5]
			continue
		}
		b = append(wire.AppendBuffer(b, nil), make([]byte, statBytes)...)
	}
	return append(bodies, wire.AppendString(b, "/"))
}

// The body of a snapshot ends where it ends, however it is cut into reads, and the link goes on behind it.
func TestSnapBodyEndsWhereTheStateEnds(t *testing.T) {
	for i, body := range snapBodies(t) {
		stream := appendBare(nil, TypeSnap, 1)
		stream = AppendSnapSignature(append(stream, body...))
		stream = appendBare(stream, TypeAck, 5)
		for name, r := range map[string]io.Reader{
			"whole": bytes.NewReader(stream), "byte by byte": iotest.OneByteReader(bytes.NewReader(stream)), "halves": iotest.HalfReader(bytes.NewReader(stream)),
		} {
			d := NewDecoder(r, 0)
			if _, err := d.Next(); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(iotest.OneByteReader(d.Body()))
			if err != nil || !bytes.Equal(got, body) {
				t.Errorf("body %d, %s: %d bytes of %d, %v", i, name, len(got), len(body), err)
			}
			if p, err := d.Next(); err != nil || p.Type != TypeAck || p.Zxid != 5 {
				t.Errorf("body %d, %s: next is %+v, %v", i, name, p, err)
			}
		}
	}
}

// A body that is cut off anywhere is an error, never an end.
func TestSnapBodyThatIsCutOff(t *testing.T) {
	for _, body := range snapBodies(t)[:2] {
		whole := AppendSnapSignature(bytes.Clone(body))
		for n := range whole {
			if _, err := io.ReadAll(NewDecoder(bytes.NewReader(whole[:n]), 0).Body()); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%d of %d bytes: %v", n, len(whole), err)
			}
		}
	}
}

// What cannot be a snapshot is refused where that shows.
func TestSnapBodyThatIsNone(t *testing.T) {
	empty := []byte{0, 0, 0, 0, 0, 0, 0, 0} // no sessions, no ACLs
	list := wire.AppendInt(wire.AppendLong([]byte{0, 0, 0, 0, 0, 0, 0, 1}, 1), 1)
	for name, body := range map[string][]byte{
		"a wrong signature":             append(wire.AppendString(bytes.Clone(empty), "/"), "\x00\x00\x00\x0aBenWasHerf"...),
		"a signature of another length": append(wire.AppendString(bytes.Clone(empty), "/"), "\x00\x00\x00\x09BenWasHere"...),
		"a negative path":               binary.BigEndian.AppendUint32(bytes.Clone(empty), 0xfffffffe),
		"a null path":                   binary.BigEndian.AppendUint32(bytes.Clone(empty), 0xffffffff),
		"a path too long":               append(binary.BigEndian.AppendUint32(bytes.Clone(empty), 0x7fffffff), '/'),
		"negative data":                 append(wire.AppendString(bytes.Clone(empty), "/a"), 0xff, 0xff, 0xff, 0xfe),
		"negative sessions":             {0x80, 0, 0, 0},
		"a scheme too long":             append(bytes.Clone(list), 0, 0, 0, 1, 0x7f, 0, 0, 0),
	} {
		_, err := io.ReadAll(NewDecoder(io.MultiReader(bytes.NewReader(body), neverEnding{}), 1000).Body())
		if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
