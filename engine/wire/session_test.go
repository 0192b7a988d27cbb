package wire_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bellwether/engine/wire"
)

// recordedFrame is one frame of a recorded session, without its length.
type recordedFrame struct {
	fromClient bool
	comment    string
	frame      []byte
}

// Every frame of the recorded sessions, of clients and of servers, is understood, and written again to the same bytes.
func TestRecordedSessionsAreReadAndWrittenToTheByte(t *testing.T) {
	seen := map[wire.OpCode]int{}
	for name, connections := range recordedSessions(t) {
		t.Run(name, func(t *testing.T) {
			for _, frames := range connections {
				replay(t, frames, seen)
			}
		})
	}
	for op := wire.OpCloseSession; op <= wire.OpWhoAmI; op++ {
		if op.FromClient() && seen[op] == 0 {
			t.Errorf("no recorded session contains %v", op)
		}
	}
}

// conversation follows one connection: a request is remembered until its reply comes.
type conversation struct {
	connecting, connected bool
	waiting               map[int32][]asked // by xid
}

type asked struct {
	op      wire.OpCode
	refused bool // the request was not understood: then the server cannot have understood it either
}

func replay(t *testing.T, frames []recordedFrame, seen map[wire.OpCode]int) {
	c := conversation{connecting: true, waiting: map[int32][]asked{}}
	for _, f := range frames {
		out, err := c.rewrite(t, f, seen)
		if err != nil {
			t.Errorf("%s: %v", f.comment, err)
		} else if !bytes.Equal(out, f.frame) {
			t.Errorf("%s:\n read    %x\n written %x", f.comment, f.frame, out)
		}
	}
}

func (c *conversation) rewrite(t *testing.T, f recordedFrame, seen map[wire.OpCode]int) ([]byte, error) {
	switch {
	case f.fromClient && c.connecting:
		c.connecting = false
		return rewriteWhole(f.frame, new(wire.ConnectRequest))
	case f.fromClient:
		op, out, err := rewriteRequest(f.frame)
		seen[op]++
		r := wire.NewReader(f.frame)
		xid := r.Int()
		c.waiting[xid] = append(c.waiting[xid], asked{op, err != nil})
		if err != nil {
			return f.frame, nil // for the reply to confirm
		}
		return out, nil
	case !c.connected:
		c.connected = true
		return rewriteWhole(f.frame, new(wire.ConnectResponse))
	}
	r := wire.NewReader(f.frame)
	var h wire.ReplyHeader
	if err := h.Decode(&r); err != nil || h.Xid == wire.XidNotification {
		return rewriteReply(wire.OpNotification, f.frame)
	}
	asked := c.waiting[h.Xid]
	if len(asked) == 0 {
		t.Fatalf("%s: a reply to nothing", f.comment)
	}
	c.waiting[h.Xid] = asked[1:]
	if asked[0].refused && h.Err != wire.MarshallingError && h.Err != wire.Unimplemented {
		t.Errorf("%s: answered %v, but the request was not understood", f.comment, h.Err)
	}
	return rewriteReply(asked[0].op, f.frame)
}

func rewriteWhole(frame []byte, rec wire.Record) ([]byte, error) {
	r := wire.NewReader(frame)
	return rewrite(nil, &r, rec)
}

// recordedSessions reads testdata/sessions: by file, its connections, each with its frames.
func recordedSessions(tb testing.TB) map[string][][]recordedFrame {
	tb.Helper()
	files, err := filepath.Glob("testdata/sessions/*.txt")
	if err != nil || len(files) == 0 {
		tb.Fatalf("no recorded sessions: %v", err)
	}
	sessions := map[string][][]recordedFrame{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		sessions[name] = parseSession(tb, file)
	}
	return sessions
}

// parseSession reads the text form of a session: a line "connection" begins one; a line that begins with C or S is a
// frame in hex, in which spaces mean nothing; an indented line goes on with the frame; # begins a comment.
func parseSession(tb testing.TB, file string) (connections [][]recordedFrame) {
	comment, text := "", ""
	flush := func() {
		if text == "" {
			return
		}
		frame, rest, ok, err := wire.NextFrame(decodeHex(tb, text[1:]), wire.DefaultMaxFrame)
		if !ok || err != nil || len(rest) > 0 {
			tb.Fatalf("%s: %s: not exactly one frame (%v)", file, comment, err)
		}
		last := &connections[len(connections)-1]
		*last = append(*last, recordedFrame{text[0] == 'C', comment, frame})
		text = ""
	}
	for _, line := range fileLines(tb, file) {
		if strings.HasPrefix(line, "  ") {
			text += line
			continue
		}
		flush()
		switch {
		case line == "connection":
			connections = append(connections, nil)
		case strings.HasPrefix(line, "#"):
			comment = line
		default:
			text = line
		}
	}
	flush()
	return connections
}

// fileLines returns the lines of a file that are not empty.
func fileLines(tb testing.TB, file string) (lines []string) {
	tb.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.SplitSeq(string(content), "\n") {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// decodeHex reads hex digits; spaces mean nothing.
func decodeHex(tb testing.TB, text string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		tb.Fatalf("%q: %v", text, err)
	}
	return b
}
