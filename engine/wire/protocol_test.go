package wire_test

import (
	"bytes"
	"testing"

	"bellwether/engine/wire"
)

var sampleStat = wire.Stat{
	Czxid: 1, Mzxid: 2, Ctime: 3, Mtime: 4, Version: 5, Cversion: 6, Aversion: 7,
	EphemeralOwner: 8, DataLength: 9, NumChildren: 10, Pzxid: 11,
}

const sampleStatHex = "0000000000000001 0000000000000002 0000000000000003 0000000000000004 00000005 00000006 00000007" +
	"0000000000000008 00000009 0000000a 000000000000000b"

// Every record, field by field: what a swap of two fields of the same type would hide from the recorded sessions.
func TestRecordsFieldByField(t *testing.T) {
	openHex := "00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65"
	for _, v := range []struct {
		rec wire.Record
		hex string
	}{
		{&wire.RequestHeader{Xid: 7, Op: wire.OpCloseSession}, "00000007 fffffff5"},
		{&wire.ReplyHeader{Xid: 1, Zxid: 2, Err: wire.NoNode}, "00000001 0000000000000002 ffffff9b"},
		{&sampleStat, sampleStatHex},
		{&wire.ACL{Perms: 5, Scheme: "ip", ID: "x"}, "00000005 00000002 6970 00000001 78"},
		{&wire.ACL{Perms: 31, Scheme: "auth", NullID: true}, "0000001f 00000004 61757468 ffffffff"},

		{&wire.PathWatch{Path: "/a", Watch: true}, "00000002 2f61 01"},
		{&wire.PathWatch{NullPath: true}, "ffffffff 00"},
		{&wire.PathOnly{Path: "/a"}, "00000002 2f61"},
		{&wire.PathOnly{NullPath: true}, "ffffffff"},
		{&wire.CreateRequest{Path: "/a", Data: []byte("hi"), ACL: wire.OpenACL, Mode: wire.EphemeralSequential},
			"00000002 2f61 00000002 6869" + openHex + "00000003"},
		{&wire.CreateRequest{NullPath: true}, "ffffffff ffffffff ffffffff 00000000"},
		{&wire.CreateTTLRequest{CreateRequest: wire.CreateRequest{Path: "/a", Data: []byte{}, ACL: []wire.ACL{}, Mode: wire.PersistentTTL}, TTL: 9},
			"00000002 2f61 00000000 00000000 00000005 0000000000000009"},
		{&wire.PathVersion{Path: "/a", Version: -1}, "00000002 2f61 ffffffff"},
		{&wire.SetDataRequest{Path: "/a", Data: []byte("v"), Version: 3}, "00000002 2f61 00000001 76 00000003"},
		{&wire.SetACLRequest{Path: "/a", ACL: wire.OpenACL, Version: 4}, "00000002 2f61" + openHex + "00000004"},
		{&wire.ReconfigRequest{Joining: "j", NullLeaving: true, NewMembers: "", CurConfigID: 5},
			"00000001 6a ffffffff 00000000 0000000000000005"},
		{&wire.WatchesRequest{Path: "/a", Type: wire.WatcherAny}, "00000002 2f61 00000003"},
		{&wire.AddWatchRequest{Path: "/a", Mode: wire.AddPersistentRecursive}, "00000002 2f61 00000001"},
		{&wire.SetWatches{RelativeZxid: 1, Data: []string{"/d"}, Exist: []string{"/e", ""}, Child: []string{}},
			"0000000000000001 00000001 00000002 2f64 00000002 00000002 2f65 00000000 00000000"},
		{&wire.SetWatches2{SetWatches: wire.SetWatches{RelativeZxid: 1, Child: []string{"c"}}, Persistent: []string{"p"}, PersistentRecursive: []string{"r"}},
			"0000000000000001 ffffffff ffffffff 00000001 00000001 63 00000001 00000001 70 00000001 00000001 72"},
		{&wire.AuthRequest{Type: 0, Scheme: "digest", Auth: []byte("u:p")}, "00000000 00000006 646967657374 00000003 753a70"},
		{&wire.SASL{Token: []byte("t")}, "00000001 74"},
		{&wire.SASL{}, "ffffffff"},

		{&wire.CreateResponse{Path: "/a"}, "00000002 2f61"},
		{&wire.Create2Response{Path: "/a", Stat: sampleStat}, "00000002 2f61" + sampleStatHex},
		{&wire.DataStat{Data: []byte("hi"), Stat: sampleStat}, "00000002 6869" + sampleStatHex},
		{&wire.DataStat{Stat: sampleStat}, "ffffffff" + sampleStatHex},
		{&wire.DataStat{Data: []byte{}, Stat: sampleStat}, "00000000" + sampleStatHex},
		{&wire.GetChildrenResponse{Names: []string{"x", "y"}}, "00000002 00000001 78 00000001 79"},
		{&wire.GetChildren2Response{Names: []string{}, Stat: sampleStat}, "00000000" + sampleStatHex},
		{&wire.GetACLResponse{ACL: wire.OpenACL, Stat: sampleStat}, openHex + sampleStatHex},
		{&wire.GetAllChildrenNumberResponse{Total: 3}, "00000003"},
		{&wire.AddWatchResponse{}, "00000000"},
		{&wire.WhoAmIResponse{Clients: []wire.ClientInfo{{AuthScheme: "ip", User: "u"}}}, "00000001 00000002 6970 00000001 75"},
		{&wire.WhoAmIResponse{}, "ffffffff"},
		{&wire.WatcherEvent{Type: wire.EventDeleted, State: wire.StateSyncConnected, Path: "/a"}, "00000002 00000003 00000002 2f61"},
		{&wire.MultiHeader{Type: wire.OpCreate, Err: -1}, "00000001 00 ffffffff"},
		{&wire.MultiHeader{Type: wire.OpError, Done: true, Err: wire.NoNode}, "ffffffff 01 ffffff9b"},
	} {
		expectRecord(t, v.rec, v.hex)
	}
}

