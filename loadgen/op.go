package loadgen

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"bellwether/engine/wire"
)

// Op is an operation of a mix.
type Op uint8

// The operations a mix may name. NumOps is how many there are.
const (
	Get      Op = iota // getData of a key
	Set                // setData of a key, any version
	Exists             // exists of a key
	Children           // getChildren2 of a key's directory
	ACL                // getACL of a key
	Sync               // sync of a key
	Create             // create of a new znode in the session's own directory
	Delete             // delete of the oldest such znode; while the session has none it creates one, counted as Create
	Multi              // multi of MultiSize setData
	NumOps
)

var opNames = [NumOps]string{"get", "set", "exists", "children", "acl", "sync", "create", "delete", "multi"}

// wireOps are the requests that the operations send.
var wireOps = [NumOps]wire.OpCode{
	wire.OpGetData, wire.OpSetData, wire.OpExists, wire.OpGetChildren2, wire.OpGetACL, wire.OpSync,
	wire.OpCreate, wire.OpDelete, wire.OpMulti,
}

// String is the name that mixes, results and reports use.
func (o Op) String() string {
	if o < NumOps {
		return opNames[o]
	}
	return fmt.Sprintf("op(%d)", uint8(o))
}

// Mix gives every operation a weight: it is chosen with the probability of its weight over the sum of all.
type Mix [NumOps]uint32

// maxWeight keeps sums far from overflow.
const maxWeight = 1_000_000

// ParseMix reads name=weight,name=weight. A name alone has the weight 1.
func ParseMix(s string) (Mix, error) {
	var m Mix
	for part := range strings.SplitSeq(s, ",") {
		name, weight, given := strings.Cut(strings.TrimSpace(part), "=")
		op, ok := opByName(name)
		if !ok {
			return m, fmt.Errorf("mix %q: unknown operation %q: known are %s", s, name, strings.Join(opNames[:], ", "))
		}
		if m[op] != 0 {
			return m, fmt.Errorf("mix %q names %s twice", s, name)
		}
		n := uint64(1)
		if given {
			var err error
			if n, err = strconv.ParseUint(weight, 10, 32); err != nil || n > maxWeight {
				return m, fmt.Errorf("mix %q: weight of %s: want a whole number from 0 to %d, got %q", s, name, maxWeight, weight)
			}
		}
		m[op] = uint32(n)
	}
	return m, nil
}

func opByName(name string) (Op, bool) {
	for op, n := range opNames {
		if n == name {
			return Op(op), true
		}
	}
	return 0, false
}

// String is the form that ParseMix reads, without what has no weight.
func (m Mix) String() string {
	var parts []string
	for op, weight := range m {
		if weight > 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", Op(op), weight))
		}
	}
	return strings.Join(parts, ",")
}

// MarshalJSON writes the mix as String does.
func (m Mix) MarshalJSON() ([]byte, error) { return json.Marshal(m.String()) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *Mix) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	parsed, err := ParseMix(s)
	*m = parsed
	return err
}

func (m Mix) total() uint64 {
	var sum uint64
	for _, weight := range m {
		sum += uint64(weight)
	}
	return sum
}

// usesKeys reports whether the mix needs the key space.
func (m Mix) usesKeys() bool { return m.total() > uint64(m[Create])+uint64(m[Delete]) }

// chooser draws operations by weight.
type chooser struct {
	until [NumOps]uint64 // running sums of the weights
	total uint64
}

func newChooser(m Mix) chooser {
	var c chooser
	for op, weight := range m {
		c.total += uint64(weight)
		c.until[op] = c.total
	}
	return c
}

func (c *chooser) choose(r *random) Op {
	x := r.below(c.total)
	op := Op(0)
	for c.until[op] <= x {
		op++
	}
	return op
}
