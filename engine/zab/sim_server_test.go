package zab

import "fmt"

// server is one member of a world: the caller's side of a core, with a disk and a state machine that is the list of what was
// applied.
type server struct {
	w        *world
	index    int
	id       ServerID
	observer bool
	cfg      Config
	deafTo   voterSet // what these send does not arrive
	quirks   bug      // what members of the Java kind do differently
	slowDisk float64  // chance that the disk does nothing when it could

	up    bool
	life  int // counts restarts
	core  *Core
	disk  disk
	state []Entry // applied
	votes []Message

	tasks          []task
	incoming       []Entry // the snapshot behind the last Snap that came
	outgoing       []Entry // the snapshot to go behind the next Snap
	installingFrom LinkID
	restored       Zxid // what the last snapshot that was received called itself
	writes         int
}

// task is something that the core ordered and that takes a while.
type task struct {
	kind  string
	peer  ServerID
	link  LinkID
	read  LogOrder
	piece []Entry
}

// disk holds what a crash leaves: epochs, a snapshot and the log behind it, kept as one list of which the first part is only in
// the snapshot. What was asked for and not finished may or may not survive.
type disk struct {
	epochs   Epochs
	all      []Entry
	snapshot int  // all[:snapshot] is in the snapshot
	logStart int  // all[logStart:] is in the log; <= snapshot, but nothing before a snapshot that was received
	stamp    Zxid // the zxid of the last snapshot that was received; may be the beginning of an epoch
	queue    []diskOp
}

// end is what the log says of itself after a restart.
func (d *disk) end() Zxid { return max(lastZxid(d.all), d.stamp) }

// floor is the zxid of the snapshot.
func (d *disk) floor() Zxid {
	z := lastZxid(d.all[:d.snapshot])
	if d.stamp > z && d.snapshot <= d.logStart {
		return d.stamp
	}
	return z
}

// diskOp is one thing for the disk to do; exactly one field is set.
type diskOp struct {
	entries  []Entry
	epochs   Epochs
	truncate bool
	after    Zxid
	install  bool
	body     []Entry
	torn     bool // install: the body never arrived whole
}

func (op diskOp) String() string {
	switch {
	case op.truncate:
		return "log cut after " + op.after.String()
	case op.install && op.torn:
		return "snapshot torn"
	case op.install:
		return "snapshot at " + op.after.String()
	case len(op.entries) > 0:
		return "log " + span(op.entries)
	}
	return fmt.Sprintf("epochs %d/%d", op.epochs.Accepted, op.epochs.Current)
}

func (s *server) start() {
	w := s.w
	d := Durable{Epochs: s.disk.epochs, LastZxid: s.disk.end(), SnapshotZxid: s.disk.floor()}
	if n := len(s.disk.all) - s.disk.logStart; n > 0 && lastZxid(s.disk.all) == d.LastZxid && w.chance(0.5) {
		d.Recent = s.disk.all[len(s.disk.all)-1-w.rng.IntN(n):]
	}
	c, err := New(s.cfg, d)
	if err != nil {
		w.fail("Restart", "server %d: %v", s.id, err)
	}
	c.bug = w.bug | s.quirks
	s.core, s.up = c, true
	s.state, s.restored = s.disk.all[:len(s.disk.all):len(s.disk.all)], s.disk.stamp
	w.log("%d: starts with epochs %d/%d, log to %v", s.id, d.Accepted, d.Current, d.LastZxid)
	for _, o := range w.servers {
		if o != s && o.up {
			o.core.VoterReachable(s.id, true)
		}
		if o != s && !o.up && (w.scripted || w.chance(0.5)) {
			c.VoterReachable(o.id, false)
		}
	}
	s.drain()
}

// crash stops the server. Of what the disk had not finished, a prefix may have been done all the same.
func (s *server) crash() {
	w := s.w
	for len(s.disk.queue) > 0 && w.chance(0.5) {
		op := s.disk.queue[0]
		if len(op.entries) > 1 && w.chance(0.5) {
			op.entries = op.entries[:1+w.rng.IntN(len(op.entries)-1)] // torn
			s.disk.do(s, op)
			break
		}
		s.disk.do(s, op)
		s.disk.queue = s.disk.queue[1:]
	}
	s.up, s.life = false, s.life+1
	s.disk.queue, s.tasks, s.votes, s.installingFrom, s.incoming = nil, nil, nil, 0, nil
	w.log("%d: crashes, its log ends at %v", s.id, s.disk.end())
	for _, o := range w.servers {
		if o != s && o.up && (w.scripted || w.chance(0.8)) {
			o.core.VoterReachable(s.id, false)
		}
	}
	w.check.survived(s)
}

