package zab

import (
	"fmt"
	"sort"
)

// A history is the end of a server's log as this package sees it:
//
//	  on disk only  │ window: committed, kept for    │ not yet committed
//	                │ learners that fell behind      │
//	────────────────┼────────────────────────────────┼──────────────────────► zxids
//	              base                          committed                last
//
// Entries lie in chunks that are filled once and never changed, so that a slice of them may be handed to anybody.
type history struct {
	chunks []chunk
	base   Zxid // last zxid before the first entry in chunks; in the log or the snapshot
	last   Zxid // zxid of the last entry, base if there is none

	handed    Zxid // entries up to here were given to the disk
	persisted Zxid // durable up to here
	committed Zxid // known to be committed, in this life of the server
	delivered Zxid // in the caller's state: given out as committed, or there from the start

	count int // entries in the window and after it
	bytes int // and their data
	group int // entries that last went to the disk at once

	// Invariants: base <= delivered; persisted <= handed <= last; committed, delivered <= last. Only a cut moves
	// handed, persisted and delivered back; nothing moves committed back.
}

// chunk is a run of entries in an array of its own. Only the last chunk may be empty: trimmed, with room for more.
type chunk struct {
	entries []Entry
	bytes   int
	end     Zxid // of the last entry it was given
}

// A chunk has room for a few groups as they go to the disk, so that few groups are spread over two; and it holds only so much
// data, for one entry that somebody keeps holds all of it.
const (
	minChunkEntries = 256
	maxChunkEntries = 8192
	groupsPerChunk  = 8
	chunkBytes      = 1 << 20
)

func newHistory(d Durable) history {
	h := history{base: d.LastZxid, last: d.LastZxid, handed: d.LastZxid, persisted: d.LastZxid, delivered: d.LastZxid}
	if n := len(d.Recent); n > 1 {
		h.base, h.last = d.Recent[0].Zxid, d.Recent[0].Zxid
		for _, e := range d.Recent[1:] {
			h.append(e)
		}
	}
	return h
}

// append adds the next entry. The caller has checked that it may follow.
func (h *history) append(e Entry) {
	if !e.Zxid.mayFollow(h.last) {
		panic(fmt.Sprintf("zab: history without gaps: %v after %v", e.Zxid, h.last))
	}
	c := h.tail(len(e.Data))
	c.entries = append(c.entries, e)
	c.bytes += len(e.Data)
	c.end = e.Zxid
	h.bytes += len(e.Data)
	h.count++
	h.last = e.Zxid
}

// tail returns the chunk that takes an entry of size bytes.
func (h *history) tail(size int) *chunk {
	if n := len(h.chunks); n > 0 {
		c := &h.chunks[n-1]
		if len(c.entries) < cap(c.entries) && c.bytes+size <= chunkBytes {
			return c
		}
	}
	h.chunks = append(h.chunks, chunk{entries: make([]Entry, 0, min(max(groupsPerChunk*h.group, minChunkEntries), maxChunkEntries))})
	return &h.chunks[len(h.chunks)-1]
}

// slice returns the entries after from, up to and including to, oldest first; from must not be below base. It allocates only
// where the range crosses a chunk.
func (h *history) slice(from, to Zxid) []Entry {
	if from < h.base {
		panic(fmt.Sprintf("zab: entries after %v asked of a window that begins after %v", from, h.base))
	}
	if to <= from {
		return nil
	}
	i := sort.Search(len(h.chunks), func(i int) bool { return h.chunks[i].end > from })
	if i == len(h.chunks) {
		return nil
	}
	lo := h.chunks[i].after(from)
	if hi := h.chunks[i].after(to); hi < len(h.chunks[i].entries) || i == len(h.chunks)-1 {
		return h.chunks[i].entries[lo:hi:hi]
	}
	all := append([]Entry(nil), h.chunks[i].entries[lo:]...)
	for i++; i < len(h.chunks); i++ {
		hi := h.chunks[i].after(to)
		all = append(all, h.chunks[i].entries[:hi]...)
	}
	return all
}

// after returns the index of the first entry above z.
func (c *chunk) after(z Zxid) int {
	return sort.Search(len(c.entries), func(i int) bool { return c.entries[i].Zxid > z })
}

