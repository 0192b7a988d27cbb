package session

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
)

// Table is the replicated map of live sessions: id to the timeout negotiated when the session was created. It is part of
// the state that all servers agree on, beside the tree, so only applied transactions change it: createSession adds,
// closeSession removes. Timeouts renegotiated at a resume are not in it; they live in the leader's Tracker.
//
// Add, Remove and Load: the apply goroutine only. All other methods: any goroutine.
type Table struct {
	mu       sync.RWMutex
	timeouts map[int64]int32 // by session id, in ms
}

// NewTable returns a table without sessions.
func NewTable() *Table {
	return &Table{timeouts: make(map[int64]int32)}
}

// Add puts a session in the table. Adding a known id again sets its timeout, as replaying a log needs.
func (t *Table) Add(id int64, timeoutMs int32) {
	t.mu.Lock()
	t.timeouts[id] = timeoutMs
	t.mu.Unlock()
}

// Remove takes a session out of the table and reports whether it was there.
func (t *Table) Remove(id int64) bool {
	t.mu.Lock()
	_, known := t.timeouts[id]
	delete(t.timeouts, id)
	t.mu.Unlock()
	return known
}

// Len returns the number of live sessions.
func (t *Table) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.timeouts)
}

// Has reports whether the session is live.
func (t *Table) Has(id int64) bool {
	_, known := t.Timeout(id)
	return known
}

// Timeout returns the timeout a session was created with, in milliseconds, and whether it is live.
func (t *Table) Timeout(id int64) (timeoutMs int32, known bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	timeoutMs, known = t.timeouts[id]
	return timeoutMs, known
}

// All iterates over the sessions that were live when the iteration began and their timeouts in milliseconds, by
// ascending id. The loop body may call any method of the table.
func (t *Table) All() iter.Seq2[int64, int32] {
	return func(yield func(int64, int32) bool) {
		for _, e := range t.sorted() {
			if !yield(e.id, e.timeoutMs) {
				return
			}
		}
	}
}

type entry struct {
	id        int64
	timeoutMs int32
}

// sorted returns a copy of the table's entries by ascending id.
func (t *Table) sorted() []entry {
	t.mu.RLock()
	entries := make([]entry, 0, len(t.timeouts))
	for id, timeoutMs := range t.timeouts {
		entries = append(entries, entry{id, timeoutMs})
	}
	t.mu.RUnlock()
	slices.SortFunc(entries, func(a, b entry) int {
		if a.id < b.id {
			return -1
		}
		return 1 // ids are unique
	})
	return entries
}

// The snapshot's layout, drawn in doc.go.
const (
	snapshotVersion    = 1
	snapshotHeaderSize = 1 + 8
	snapshotEntrySize  = 8 + 4
)

// ErrSnapshot is what Load returns, wrapped with the particulars, for bytes that AppendSnapshot never wrote.
var ErrSnapshot = errors.New("session: malformed snapshot")

// AppendSnapshot appends the table in the form drawn in the package's documentation. The same sessions give the same
// bytes. For a snapshot exact at one zxid it is called where no transaction is applied meanwhile.
func (t *Table) AppendSnapshot(dst []byte) []byte {
	entries := t.sorted()
	dst = slices.Grow(dst, snapshotHeaderSize+len(entries)*snapshotEntrySize)
	dst = append(dst, snapshotVersion)
	dst = binary.BigEndian.AppendUint64(dst, uint64(len(entries)))
	for _, e := range entries {
		dst = binary.BigEndian.AppendUint64(dst, uint64(e.id))
		dst = binary.BigEndian.AppendUint32(dst, uint32(e.timeoutMs))
	}
	return dst
}

// Load replaces the table's content by the snapshot that b holds from its first to its last byte. It keeps no reference
// to b. On an error, which wraps ErrSnapshot, the table is as before.
func (t *Table) Load(b []byte) error {
	timeouts, err := decodeSnapshot(b)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	t.mu.Lock()
	t.timeouts = timeouts
	t.mu.Unlock()
	return nil
}

// decodeSnapshot checks all that can be checked: a snapshot that passes encodes to the very bytes it came from.
func decodeSnapshot(b []byte) (map[int64]int32, error) {
	if len(b) < snapshotHeaderSize {
		return nil, fmt.Errorf("%d bytes, fewer than the header's %d", len(b), snapshotHeaderSize)
	}
	if b[0] != snapshotVersion {
		return nil, fmt.Errorf("version %d, want %d", b[0], snapshotVersion)
	}
	count, entries := binary.BigEndian.Uint64(b[1:]), b[snapshotHeaderSize:]
	if uint64(len(entries)/snapshotEntrySize) != count || len(entries)%snapshotEntrySize != 0 {
		return nil, fmt.Errorf("%d sessions announced, %d bytes of them", count, len(entries))
	}
	timeouts := make(map[int64]int32, count)
	var last int64
	for i := 0; len(entries) > 0; i++ {
		id := int64(binary.BigEndian.Uint64(entries))
		if i > 0 && id <= last {
			return nil, fmt.Errorf("session %#x after %#x, not in ascending order", id, last)
		}
		timeouts[id] = int32(binary.BigEndian.Uint32(entries[8:]))
		last, entries = id, entries[snapshotEntrySize:]
	}
	return timeouts, nil
}
