package sim

import (
	"fmt"
	"slices"
)

// link is a client's connection: two streams of whole frames. What is sent arrives in order, and later, and what was on
// its way when the link broke perhaps never.
type link struct {
	w      *World
	number int
	client *client // nil once the client has let go
	conn   *conn   // nil once the server has

	up, down         [][]byte // on their way to the server, to the client
	upEnds, downEnds bool     // behind them comes the end
}

func (l *link) String() string { return fmt.Sprintf("link %d", l.number) }

// connect opens a link from a client to a server, whose process must run.
func (w *World) connect(c *client, s *server) *link {
	w.stats.Links++
	l := &link{w: w, number: w.stats.Links, client: c}
	l.conn = s.proc.accept(l)
	w.links = append(w.links, l)
	return l
}

func (l *link) sendUp(frame []byte) {
	if !l.upEnds {
		l.up = append(l.up, frame)
	}
}

func (l *link) sendDown(frame []byte) {
	if !l.downEnds {
		l.down = append(l.down, frame)
	}
}

// closeByClient lets the client go; the server hears of it behind what is on its way.
func (l *link) closeByClient() {
	l.client, l.down, l.upEnds = nil, nil, true
	l.sweep()
}

// closeByServer lets the server go; the client hears of it behind the first arrives frames that are on their way, all of
// them if the server closes in an orderly way.
func (l *link) closeByServer(arrives int) {
	l.conn, l.up, l.downEnds = nil, nil, true
	l.down = l.down[:arrives]
	l.sweep()
}

// sweep forgets the link once nobody holds it.
func (l *link) sweep() {
	if l.client == nil && l.conn == nil {
		l.w.links = slices.DeleteFunc(l.w.links, func(o *link) bool { return o == l })
	}
}

func (l *link) reachesServer() bool { return l.conn != nil && (len(l.up) > 0 || l.upEnds) }
func (l *link) reachesClient() bool { return l.client != nil && (len(l.down) > 0 || l.downEnds) }

// deliverUp brings the server the next frame, or the end.
func (l *link) deliverUp() error {
	if len(l.up) == 0 {
		l.w.note("s: %v ends", l)
		l.conn.closed()
		return nil
	}
	frame := l.up[0]
	l.up = l.up[1:]
	l.conn.unread = append(l.conn.unread, frame)
	return l.conn.consume()
}

// deliverDown brings the client the next frame, or the end.
func (l *link) deliverDown() error {
	if len(l.down) == 0 {
		l.w.note("c%d: %v ends", l.client.number, l)
		l.client.disconnected()
		return nil
	}
	frame := l.down[0]
	l.down = l.down[1:]
	return l.client.receive(frame)
}
