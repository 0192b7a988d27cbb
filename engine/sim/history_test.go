package sim

import (
	"testing"

	"bellwether/engine/wire"

	"github.com/anishathalye/porcupine"
)

// The judge of histories accepts what could have happened and nothing else.
func TestRegisterHistories(t *testing.T) {
	type event struct {
		from, to int64
		in       registerOp
		out      registerResult
	}
	create := registerOp{op: wire.OpCreate, value: "a", version: -1}
	set := func(value string, version int32) registerOp {
		return registerOp{op: wire.OpSetData, value: value, version: version}
	}
	get := registerOp{op: wire.OpGetData, version: -1}
	remove := registerOp{op: wire.OpDelete, version: -1}
	saw := func(value string, version int32) registerResult {
		return registerResult{value: value, version: version}
	}
	ok, unknown := registerResult{}, registerResult{unknown: true}
	cases := []struct {
		name   string
		events []event
		want   bool
	}{
		{"nothing", nil, true},
		{"one after the other", []event{{1, 2, create, ok}, {3, 4, set("b", 0), saw("", 1)}, {5, 6, get, saw("b", 1)}}, true},
		{"a stale read", []event{{1, 2, create, ok}, {3, 4, set("b", -1), saw("", 1)}, {5, 6, get, saw("a", 0)}}, false},
		{"a stale read of an absence", []event{{1, 2, create, ok}, {3, 4, get, registerResult{code: wire.NoNode}}}, false},
		{"a read during the write sees either", []event{{1, 2, create, ok}, {3, 9, set("b", -1), saw("", 1)}, {4, 5, get, saw("a", 0)}, {6, 7, get, saw("b", 1)}}, true},
		{"two reads do not see it come and go", []event{{1, 2, create, ok}, {3, 9, set("b", -1), saw("", 1)}, {4, 5, get, saw("b", 1)}, {6, 7, get, saw("a", 0)}}, false},
		{"what is not known may have happened", []event{{1, 2, create, ok}, {3, forever, set("b", -1), unknown}, {7, 8, get, saw("b", 1)}}, true},
		{"or not", []event{{1, 2, create, ok}, {3, forever, set("b", -1), unknown}, {7, 8, get, saw("a", 0)}}, true},
		{"or later", []event{{1, 2, create, ok}, {3, forever, set("b", -1), unknown}, {5, 6, get, saw("a", 0)}, {7, 8, get, saw("b", 1)}}, true},
		{"but not twice", []event{{1, 2, create, ok}, {3, forever, set("b", -1), unknown}, {5, 6, get, saw("b", 2)}}, false},
		{"two winners of one version", []event{{1, 2, create, ok}, {3, 9, set("b", 0), saw("", 1)}, {3, 9, set("c", 0), saw("", 1)}}, false},
		{"a lost delete", []event{{1, 2, create, ok}, {3, 4, remove, ok}, {5, 6, get, saw("a", 0)}}, false},
		{"a version that is wrong", []event{{1, 2, create, ok}, {3, 4, set("b", 3), registerResult{code: wire.BadVersion}}, {5, 6, get, saw("a", 0)}}, true},
	}
	for _, c := range cases {
		var h history
		for i, e := range c.events {
			e.in.path = register(1)
			h.operations = append(h.operations, porcupine.Operation{ClientId: i, Input: e.in, Output: e.out, Call: e.from, Return: e.to})
		}
		if got := h.check() == nil; got != c.want {
			t.Errorf("%s: linearizable %v, want %v", c.name, got, c.want)
		}
	}
}
