package session_test

import (
	"encoding/hex"
	"testing"

	"bellwether/engine/session"
)

// Passwords are ZooKeeper's to the byte. The vectors are those of java.util.Random.
func TestPasswordIsZooKeepers(t *testing.T) {
	for id, want := range map[int64]string{
		0x0100002447c50000:  "918890684a9d7dd057400575a3d7e0e2",
		0x0100001146e70000:  "cbf42a82fccdf18521e8555ba5c42f44",
		0x0400000000123456:  "bc1cfff36de5faf0f1b20a3b69b2812f",
		-0x7f00000000000000: "f22acd4a97e69d6d20a49bb638eadb38",
		-1:                  "20f62cb5648dc2d771471c8a2486a9ee",
	} {
		password := session.Password(id)
		if got := hex.EncodeToString(password[:]); got != want {
			t.Errorf("password of %#x is %s, want %s", id, got, want)
		}
		if !session.CheckPassword(id, password[:]) {
			t.Errorf("%#x does not accept its own password", id)
		}
	}
}

// Only the sixteen right bytes open a session, and nothing opens session 0.
func TestCheckPasswordRefuses(t *testing.T) {
	const id = 0x0100002447c50000
	right, ofNone, ofNext := session.Password(id), session.Password(0), session.Password(id+1)
	flipped := right
	flipped[15] ^= 0x80
	cases := map[string]struct {
		id       int64
		password []byte
	}{
		"null":             {id, nil},
		"empty":            {id, []byte{}},
		"zeros":            {id, make([]byte, 16)},
		"too short":        {id, right[:15]},
		"too long":         {id, append(right[:], 0)},
		"one bit off":      {id, flipped[:]},
		"of the next id":   {id, ofNext[:]},
		"right, but for 0": {0, ofNone[:]},
	}
	for name, c := range cases {
		if session.CheckPassword(c.id, c.password) {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestPasswordAllocatesNothing(t *testing.T) {
	password := session.Password(7)
	if n := testing.AllocsPerRun(1000, func() { session.CheckPassword(7, password[:]) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// The wish of a client is held within the server's bounds, however silly it is.
func TestNegotiate(t *testing.T) {
	const minMs, maxMs = 4000, 40000
	for wanted, want := range map[int32]int32{
		-1 << 31: minMs, -5: minMs, 0: minMs, 3999: minMs, 4000: 4000, 12345: 12345, 40000: 40000, 40001: maxMs, 1<<31 - 1: maxMs,
	} {
		if got := session.Negotiate(wanted, minMs, maxMs); got != want {
			t.Errorf("wanted %d: got %d, want %d", wanted, got, want)
		}
	}
}
