package peer

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// unhex reads hex with blanks in it.
func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// golden are packets as servers of Apache ZooKeeper 3.8.0 and 3.9.5 have said them.
var golden = []struct {
	name, hex string
	packet    Packet
}{
	{"FOLLOWERINFO of an empty server 1",
		"0000000b 0000000000000000 00000014 0000000000000001 00010000 0000000000000000 ffffffff",
		Packet{Type: TypeFollowerInfo, Data: (&LearnerInfo{ID: 1, Protocol: protocolVersion}).Append(nil)}},
	{"FOLLOWERINFO of server 3, accepted epoch 1, configuration 0x100000004",
		"0000000b 0000000100000000 00000014 0000000000000003 00010000 0000000100000004 ffffffff",
		Packet{Type: TypeFollowerInfo, Zxid: 1 << 32, Data: (&LearnerInfo{ID: 3, Protocol: protocolVersion, ConfigVersion: 0x100000004}).Append(nil)}},
	{"FOLLOWERINFO of a server whose state is lost",
		"0000000b ffffffff00000000 00000014 0000000000000003 00010000 0000000000000000 ffffffff",
		Packet{Type: TypeFollowerInfo, Zxid: -1 << 32, Data: (&LearnerInfo{ID: 3, Protocol: protocolVersion}).Append(nil)}},
	{"OBSERVERINFO of server 4",
		"00000010 0000000000000000 00000014 0000000000000004 00010000 0000000000000000 ffffffff",
		Packet{Type: TypeObserverInfo, Data: (&LearnerInfo{ID: 4, Protocol: protocolVersion}).Append(nil)}},
	{"LEADERINFO of epoch 1",
		"00000011 0000000100000000 00000004 00010000 ffffffff",
		Packet{Type: TypeLeaderInfo, Zxid: 1 << 32, Data: appendLeaderInfo(nil, false)}},
	{"ACKEPOCH of an empty server",
		"00000012 0000000000000000 00000004 00000000 ffffffff",
		Packet{Type: TypeAckEpoch, Data: (&ackEpoch{}).append(nil)}},
	{"ACKEPOCH that is not to be counted",
		"00000012 ffffffffffffffff 00000004 ffffffff ffffffff",
		Packet{Type: TypeAckEpoch, Zxid: -1, Data: (&ackEpoch{epoch: zab.NotCounted}).append(nil)}},
	{"DIFF", "0000000d 0000000000000000 ffffffff ffffffff", Packet{Type: TypeDiff}},
	{"SNAP", "0000000f 0000000100000000 ffffffff ffffffff", Packet{Type: TypeSnap, Zxid: 1 << 32}},
	{"ACK of epoch 1", "00000003 0000000100000000 ffffffff ffffffff", Packet{Type: TypeAck, Zxid: 1 << 32}},
	{"UPTODATE", "0000000c ffffffffffffffff ffffffff ffffffff", Packet{Type: TypeUpToDate, Zxid: -1}},
	{"COMMIT", "00000004 0000000100000017 ffffffff ffffffff", Packet{Type: TypeCommit, Zxid: 0x100000017}},
	{"PROPOSAL of createSession with a digest",
		"00000002 0000000100000017 00000030 0200001146fb0000 00000000 0000000100000017 000001a20248d9c5 fffffff6 00002710 00000002 0000000356e2729e ffffffff",
		Packet{Type: TypeProposal, Zxid: 0x100000017, Data: (&wire.Txn{
			TxnHeader: wire.TxnHeader{ClientID: 0x0200001146fb0000, Zxid: 0x100000017, Time: 0x1a20248d9c5, Type: wire.OpCreateSession},
			Body:      []byte{0, 0, 0x27, 0x10}, Digest: wire.TxnDigest{Version: 2, Tree: 0x356e2729e}, HasDigest: true}).Append(nil)}},
	{"COMMITANDACTIVATE, server 2 stays the leader",
		"00000009 0000000100000002 00000008 0000000000000002 ffffffff",
		Packet{Type: TypeCommitAndActivate, Zxid: 0x100000002, Data: []byte{0, 0, 0, 0, 0, 0, 0, 2}}},
	{"PING of a leader", "00000005 0000000100000000 ffffffff ffffffff", Packet{Type: TypePing, Zxid: 1 << 32}},
	{"PING of a learner that heard of no session",
		"00000005 0000000100000000 00000000 ffffffff", Packet{Type: TypePing, Zxid: 1 << 32, Data: []byte{}}},
	{"SYNC", "00000007 0000000000000000 ffffffff ffffffff", Packet{Type: TypeSync}},
	{"REVALIDATE: it lives",
		"00000006 ffffffffffffffff 00000009 0100001146e70000 01 ffffffff",
		Packet{Type: TypeRevalidate, Zxid: -1, Data: (&Validity{Session: 0x0100001146e70000, Valid: true}).Append(nil)}},
}

