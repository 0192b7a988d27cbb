package sim

import (
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"
)

// trace is the history of a simulation, a line a step: its hash, and for whoever wants to read it the text.
type trace struct {
	digest xxhash.Digest
	out    io.Writer // nil: nobody reads
	line   []byte
}

func newTrace(out io.Writer) trace {
	t := trace{out: out}
	t.digest.Reset()
	return t
}

// note writes down a line.
func (t *trace) note(step int, nowMs int64, format string, args ...any) {
	t.line = fmt.Appendf(t.line[:0], "%d %dms ", step, nowMs)
	t.line = append(fmt.Appendf(t.line, format, args...), '\n')
	_, _ = t.digest.Write(t.line) // never fails
	if t.out != nil {
		_, _ = t.out.Write(t.line) // a trace that cannot be written is missed by nobody but its reader
	}
}

func (t *trace) sum() uint64 { return t.digest.Sum64() }
