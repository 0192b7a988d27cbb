package peer

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// manyPackets are packets of every size around the edges of the decoder's buffers.
func manyPackets() (packets []Packet, stream []byte) {
	sizes := []int{0, 1, 100, 1000, minRead - packetHeadSize, chunkBytes - minPacketSize, chunkBytes, chunkBytes + 1, 3 * chunkBytes, 300000}
	for i, size := range append(sizes, 5, 5, 5) {
		p := Packet{Type: TypeRequest, Zxid: int64(i), Data: bytes.Repeat([]byte{byte(i)}, size)}
		if i%3 == 0 {
			p.Auth = AppendCredentials(nil, []Credential{{"digest", strings.Repeat("x", 10*i)}, {"ip", ""}})
		}
		packets = append(packets, p, Packet{Type: TypeAck, Zxid: int64(i)})
	}
	for _, p := range packets {
		stream = p.Append(stream)
	}
	return packets, stream
}

// However the stream is cut into reads, the same packets come out, and what was handed out stays what it was.
func TestDecoderDoesNotCareHowTheStreamIsCut(t *testing.T) {
	want, stream := manyPackets()
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(stream), "byte by byte": iotest.OneByteReader(bytes.NewReader(stream)),
		"halves": iotest.HalfReader(bytes.NewReader(stream)), "end with data": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		var got []Packet
		d := NewDecoder(r, 0)
		for {
			p, err := d.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got = append(got, p)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d packets differ from the %d that were sent", name, len(got), len(want))
		}
	}
}

// NextBuffered never waits: it hands out what one read has brought, and nothing of a packet that is not all there.
func TestNextBufferedHandsOutWholePacketsOnly(t *testing.T) {
	stream := appendBare(nil, TypeAck, 1)
	stream = (&Packet{Type: TypeRequest, Data: []byte("0123456789abcdef"), Auth: AppendCredentials(nil, []Credential{{"ip", "h"}})}).Append(stream)
	for cut := minPacketSize; cut < len(stream); cut++ {
		reader, writer := io.Pipe()
		go func() { _, _ = writer.Write(stream[:cut]) }()
		d := NewDecoder(reader, 0)
		if p, err := d.Next(); err != nil || p.Type != TypeAck {
			t.Fatalf("%v, %v", p, err)
		}
		if p, ok, err := d.NextBuffered(); ok || err != nil {
			t.Fatalf("%d of %d bytes are there: %v, %v", cut, len(stream), p, err)
		}
		go func() { _, _ = writer.Write(stream[cut:]) }()
		if p, err := d.Next(); err != nil || p.Type != TypeRequest || len(p.Data) != 16 {
			t.Fatalf("%v, %v", p, err)
		}
	}
}

// A stream that ends between two packets has ended; one that ends within a packet was cut off.
func TestDecoderTellsTheEndFromACut(t *testing.T) {
	stream := (&Packet{Type: TypeRequest, Data: make([]byte, 20), Auth: AppendCredentials(nil, []Credential{{"a", "b"}})}).Append(nil)
	for n := range stream {
		want := io.ErrUnexpectedEOF
		if n == 0 {
			want = io.EOF
		}
		if _, err := NewDecoder(bytes.NewReader(stream[:n]), 0).Next(); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v, want %v", n, err, want)
		}
	}
}

// Lengths that cannot be are refused at once, whatever else they would have made of the stream.
func TestDecoderRefusesImpossibleLengths(t *testing.T) {
	for name, packet := range map[string]string{
		"too much data":             "00000001 0000000000000000 00000065",
		"negative data":             "00000001 0000000000000000 fffffffe",
		"negative credentials":      "00000001 0000000000000000 ffffffff fffffffe",
		"too many credentials":      "00000001 0000000000000000 ffffffff 00002001",
		"a credential too long":     "00000001 0000000000000000 ffffffff 00000001 00010000",
		"a credential of length -2": "00000001 0000000000000000 ffffffff 00000001 fffffffe",
	} {
		d := NewDecoder(io.MultiReader(bytes.NewReader(unhex(t, packet)), neverEnding{}), 100)
		if p, err := d.Next(); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: read as %+v, %v", name, p, err)
		}
	}
}

