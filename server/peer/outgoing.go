package peer

import (
	"errors"
	"io"
	"sync"

	"bellwether/engine/zab"
)

// outgoing is what waits to be written to a link. Messages wait as messages: their transactions are shared with every
// other link, and are encoded when they are written.
type outgoing struct {
	mu      sync.Mutex
	items   []outItem
	spare   []outItem // the slice that take has handed out before
	bytes   int       // that items will take on the wire, about
	writing int       // the same of spare
	limit   int
	closing bool          // nothing is taken any more; what is there is still written
	wake    chan struct{} // holds one token
}

// outItem is a message, or a snapshot's body.
type outItem struct {
	message zab.Message
	body    func(io.Writer) error
}

var errQueueFull = errors.New("peer: too much waits to be written; the other side does not read")

// put puts a message behind what waits. It fails with errQueueFull; after close it does nothing.
func (q *outgoing) put(i outItem) error {
	size := wireSize(&i.message)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closing {
		return nil
	}
	if q.bytes += size; q.bytes+q.writing > q.limit {
		return errQueueFull
	}
	q.items = append(q.items, i)
	q.signal()
	return nil
}

// close lets the writer end once it has written what waits.
func (q *outgoing) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closing = true
	q.signal()
}

// isClosing reports whether close was called.
func (q *outgoing) isClosing() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closing
}

func (q *outgoing) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take returns everything that waits, valid until the next call, and whether that is the last of it. Only the writer
// calls it.
func (q *outgoing) take() (items []outItem, last bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.spare) // lets go of transactions
	items, q.items, q.spare = q.items, q.spare[:0], q.items
	q.writing, q.bytes = q.bytes, 0
	return items, q.closing
}

// wireSize is about how many bytes m takes on the wire.
func wireSize(m *zab.Message) int {
	n := minPacketSize + len(m.Data) + len(m.Auth)
	for i := range m.Entries {
		n += minPacketSize + len(m.Entries[i].Data)
	}
	if m.First != 0 && m.First < m.Zxid {
		n += minPacketSize * int(m.Zxid-m.First)
	}
	return n
}
