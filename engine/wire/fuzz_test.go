package wire_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"bellwether/engine/wire"
)

// All fuzz targets hold two promises: no input panics or costs memory that is not in it, and what has been read once and
// written is read and written again to the same bytes.

// stable rewrites in, and then what came of it.
func stable(t *testing.T, in []byte, rewrite func([]byte) ([]byte, error)) {
	t.Helper()
	var out []byte
	var err error
	before := bytes.Clone(in)
	if n := allocated(func() { out, err = rewrite(in) }); n > uint64(64*len(in))+1<<20 {
		t.Fatalf("%d bytes allocated for %d of input", n, len(in))
	}
	if !bytes.Equal(in, before) {
		t.Fatal("the input was changed")
	}
	if err != nil {
		return
	}
	again, err := rewrite(out)
	if err != nil || !bytes.Equal(again, out) {
		t.Fatalf("not stable (%v):\n in    %x\n once  %x\n twice %x", err, in, out, again)
	}
}

// seedFrames adds the recorded frames of one side, without their lengths.
func seedFrames(f *testing.F, fromClient bool) {
	for _, connections := range recordedSessions(f) {
		for _, frames := range connections {
			for _, frame := range frames {
				if frame.fromClient == fromClient {
					f.Add(frame.frame)
				}
			}
		}
	}
}

func FuzzFrame(f *testing.F) {
	seedFrames(f, true)
	f.Add(append(framed([]byte("one")), framed([]byte("two"))...))
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, stream []byte) {
		const limit = 1 << 10
		rest, joined := stream, []byte(nil)
		for {
			frame, left, ok, err := wire.NextFrame(rest, limit)
			if !ok {
				if !bytes.Equal(left, rest) || frame != nil {
					t.Fatal("an incomplete frame was consumed")
				}
				if short := len(rest) < 4 || err != nil; !short && uint64(len(rest)) >= 4+uint64(rest[2])<<8+uint64(rest[3]) {
					t.Fatalf("a whole frame was not seen: %x", rest)
				}
				break
			}
			if len(frame) > limit {
				t.Fatalf("a frame of %d bytes", len(frame))
			}
			joined = append(joined, framed(frame)...)
			rest = left
		}
		if !bytes.Equal(append(joined, rest...), stream) {
			t.Fatal("the frames are not what was sent")
		}
	})
}

func FuzzConnect(f *testing.F) {
	seedFrames(f, true)
	seedFrames(f, false)
	f.Fuzz(func(t *testing.T, in []byte) {
		stable(t, in, func(b []byte) ([]byte, error) { return rewriteWhole(b, new(wire.ConnectRequest)) })
		stable(t, in, func(b []byte) ([]byte, error) { return rewriteWhole(b, new(wire.ConnectResponse)) })
	})
}

func FuzzRequest(f *testing.F) {
	seedFrames(f, true)
	f.Fuzz(func(t *testing.T, in []byte) {
		stable(t, in, func(b []byte) ([]byte, error) {
			_, out, err := rewriteRequest(b)
			return out, err
		})
	})
}

func FuzzReply(f *testing.F) {
	for _, connections := range recordedSessions(f) {
		for _, frames := range connections {
			for _, frame := range frames {
				if !frame.fromClient {
					f.Add(int32(wire.OpGetData), frame.frame)
					f.Add(int32(wire.OpMulti), frame.frame)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, op int32, in []byte) {
		stable(t, in, func(b []byte) ([]byte, error) { return rewriteReply(wire.OpCode(op), b) })
	})
}

func FuzzMulti(f *testing.F) {
	for _, connections := range recordedSessions(f) {
		for _, frames := range connections {
			for _, frame := range frames {
				f.Add(frame.frame[min(8, len(frame.frame)):])
			}
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		stable(t, in, func(b []byte) ([]byte, error) { return rewriteMulti(nil, wire.NewReader(b)) })
		stable(t, in, func(b []byte) ([]byte, error) { return rewriteMultiResponse(nil, wire.NewReader(b)) })
	})
}

func FuzzTxn(f *testing.F) {
	for _, v := range recordedTxns(f) {
		f.Add(v.txn)
	}
	f.Fuzz(func(t *testing.T, in []byte) { stable(t, in, rewriteTxn) })
}

func FuzzACL(f *testing.F) {
	f.Add(wire.AppendACLs(nil, wire.OpenACL))
	f.Add(wire.AppendACLs(nil, []wire.ACL{}))
	f.Add(wire.AppendACLs(nil, []wire.ACL{{Perms: -1, Scheme: "auth", NullID: true}, {Perms: 1, Scheme: "ip", ID: "::1/64"}}))
	f.Fuzz(func(t *testing.T, in []byte) {
		reused := make([]wire.ACL, 3)
		stable(t, in, func(b []byte) ([]byte, error) {
			r := wire.NewReader(b)
			reused = r.ACLs(reused)
			for _, entry := range reused {
				if !utf8.ValidString(entry.Scheme) || !utf8.ValidString(entry.ID) || entry.NullID && entry.ID != "" {
					t.Fatalf("an entry that cannot be: %+v", entry)
				}
			}
			return wire.AppendACLs(nil, reused), r.Err()
		})
	})
}

func FuzzPath(f *testing.F) {
	for _, path := range []string{"/", "/a/b", "", "a", "//", "/a/", "/./..", "/\x00", "/日本", "/\ufffd", "/\xff", "/\U0001F600", "/\u0085"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if got, want := wire.ValidatePath(path), plainlyValid(path); (got == nil) != want {
			t.Fatalf("%q: %v, want legal %v", path, got, want)
		}
		parent, base, ok := wire.SplitPath(path)
		if ok != (strings.Contains(path, "/") && !strings.Contains(path, "\x00")) {
			t.Fatalf("%q: split %v", path, ok)
		}
		if ok && parent+"/"+base != path && parent+base != path {
			t.Fatalf("%q is not %q and %q", path, parent, base)
		}
	})
}

// FuzzText compares the repair of text with its rule: what is well-formed stays, and the result is always well-formed.
func FuzzText(f *testing.F) {
	for _, line := range fileLines(f, "testdata/malformed-text.txt") {
		if !strings.HasPrefix(line, "#") {
			sent, _, _ := strings.Cut(line, " ")
			f.Add(decodeHex(f, sent))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r := wire.NewReader(wire.AppendBuffer(nil, text))
		got := r.String()
		if text != nil && r.Err() != nil || !utf8.ValidString(got) {
			t.Fatalf("%x: %q (%v)", text, got, r.Err())
		}
		if utf8.Valid(text) != (got == string(text)) {
			t.Fatalf("%x became %q", text, got)
		}
		if strings.Count(got, "\uFFFD") > len(text) || utf8.RuneCountInString(got) > len(text) {
			t.Fatalf("%x became longer: %q", text, got)
		}
	})
}
