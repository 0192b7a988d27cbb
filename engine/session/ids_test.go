package session_test

import (
	"sync"
	"testing"

	"bellwether/engine/session"
)

const nowMs = 1_790_000_000_123 // a moment in 2026

// The first id is server and clock as ZooKeeper packs them, and each next one is one more.
func TestIDsAreConsecutive(t *testing.T) {
	for _, server := range []byte{0, 1, 5, 127, 128, 200, 254, 255} {
		ids := session.NewIDs(server, nowMs)
		clock := uint64(nowMs)
		want := int64(uint64(server)<<56 | clock<<24>>8)
		for i := range int64(100_000) { // the counter overflows into the clock's bits
			if got := ids.Next(); got != want+i {
				t.Fatalf("server %d: id %d is %#x, want %#x", server, i, got, want+i)
			}
		}
	}
}

// An id is never one that would mean something else as a znode's owner.
func TestIDsSkipReservedOwners(t *testing.T) {
	cases := []struct {
		name   string
		server byte
		nowMs  int64
		want   uint64
	}{
		{"0 is no session and no owner", 0, 0, 1},
		{"the top bit alone is a container", 0x80, 0, 0x8000000000000001},
		{"0xff0000 and a time to live is a TTL node", 0xff, 0, 0xff00010000000000},
		{"the last time to live", 0xff, 0xffffff, 0xff00010000000000},
		{"server 255 above them", 0xff, 1 << 24, 0xff00010000000000},
		{"a clock beyond 40 bits keeps the server", 3, 1 << 40, 0x0300000000000000},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := session.NewIDs(c.server, c.nowMs).Next(); uint64(got) != c.want {
				t.Errorf("first id %#x, want %#x", uint64(got), c.want)
			}
		})
	}
}

// After a start with a clock that was set back, ids go on behind the largest one known.
func TestIDsSkipPastKnownSessions(t *testing.T) {
	before := session.NewIDs(7, nowMs)
	var largest int64
	for range 10 {
		largest = before.Next()
	}
	ids := session.NewIDs(7, nowMs-5000)
	ids.SkipPast(largest)
	ids.SkipPast(largest - 3)        // behind already
	ids.SkipPast(0x08ffffffffffffff) // another server's
	ids.SkipPast(-1)                 // and another's
	if got := ids.Next(); got != largest+1 {
		t.Errorf("first id %#x, want %#x", got, largest+1)
	}
	ids.SkipPast(largest + 1) // the one just made
	if got := ids.Next(); got != largest+2 {
		t.Errorf("second id %#x, want %#x", got, largest+2)
	}
}

// At the end of its range a server begins again at its start and never takes another server's ids.
func TestIDsStayWithinTheirServer(t *testing.T) {
	for server, wrapped := range map[byte]uint64{0: 1, 3: 0x03 << 56, 0x80: 0x80<<56 + 1, 0xff: 0xff0001 << 40} {
		ids := session.NewIDs(server, nowMs)
		last := int64(uint64(server)<<56 | (1<<56 - 1))
		ids.SkipPast(last - 1)
		if got := ids.Next(); got != last {
			t.Errorf("server %d: last id %#x, want %#x", server, uint64(got), uint64(last))
		}
		if got := ids.Next(); uint64(got) != wrapped {
			t.Errorf("server %d: id after the last is %#x, want %#x", server, uint64(got), wrapped)
		}
	}
}

// Connections on different event loops get different ids.
func TestIDsAreUniqueUnderConcurrency(t *testing.T) {
	const loops, each = 4, 2000
	ids := session.NewIDs(1, nowMs)
	made := make([][]int64, loops)
	var running sync.WaitGroup
	for loop := range made {
		running.Go(func() {
			for range each {
				made[loop] = append(made[loop], ids.Next())
			}
		})
	}
	running.Wait()
	seen := make(map[int64]bool)
	for _, some := range made {
		for _, id := range some {
			if seen[id] {
				t.Fatalf("%#x was made twice", id)
			}
			seen[id] = true
		}
	}
}