func lastZxid(e []Entry) Zxid {
	if len(e) == 0 {
		return 0
	}
	return e[len(e)-1].Zxid
}

// upTo returns how many of e are not above z.
func upTo(e []Entry, z Zxid) int {
	n := len(e)
	for n > 0 && e[n-1].Zxid > z {
		n--
	}
	return n
}

// zxid is where the state machine stands, as a snapshot of it would say.
func (s *server) zxid() Zxid { return max(lastZxid(s.state), s.restored) }

// drain does what the core asks for.
func (s *server) drain() {
	w := s.w
	rd := s.core.Ready()
	if rd.StateChanged {
		w.log("%d: %v", s.id, rd.State)
	}
	if rd.Truncate {
		s.disk.queue = append(s.disk.queue, diskOp{truncate: true, after: rd.TruncateAfter})
		if n := upTo(s.state, rd.TruncateAfter); n < len(s.state) {
			s.state = s.state[:n:n]
		}
		s.restored = min(s.restored, rd.TruncateAfter)
	}
	if rd.Install.Link != 0 {
		s.disk.queue = append(s.disk.queue, diskOp{install: true, after: rd.Install.Zxid, body: s.incoming, torn: !w.calm && w.chance(0.3)})
		s.installingFrom, s.incoming = rd.Install.Link, nil
	}
	if len(rd.Entries) > 0 {
		s.disk.queue = append(s.disk.queue, diskOp{entries: rd.Entries})
	}
	if rd.Epochs != (Epochs{}) {
		s.disk.queue = append(s.disk.queue, diskOp{epochs: rd.Epochs})
	}
	if rd.Dial != 0 {
		s.tasks = append(s.tasks, task{kind: "dial", peer: rd.Dial})
	}
	for _, m := range rd.Messages {
		var body []Entry
		if m.Kind == Snap {
			body = s.outgoing
		}
		w.check.sent(s, m)
		w.send(s, m, body)
	}
	for _, d := range rd.Drops {
		w.log("%d: closes its link with %d: %s", s.id, d.Peer, d.Reason)
		w.drop(s, d.Link)
	}
	for _, o := range rd.SendSnap {
		s.tasks = append(s.tasks, task{kind: "snapshot", link: o.Link, peer: o.Peer, read: LogOrder{From: o.Zxid}})
	}
	for _, o := range rd.Reads {
		s.tasks = append(s.tasks, task{kind: "read", link: o.Link, read: o})
	}
	if rd.PingDue {
		s.core.Pong(nil)
	}
	s.apply(rd.Committed)
	for _, a := range rd.Apps {
		w.check.appArrived(s, a)
	}
	w.check.stateOf(s)
}

// apply brings committed entries into the state machine.
func (s *server) apply(committed []Entry) {
	for _, e := range committed {
		s.w.check.delivered(s, e)
		s.state = append(s.state, e)
	}
	if len(committed) > 0 {
		s.w.log("%d: applies %s", s.id, span(committed))
	}
}

// doTask finishes one of the things that take a while.
func (s *server) doTask() {
	w := s.w
	i := w.rng.IntN(len(s.tasks))
	t := s.tasks[i]
	s.tasks = append(s.tasks[:i], s.tasks[i+1:]...)
	s.finish(t)
}

// finish does what a task was about.
func (s *server) finish(t task) {
	w := s.w
	switch t.kind {
	case "dial":
		w.dial(s, w.byID(t.peer))
	case "snapshot":
		s.outgoing = s.state[:len(s.state):len(s.state)]
		if s.zxid() < t.read.From {
			s.tasks = append(s.tasks, t) // not applied so far yet
			s.drain()
			return
		}
		s.core.SnapshotTaken(t.link, s.zxid())
		s.drain()
		s.tasks = append(s.tasks, task{kind: "sent", link: t.link})
	case "sent":
		s.core.SnapshotSent(t.link)
	case "read":
		s.readLog(t)
	case "piece":
		s.readPiece(t)
	}
}

// readLog answers a log order, at once or in pieces.
func (s *server) readLog(t task) {
	d := &s.disk
	from := upTo(d.all, t.read.From-1)
	to := upTo(d.all, t.read.To)
	from = max(from, d.logStart)
	if from >= to || d.all[from].Zxid > t.read.From+1 && d.all[from].Zxid.Epoch() == t.read.From.Epoch() || !s.w.calm && s.w.chance(0.1) {
		s.w.log("%d: has no log from %v", s.id, t.read.From)
		s.core.LogRead(t.link, nil, true)
		return
	}
	t.kind, t.piece = "piece", d.all[from:to:to]
	s.readPiece(t)
}

