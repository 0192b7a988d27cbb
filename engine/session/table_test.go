package session_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"bellwether/engine/session"
)

// Whatever is applied to it, the table knows what a map knows, and so does one loaded from its snapshot.
func TestTableAgreesWithModel(t *testing.T) {
	for seed := range uint64(20) {
		random, table, truth := rand.New(rand.NewPCG(seed, 0)), session.NewTable(), make(map[int64]int32)
		for range 500 {
			id := int64(random.Uint64()>>60<<60) + random.Int64N(20) // few ids, of both signs
			if timeoutMs := random.Int32N(60_000); random.IntN(3) > 0 {
				table.Add(id, timeoutMs)
				truth[id] = timeoutMs
			} else {
				_, want := truth[id]
				if got := table.Remove(id); got != want {
					t.Fatalf("seed %d: Remove(%#x) = %v, want %v", seed, id, got, want)
				}
				delete(truth, id)
			}
		}
		loaded := session.NewTable()
		loaded.Add(99, 99) // to be replaced
		if err := loaded.Load(table.AppendSnapshot(nil)); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		expectSessions(t, table, truth)
		expectSessions(t, loaded, truth)
	}
}

func expectSessions(t *testing.T, table *session.Table, truth map[int64]int32) {
	t.Helper()
	var ids []int64
	for id, timeoutMs := range table.All() {
		ids = append(ids, id)
		if got, known := table.Timeout(id); !known || got != timeoutMs || timeoutMs != truth[id] || !table.Has(id) {
			t.Errorf("session %#x: timeout %d, %v by All %d, want %d", id, got, known, timeoutMs, truth[id])
		}
	}
	if want := slices.Sorted(maps.Keys(truth)); !slices.Equal(ids, want) || table.Len() != len(want) {
		t.Errorf("%d sessions %#x, want %#x", table.Len(), ids, want)
	}
	if _, known := table.Timeout(1 << 40); known || table.Has(1<<40) {
		t.Error("knows a session that never was")
	}
}

// An iteration shows the sessions of its beginning, may change the table, and may stop.
func TestAllShowsTheBeginning(t *testing.T) {
	table := session.NewTable()
	table.Add(1, 10)
	table.Add(2, 20)
	for id := range table.All() {
		table.Remove(2)
		table.Add(3, 30)
		if id == 2 {
			break
		}
		if id == 3 {
			t.Error("showed a session added meanwhile")
		}
	}
}

func golden(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/table-v1.hex")
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The snapshot's bytes are fixed: servers will find old ones on their disks.
func TestSnapshotFormatIsFixed(t *testing.T) {
	table, want := session.NewTable(), golden(t)
	table.Add(0x0200000000000007, 1<<31-1)
	table.Add(0x01000019e1f30001, 30000)
	table.Add(0x01000019e1f30000, 4000)
	table.Add(-0x7f00000000000000, 40000)
	if got := table.AppendSnapshot([]byte("before"))[len("before"):]; !bytes.Equal(got, want) {
		t.Errorf("snapshot\n%x, want\n%x", got, want)
	}
	if err := session.NewTable().Load(want); err != nil {
		t.Error(err)
	}
}

// What AppendSnapshot cannot have written is refused, and the table stays as it was.
func TestLoadRefusesDamage(t *testing.T) {
	good := golden(t)
	damaged := func(change func(b []byte) []byte) []byte { return change(bytes.Clone(good)) }
	entry := 9 // where the first begins
	cases := map[string][]byte{
		"empty":             {},
		"half a header":     good[:5],
		"torn":              good[:len(good)-1],
		"an entry short":    good[:len(good)-12],
		"bytes behind":      append(bytes.Clone(good), 0),
		"an entry too many": append(bytes.Clone(good), good[entry:entry+12]...),
		"another version":   damaged(func(b []byte) []byte { b[0] = 2; return b }),
		"a huge count":      damaged(func(b []byte) []byte { b[1] = 0xff; return b }),
		"not in order": damaged(func(b []byte) []byte {
			copy(b[entry:], b[entry+12:entry+24])
			copy(b[entry+12:], good[entry:entry+12])
			return b
		}),
		"a session twice": damaged(func(b []byte) []byte { copy(b[entry:], b[entry+12:entry+24]); return b }),
	}
	for name, b := range cases {
		t.Run(name, func(t *testing.T) {
			table := session.NewTable()
			table.Add(5, 500)
			if err := table.Load(b); !errors.Is(err, session.ErrSnapshot) {
				t.Errorf("error %v, want ErrSnapshot", err)
			}
			expectSessions(t, table, map[int64]int32{5: 500})
		})
	}
}

// Whatever bytes are loaded, either they are refused or they come out again as they went in.
func FuzzLoad(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 5})
	f.Fuzz(func(t *testing.T, b []byte) {
		table := session.NewTable()
		if table.Load(b) == nil && !bytes.Equal(table.AppendSnapshot(nil), b) {
			t.Errorf("%x came out as %x", b, table.AppendSnapshot(nil))
		}
	})
}

// The table may be read while transactions are applied.
func TestTableIsReadWhileItChanges(t *testing.T) {
	table := session.NewTable()
	table.Add(0, 1000)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if timeoutMs, known := table.Timeout(0); !known || timeoutMs != 1000 {
					t.Error("lost session 0")
					return
				}
				for id := range table.All() {
					table.Has(id)
				}
				table.AppendSnapshot(nil)
			}
		})
	}
	for id := int64(1); id < 500; id++ {
		table.Add(id, 2000)
		table.Remove(id - 10)
		table.Add(0, 1000)
	}
	close(done)
	readers.Wait()
}
