package replica

import (
	"math"

	"bellwether/engine/session"
	"bellwether/engine/tree"
	"bellwether/engine/wire"
	"bellwether/engine/zab"
)

// Pseudo-operations: requests of the server to itself that keep their place among the writes, become no transaction
// and are never on the wire.
const (
	OpResume  wire.OpCode = math.MinInt32 + iota // does the session still live? If so it is heard of now
	OpBarrier                                    // answered once everything submitted before it is applied
)

// Moment is a time on two clocks: what transactions carry, and what sessions are measured by, which never jumps.
type Moment struct {
	WallMs int64 // since 1970
	MonoMs int64 // since any fixed time
}

// Options are the choices that prepare must know. The same on every server of an ensemble.
type Options struct {
	ExtendedTypes bool // createTTL is allowed (extendedTypesEnabled)
	SkipACL       bool // nobody is asked for permission (skipACL)
}

// Replica is the mind of one server: it turns requests into transactions, has zab order them, and says what is to be
// logged, sent, applied and answered. It is pure: time comes in as an argument, and whatever is to be done comes out
// of Ready. Not safe for concurrent use.
type Replica struct {
	zab      *zab.Core
	sessions *session.Tracker
	prepare  preparer
	heard    func(session int64) (ms int64)

	last    int64  // zxid of the last transaction proposed or, at start, logged
	arena   []byte // where transactions are written; full ones are left to the garbage collector
	awaited []Awaited
	handed  []Awaited // what the last Ready held; its memory is used again after the next one
	expired []int64   // closing, and their closeSession is not proposed yet

	// Connections of which a request was given up with ConnectionLoss, until they are closed. Nothing that stands behind
	// that request may be executed: what a client's requests have done is always those before some point.
	severed map[Origin]struct{}
}

// New returns the replica that drives core. The tree must hold everything up to lastZxid and tracker every session of
// the session table. heard says when, in ms of the clock that never jumps, a session was last heard of by an event loop of
// this server (0: never); it is asked only about sessions that would otherwise expire.
func New(core *zab.Core, t *tree.Tree, tracker *session.Tracker, lastZxid int64, heard func(int64) int64, o Options) *Replica {
	return &Replica{
		zab: core, sessions: tracker, heard: heard, last: lastZxid,
		prepare: newPreparer(t, tracker, o), severed: make(map[Origin]struct{}),
	}
}

// Serving reports whether this server may propose: it leads, and a quorum follows it.
func (r *Replica) Serving() bool {
	return r.zab.Role() == zab.Leading && r.zab.Phase() == zab.Broadcast
}

// Submit prepares and proposes reqs, in order. Every request is answered exactly once, by an Awaited value of a later
// Ready. It keeps the requests' bodies and ids. Whoever gets ConnectionLoss closes the connection; all that comes from it
// until then gets the same. A closed connection sends OpBarrier last.
func (r *Replica) Submit(now Moment, reqs []Request) {
	if len(r.expired) > 0 && r.Serving() {
		r.closeExpired(now) // they are refused already, so their closeSession comes first
	}
	for i := range reqs {
		r.submit(now, &reqs[i])
	}
}

func (r *Replica) submit(now Moment, req *Request) {
	switch {
	case req.Op == OpBarrier:
		delete(r.severed, req.Origin)
		r.await(req, wire.OK)
	case !r.Serving(), len(r.expired) > 0, r.isSevered(req.Origin): // expired: zab has just refused to close them
		r.await(req, wire.ConnectionLoss)
	case req.Op.FromClient() && !req.Op.IsWrite():
		r.await(req, wire.OK) // a read in its place
	case req.Op == OpResume:
		r.await(req, r.resume(now, req))
	default:
		if code := r.propose(now, req); code != wire.OK {
			r.await(req, code)
		}
	}
}

func (r *Replica) isSevered(o Origin) bool {
	if len(r.severed) == 0 {
		return false
	}
	_, severed := r.severed[o]
	return severed
}

// resume hears of a session again. Its timeout is the one negotiated now.
func (r *Replica) resume(now Moment, req *Request) wire.Code {
	body := wire.NewReader(req.Body)
	timeout := body.Int()
	if !r.sessions.SetTimeout(req.Session, timeout, now.MonoMs) {
		return wire.SessionExpired
	}
	return wire.OK
}