// Packets that real servers have said are written as they say them, and read.
func TestPacketsAreThoseOfZooKeeper(t *testing.T) {
	for _, g := range golden {
		want := unhex(t, g.hex)
		if got := g.packet.Append(nil); !bytes.Equal(got, want) {
			t.Errorf("%s:\n said    %x\n written %x", g.name, want, got)
		}
		p, err := NewDecoder(bytes.NewReader(want), 0).Next()
		if err != nil || !reflect.DeepEqual(p, g.packet) {
			t.Errorf("%s: read as %+v, %v", g.name, p, err)
		}
	}
}

// The opening of a fresh follower, packet by packet as a real leader and its follower exchanged it, passes through both ends.
func TestOpeningOfAFreshFollower(t *testing.T) {
	config := []byte(strings.Repeat("c", 178))
	newLeader := Packet{Type: TypeNewLeader, Zxid: 1 << 32, Data: config}
	var script []said
	for _, line := range []string{
		"> 0000000b 0000000000000000 00000014 0000000000000001 00010000 0000000000000000 ffffffff",
		"< 00000011 0000000100000000 00000004 00010000 ffffffff",
		"> 00000012 0000000000000000 00000004 00000000 ffffffff",
		"< 0000000d 0000000000000000 ffffffff ffffffff",
		"< " + hex.EncodeToString(newLeader.Append(nil)),
		"> 00000003 0000000100000000 ffffffff ffffffff",
		"< 0000000c ffffffffffffffff ffffffff ffffffff",
		"> 00000003 0000000100000000 ffffffff ffffffff",
	} {
		raw := unhex(t, line[2:])
		p, err := NewDecoder(bytes.NewReader(raw), 0).Next()
		if err != nil {
			t.Fatal(err)
		}
		script = append(script, said{Packet: p, byLearner: line[0] == '>', raw: raw})
	}
	passThrough(t, script)
}

// The data of packets is read as it was written, and written as servers write it.
func TestPayloads(t *testing.T) {
	t.Run("request", func(t *testing.T) {
		want := Request{Session: 0x0200001146fb0000, Cxid: 7, Op: wire.OpSetData, Body: []byte("body")}
		data := want.Append(nil)
		if hex.EncodeToString(data) != "0200001146fb0000"+"00000007"+"00000005"+hex.EncodeToString([]byte("body")) {
			t.Errorf("written %x", data)
		}
		var got Request
		if err := got.Decode(data); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("read as %+v, %v", got, err)
		}
		if got.Decode(data[:15]) == nil {
			t.Error("15 bytes were read as a request")
		}
	})
	t.Run("revalidation", func(t *testing.T) {
		want := Revalidation{Session: -5, TimeoutMs: 4000}
		var got Revalidation
		if err := got.Decode(want.Append(nil)); err != nil || got != want {
			t.Errorf("read as %+v, %v", got, err)
		}
	})
	t.Run("touches", func(t *testing.T) {
		data := AppendTouch(AppendTouch(nil, 1, 4000), -2, 8000)
		if hex.EncodeToString(data) != "0000000000000001"+"00000fa0"+"fffffffffffffffe"+"00001f40" {
			t.Errorf("written %x", data)
		}
		var got []int64
		touches := Touches(data)
		for session, timeoutMs, ok := touches.Next(); ok; session, timeoutMs, ok = touches.Next() {
			got = append(got, session, int64(timeoutMs))
		}
		if !reflect.DeepEqual(got, []int64{1, 4000, -2, 8000}) {
			t.Errorf("read as %v", got)
		}
	})
	t.Run("credentials", func(t *testing.T) {
		want := []Credential{{"ip", "127.0.0.1"}, {"digest", "bell:"}}
		got, err := DecodeCredentials(nil, AppendCredentials(nil, want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("read as %v, %v", got, err)
		}
		if got, err = DecodeCredentials(got, nil); err != nil || len(got) != 0 {
			t.Errorf("null read as %v, %v", got, err)
		}
		if _, err = DecodeCredentials(nil, []byte{0, 0, 0, 9}); err == nil {
			t.Error("nine credentials were found in no bytes")
		}
	})
	t.Run("learner info of old servers", func(t *testing.T) {
		whole := LearnerInfo{ID: 3, Protocol: protocolVersion, ConfigVersion: 9}
		data := whole.Append(nil)
		for size, want := range map[int]LearnerInfo{8: {ID: 3}, 12: {ID: 3, Protocol: protocolVersion}, 20: whole} {
			var got LearnerInfo
			if err := got.Decode(data[:size]); err != nil || got != want {
				t.Errorf("%d bytes: read as %+v, %v", size, got, err)
			}
		}
		if new(LearnerInfo).Decode(data[:7]) == nil || new(LearnerInfo).Decode(nil) == nil {
			t.Error("a learner without an id was let in")
		}
	})
}

