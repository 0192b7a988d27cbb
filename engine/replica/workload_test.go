package replica

import (
	"fmt"
	"math/rand/v2"

	"bellwether/engine/wire"
)

// workload makes random requests over few paths and few sessions, so that they get into each other's way.
type workload struct {
	rng      *rand.Rand
	cxid     int32
	sessions []int64 // that write; all but the first close, and others take their place
	created  int64   // sessions so far
}

func newWorkload(seed uint64) *workload {
	return &workload{rng: rand.New(rand.NewPCG(seed, 1)), sessions: []int64{alice, bob, stranger, stranger}}
}

func (w *workload) pick(n int) int { return w.rng.IntN(n) }

func (w *workload) chance(percent int) bool { return w.rng.IntN(100) < percent }

// next returns a request.
func (w *workload) next() Request {
	w.cxid++
	n := w.pick(len(w.sessions))
	session := w.sessions[n]
	req := w.change(session)
	switch {
	case w.chance(4) && n > 0:
		w.created++
		w.sessions[n] = stranger + w.created
		req = request(w.sessions[n], 0, wire.OpCreateSession, &wire.CreateSessionTxn{Timeout: int32(4000 + w.pick(4000))})
	case w.chance(3) && n > 0:
		req = request(session, w.cxid, wire.OpCloseSession, nil)
	case w.chance(15):
		req = w.multi(session)
	case w.chance(3):
		req = request(0, 0, wire.OpDeleteContainer, &wire.DeleteContainerRequest{Path: w.path()})
	case w.chance(2):
		req.Body = req.Body[:w.pick(len(req.Body))]
	}
	req.Origin = Origin{Loop: 1, Conn: uint32(w.cxid)}
	req.IDs = []Identity{{"ip", "10.0.0.1"}, {"digest", fmt.Sprintf("u%d:h", session&1)}}
	return req
}

func (w *workload) multi(session int64) Request {
	var body []byte
	for range w.pick(6) {
		sub := w.change(session)
		if w.chance(20) {
			sub = request(session, 0, wire.OpCheck, &wire.CheckVersionRequest{Path: w.path(), Version: w.version()})
		}
		if sub.Op == wire.OpSetACL && w.chance(95) {
			continue
		}
		body = append(wire.AppendMultiOp(body, sub.Op), sub.Body...)
	}
	return Request{Session: session, Cxid: w.cxid, Op: wire.OpMulti, Body: wire.AppendMultiEnd(body)}
}

// change returns a request to change one znode.
func (w *workload) change(session int64) Request {
	var op wire.OpCode
	var record wire.Record
	switch w.pick(10) {
	case 0, 1, 2:
		op = []wire.OpCode{wire.OpCreate, wire.OpCreate2, wire.OpCreate}[w.pick(3)]
		record = w.creation(wire.CreateMode(w.pick(5)))
	case 3:
		op, record = wire.OpCreateContainer, w.creation(wire.Container)
	case 4:
		op = wire.OpCreateTTL
		record = &wire.CreateTTLRequest{CreateRequest: *w.creation(wire.PersistentTTL + wire.CreateMode(w.pick(2))), TTL: int64(w.pick(4))}
	case 5, 6, 7:
		op, record = wire.OpDelete, &wire.DeleteRequest{Path: w.path(), Version: w.version(), NullPath: w.chance(1)}
	case 8:
		op, record = wire.OpSetData, &wire.SetDataRequest{Path: w.path(), Data: w.data(), Version: w.version()}
	case 9:
		op, record = wire.OpSetACL, &wire.SetACLRequest{Path: w.path(), ACL: w.acl(), Version: w.version()}
	}
	return request(session, w.cxid, op, record)
}

func (w *workload) creation(mode wire.CreateMode) *wire.CreateRequest {
	q := &wire.CreateRequest{Path: w.path(), Data: w.data(), ACL: w.acl(), Mode: mode, NullPath: w.chance(1)}
	if mode.IsSequential() && w.chance(50) {
		q.Path += "/"
	}
	return q
}

func (w *workload) path() string {
	if w.chance(3) {
		return []string{"/", "/zookeeper", "", "a", "/a/", "/a//b", "/zookeeper/quota", "/a/.", "/zookeeper/config"}[w.pick(9)]
	}
	path := ""
	for range 1 + w.pick(3) {
		path += "/" + []string{"a", "b", "n0000000001", "n"}[w.pick(4)]
	}
	return path
}

func (w *workload) version() int32 {
	if w.chance(60) {
		return wire.AnyVersion
	}
	return int32(w.pick(5)) - 2
}

func (w *workload) data() []byte {
	switch w.pick(4) {
	case 0:
		return nil
	case 1:
		return []byte{}
	}
	return fmt.Appendf(nil, "%d", w.cxid)
}

func (w *workload) acl() []wire.ACL {
	if w.chance(85) {
		return wire.OpenACL
	}
	perms := int32(w.pick(32))
	switch w.pick(5) {
	case 0:
		return []wire.ACL{entry(perms, "digest", "u1:h"), nullEntry(wire.PermAll, "auth")}
	case 1:
		return []wire.ACL{entry(perms|wire.PermDelete|wire.PermCreate, "world", "anyone")}
	case 2:
		return []wire.ACL{entry(wire.PermAll, "auth", ""), entry(wire.PermAll, "ip", "10.0.0.0/8")}
	case 3:
		return nil
	}
	return []wire.ACL{nullEntry(perms, "digest")}
}