// await answers a request that became no transaction once everything before it is applied.
func (r *Replica) await(req *Request, code wire.Code) {
	if req.Origin.None() {
		return
	}
	if code == wire.ConnectionLoss {
		r.severed[req.Origin] = struct{}{}
	}
	r.awaited = append(r.awaited, Awaited{Origin: req.Origin, Session: req.Session, Cxid: req.Cxid, Op: req.Op,
		Received: req.Received, Held: req.Held, Barrier: true, Code: code, After: r.last, Body: req.Body, IDs: req.IDs})
}

// arenaSize is how many bytes of transactions share one allocation.
const arenaSize = 64 << 10

// propose makes the transaction of req and proposes it. Any other answer than OK says that there is none: the record
// cannot be decoded, or zab takes nothing now.
func (r *Replica) propose(now Moment, req *Request) wire.Code {
	if need := 2*len(req.Body) + 512; cap(r.arena)-len(r.arena) < need {
		r.arena = make([]byte, 0, max(arenaSize, need))
	}
	zxid := int64(r.zab.NextZxid())
	start := len(r.arena)
	txn, ok := r.prepare.prepare(r.arena, req, zxid, now.WallMs)
	if !ok {
		return wire.MarshallingError
	}
	if _, err := r.zab.Propose(txn[start:len(txn):len(txn)]); err != nil {
		// Serving was asked before, so leadership is being handed over, or the epoch rolled: the client tries again.
		r.prepare.pending.rollback()
		return wire.ConnectionLoss
	}
	r.arena, r.last = txn, zxid
	switch req.Op {
	case wire.OpCreateSession:
		r.trackNew(now, req)
	case wire.OpCloseSession: // whatever comes behind it in the order is refused
		r.sessions.SetClosing(req.Session)
	}
	if !req.Origin.None() {
		r.awaited = append(r.awaited, Awaited{Origin: req.Origin, Session: req.Session, Cxid: req.Cxid, Op: req.Op,
			Received: req.Received, Held: req.Held, Zxid: zxid})
	}
	return wire.OK
}

// trackNew makes requests of a session that was only just proposed find it alive.
func (r *Replica) trackNew(now Moment, req *Request) {
	body := wire.NewReader(req.Body)
	r.sessions.Add(req.Session, body.Int(), now.MonoMs)
}

// Tick is to be called once a zab tick. It lets zab's time pass and closes the sessions whose time is over.
func (r *Replica) Tick(now Moment) {
	r.zab.Tick()
	if !r.Serving() {
		return
	}
	r.expired = r.sessions.Expire(now.MonoMs, r.heard, r.expired)
	r.closeExpired(now)
}

// closeExpired proposes to close the sessions whose time is over. Those that zab refuses, because leadership is being
// handed over, come again: the tracker will not name them a second time.
func (r *Replica) closeExpired(now Moment) {
	refused := r.expired[:0]
	for _, id := range r.expired {
		if r.sessions.Known(id) && r.propose(now, &Request{Session: id, Op: wire.OpCloseSession}) != wire.OK {
			refused = append(refused, id)
		}
	}
	r.expired = refused
}

// Step hands a peer's message to zab. An error says that the message was impossible: drop the link it came by.
func (r *Replica) Step(m zab.Message) error { return r.zab.Step(m) }

// Persisted says that everything Ready gave to log up to zxid is durable.
func (r *Replica) Persisted(zxid zab.Zxid) { r.zab.Persisted(zxid) }

// EpochsPersisted says that the epochs Ready gave to write are durable.
func (r *Replica) EpochsPersisted(e zab.Epochs) { r.zab.EpochsPersisted(e) }

// Applied says that everything up to zxid is applied to the tree, closed being the sessions that this has closed.
func (r *Replica) Applied(zxid int64, closed []int64) {
	r.prepare.pending.release(zxid)
	for _, id := range closed {
		r.sessions.Remove(id)
	}
}

// Ready is what is to be done now. Its slices are valid until the next call of Ready.
type Ready struct {
	zab.Ready
	Awaited []Awaited // in the order of their transactions; to be handed over no later than Committed
}

// Ready returns what has become due since the last call.
func (r *Replica) Ready() Ready {
	rd := Ready{Ready: r.zab.Ready(), Awaited: r.awaited}
	clear(r.handed)
	r.awaited, r.handed = r.handed[:0], r.awaited
	return rd
}
