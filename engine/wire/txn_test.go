package wire_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"bellwether/engine/wire"
)

// Every recorded transaction is understood, parts of multis included, and written again to the same bytes.
func TestRecordedTransactionsAreReadAndWrittenToTheByte(t *testing.T) {
	seen := map[wire.OpCode]int{}
	for _, v := range recordedTxns(t) {
		out, err := rewriteTxn(v.txn)
		if err != nil {
			t.Errorf("%s: %v", v.comment, err)
			continue
		}
		if !bytes.Equal(out, v.txn) {
			t.Errorf("%s:\n read    %x\n written %x", v.comment, v.txn, out)
		}
		seen[decodeTxn(t, v.txn).Type]++
	}
	for _, op := range []wire.OpCode{
		wire.OpCreateSession, wire.OpCloseSession, wire.OpCreate, wire.OpCreate2, wire.OpCreateContainer, wire.OpCreateTTL,
		wire.OpDelete, wire.OpDeleteContainer, wire.OpSetData, wire.OpSetACL, wire.OpError, wire.OpMulti,
	} {
		if seen[op] == 0 {
			t.Errorf("no recorded transaction is a %v", op)
		}
	}
}

// The fields of a transaction stand where Apache ZooKeeper puts them.
func TestCreateTxnFieldByField(t *testing.T) {
	want := decodeHex(t, "0100001146e70000 00000001 0000000100000002 000001a20248033d 00000001"+
		"00000002 2f61 00000001 78 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00 00000001"+
		"00000002 00000001eaed419a")
	header := wire.TxnHeader{ClientID: 0x0100001146e70000, Cxid: 1, Zxid: 0x100000002, Time: 0x1a20248033d, Type: wire.OpCreate}
	body := wire.CreateTxn{Path: "/a", Data: []byte("x"), ACL: wire.OpenACL, ParentCversion: 1}
	digest := wire.TxnDigest{Version: 2, Tree: 0x1eaed419a}
	if got := digest.Append(body.Append(wire.AppendTxnHeader(nil, &header))); !bytes.Equal(got, want) {
		t.Errorf("written %x\nwant    %x", got, want)
	}
	txn := decodeTxn(t, want)
	if txn.TxnHeader != header || !txn.HasDigest || txn.Digest != digest {
		t.Errorf("read %+v", txn)
	}
	var got wire.CreateTxn
	decode(t, txn.Body, &got)
	if !reflect.DeepEqual(got, body) {
		t.Errorf("read %+v, want %+v", got, body)
	}
}

// The other bodies, each once, field by field.
func TestTxnBodiesFieldByField(t *testing.T) {
	acl := "00000001 00000001 00000002 6970 00000003 3a3a31"
	ip := []wire.ACL{{Perms: wire.PermRead, Scheme: "ip", ID: "::1"}}
	for _, v := range []struct {
		rec wire.Record
		hex string
	}{
		{&wire.CreateTxn{Path: "/e", ACL: ip, Ephemeral: true, ParentCversion: 7}, "00000002 2f65 ffffffff" + acl + "01 00000007"},
		{&wire.CreateContainerTxn{Path: "/c", Data: []byte{}, ACL: ip, ParentCversion: 8}, "00000002 2f63 00000000" + acl + "00000008"},
		{&wire.CreateTTLTxn{Path: "/t", Data: []byte("d"), ACL: ip, ParentCversion: 9, TTL: 1 << 33},
			"00000002 2f74 00000001 64" + acl + "00000009 0000000200000000"},
		{&wire.DeleteTxn{Path: "/d"}, "00000002 2f64"},
		{&wire.SetDataTxn{Path: "/s", Data: []byte("v"), Version: 4}, "00000002 2f73 00000001 76 00000004"},
		{&wire.SetACLTxn{Path: "/s", ACL: ip, Version: 3}, "00000002 2f73" + acl + "00000003"},
		{&wire.CheckTxn{Path: "/s", Version: 6}, "00000002 2f73 00000006"},
		{&wire.ErrorTxn{Err: wire.NoNode}, "ffffff9b"},
		{&wire.CreateSessionTxn{Timeout: 8000}, "00001f40"},
		{&wire.CloseSessionTxn{Paths: []string{"/e", "/f"}}, "00000002 00000002 2f65 00000002 2f66"},
		{&wire.CloseSessionTxn{Paths: []string{}}, "00000000"},
		{&wire.CloseSessionTxn{}, ""},
		{&wire.MultiTxn{Txns: []wire.SubTxn{{Type: wire.OpDelete, Body: []byte("x")}, {Type: wire.OpError}}},
			"00000002 00000002 00000001 78 ffffffff ffffffff"},
		{&wire.MultiTxn{}, "ffffffff"},
		{&wire.TxnDigest{Version: 2, Tree: -1}, "00000002 ffffffffffffffff"},
	} {
		expectRecord(t, v.rec, v.hex)
	}
}

