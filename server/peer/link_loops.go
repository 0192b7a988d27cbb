package peer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"bellwether/engine/zab"
)

// end is either end of a link: *LeaderEnd or *LearnerEnd.
type end interface {
	take(*Packet) (Incoming, error)
	Append([]byte, *zab.Message) ([]byte, error)
}

// link is one learner link.
type link struct {
	all  *Links
	id   zab.LinkID
	conn net.Conn
	end  end
	out  outgoing
	peer atomic.Int64 // who is at the other end, once known

	failure sync.Mutex
	reason  error         // why the link ended; the first one counts
	cut     chan struct{} // closed with the connection
	isCut   bool

	// Of the reader only.
	known   bool // zab has heard of the link
	decoder *Decoder
	packet  Packet
	batch   batch

	body chan *incomingBody // holds a body that waits to be taken
}

const (
	writeBytes = 256 << 10 // are written at once, give or take a message
	keepBytes  = 1 << 20   // of a buffer are kept for the next write
)

func newLink(all *Links, id zab.LinkID, conn net.Conn, e end) *link {
	l := &link{all: all, id: id, conn: conn, end: e, cut: make(chan struct{}), body: make(chan *incomingBody, 1)}
	l.out = outgoing{limit: all.o.MaxQueue, wake: make(chan struct{}, 1)}
	l.decoder = NewDecoder(&patientReader{l: l}, all.o.MaxData)
	return l
}

func (l *link) put(i outItem) {
	if err := l.out.put(i); err != nil {
		l.fail(err, false)
	}
}

// fail ends the link for a reason: at once, or when what waits is written.
func (l *link) fail(reason error, flush bool) {
	l.failure.Lock()
	if l.reason == nil {
		l.reason = reason
	}
	l.failure.Unlock()
	l.out.close()
	if !flush {
		l.hangUp()
	}
}

// hangUp closes the connection, which ends reader and writer.
func (l *link) hangUp() {
	l.failure.Lock()
	defer l.failure.Unlock()
	if !l.isCut {
		l.isCut = true
		close(l.cut)
		_ = l.conn.Close()
	}
}

// read hands out what comes, until the link is over; then it cleans up.
func (l *link) read() {
	if !l.known {
		_ = l.conn.SetReadDeadline(time.Now().Add(l.all.o.HelloTimeout))
	}
	err := l.receive()
	l.fail(err, false)
	l.all.leave(l)
	l.failure.Lock()
	reason := l.reason
	l.failure.Unlock()
	if l.known {
		l.all.o.Log.Info("link ended", "server", l.peer.Load(), "link", uint64(l.id), "reason", reason)
		l.all.o.Handler.LinkDown(l.id)
	} else if reason != errClosed {
		l.all.o.Log.Warn("connection refused", "from", l.conn.RemoteAddr(), "reason", reason)
	}
}

// receive hands out batch after batch.
func (l *link) receive() error {
	for {
		kind, err := l.fill()
		var body *incomingBody
		if err == nil && kind == zab.Snap {
			body = l.offerBody()
		}
		if in := l.batch.finished(); len(in) > 0 {
			l.introduce(in)
			l.all.o.Handler.Receive(in)
		}
		if body != nil {
			err = l.awaitBody(body)
		}
		if err != nil {
			return err
		}
	}
}

// fill waits for a packet and gathers it and whatever has come with it. It stops behind a Snap, and says that it did.
func (l *link) fill() (last zab.Kind, err error) {
	l.packet, err = l.decoder.Next()
	for ok := true; ok && err == nil; {
		var in Incoming
		if in, err = l.end.take(&l.packet); err != nil {
			return 0, err
		}
		l.batch.add(&in)
		if in.Kind == zab.Snap || len(l.batch.in) >= maxBatch {
			return in.Kind, nil
		}
		l.packet, ok, err = l.decoder.NextBuffered()
	}
	if err == io.EOF {
		err = errHungUp
	}
	return 0, err
}

var errHungUp = errors.New("the other side hung up")

// introduce notes whose link this is, when it says so with its first message.
func (l *link) introduce(first []Incoming) {
	if l.known {
		return
	}
	l.known = true
	l.peer.Store(int64(first[0].From))
	_ = l.conn.SetReadDeadline(time.Time{})
	l.all.door.named(l.conn)
}