// neverEnding is a stream of zeros.
type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A length is a claim: whoever claims much and sends little costs little.
func TestDecoderDoesNotAllocateByClaims(t *testing.T) {
	claim := unhex(t, "00000001 0000000000000000 7ffffff0")
	for _, sent := range []int{0, 1000, 100_000} {
		stream := append(slices.Clone(claim), make([]byte, sent)...)
		d := NewDecoder(bytes.NewReader(stream), 1<<31-1)
		cost := allocated(func() {
			if _, err := d.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Error(err)
			}
		})
		if limit := uint64(chunkBytes + 4*len(stream) + 16<<10); cost > limit {
			t.Errorf("%d bytes allocated for %d that came, want at most %d", cost, len(stream), limit)
		}
	}
	frame := append(unhex(t, "00080000"), make([]byte, 2000)...)
	cost := allocated(func() { _, _ = readFrame(bytes.NewReader(frame), nil) })
	if cost > 32<<10 {
		t.Errorf("%d bytes allocated for an election frame of which 2000 came", cost)
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// repeating is a stream of one packet again and again.
type repeating struct {
	packet []byte
	at     int
}

func (r *repeating) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		m := copy(p[n:], r.packet[r.at:])
		n += m
		r.at = (r.at + m) % len(r.packet)
	}
	return n, nil
}

// steady are the packets of the broadcast, and the messages they carry.
func steady() map[string]struct {
	packet  Packet
	message zab.Message
	leader  bool // says it
} {
	txn := (&wire.Txn{TxnHeader: wire.TxnHeader{Zxid: 1<<32 | 5, Type: wire.OpDelete}, Body: (&wire.DeleteTxn{Path: "/a/path/of/some/length"}).Append(nil)}).Append(nil)
	const z = zab.Zxid(1<<32 | 5)
	type one = struct {
		packet  Packet
		message zab.Message
		leader  bool
	}
	return map[string]one{
		"PROPOSAL":     {Packet{Type: TypeProposal, Zxid: int64(z), Data: txn}, zab.Message{Kind: zab.Proposal, Entries: []zab.Entry{{Zxid: z, Data: txn}}}, true},
		"ACK":          {Packet{Type: TypeAck, Zxid: int64(z)}, zab.Message{Kind: zab.Ack, Zxid: z}, false},
		"COMMIT":       {Packet{Type: TypeCommit, Zxid: int64(z)}, zab.Message{Kind: zab.Commit, Zxid: z}, true},
		"PING":         {Packet{Type: TypePing, Zxid: int64(z)}, zab.Message{Kind: zab.Ping, Zxid: z}, true},
		"PING, answer": {Packet{Type: TypePing, Zxid: int64(z), Data: AppendTouch(nil, 1, 2)}, zab.Message{Kind: zab.Ping, Zxid: z, Data: AppendTouch(nil, 1, 2)}, false},
	}
}

// The packets of the broadcast are read, translated, translated back and written without an allocation for each.
func TestBroadcastPacketsAllocateNothing(t *testing.T) {
	for name, s := range steady() {
		d := NewDecoder(&repeating{packet: s.packet.Append(nil)}, 0)
		learner := &LearnerEnd{id: Identity{Link: 1, Self: 1, Peer: 2}, stage: learnerServing}
		leader := &LeaderEnd{id: Identity{Link: 1, Self: 2, Peer: 1}, stage: leaderLevel}
		dst := make([]byte, 0, 4096)
		read := testing.AllocsPerRun(10000, func() {
			p, err := d.Next()
			if err != nil {
				t.Fatal(err)
			}
			if s.leader {
				_, err = learner.Take(&p)
			} else {
				_, err = leader.Take(&p)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
		written := testing.AllocsPerRun(10000, func() {
			var err error
			if s.leader {
				_, err = leader.Append(dst[:0], &s.message)
			} else {
				_, err = learner.Append(dst[:0], &s.message)
			}
			if err != nil {
				t.Fatal(err)
			}
			s.packet.Append(dst[:0])
		})
		if read != 0 || written != 0 {
			t.Errorf("%s: %v allocations to read, %v to write", name, read, written)
		}
	}
}

// go test -run - -bench Packet ./server/peer
func BenchmarkReadPacket(b *testing.B) {
	for name, s := range steady() {
		b.Run(name, func(b *testing.B) {
			raw := s.packet.Append(nil)
			d := NewDecoder(&repeating{packet: raw}, 0)
			learner := &LearnerEnd{id: Identity{Link: 1, Self: 1, Peer: 2}, stage: learnerServing}
			leader := &LeaderEnd{id: Identity{Link: 1, Self: 2, Peer: 1}, stage: leaderLevel}
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				p, err := d.Next()
				if s.leader && err == nil {
					_, err = learner.Take(&p)
				} else if err == nil {
					_, err = leader.Take(&p)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// go test -run - -bench Packet ./server/peer
func BenchmarkWritePacket(b *testing.B) {
	for name, s := range steady() {
		b.Run(name, func(b *testing.B) {
			learner := &LearnerEnd{id: Identity{Link: 1, Self: 1, Peer: 2}, stage: learnerServing}
			leader := &LeaderEnd{id: Identity{Link: 1, Self: 2, Peer: 1}, stage: leaderLevel}
			dst := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if s.leader {
					dst, _ = leader.Append(dst[:0], &s.message)
				} else {
					dst, _ = learner.Append(dst[:0], &s.message)
				}
			}
		})
	}
}