// The message that opens an election link is that of real servers, in both versions.
func TestHello(t *testing.T) {
	for _, c := range []struct {
		hex  string
		want Hello
	}{
		{"ffffffffffff0000 0000000000000002 0000000f 3132372e302e302e313a3231323232",
			Hello{ID: 2, Addresses: []string{"127.0.0.1:21222"}}},
		{"ffffffffffff0001 0000000000000003 0000000b" + hex.EncodeToString([]byte("a:1|[::2]:3")),
			Hello{ID: 3, Many: true, Addresses: []string{"a:1", "[::2]:3"}}},
	} {
		raw := unhex(t, c.hex)
		in := bytes.NewReader(append(raw, "next"...))
		got, err := ReadHello(in)
		if err != nil || !reflect.DeepEqual(got, c.want) || in.Len() != len("next") {
			t.Errorf("read as %+v, %v, %d bytes left", got, err, in.Len())
		}
		if !bytes.Equal(c.want.Append(nil), raw) {
			t.Errorf("written %x, want %x", c.want.Append(nil), raw)
		}
	}
}

// Addresses at which nobody can be called back are dropped; a bare id is what very old servers say.
func TestHelloDropsWildcards(t *testing.T) {
	all := Hello{ID: 3, Many: true, Addresses: []string{"0.0.0.0:3888", "[::]:3888", "h:3888", "[0:0:0:0:0:0:0:0]:1"}}
	got, err := ReadHello(bytes.NewReader(all.Append(nil)))
	if err != nil || !reflect.DeepEqual(got.Addresses, []string{"h:3888"}) {
		t.Errorf("read as %+v, %v", got, err)
	}
	if got, err = ReadHello(bytes.NewReader([]byte{0, 0, 0, 0, 0, 0, 0, 7})); err != nil || got.ID != 7 {
		t.Errorf("a bare id is read as %+v, %v", got, err)
	}
}

// A notification is written as real servers write it, and those of old servers are understood.
func TestNotifications(t *testing.T) {
	text := []byte("server.1=h:1:2:participant\nversion=0")
	m := zab.Message{Kind: zab.Notification, From: 2, To: 1, Version: 2, State: zab.Looking, Round: 1, Vote: zab.Vote{Leader: 2}}
	frame := AppendNotification(nil, &m, text)
	want := "00000050" + "00000000" + "0000000000000002" + "0000000000000000" + "0000000000000001" + "0000000000000000" + "00000002" + "00000024" + hex.EncodeToString(text)
	if hex.EncodeToString(frame) != want {
		t.Fatalf("written %x\nwant    %s", frame, want)
	}
	got, config, err := DecodeNotification(frame[4:], 2, 1)
	if err != nil || !reflect.DeepEqual(got, m) || !bytes.Equal(config, text) {
		t.Errorf("read as %v with %q, %v", got, config, err)
	}
	m.Vote = zab.Vote{Leader: 3, Zxid: zab.MakeZxid(5, 9), PeerEpoch: 6}
	body := AppendNotification(nil, &m, nil)[4:]
	for _, c := range []struct {
		name    string
		body    []byte
		epoch   int64
		version int32
		refused bool
	}{
		{"28 bytes: the epoch is that of the zxid", body[:28], 5, 0, false},
		{"40 bytes: the version there is not believed", body[:40], 6, 0, false},
		{"version 1: nothing follows it", append(append([]byte{}, body[:36]...), 0, 0, 0, 1, 9, 9), 6, 1, false},
		{"version 3", append(append([]byte{}, body[:36]...), 0, 0, 0, 3, 0, 0, 0, 0), 6, 3, false},
		{"27 bytes", body[:27], 0, 0, true},
		{"30 bytes", body[:30], 0, 0, true},
		{"no room for a length", append(append([]byte{}, body[:40]...), 1), 0, 0, true},
		{"a negative length", append(append([]byte{}, body[:40]...), 0xff, 0, 0, 0), 0, 0, true},
		{"a length beyond the end", append(append([]byte{}, body[:40]...), 0, 0, 0, 1), 0, 0, true},
		{"an unknown state", append([]byte{0, 0, 0, 4}, body[4:]...), 0, 0, true},
	} {
		got, _, err := DecodeNotification(c.body, 2, 1)
		if (err != nil) != c.refused {
			t.Errorf("%s: %v", c.name, err)
		} else if err == nil && (got.Vote.PeerEpoch != c.epoch || got.Version != c.version || got.Vote.Leader != 3) {
			t.Errorf("%s: read as %+v", c.name, got)
		}
	}
}

// A vote is not lost because the configuration is too long to go with it.
func TestNotificationWithoutRoomForTheConfiguration(t *testing.T) {
	m := zab.Message{Kind: zab.Notification, Vote: zab.Vote{Leader: 3}}
	frame := AppendNotification(nil, &m, make([]byte, MaxFrame))
	body, err := readFrame(bytes.NewReader(frame), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, config, err := DecodeNotification(body, 1, 2); err != nil || got.Vote.Leader != 3 || config != nil {
		t.Errorf("read as %v, %v", got, err)
	}
}
