package sim

import (
	"fmt"
	"math"

	"bellwether/engine/wire"

	"github.com/anishathalye/porcupine"
)

// forever is when an operation ends of which nobody knows whether it happened: at the very end at the latest, where it harms
// nobody.
const forever = math.MaxInt64

// registerState is a register: a znode, or its absence.
type registerState struct {
	exists  bool
	value   string
	version int32
}

// registerModel is what one register may do.
var registerModel = porcupine.Model{
	Partition: func(all []porcupine.Operation) (parts [][]porcupine.Operation) {
		for i := range registers {
			var part []porcupine.Operation
			for _, o := range all {
				if o.Input.(registerOp).path == register(i) {
					part = append(part, o)
				}
			}
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return registerState{} },
	Step: func(state, input, output any) (bool, any) {
		return state.(registerState).step(input.(registerOp), output.(registerResult))
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %+v", input, output) },
}

// step returns whether an operation with this result could have happened in this state, and the state after it.
func (s registerState) step(o registerOp, got registerResult) (bool, registerState) {
	want := registerResult{}
	next := s
	matches := o.version == -1 || o.version == s.version
	switch {
	case o.op == wire.OpCreate && s.exists:
		want.code = wire.NodeExists
	case o.op == wire.OpCreate:
		next = registerState{exists: true, value: o.value}
	case !s.exists:
		want.code = wire.NoNode
	case o.op == wire.OpGetData:
		want.value, want.version = s.value, s.version
	case !matches:
		want.code = wire.BadVersion
	case o.op == wire.OpDelete:
		next = registerState{}
	case o.op == wire.OpSetData:
		next.value, next.version = o.value, s.version+1
		want.version = next.version
	}
	return got.unknown || got == want, next
}

// check reports whether what the clients saw of each register is linearizable.
func (h *history) check() error {
	var known []porcupine.Operation
	for i, o := range h.operations {
		if !h.dropped[i] {
			known = append(known, o)
		}
	}
	for i, part := range registerModel.Partition(known) {
		single := registerModel
		single.Partition = nil
		if !porcupine.CheckOperations(single, part) {
			return fmt.Errorf("the history of %s is not linearizable: %d operations", register(i), len(part))
		}
	}
	return nil
}