// A create of a very old log ends before the parent's cversion, alone or in a multi.
func TestOldCreateTxnHasNoParentCversion(t *testing.T) {
	old := decodeHex(t, "00000002 2f61 00000001 78 ffffffff 01")
	var body wire.CreateTxn
	decode(t, old, &body)
	if body.Path != "/a" || !body.Ephemeral || body.ParentCversion != -1 {
		t.Errorf("read %+v", body)
	}
	whole := append(wire.AppendTxnHeader(nil, &wire.TxnHeader{Type: wire.OpCreate}), old...)
	if txn := decodeTxn(t, whole); !bytes.Equal(txn.Body, old) || txn.HasDigest {
		t.Errorf("read %+v", txn)
	}
}

// The list of closeSession is told from a digest that follows the header at once.
func TestCloseSessionListIsNotConfusedWithDigest(t *testing.T) {
	header := wire.TxnHeader{Type: wire.OpCloseSession}
	list := wire.CloseSessionTxn{Paths: []string{"/a", "/b"}}
	for _, tree := range []int64{0x51c6d660, 0, 1 << 32, 2 << 32, -1, 0x00000001_2f000000} {
		digest := wire.TxnDigest{Version: 2, Tree: tree}
		for _, v := range []struct {
			what      string
			txn       []byte
			hasList   bool
			hasDigest bool
		}{
			{"neither", header.Append(nil), false, false},
			{"digest", digest.Append(header.Append(nil)), false, true},
			{"list", list.Append(header.Append(nil)), true, false},
			{"list and digest", digest.Append(list.Append(header.Append(nil))), true, true},
		} {
			txn := decodeTxn(t, v.txn)
			var body wire.CloseSessionTxn
			decode(t, txn.Body, &body)
			if (body.Paths != nil) != v.hasList || txn.HasDigest != v.hasDigest || v.hasDigest && txn.Digest != digest {
				t.Errorf("%s, tree %x: read paths %q, digest %+v", v.what, uint64(tree), body.Paths, txn.Digest)
			}
			// The typed record alone, without knowing where the body ends, must come to the same result.
			r := wire.NewReader(v.txn[wire.TxnHeaderSize:])
			if err := body.Decode(&r); err != nil || (body.Paths != nil) != v.hasList {
				t.Errorf("%s, tree %x: read paths %q (%v)", v.what, uint64(tree), body.Paths, err)
			}
			if got, ok := wire.ReadTxnDigest(&r); ok != v.hasDigest || ok && got != digest {
				t.Errorf("%s, tree %x: read digest %+v", v.what, uint64(tree), got)
			}
		}
	}
}

// A transaction that is cut short or of no known type is an error, at whatever byte.
func TestDamagedTxnIsRefused(t *testing.T) {
	body := wire.SetDataTxn{Path: "/a", Data: []byte("data"), Version: 1}
	whole := body.Append(wire.AppendTxnHeader(nil, &wire.TxnHeader{Type: wire.OpSetData}))
	for n := range whole {
		if err := new(wire.Txn).Decode(whole[:n]); err != wire.ErrShort {
			t.Errorf("%d bytes of %d: %v", n, len(whole), err)
		}
	}
	odd := wire.AppendTxnHeader(nil, &wire.TxnHeader{Type: wire.OpGetData})
	if err := new(wire.Txn).Decode(odd); err != wire.ErrTxnType {
		t.Errorf("a getData: %v", err)
	}
}

// A check outside a multi is in the logs of some servers, a reconfig in those of ensembles: both can be read over.
func TestCheckAndReconfigTxnsCanBeReadOver(t *testing.T) {
	for op, rec := range map[wire.OpCode]wire.Record{
		wire.OpCheck:    &wire.CheckTxn{Path: "/a", Version: 2},
		wire.OpReconfig: &wire.SetDataTxn{Path: "/zookeeper/config", Data: []byte("version=1"), Version: -1},
	} {
		body := rec.Append(nil)
		digest := wire.TxnDigest{Version: 2, Tree: 3}
		txn := decodeTxn(t, digest.Append(append(wire.AppendTxnHeader(nil, &wire.TxnHeader{Type: op}), body...)))
		if !bytes.Equal(txn.Body, body) || txn.Digest != digest {
			t.Errorf("%v: body %x, digest %+v", op, txn.Body, txn.Digest)
		}
	}
}

