package zab

// wire is a connection between a learner and a leader: two ordered streams that stall while their receiver is deaf to their
// sender, and that may break, which the two ends learn at different times.
type wire struct {
	id     LinkID
	ends   [2]*server  // learner, leader
	life   [2]int      // the life of each end that this connection belongs to
	queue  [2][]packet // towards ends[i]
	closed [2]bool     // ends[i] does not hear from it any more
	broken bool
	plain  bool
}

// packet is a message in flight, with the snapshot that follows a Snap.
type packet struct {
	m    Message
	body []Entry
}

// dial connects s to peer, or fails.
func (w *world) dial(s, peer *server) {
	if !peer.up || s.deafTo.has(peer.index) || peer.deafTo.has(s.index) || (!w.calm && w.chance(0.1)) {
		s.core.DialFailed(peer.id)
		return
	}
	l := &wire{id: w.nextID, ends: [2]*server{s, peer}, life: [2]int{s.life, peer.life}, plain: s.cfg.PlainLinks || peer.cfg.PlainLinks}
	w.nextID++
	w.links = append(w.links, l)
	w.log("%d: link %d to %d", s.id, l.id, peer.id)
	s.core.LinkUp(l.id, peer.id)
	if !w.calm && w.chance(0.05) { // an earlier attempt succeeds too, late
		dup := *l
		dup.id = w.nextID
		w.nextID++
		w.links = append(w.links, &dup)
		s.core.LinkUp(dup.id, peer.id)
	}
}

// break_ loses what is in flight and lets both ends know, each when it comes to it.
func (l *wire) break_() { l.broken = true }

// end returns the place of s among the ends, -1 if it has none (any more).
func (l *wire) end(s *server) int {
	for i := range l.ends {
		if l.ends[i] == s && l.life[i] == s.life {
			return i
		}
	}
	return -1
}

// send puts m on its link. Towards a server of the Java kind a run of packets becomes single packets.
func (w *world) send(from *server, m Message, body []Entry) {
	if m.Kind == Notification {
		w.notify(from, m)
		return
	}
	for _, l := range w.links {
		i := l.end(from)
		if l.id != m.Link || i < 0 || l.closed[i] || l.broken {
			continue
		}
		if !l.plain {
			l.queue[1-i] = append(l.queue[1-i], packet{m, body})
			return
		}
		single(m, func(m Message) { l.queue[1-i] = append(l.queue[1-i], packet{m, body}) })
		return
	}
}

// single splits a message into what Java sends: one packet for each proposal, commit and ack.
func single(m Message, emit func(Message)) {
	switch m.Kind {
	case Proposal, Inform:
		for _, e := range m.Entries {
			p := m
			p.Entries, p.Commit = []Entry{e}, 0
			emit(p)
			if m.Kind == Proposal && e.Zxid <= m.Commit {
				emit(Message{Kind: Commit, From: m.From, To: m.To, Link: m.Link, Zxid: e.Zxid})
			}
		}
	case Commit, Ack:
		for z := m.First; z <= m.Zxid; z++ {
			p := m
			p.First, p.Zxid = 0, z
			emit(p)
		}
	default:
		emit(m)
	}
}

// notify keeps the newest election message for each pair of servers; some are lost, some come twice.
func (w *world) notify(from *server, m Message) {
	to := w.byID(m.To)
	if to == nil || !to.up || to.deafTo.has(from.index) || !w.calm && w.chance(w.faults.loseNotification) {
		return
	}
	for i := range to.votes {
		if to.votes[i].From == m.From {
			to.votes[i] = m
			return
		}
	}
	to.votes = append(to.votes, m)
	if !w.calm && w.chance(w.faults.doubleNotification) {
		to.votes = append(to.votes, m)
	}
}

func (w *world) byID(id ServerID) *server {
	for _, s := range w.servers {
		if s.id == id {
			return s
		}
	}
	return nil
}

// hearSomething delivers one message, or the end of a link, to s.
func (s *server) hearSomething() {
	w := s.w
	if n := len(s.votes); n > 0 && w.chance(0.4) {
		i := w.rng.IntN(n)
		m := s.votes[i]
		s.votes = append(s.votes[:i], s.votes[i+1:]...)
		w.log("%d->%d %v", m.From, s.id, m)
		if err := s.core.Step(m); err != nil {
			w.fail("MessageIllegal", "%v", err)
		}
		return
	}
	start := 0
	if len(w.links) > 0 {
		start = w.rng.IntN(len(w.links))
	}
	for k := range w.links {
		l := w.links[(start+k)%len(w.links)]
		if i := l.end(s); i >= 0 && !l.closed[i] && s.hear(l, i) {
			w.sweep()
			return
		}
	}
}

// hear takes one packet or the news of l's end. It reports whether there was something.
func (s *server) hear(l *wire, i int) bool {
	w, peer := s.w, l.ends[1-i]
	gone := l.broken || peer.life != l.life[1-i] || l.closed[1-i] && len(l.queue[i]) == 0
	if gone && (l.broken || len(l.queue[i]) == 0 || w.chance(0.3)) {
		l.closed[i] = true
		w.log("%d: link with %d is down", s.id, peer.id)
		s.core.LinkDown(l.id)
		return true
	}
	if len(l.queue[i]) == 0 || s.deafTo.has(peer.index) || s.installingFrom == l.id {
		return false
	}
	p := l.queue[i][0]
	l.queue[i] = l.queue[i][1:]
	w.log("%d->%d %v", peer.id, s.id, p.m)
	if p.m.Kind == Snap {
		s.incoming = p.body
	}
	if err := s.core.Step(p.m); err != nil {
		w.log("%d: refuses: %v", s.id, err)
		w.check.mayRefuse(err)
		l.closed[i] = true
	}
	if p.m.Kind == Snap {
		s.drain() // a caller looks for Install before it reads on
	}
	return true
}

// sweep forgets links that nobody holds any more.
func (w *world) sweep() {
	n := 0
	for _, l := range w.links {
		if l.holds(0) || l.holds(1) {
			w.links[n] = l
			n++
		}
	}
	clear(w.links[n:])
	w.links = w.links[:n]
}

func (l *wire) holds(i int) bool { return !l.closed[i] && l.ends[i].life == l.life[i] && l.ends[i].up }

// drop closes s's end of a link.
func (w *world) drop(s *server, id LinkID) {
	for _, l := range w.links {
		if i := l.end(s); l.id == id && i >= 0 {
			l.closed[i] = true
		}
	}
}