// floor returns the last zxid of the history that is not above z, if the history knows: z must not be below base.
func (h *history) floor(z Zxid) Zxid {
	for i := len(h.chunks) - 1; i >= 0; i-- {
		if j := h.chunks[i].after(z); j > 0 {
			return h.chunks[i].entries[j-1].Zxid
		}
	}
	return h.base
}

// next returns the zxid of the first entry above z, 0 if there is none or z is below base.
func (h *history) next(z Zxid) Zxid {
	if z < h.base {
		return 0
	}
	for i := range h.chunks {
		if c := &h.chunks[i]; c.end > z && len(c.entries) > 0 {
			return c.entries[c.after(z)].Zxid
		}
	}
	return 0
}

// commit makes everything up to z committed.
func (h *history) commit(z Zxid) {
	if z < h.committed || z > h.last {
		panic(fmt.Sprintf("zab: commit of %v outside [%v, %v]", z, h.committed, h.last))
	}
	h.committed = z
}

// persist notes that the log is durable up to z.
func (h *history) persist(z Zxid) {
	if z > h.handed {
		panic(fmt.Sprintf("zab: %v durable, but the disk was given entries to %v only", z, h.handed))
	}
	h.persisted = max(h.persisted, z)
}

// deliver returns the committed entries that the state machine has not seen.
func (h *history) deliver() []Entry {
	if h.delivered >= h.committed {
		return nil
	}
	e := h.slice(h.delivered, h.committed)
	h.delivered = h.committed
	return e
}

// cut drops everything above z. Below base nothing is known, so base moves with it.
func (h *history) cut(z Zxid) {
	if z < h.base {
		h.reset(z)
		return
	}
	if z < h.committed {
		panic(fmt.Sprintf("zab: cut to %v below the committed %v", z, h.committed))
	}
	for n := len(h.chunks); n > 0; n = len(h.chunks) {
		c := &h.chunks[n-1]
		keep := c.after(z)
		for _, e := range c.entries[keep:] {
			h.count--
			h.bytes -= len(e.Data)
			c.bytes -= len(e.Data)
		}
		if keep > 0 {
			c.end = c.entries[keep-1].Zxid
			c.entries = c.entries[:keep:keep] // full: what was cut stays untouched for whoever holds it
			break
		}
		h.chunks = h.chunks[:n-1]
	}
	h.last = h.floor(z)
	h.handed, h.persisted, h.delivered = min(h.handed, h.last), min(h.persisted, h.last), min(h.delivered, h.last)
}

// reset forgets every entry: the log now ends, durable, at z.
func (h *history) reset(z Zxid) {
	if z < h.committed {
		panic(fmt.Sprintf("zab: log ends at %v, but %v was committed", z, h.committed))
	}
	*h = history{chunks: h.chunks[:0], group: h.group, committed: h.committed,
		base: z, last: z, handed: z, persisted: z, delivered: z}
	clear(h.chunks[:cap(h.chunks)])
}

// trim drops the oldest entries that nobody needs, down to a window of at most entries and bytes.
func (h *history) trim(entries, bytes int) {
	free := min(h.committed, h.delivered, h.persisted)
	dropped := 0
	for dropped < len(h.chunks) && (h.count > entries || h.bytes > bytes) {
		c := &h.chunks[dropped]
		n, size := 0, 0
		for n < len(c.entries) && c.entries[n].Zxid <= free && (h.count-n > entries || h.bytes-size > bytes) {
			size += len(c.entries[n].Data)
			n++
		}
		if n == 0 {
			break
		}
		h.base, h.count, h.bytes, c.bytes = c.entries[n-1].Zxid, h.count-n, h.bytes-size, c.bytes-size
		c.entries = c.entries[n:]
		if len(c.entries) > 0 || (dropped == len(h.chunks)-1 && cap(c.entries) > 0) {
			break
		}
		dropped++
	}
	if dropped > 0 {
		h.chunks = append(h.chunks[:0], h.chunks[dropped:]...)
		clear(h.chunks[len(h.chunks):cap(h.chunks)])
	}
}
