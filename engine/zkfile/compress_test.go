package zkfile

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// What is packed comes out as it went in, however it is cut, whatever its size.
func TestPackingIsUndone(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, xerialBlock - 1, xerialBlock, xerialBlock + 1, 5*xerialBlock + 7} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(r.IntN(4))
		}
		for _, c := range []Compression{Plain, Gzip, Snappy} {
			var packed bytes.Buffer
			w := c.writer(&packed)
			for i := 0; i < len(want); i += 1000 {
				if _, err := w.Write(want[i:min(i+1000, len(want))]); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			u, err := c.reader(iotest.HalfReader(&packed))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(u); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v: %d bytes of %d, %v", c, len(got), size, err)
			}
		}
	}
}

// Streams that are not snappy-java's are refused; no block makes the reader allocate for what has not come.
func TestXerialRefuses(t *testing.T) {
	for name, stream := range map[string]string{
		"nothing":                 "",
		"half a header":           xerialHeader[:15],
		"the framing format":      "\xff\x06\x00\x00sNaPpY........",
		"a reader of version 2":   xerialHeader[:15] + "\x02",
		"an empty block":          xerialHeader + "\x00\x00\x00\x00",
		"a negative block":        xerialHeader + "\xff\xff\xff\xff",
		"a huge block":            xerialHeader + "\x7f\xff\xff\xff",
		"half a block":            xerialHeader + "\x00\x00\x00\x05ab",
		"half a length":           xerialHeader + "\x00\x00",
		"garbage in a block":      xerialHeader + "\x00\x00\x00\x02\x05\xff",
		"a block of 4 GiB within": xerialHeader + "\x00\x00\x00\x05\xff\xff\xff\xff\x0f",
	} {
		r, err := Snappy.reader(bytes.NewReader([]byte(stream)))
		if err == nil {
			_, err = io.ReadAll(r)
		}
		if err == nil {
			t.Errorf("%s was read", name)
		}
	}
	x := &xerialWriter{w: &failingWriter{0}}
	if _, err := x.Write(make([]byte, xerialBlock)); err == nil {
		t.Error("an error of the writer below is lost")
	}
	if err := errors.Join((&xerialWriter{w: &failingWriter{0}}).Close()); err == nil {
		t.Error("an error of the writer below is lost at the end")
	}
}
