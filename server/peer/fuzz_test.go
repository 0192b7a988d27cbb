package peer

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"bellwether/engine/zab"
)

// No stream makes the decoder or an end panic; what is understood is written again to the same bytes; and the ends and the
// snapshot's walk come to the same result however the stream is cut.
func FuzzLearnerLink(f *testing.F) {
	for _, r := range recordings(f, "learner") {
		f.Add(r.fromFirst[:min(len(r.fromFirst), 4096)])
		f.Add(r.fromOther[:min(len(r.fromOther), 4096)])
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole, leader, learner := readLink(t, bytes.NewReader(stream))
		cut, leaderCut, learnerCut := readLink(t, iotest.OneByteReader(bytes.NewReader(stream)))
		if !bytes.Equal(whole, cut) || leader != leaderCut || learner != learnerCut {
			t.Fatal("a stream means something else if it is cut otherwise")
		}
		if !bytes.HasPrefix(stream, whole) {
			t.Fatalf("read %x, written %x", stream, whole)
		}
	})
}

// readLink gives a stream to both kinds of ends and returns what it was, and how many packets each end has taken.
func readLink(t *testing.T, r io.Reader) (again []byte, leader, learner int) {
	d := NewDecoder(r, 1<<16)
	atLeader := NewLeaderEnd(Identity{Link: 1, Self: 3})
	atLearner := NewLearnerEnd(Identity{Link: 1, Self: 1, Peer: 3})
	leaderDone, learnerDone := false, false
	for {
		p, err := d.Next()
		if err != nil {
			return again, leader, learner
		}
		again = p.Append(again)
		if !leaderDone {
			in, err := atLeader.Take(&p)
			if leaderDone = err != nil; err == nil {
				leader++
				if _, err := atLearner.Append(nil, &in.Message); err != nil {
					t.Fatalf("%v was heard, but cannot be said: %v", in, err)
				}
			}
		}
		if !learnerDone {
			in, err := atLearner.Take(&p)
			if learnerDone = err != nil; err == nil {
				learner++
				if _, err := atLeader.Append(nil, &in.Message); err != nil && in.Kind != 0 {
					t.Fatalf("%v was heard, but cannot be said: %v", in, err)
				}
			}
		}
		if p.Type == TypeSnap && atLearner.stage == learnerCopying {
			body, err := io.ReadAll(d.Body())
			if err != nil {
				return again, leader, learner
			}
			again = AppendSnapSignature(append(again, body...))
			atLearner.BodyTaken()
		}
	}
}

// No bytes on an election link make anything panic, and what is understood survives being written.
func FuzzElectionLink(f *testing.F) {
	for _, r := range recordings(f, "election") {
		f.Add(r.fromFirst)
		f.Add(r.fromOther)
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		if h, err := ReadHello(bytes.NewReader(stream)); err == nil && len(h.Addresses) > 0 {
			again, err := ReadHello(bytes.NewReader(h.Append(nil)))
			if err != nil || again.ID != h.ID || again.Addresses[0] != h.Addresses[0] {
				t.Fatalf("%+v was read as %+v, %v", h, again, err)
			}
		}
		r := bytes.NewReader(stream)
		for {
			body, err := readFrame(r, nil)
			if err != nil {
				return
			}
			m, config, err := DecodeNotification(body, 1, 2)
			if err != nil {
				continue
			}
			again, text, err := DecodeNotification(AppendNotification(nil, &m, config)[frameHeadSize:], 1, 2)
			if again.Version = m.Version; err != nil || !equalVotes(again, m) || !bytes.Equal(text, config) {
				t.Fatalf("%+v was read as %+v, %v", m, again, err)
			}
		}
	})
}

func equalVotes(a, b zab.Message) bool {
	return a.State == b.State && a.Vote == b.Vote && a.Round == b.Round && a.Version == b.Version
}

// No text makes the parser panic, and what it reads it prints so that it reads the same again.
func FuzzEnsemble(f *testing.F) {
	f.Add([]byte("server.1=h:1:2:participant;[::]:2181\nserver.2=a:1:2|b:3:4:observer;;h:5\nversion=1a"))
	f.Add([]byte("server.1=[::1]:1:2\nserver.2=b:1:2\ngroup.1=1:2\nweight.1=3\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := ParseEnsemble(text)
		if err != nil || e.Version < 0 {
			return
		}
		printed := e.Append(nil)
		again, err := ParseEnsemble(printed)
		if err != nil {
			t.Fatalf("%q printed as %q: %v", text, printed, err)
		}
		if twice := again.Append(nil); !bytes.Equal(printed, twice) {
			t.Fatalf("printed as %q, then as %q", printed, twice)
		}
	})
}