// A multi that is cut short gives the parts before the cut, and an error.
func TestMultiTxnCutShort(t *testing.T) {
	whole := wire.MultiTxn{Txns: []wire.SubTxn{{Type: wire.OpDelete, Body: []byte("12345678")}, {Type: wire.OpError, Body: []byte("1234")}}}
	m := wire.NewMultiTxnReader(wire.NewReader(whole.Append(nil)[:31]))
	if sub, ok := m.Next(); !ok || sub.Type != wire.OpDelete {
		t.Errorf("first part: %+v", sub)
	}
	if sub, ok := m.Next(); ok || m.Err() != wire.ErrShort || m.Len() != 0 {
		t.Errorf("second part: %+v, %v", sub, m.Err())
	}
}

// The parts of a multi may be written and read one by one, without a slice.
func TestMultiTxnPartByPart(t *testing.T) {
	deletion, check := wire.DeleteTxn{Path: "/a"}, wire.CheckTxn{Path: "/b", Version: 1}
	var w wire.MultiTxnWriter
	dst := w.Begin([]byte("in front"))
	dst = deletion.Append(w.BeginTxn(dst, wire.OpDelete))
	w.EndTxn(dst)
	dst = check.Append(w.BeginTxn(dst, wire.OpCheck))
	w.EndTxn(dst)
	w.End(dst)
	dst, _ = bytes.CutPrefix(dst, []byte("in front"))

	whole := wire.MultiTxn{Txns: []wire.SubTxn{
		{Type: wire.OpDelete, Body: deletion.Append(nil)}, {Type: wire.OpCheck, Body: check.Append(nil)},
	}}
	if want := whole.Append(nil); !bytes.Equal(dst, want) {
		t.Fatalf("part by part %x\nat once      %x", dst, want)
	}
	m := wire.NewMultiTxnReader(wire.NewReader(dst))
	for i, want := range whole.Txns {
		if m.Len() != len(whole.Txns)-i {
			t.Errorf("%d parts to come, want %d", m.Len(), len(whole.Txns)-i)
		}
		if sub, ok := m.Next(); !ok || !reflect.DeepEqual(sub, want) {
			t.Errorf("part %d: %+v, want %+v", i, sub, want)
		}
	}
	if _, ok := m.Next(); ok || m.Err() != nil {
		t.Errorf("something follows the last part: %v", m.Err())
	}
}

type recordedTxn struct {
	comment string
	txn     []byte
}

// recordedTxns reads testdata/txns.txt: one transaction a line, in hex, each after its comment.
func recordedTxns(tb testing.TB) (txns []recordedTxn) {
	tb.Helper()
	comment := ""
	for _, line := range fileLines(tb, "testdata/txns.txt") {
		if strings.HasPrefix(line, "#") {
			comment = line
			continue
		}
		txns = append(txns, recordedTxn{comment, decodeHex(tb, line)})
	}
	return txns
}

func decodeTxn(t *testing.T, b []byte) wire.Txn {
	t.Helper()
	var txn wire.Txn
	if err := txn.Decode(b); err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	return txn
}

// decode decodes a record that takes all of b.
func decode(t *testing.T, b []byte, rec wire.Record) {
	t.Helper()
	r := wire.NewReader(b)
	if err := rec.Decode(&r); err != nil || r.Remaining() > 0 {
		t.Fatalf("%T from %x: %v, %d bytes left", rec, b, err, r.Remaining())
	}
}

// expectRecord expects that rec is written as the bytes in text, and read from them as it is.
func expectRecord(t *testing.T, rec wire.Record, text string) {
	t.Helper()
	want := decodeHex(t, text)
	if got := rec.Append(nil); !bytes.Equal(got, want) {
		t.Errorf("%T %+v\n written %x\n want    %x", rec, rec, got, want)
	}
	got := reflect.New(reflect.TypeOf(rec).Elem()).Interface().(wire.Record)
	decode(t, want, got)
	if !reflect.DeepEqual(got, rec) {
		t.Errorf("%T from %x:\n read %+v\n want %+v", rec, want, got, rec)
	}
}
