package sim

import (
	"fmt"

	"bellwether/engine/wire"

	"github.com/anishathalye/porcupine"
)

// history is what clients did to the registers and what they saw, for the question whether all of it could have happened at
// single moments between question and answer. It knows nothing of servers, zxids or logs.
type history struct {
	operations []porcupine.Operation
	dropped    map[int]bool // they certainly did not happen
}

// registerOp is one operation on one register.
type registerOp struct {
	path    string
	op      wire.OpCode // create, delete, setData, getData or check
	value   string
	version int32 // expected, or -1
}

// registerResult is what a client was told.
type registerResult struct {
	unknown bool
	code    wire.Code
	value   string // of getData
	version int32  // of getData and setData
}

// register asks for something about one register, or in a multi about two.
func (c *client) register() {
	w := c.w
	n := 1
	if c.g.chance(15) {
		n = 2
	}
	var ops []registerOp
	first := c.g.pick(registers)
	for i := range n {
		o := registerOp{path: register((first + i) % registers), version: -1}
		switch k := c.g.pick(10); {
		case k < 2:
			o.op, o.value = wire.OpCreate, string(c.g.value())
		case k < 3:
			o.op = wire.OpDelete
		case k < 6:
			o.op, o.value = wire.OpSetData, string(c.g.value())
		default:
			if o.op = wire.OpGetData; n > 1 {
				o.op, o.version = wire.OpCheck, int32(c.g.pick(3))
			}
		}
		if o.op != wire.OpGetData && c.g.chance(30) {
			o.version = int32(c.g.pick(4))
		}
		ops = append(ops, o)
	}
	c.xid++
	c.ask(c.xid, registerRequest(ops), w.history.begin(c.number, int64(w.steps), ops)...)
}

func registerRequest(ops []registerOp) request {
	encode := func(o *registerOp) []byte {
		switch o.op {
		case wire.OpCreate:
			return (&wire.CreateRequest{Path: o.path, Data: []byte(o.value), ACL: wire.OpenACL}).Append(nil)
		case wire.OpSetData:
			return (&wire.SetDataRequest{Path: o.path, Data: []byte(o.value), Version: o.version}).Append(nil)
		case wire.OpGetData:
			return (&wire.PathWatch{Path: o.path}).Append(nil)
		}
		return (&wire.PathVersion{Path: o.path, Version: o.version}).Append(nil)
	}
	if len(ops) == 1 {
		return request{ops[0].op, encode(&ops[0])}
	}
	var body []byte
	for i := range ops {
		body = append(wire.AppendMultiOp(body, ops[i].op), encode(&ops[i])...)
	}
	return request{wire.OpMulti, wire.AppendMultiEnd(body)}
}

// begin takes note of operations, and returns their numbers.
func (h *history) begin(client int, step int64, ops []registerOp) (numbers []int) {
	for i := range ops {
		numbers = append(numbers, len(h.operations))
		h.operations = append(h.operations, porcupine.Operation{ClientId: client, Input: ops[i], Call: step, Return: forever,
			Output: registerResult{unknown: true}})
	}
	return numbers
}

// drop says that an operation certainly did not happen.
func (h *history) drop(numbers []int) {
	if h.dropped == nil {
		h.dropped = map[int]bool{}
	}
	for _, i := range numbers {
		h.dropped[i] = true
	}
}

// answered takes the answer to a request about registers.
func (h *history) answered(numbers []int, op wire.OpCode, step int64, header *wire.ReplyHeader, r *wire.Reader) error {
	switch header.Err {
	case wire.OK, wire.NoNode, wire.NodeExists, wire.BadVersion:
	default: // nothing was done, and nothing said about the register
		h.drop(numbers)
		return nil
	}
	if op != wire.OpMulti {
		return h.result(numbers[0], op, header.Err, step, r)
	}
	m := wire.NewMultiResultReader(*r)
	for _, i := range numbers {
		op, _, done, err := m.Next()
		if err != nil || done {
			return fmt.Errorf("multi with too few results: %w", err)
		}
		if op == wire.OpError {
			h.drop(numbers)
			return nil
		}
		if err := h.result(i, op, wire.OK, step, &m.Reader); err != nil {
			return err
		}
	}
	return nil
}

// result notes one result, whose record r holds if it is a success.
func (h *history) result(number int, op wire.OpCode, code wire.Code, step int64, r *wire.Reader) error {
	out := registerResult{code: code}
	if code == wire.OK {
		switch op {
		case wire.OpCreate:
			_ = r.String()
		case wire.OpGetData:
			out.value = string(r.Buffer())
			fallthrough
		case wire.OpSetData:
			var st wire.Stat
			_ = st.Decode(r)
			out.version = st.Version
		}
	}
	h.operations[number].Output, h.operations[number].Return = out, step
	return r.Err()
}
