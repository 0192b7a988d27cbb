package wal_test

import (
	"bytes"
	"fmt"
	"slices"

	"bellwether/wal"
)

// model is what a log must hold: all that was acknowledged, perhaps some of what was appended after that, in order,
// and nothing else.
type model struct {
	base    uint64      // zxid after which entries begin
	entries []wal.Entry // everything appended, truncations and resets done
	groups  []int       // how many entries there are up to the end of each group appended since acked
	acked   int         // the first so many entries are durable for sure
	floor   uint64      // entries below it may have been released
	other   *model      // the state instead, if the operation under way is complete; nil when none is that matters

	snapshots map[uint64]bool // zxid; false: one of the two, there or not
	epoch     []string        // contents the small file may have
}

func newModel() *model { return &model{snapshots: map[uint64]bool{}, epoch: []string{""}} }

// zxidAt is the last zxid of the first n entries.
func (m *model) zxidAt(n int) uint64 {
	if n == 0 {
		return m.base
	}
	return m.entries[n-1].Zxid
}

func (m *model) append(entries []wal.Entry) {
	m.entries = append(slices.Clip(m.entries), entries...)
	m.groups = append(slices.Clip(m.groups), len(m.entries))
}

func (m *model) sync() { m.acked, m.groups = len(m.entries), nil }

func (m *model) truncated(zxid uint64) *model {
	t := *m
	n := 0
	for n < len(m.entries) && m.entries[n].Zxid <= zxid {
		n++
	}
	t.entries, t.other = m.entries[:n], nil
	t.sync()
	return &t
}

func (m *model) reset(zxid uint64) *model {
	t := *m
	t.base, t.entries, t.floor, t.other = zxid, nil, 0, nil
	t.sync()
	return &t
}

// become takes over the state of an operation that is complete; what concerns other files stays.
func (m *model) become(t *model) {
	t.snapshots, t.epoch = m.snapshots, m.epoch
	*m = *t
}

// explain reports why a log with these contents contradicts the model, or how many of the model's entries it reaches.
func (m *model) explain(found contents) (reaches int, err error) {
	reaches, err = m.explainAlone(found)
	if err != nil && m.other != nil {
		var otherErr error
		if reaches, otherErr = m.other.explainAlone(found); otherErr == nil {
			return reaches, nil
		}
	}
	return reaches, err
}

func (m *model) explainAlone(found contents) (int, error) {
	start := slices.IndexFunc(m.entries, func(e wal.Entry) bool { return e.Zxid > found.base })
	if start < 0 {
		start = len(m.entries)
	}
	if m.zxidAt(start) != found.base {
		return 0, fmt.Errorf("the log begins after %#x, which is no place in it", found.base)
	}
	if start > 0 && m.zxidAt(start) >= m.floor {
		return 0, fmt.Errorf("entries up to %#x are gone, though only those below %#x were released", found.base, m.floor)
	}
	end := start + len(found.entries)
	if end > len(m.entries) {
		return 0, fmt.Errorf("%d entries after %#x, but only %d were appended", len(found.entries), found.base, len(m.entries)-start)
	}
	for i, e := range found.entries {
		if want := m.entries[start+i]; e.Zxid != want.Zxid || !bytes.Equal(e.Data, want.Data) {
			return 0, fmt.Errorf("entry %d is %#x (%d bytes), appended was %#x (%d bytes)", i, e.Zxid, len(e.Data), want.Zxid, len(want.Data))
		}
	}
	if end < m.acked {
		return 0, fmt.Errorf("the log ends at %#x, acknowledged was %#x", found.last, m.zxidAt(m.acked))
	}
	if end > m.acked && !slices.Contains(m.groups, end) {
		return 0, fmt.Errorf("the log ends at %#x, inside a group", found.last)
	}
	if found.last != m.zxidAt(end) {
		return 0, fmt.Errorf("LastZxid is %#x, the last entry is %#x", found.last, m.zxidAt(end))
	}
	return end, nil
}

// contents is all that a log shows.
type contents struct {
	base, last uint64
	entries    []wal.Entry
}

func read(l *wal.Log) (contents, error) {
	c := contents{base: l.Base(), last: l.LastZxid()}
	err := l.Replay(c.base, func(e wal.Entry) error {
		c.entries = append(c.entries, e)
		return nil
	})
	return c, err
}

func (c contents) equal(d contents) bool {
	return c.base == d.base && c.last == d.last && slices.EqualFunc(c.entries, d.entries, func(a, b wal.Entry) bool {
		return a.Zxid == b.Zxid && bytes.Equal(a.Data, b.Data)
	})
}

func (c contents) String() string {
	return fmt.Sprintf("%d entries in (%#x, %#x]", len(c.entries), c.base, c.last)
}