// write writes what waits, until the link is over.
func (l *link) write() {
	var buf []byte
	for {
		select {
		case <-l.out.wake:
		case <-l.cut:
			return
		}
		items, last := l.out.take()
		for i := range items {
			var err error
			if buf, err = l.encode(buf, &items[i], i == len(items)-1); err != nil {
				l.fail(err, false)
				return
			}
		}
		if last {
			l.hangUp()
			return
		}
		if cap(buf) > keepBytes {
			buf = nil
		}
	}
}

// encode puts an item behind buf and writes what has gathered, if that is much or the item is the last one.
func (l *link) encode(buf []byte, i *outItem, last bool) (_ []byte, err error) {
	if i.body == nil {
		buf, err = l.end.Append(buf, &i.message)
	}
	if err == nil && (last || i.body != nil || len(buf) >= writeBytes) {
		err = l.flush(buf)
		buf = buf[:0]
	}
	if err == nil && i.body != nil {
		err = l.writeBody(i.body)
	}
	return buf, err
}

// flush writes b, piece by piece, so that a peer which takes none of a piece is noticed.
func (l *link) flush(b []byte) error {
	for len(b) > 0 {
		n := min(len(b), writeBytes)
		_ = l.conn.SetWriteDeadline(time.Now().Add(l.all.o.StallTimeout))
		if _, err := l.conn.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// writeBody writes a snapshot's body and its signature.
func (l *link) writeBody(body func(io.Writer) error) error {
	w := bufio.NewWriterSize(flusher{l}, 64<<10)
	if err := body(w); err != nil {
		return fmt.Errorf("peer: send snapshot: %w", err)
	}
	_, _ = w.Write(AppendSnapSignature(nil)) // Flush says what went wrong
	if err := w.Flush(); err != nil {
		return fmt.Errorf("peer: send snapshot: %w", err)
	}
	l.all.o.Handler.BodySent(l.id)
	return nil
}

var errDropped = errors.New("the link was dropped meanwhile")

// flusher is a link's flush as an io.Writer that stops when the link is not wanted any more.
type flusher struct{ l *link }

func (f flusher) Write(p []byte) (int, error) {
	if f.l.out.isClosing() {
		return 0, errDropped
	}
	if err := f.l.flush(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// patientReader reads from the connection. While a snapshot's body comes it is less patient.
type patientReader struct {
	l       *link
	timeout time.Duration
}

func (r *patientReader) Read(p []byte) (int, error) {
	if r.timeout != 0 {
		_ = r.l.conn.SetReadDeadline(time.Now().Add(r.timeout))
	}
	return r.l.conn.Read(p)
}

// incomingBody is a snapshot's body on its way from the link's reader to whoever installs it, and back.
type incomingBody struct {
	*SnapBody
	whole bool // was read to its end
	done  chan struct{}
	once  sync.Once
}

// Read reads the body; see SnapBody.
func (b *incomingBody) Read(p []byte) (int, error) {
	n, err := b.SnapBody.Read(p)
	b.whole = b.whole || err == io.EOF
	return n, err
}

// Close gives the link back to its reader.
func (b *incomingBody) Close() error {
	b.once.Do(func() { close(b.done) })
	return nil
}

var errBodyLeft = errors.New("the snapshot was not taken to its end")

// offerBody makes the body behind a Snap ready to be taken.
func (l *link) offerBody() *incomingBody {
	l.decoder.r.(*patientReader).timeout = l.all.o.StallTimeout
	b := &incomingBody{SnapBody: l.decoder.Body(), done: make(chan struct{})}
	l.body <- b
	return b
}

// awaitBody waits until the body was read by whoever took it, or the link is over.
func (l *link) awaitBody(b *incomingBody) error {
	select {
	case <-b.done:
	case <-l.cut:
		return errBodyLeft
	}
	if !b.whole {
		return errBodyLeft
	}
	l.decoder.r.(*patientReader).timeout = 0
	_ = l.conn.SetReadDeadline(time.Time{})
	l.end.(*LearnerEnd).BodyTaken()
	return nil
}

// takeBody takes the body that waits. There is at most one taker.
func (l *link) takeBody() (io.ReadCloser, error) {
	select {
	case b := <-l.body:
		return b, nil
	default:
		return nil, errNoBody
	}
}
