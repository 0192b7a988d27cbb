package wire_test

import (
	"bytes"
	"testing"

	"bellwether/engine/wire"
)

// A multi is read operation by operation, each with the record it has on its own.
func TestMultiOperationByOperation(t *testing.T) {
	check := wire.CheckVersionRequest{Path: "/a", Version: 1}
	set := wire.SetDataRequest{Path: "/a", Data: []byte("x"), Version: -1}
	body := check.Append(wire.AppendMultiOp(nil, wire.OpCheck))
	body = set.Append(wire.AppendMultiOp(body, wire.OpSetData))
	body = append(wire.AppendMultiEnd(body), "behind"...)

	m := wire.NewMultiReader(wire.NewReader(body))
	var gotCheck wire.CheckVersionRequest
	if op, done, err := m.Next(); op != wire.OpCheck || done || err != nil || gotCheck.Decode(&m.Reader) != nil || gotCheck != check {
		t.Errorf("first: %v, %v, %v, %+v", op, done, err, gotCheck)
	}
	var gotSet wire.SetDataRequest
	if op, done, err := m.Next(); op != wire.OpSetData || done || err != nil || gotSet.Decode(&m.Reader) != nil || gotSet.Path != "/a" {
		t.Errorf("second: %v, %v, %v, %+v", op, done, err, gotSet)
	}
	if _, done, err := m.Next(); !done || err != nil || string(m.Rest()) != "behind" {
		t.Errorf("end: %v, %v, %q left", done, err, m.Rest())
	}
}

// Only the done byte ends a multi, whatever else the last header says; without one it is cut short.
func TestMultiEndsAtDone(t *testing.T) {
	end := wire.MultiHeader{Type: wire.OpDelete, Done: true, Err: 7}
	m := wire.NewMultiReader(wire.NewReader(end.Append(nil)))
	if _, done, err := m.Next(); !done || err != nil {
		t.Errorf("%v, %v", done, err)
	}
	m = wire.NewMultiReader(wire.NewReader(nil))
	if _, done, err := m.Next(); done || err != wire.ErrShort {
		t.Errorf("nothing at all: %v, %v", done, err)
	}
}

// An operation that has no place in a multi spoils all of it.
func TestMultiRefusesOtherOperations(t *testing.T) {
	for _, op := range []wire.OpCode{wire.OpExists, wire.OpSetACL, wire.OpMulti, wire.OpDeleteContainer, wire.OpError, 99} {
		m := wire.NewMultiReader(wire.NewReader(wire.AppendMultiOp(nil, op)))
		if got, done, err := m.Next(); got != op || done || err != wire.ErrMultiOp {
			t.Errorf("%v: %v, %v, %v", op, got, done, err)
		}
		if m.Skip(op) != wire.ErrMultiOp {
			t.Errorf("%v can be skipped", op)
		}
	}
}

// The results of a failed multi: rolled back, the failure, not tried.
func TestMultiResults(t *testing.T) {
	body := wire.AppendMultiEnd(wire.AppendMultiError(wire.AppendMultiError(wire.AppendMultiError(nil,
		wire.OK), wire.NoNode), wire.RuntimeInconsistency))
	want := decodeHex(t, "ffffffff 00 00000000 00000000 ffffffff 00 ffffff9b ffffff9b ffffffff 00 fffffffe fffffffe ffffffff 01 ffffffff")
	if !bytes.Equal(body, want) {
		t.Fatalf("written %x\nwant    %x", body, want)
	}
	m := wire.NewMultiResultReader(wire.NewReader(body))
	for _, code := range []wire.Code{wire.OK, wire.NoNode, wire.RuntimeInconsistency} {
		if op, got, done, err := m.Next(); op != wire.OpError || got != code || done || err != nil {
			t.Errorf("%v, %v, %v, %v, want %v", op, got, done, err, code)
		}
	}
	if _, _, done, err := m.Next(); !done || err != nil || m.Remaining() != 0 {
		t.Errorf("end: %v, %v", done, err)
	}
}
