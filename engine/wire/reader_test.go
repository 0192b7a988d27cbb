package wire_test

import (
	"bytes"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"bellwether/engine/wire"
)

// After the first error every read gives zeros, and the first error stays.
func TestReaderErrorSticks(t *testing.T) {
	r := wire.NewReader(decodeHex(t, "00000001 fffffffe 00000001 61"))
	if r.Int() != 1 || r.Buffer() != nil || r.Err() != wire.ErrLength {
		t.Fatalf("a length of -2: %v", r.Err())
	}
	if r.Int() != 0 || r.Long() != 0 || r.Byte() != 0 || r.Bool() || r.String() != "" || r.Buffer() != nil ||
		r.Strings(nil) != nil || r.ACLs(nil) != nil || r.Remaining() != 0 || r.Err() != wire.ErrLength {
		t.Errorf("a read after the error succeeds (%v)", r.Err())
	}
	var s wire.Stat
	if s.Decode(&r) != wire.ErrLength {
		t.Errorf("the first error is lost: %v", r.Err())
	}
	r.Reset([]byte{7})
	if r.Byte() != 7 || r.Err() != nil {
		t.Errorf("not as new after Reset: %v", r.Err())
	}
}

// Any byte but zero is true.
func TestReaderBool(t *testing.T) {
	r := wire.NewReader([]byte{0, 1, 2, 0xFF})
	if r.Bool() || !r.Bool() || !r.Bool() || !r.Bool() {
		t.Error("a boolean is read wrong")
	}
}

// A length is null at -1, an error below, and an error above what is left.
func TestReaderLengths(t *testing.T) {
	for _, v := range []struct {
		hex  string
		null bool
		err  error
	}{
		{"ffffffff", true, nil},
		{"00000000", false, nil},
		{"00000001 61", false, nil},
		{"00000001", true, wire.ErrShort},
		{"7fffffff 61", true, wire.ErrShort},
		{"fffffffe 61", true, wire.ErrLength},
		{"80000000 61", true, wire.ErrLength},
		{"0000", true, wire.ErrShort},
		{"", true, wire.ErrShort},
	} {
		in := decodeHex(t, v.hex)
		r := wire.NewReader(in)
		if b := r.Buffer(); (b == nil) != v.null || r.Err() != v.err {
			t.Errorf("buffer %s: %x, %v", v.hex, b, r.Err())
		}
		r.Reset(in)
		if s, null := r.NullableString(); null != v.null || r.Err() != v.err || null && s != "" {
			t.Errorf("string %s: %q, %v, %v", v.hex, s, null, r.Err())
		}
	}
}

// Vectors: -1 is null, other negative counts are empty, a count beyond the input is an error, a null element too.
func TestReaderVectors(t *testing.T) {
	for _, v := range []struct {
		hex  string
		null bool
		size int
		err  error
	}{
		{"ffffffff", true, 0, nil},
		{"fffffffe", false, 0, nil},
		{"80000000", false, 0, nil},
		{"00000000", false, 0, nil},
		{"00000002 00000001 61 00000000", false, 2, nil},
		{"00000002 00000001 61", true, 0, wire.ErrShort},
		{"7fffffff 00000001 61", true, 0, wire.ErrShort},
		{"00000001 ffffffff", false, 1, wire.ErrNullString},
		{"00", true, 0, wire.ErrShort},
	} {
		r := wire.NewReader(decodeHex(t, v.hex))
		got := r.Strings([]string{"left", "over"})
		if (got == nil) != v.null || len(got) != v.size || r.Err() != v.err {
			t.Errorf("%s: %q, %v", v.hex, got, r.Err())
		}
	}
}

// Decoded strings and buffers are parts of the input, and an append to a buffer does not reach the input.
func TestDecodedValuesAliasTheInput(t *testing.T) {
	in := wire.AppendString(wire.AppendBuffer(wire.AppendString(nil, "text"), []byte("data")), "more")
	r := wire.NewReader(in)
	text, data := r.String(), r.Buffer()
	if unsafe.StringData(text) != &in[4] || &data[0] != &in[12] {
		t.Error("a value was copied")
	}
	_ = append(data, '!')
	if more := r.String(); more != "more" {
		t.Errorf("an append to the buffer changed what follows: %q", more)
	}
}

