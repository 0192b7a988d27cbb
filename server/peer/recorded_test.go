package peer

import (
	"bytes"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bellwether/engine/zab"
)

// recorded is a link of two Apache ZooKeeper servers, as capture_test.go has recorded it.
type recorded struct {
	name      string
	fromFirst []byte // said by the server that opened the link
	fromOther []byte
	chunks    []chunk // the same, in the order in which it was said
}

// recordings returns all links of a kind, "learner" or "election".
func recordings(t testing.TB, kind string) (all []recorded) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", "links", "*-"+kind+"-*.txt"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no recorded %s links: %v", kind, err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r := recorded{name: strings.TrimSuffix(filepath.Base(name), ".txt")}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' {
				continue
			}
			data, err := hex.DecodeString(line[2:])
			if err != nil {
				t.Fatal(err)
			}
			c := chunk{fromDialer: line[0] == '>', data: data}
			r.chunks = append(r.chunks, c)
			if c.fromDialer {
				r.fromFirst = append(r.fromFirst, data...)
			} else {
				r.fromOther = append(r.fromOther, data...)
			}
		}
		all = append(all, r)
	}
	return all
}

// said is a packet of a recorded learner link, and the body if it is a SNAP.
type said struct {
	Packet
	byLearner bool
	body      []byte
	raw       []byte // the packet as it was said, without the body
}

// packets decodes a learner link and returns what both sides said, in the order in which it was complete.
func (r *recorded) packets(t testing.TB) (all []said) {
	t.Helper()
	sides := map[bool]*side{true: newSide(r.fromFirst), false: newSide(r.fromOther)}
	for _, c := range r.chunks {
		s := sides[c.fromDialer]
		s.arrived += len(c.data)
		all = append(all, s.take(t, r.name, c.fromDialer)...)
	}
	return all
}

// side is what one end said.
type side struct {
	all     []byte
	d       *Decoder
	next    []said
	ends    []int
	arrived int
}

func newSide(all []byte) *side { return &side{all: all, d: NewDecoder(bytes.NewReader(all), 0)} }