// A client may leave the readOnly byte out, and is then answered without it.
func TestConnectWithAndWithoutReadOnly(t *testing.T) {
	passwd := []byte("0123456789abcdef")
	passwdHex := "00000010 30313233343536373839616263646566"
	request := wire.ConnectRequest{LastZxidSeen: 1, Timeout: 2, SessionID: 3, Passwd: passwd}
	response := wire.ConnectResponse{Timeout: 2, SessionID: 3, Passwd: passwd}
	requestHex := "00000000 0000000000000001 00000002 0000000000000003" + passwdHex
	responseHex := "00000000 00000002 0000000000000003" + passwdHex
	expectRecord(t, &request, requestHex)
	expectRecord(t, &response, responseHex)
	request.HasReadOnly, response.HasReadOnly = true, true
	expectRecord(t, &request, requestHex+"00")
	expectRecord(t, &response, responseHex+"00")
	request.ReadOnly, response.ReadOnly = true, true
	expectRecord(t, &request, requestHex+"01")
	expectRecord(t, &response, responseHex+"01")
}

// A new session may come with any password; what follows the request is ignored.
func TestConnectAcceptsAnyPasswordAndTrailingBytes(t *testing.T) {
	for _, passwd := range []string{"ffffffff", "00000000", "00000003 616263"} {
		frame := decodeHex(t, "00000007 0000000000000000 00002710 0000000000000000"+passwd+"05 1234")
		r := wire.NewReader(frame)
		var q wire.ConnectRequest
		if err := q.Decode(&r); err != nil || !q.ReadOnly || q.ProtocolVersion != 7 {
			t.Errorf("password %s: %+v, %v", passwd, q, err)
		}
	}
	whole := (&wire.ConnectRequest{Passwd: make([]byte, 16)}).Append(nil)
	for n := range whole {
		r := wire.NewReader(whole[:n])
		if err := new(wire.ConnectRequest).Decode(&r); err != wire.ErrShort {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// A notification has one form, whoever receives it.
func TestEventFrame(t *testing.T) {
	want := decodeHex(t, "0000001e ffffffff 0000000000000003 00000000 00000003 00000003 00000002 2f61")
	if got := wire.AppendEvent(nil, 3, wire.EventDataChanged, "/a"); !bytes.Equal(got, want) {
		t.Errorf("written %x\nwant    %x", got, want)
	}
	if got := wire.AppendEvent([]byte("x"), 3, wire.EventDataChanged, "/a"); !bytes.Equal(got[1:], want) {
		t.Errorf("behind another byte: %x", got)
	}
}

// The functions that write whole frames write what the records and the frame helpers write.
func TestWholeFramesAreHeaderAndRecord(t *testing.T) {
	data := []byte("data")
	for _, v := range []struct {
		what      string
		got, want []byte
	}{
		{"getData", wire.AppendGetDataRequest(nil, 5, "/a", true),
			wire.AppendRequest(nil, 5, wire.OpGetData, &wire.GetDataRequest{Path: "/a", Watch: true})},
		{"exists", wire.AppendExistsRequest(nil, 5, "/a", false),
			wire.AppendRequest(nil, 5, wire.OpExists, &wire.ExistsRequest{Path: "/a"})},
		{"getChildren", wire.AppendGetChildrenRequest(nil, 5, "/a", true),
			wire.AppendRequest(nil, 5, wire.OpGetChildren, &wire.GetChildrenRequest{Path: "/a", Watch: true})},
		{"getChildren2", wire.AppendGetChildren2Request(nil, 5, "/a", true),
			wire.AppendRequest(nil, 5, wire.OpGetChildren2, &wire.GetChildren2Request{Path: "/a", Watch: true})},
		{"setData", wire.AppendSetDataRequest(nil, 5, "/a", data, 3),
			wire.AppendRequest(nil, 5, wire.OpSetData, &wire.SetDataRequest{Path: "/a", Data: data, Version: 3})},
		{"create2", wire.AppendCreateRequest(nil, 5, wire.OpCreate2, "/a", data, wire.OpenACL, wire.Ephemeral),
			wire.AppendRequest(nil, 5, wire.OpCreate2, &wire.CreateRequest{Path: "/a", Data: data, ACL: wire.OpenACL, Mode: wire.Ephemeral})},
		{"delete", wire.AppendDeleteRequest(nil, 5, "/a", -1),
			wire.AppendRequest(nil, 5, wire.OpDelete, &wire.DeleteRequest{Path: "/a", Version: -1})},
		{"sync", wire.AppendSyncRequest(nil, 5, "/a"), wire.AppendRequest(nil, 5, wire.OpSync, &wire.SyncRequest{Path: "/a"})},
		{"ping", wire.AppendPing(nil), wire.AppendRequest(nil, wire.XidPing, wire.OpPing, nil)},
		{"closeSession", wire.AppendCloseSession(nil, 5), wire.AppendRequest(nil, 5, wire.OpCloseSession, nil)},
		{"refusal", wire.AppendReply(nil, 5, 9, wire.NoNode), framed((&wire.ReplyHeader{Xid: 5, Zxid: 9, Err: wire.NoNode}).Append(nil))},
		{"response", wire.AppendResponse(nil, 5, 9, &sampleStat), framed(wire.AppendStat(wire.AppendReplyHeader(nil, 5, 9, wire.OK), &sampleStat))},
	} {
		if !bytes.Equal(v.got, v.want) {
			t.Errorf("%s: %x\nwant %x", v.what, v.got, v.want)
		}
	}
}

// framed puts the length in front of content.
func framed(content []byte) []byte {
	dst := append(wire.BeginFrame([]byte("in front")), content...)
	wire.EndFrame(dst, len("in front"))
	return dst[len("in front"):]
}

// Null lists are told apart from empty ones: setWatches is refused for them.
func TestSetWatchesKnowsNullLists(t *testing.T) {
	some := []string{"/a"}
	whole := wire.SetWatches2{SetWatches: wire.SetWatches{Data: some, Exist: []string{}, Child: some}, Persistent: some, PersistentRecursive: []string{}}
	if whole.HasNull() || whole.SetWatches.HasNull() {
		t.Error("empty lists count as null")
	}
	for i, list := range []*[]string{&whole.Data, &whole.Exist, &whole.Child, &whole.Persistent, &whole.PersistentRecursive} {
		kept := *list
		*list = nil
		var q wire.SetWatches2
		decode(t, whole.Append(nil), &q)
		if !q.HasNull() || q.SetWatches.HasNull() != (i < 3) {
			t.Errorf("list %d is null: %+v", i, q)
		}
		*list = kept
	}
}