func (s *server) readPiece(t task) {
	n := len(t.piece)
	if !s.w.scripted {
		n = 1 + s.w.rng.IntN(n)
	}
	s.core.LogRead(t.link, t.piece[:n:n], n == len(t.piece))
	if t.piece = t.piece[n:]; len(t.piece) > 0 {
		s.tasks = append(s.tasks, t)
	}
}

// finishOne completes the oldest thing on the disk's list and tells the core.
func (d *disk) finishOne(s *server) {
	if len(d.queue) == 0 || !s.w.calm && s.slowDisk > 0 && s.w.chance(s.slowDisk) {
		return
	}
	op := d.queue[0]
	d.queue = d.queue[1:]
	d.do(s, op)
	switch {
	case op.truncate:
		s.core.Truncated(d.end())
	case op.install:
		s.installingFrom = 0
		if op.torn {
			s.core.RestoreFailed()
			break
		}
		s.state = op.body[:len(op.body):len(op.body)]
		s.restored = op.after
		s.core.Restored(op.after)
	case len(op.entries) > 0:
		s.core.Persisted(lastZxid(op.entries))
		s.strayAck(lastZxid(op.entries))
	default:
		s.core.EpochsPersisted(op.epochs)
	}
}

// strayAck: some learners of the Java kind acknowledge proposals before they acknowledge NEWLEADER. A leader must bear it.
func (s *server) strayAck(z Zxid) {
	f := &s.core.follow
	if s.cfg.PlainLinks && f.stage == settling && !s.w.scripted && s.w.chance(0.5) {
		s.w.send(s, Message{Kind: Ack, From: s.id, To: s.core.Leader(), Link: f.link, First: z, Zxid: z}, nil)
	}
}

// do changes what is on the disk.
func (d *disk) do(s *server, op diskOp) {
	switch {
	case op.truncate:
		n := upTo(d.all, op.after)
		if op.after < d.floor() {
			s.w.fail("TruncBelowSnapshot", "server %d: to %v, snapshot at %v", s.id, op.after, d.floor())
		}
		d.all = d.all[:n:n]
		d.stamp = min(d.stamp, op.after)
	case op.install:
		if !op.torn {
			d.all, d.snapshot, d.logStart, d.stamp = op.body[:len(op.body):len(op.body)], len(op.body), len(op.body), op.after
		}
	case len(op.entries) > 0:
		d.all = append(d.all, op.entries...)
	default:
		d.epochs = op.epochs
	}
	s.w.log("%d: disk: %v", s.id, op)
	s.w.check.survived(s)
}

// takeSnapshot lets the caller snapshot what is committed and on its disk, and purge the log before it.
func (s *server) takeSnapshot() {
	if s.core.Phase() != Broadcast || s.core.truncating || s.core.installing || len(s.disk.queue) > 0 {
		return
	}
	n := min(upTo(s.state, min(s.core.CommittedZxid(), lastZxid(s.disk.all))), len(s.disk.all))
	if n > s.disk.snapshot {
		s.disk.snapshot = n
		start := n
		if !s.w.scripted {
			start = s.w.rng.IntN(n + 1)
		}
		s.disk.logStart = max(s.disk.logStart, start)
		s.w.log("%d: snapshot at %v", s.id, lastZxid(s.disk.all[:n]))
	}
}

func (s *server) handOver() {
	to := ServerID(0)
	if s.w.chance(0.5) {
		to = s.w.servers[s.w.rng.IntN(len(s.w.servers))].id
	}
	err := s.core.HandOver(to)
	s.w.log("%d: is to hand over to %d: %v", s.id, to, err)
}

// clientWrites proposes a few things if s can.
func (s *server) clientWrites() {
	for range 1 + s.w.rng.IntN(3) {
		s.propose()
	}
}

func (s *server) propose() (Zxid, error) {
	s.writes++
	data := fmt.Appendf(nil, "%d.%d.%d", s.id, s.life, s.writes)
	next := s.core.NextZxid()
	z, err := s.core.Propose(data)
	if err != nil {
		return 0, err
	}
	if z != next {
		s.w.fail("NextZxid", "said %v, was %v", next, z)
	}
	s.w.log("%d: proposes %v", s.id, z)
	s.w.check.proposed(s, Entry{z, data})
	return z, nil
}

// appSpeaks sends a packet that must keep its place among the commits.
func (s *server) appSpeaks() {
	c := s.core
	peer, kind := c.Leader(), int32(fromLearner)
	if c.Role() == Leading && len(c.learners) > 0 {
		kind = fromLeader
		peer = c.learners[s.w.rng.IntN(len(c.learners))].peer
	}
	if peer != 0 && peer != s.id {
		s.w.check.appSent(s, peer, c.SendApp(peer, AppPacket{Type: kind, Zxid: c.CommittedZxid(), Data: s.w.check.nextApp(s, peer)}) == nil)
	}
}