// A count that the input cannot hold costs nothing; a vector of usual paths costs no more than its own bytes; the worst
// there is, empty strings, a small multiple.
func TestHostileCountsAllocateLittle(t *testing.T) {
	const noise = 32 << 10 // what the runtime allocates meanwhile; the counts ask for gigabytes
	hostile := append(wire.AppendInt(nil, 1<<30), make([]byte, 1000)...)
	empty := wire.AppendStrings(nil, make([]string, 10_000)) // 40 000 bytes
	usual := wire.AppendStrings(nil, slices.Repeat([]string{"/a/usual/path"}, 10_000))
	for _, v := range []struct {
		what string
		read func()
		max  uint64
	}{
		{"strings", func() { r := wire.NewReader(hostile); r.Strings(nil) }, noise},
		{"acls", func() { r := wire.NewReader(hostile); r.ACLs(nil) }, noise},
		{"clients", func() { r := wire.NewReader(hostile); _ = new(wire.WhoAmIResponse).Decode(&r) }, noise},
		{"txns", func() { r := wire.NewReader(hostile); _ = new(wire.MultiTxn).Decode(&r) }, noise},
		{"usual strings", func() { r := wire.NewReader(usual); r.Strings(nil) }, uint64(len(usual)) + noise},
		{"empty strings", func() { r := wire.NewReader(empty); r.Strings(nil) }, 16*uint64(len(empty)) + noise},
	} {
		if n := allocated(v.read); n > v.max {
			t.Errorf("%s: %d bytes allocated", v.what, n)
		}
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Text that is not UTF-8 is repaired as Java repairs it; a surrogate pair becomes the character it stands for.
func TestMalformedTextIsRepaired(t *testing.T) {
	const pair = "eda0bdedb880" // U+1F600 in two groups of three bytes
	for _, line := range fileLines(t, "testdata/malformed-text.txt") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		sent, read, _ := strings.Cut(line, " ")
		want := string(decodeHex(t, read))
		if strings.HasSuffix(sent, pair) {
			want = "a:\U0001F600"
		}
		text := decodeHex(t, sent)
		r := wire.NewReader(wire.AppendBuffer(nil, text))
		if got := r.String(); got != want {
			t.Errorf("%s: %q, want %q", sent, got, want)
		}
	}
	for sent, want := range map[string]string{
		"\xf1\x80\x80x": "\uFFFDx", "\xf3\xbf\xf3": "\uFFFD\uFFFD", "\xed\xb8\x80\xed\xa0\xbd": "\uFFFD\uFFFD",
		"\xed\xa0\xbd\xed\xa0\xbd\xed\xb8\x80": "\uFFFD\U0001F600",
	} {
		r := wire.NewReader(wire.AppendString(nil, sent))
		if got := r.String(); got != want {
			t.Errorf("%x: %q, want %q", sent, got, want)
		}
	}
	whole := []byte("/äöü/日本/\U0001F600")
	r := wire.NewReader(wire.AppendBuffer(nil, whole))
	if got := r.String(); got != string(whole) {
		t.Errorf("well-formed text changed to %q", got)
	}
}

// NextFrame waits for a whole frame, cuts it off, and refuses a length out of bounds as soon as it can be seen.
func TestNextFrame(t *testing.T) {
	stream := append(framed([]byte("one")), framed(nil)...)
	for n := range 7 {
		if frame, rest, ok, err := wire.NextFrame(stream[:n], 3); frame != nil || ok || err != nil || len(rest) != n {
			t.Errorf("%d bytes: %q, %v, %v", n, frame, ok, err)
		}
	}
	frame, rest, ok, err := wire.NextFrame(stream, 3)
	if string(frame) != "one" || !ok || err != nil || cap(frame) != 3 {
		t.Errorf("first frame: %q, %v, %v", frame, ok, err)
	}
	if frame, rest, ok, err = wire.NextFrame(rest, 3); len(frame) != 0 || !ok || err != nil || len(rest) != 0 {
		t.Errorf("empty frame: %q, %v, %v", frame, ok, err)
	}
	if _, _, _, err := wire.NextFrame(stream[:4], 2); err != wire.ErrFrameLength {
		t.Errorf("a frame above the limit: %v", err)
	}
	for _, length := range []string{"ffffffff", "80000000", "7fffffff"} {
		if _, _, _, err := wire.NextFrame(decodeHex(t, length), wire.DefaultMaxFrame); err != wire.ErrFrameLength {
			t.Errorf("length %s: %v", length, err)
		}
	}
}

// The appenders keep what stands before, and nil is null.
func TestAppenders(t *testing.T) {
	dst := []byte("x")
	dst = wire.AppendByte(dst, 7)
	dst = wire.AppendBool(wire.AppendBool(dst, true), false)
	dst = wire.AppendLong(wire.AppendInt(dst, -2), 3)
	dst = wire.AppendBuffer(wire.AppendBuffer(dst, nil), []byte{})
	dst = wire.AppendNullableString(wire.AppendNullableString(dst, "s", false), "", true)
	dst = wire.AppendStrings(wire.AppendStrings(dst, nil), []string{})
	dst = wire.AppendACLs(wire.AppendACLs(dst, nil), []wire.ACL{})
	want := decodeHex(t, "78 07 01 00 fffffffe 0000000000000003 ffffffff 00000000 00000001 73 ffffffff ffffffff 00000000 ffffffff 00000000")
	if !bytes.Equal(dst, want) {
		t.Errorf("written %x\nwant    %x", dst, want)
	}
}