func (s *side) take(t testing.TB, name string, byLearner bool) (out []said) {
	if s.ends == nil {
		at := 0
		for {
			p, err := s.d.Next()
			if err == io.EOF || err == io.ErrUnexpectedEOF { // the servers were killed
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			one := said{Packet: p, byLearner: byLearner}
			one.raw = p.Append(nil)
			at += len(one.raw)
			if p.Type == TypeSnap {
				if one.body, err = io.ReadAll(s.d.Body()); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				at += len(one.body) + len(AppendSnapSignature(nil))
			}
			s.next, s.ends = append(s.next, one), append(s.ends, at)
		}
	}
	for len(s.next) > 0 && s.ends[0] <= s.arrived {
		out = append(out, s.next[0])
		s.next, s.ends = s.next[1:], s.ends[1:]
	}
	return out
}

// Every packet of every recorded link is understood, and written again to the same bytes.
func TestRecordedPacketsAreReadAndWrittenToTheByte(t *testing.T) {
	seen := map[PacketType]int{}
	for _, r := range recordings(t, "learner") {
		var first, other []byte
		for _, p := range r.packets(t) {
			seen[p.Type]++
			dst := &other
			if p.byLearner {
				dst = &first
			}
			*dst = append(*dst, p.raw...)
			if p.Type == TypeSnap {
				*dst = AppendSnapSignature(append(*dst, p.body...))
			}
		}
		if !bytes.HasPrefix(r.fromFirst, first) || !bytes.HasPrefix(r.fromOther, other) {
			t.Errorf("%s: written differently than it was read", r.name)
		}
		if lost := len(r.fromFirst) - len(first) + len(r.fromOther) - len(other); lost > 2*minPacketSize {
			t.Errorf("%s: %d bytes at the end were not read", r.name, lost)
		}
	}
	for p := TypeRequest; p <= TypeInformAndActivate; p++ {
		if seen[p] == 0 {
			t.Errorf("no recorded link has a packet %v", p)
		}
	}
	t.Logf("packets: %v", seen)
}

// What passes through the two ends of a link as messages comes out as the packets that went in: nothing is lost between
// the two languages, and no packet of a real server is refused.
func TestRecordedLinksPassThroughBothEnds(t *testing.T) {
	for _, r := range recordings(t, "learner") {
		t.Run(r.name, func(t *testing.T) { passThrough(t, r.packets(t)) })
	}
}

func passThrough(t *testing.T, packets []said) {
	const learner, leader = 1, 3
	var config []byte
	var version int64
	var self zab.ServerID
	for _, p := range packets {
		switch p.Type {
		case TypeNewLeader:
			config = p.Data
		case TypeFollowerInfo, TypeObserverInfo:
			var info LearnerInfo
			if err := info.Decode(p.Data); err != nil {
				t.Fatal(err)
			}
			version, self = info.ConfigVersion, info.ID
		}
	}
	atLeader := NewLeaderEnd(Identity{Link: 7, Self: leader, Config: config, ConfigVersion: version})
	atLearner := NewLearnerEnd(Identity{Link: 9, Self: self, Peer: leader, ConfigVersion: version})
	for i, p := range packets {
		in, out, err := through(atLeader, atLearner, &p)
		if err != nil {
			t.Fatalf("packet %d, %v %x: %v", i, p.Type, p.raw, err)
		}
		if p.Type == TypeSnap {
			atLearner.BodyTaken()
		}
		want := p.raw
		if in.Activate { // package zab knows no reconfigurations: what it would say to a learner is a plain commit
			want = out
			if in.Designated == 0 || in.Kind != zab.Commit && in.Kind != zab.Inform {
				t.Errorf("packet %d: %v designates %d", i, in, in.Designated)
			}
		}
		if in.Kind != 0 && !bytes.Equal(out, want) {
			t.Errorf("packet %d, %v:\n said    %x\n written %x", i, p.Type, want, out)
		}
		if from := atLeader.Peer(); p.byLearner && (in.From != from || in.To != leader || in.Link != 7) {
			t.Errorf("packet %d, %v: from %d to %d over %d", i, p.Type, in.From, in.To, in.Link)
		}
	}
}

// through gives a packet to the end it was meant for and has the other end say again what came of it.
func through(atLeader *LeaderEnd, atLearner *LearnerEnd, p *said) (in Incoming, out []byte, err error) {
	if p.byLearner {
		if in, err = atLeader.Take(&p.Packet); err == nil {
			out, err = atLearner.Append(nil, &in.Message)
		}
		return in, out, err
	}
	if in, err = atLearner.Take(&p.Packet); err == nil && in.Kind != 0 {
		out, err = atLeader.Append(nil, &in.Message)
	}
	return in, out, err
}

// Every frame of every recorded election link is understood, and written again to the same bytes; so are the
// configuration texts in them.
func TestRecordedElectionsAreReadAndWrittenToTheByte(t *testing.T) {
	frames, texts := 0, map[string]bool{}
	for _, r := range recordings(t, "election") {
		in := bytes.NewReader(r.fromFirst)
		h, err := ReadHello(in)
		if err != nil {
			t.Fatalf("%s: %v", r.name, err)
		}
		if opened := r.fromFirst[:len(r.fromFirst)-in.Len()]; !bytes.Equal(h.Append(nil), opened) {
			t.Errorf("%s: opened with %x, written %x", r.name, opened, h.Append(nil))
		}
		for _, stream := range []io.Reader{in, bytes.NewReader(r.fromOther)} {
			for {
				body, err := readFrame(stream, nil)
				if err != nil {
					break
				}
				frames++
				m, config, err := DecodeNotification(body, 1, 2)
				if err != nil {
					t.Fatalf("%s: %v", r.name, err)
				}
				if again := AppendNotification(nil, &m, config); !bytes.Equal(again[frameHeadSize:], body) {
					t.Errorf("%s:\n said    %x\n written %x", r.name, body, again[frameHeadSize:])
				}
				texts[string(config)] = true
			}
		}
	}
	for text := range texts {
		e, err := ParseEnsemble([]byte(text))
		if err != nil {
			t.Errorf("%v\n%s", err, text)
		} else if again := e.Append(nil); string(again) != text {
			t.Errorf("said:\n%s\nwritten:\n%s", text, again)
		}
	}
	t.Logf("%d frames, %d different texts", frames, len(texts))
	if frames < 50 || len(texts) < 4 {
		t.Errorf("too few to mean anything")
	}
}
