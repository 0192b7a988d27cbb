package sim

import (
	"fmt"
	"math/rand/v2"

	"bellwether/engine/replica"
	"bellwether/engine/wire"
)

// generator makes random requests over few paths, so that clients get into each other's way, and some that nobody should
// send.
//
//	/r0 … /r3             registers: persistent, without children; their histories are checked for linearizability
//	/a /b /n and below    everything else
type generator struct {
	rng *rand.Rand
	n   int // so many values were made: all are different
}

const registers = 4

func register(i int) string { return fmt.Sprintf("/r%d", i) }

func (g *generator) pick(n int) int          { return g.rng.IntN(n) }
func (g *generator) chance(percent int) bool { return g.rng.IntN(100) < percent }

// identities are what a client's connections have proved.
func identities(client int) []replica.Identity {
	ids := []replica.Identity{{Scheme: "ip", ID: fmt.Sprintf("10.0.0.%d", client)}}
	if client%2 == 0 {
		ids = append(ids, replica.Identity{Scheme: "digest", ID: fmt.Sprintf("u%d:h", client)})
	}
	return ids
}

// request is an operation and its record.
type request struct {
	op   wire.OpCode
	body []byte
}

// write returns any write but createSession and closeSession.
func (g *generator) write() request {
	switch {
	case g.chance(15):
		return g.multi()
	case g.chance(1):
		return request{wire.OpReconfig, (&wire.ReconfigRequest{}).Append(nil)}
	case g.chance(2):
		r := g.change()
		r.body = r.body[:g.pick(len(r.body)+1)]
		return r
	}
	return g.change()
}

func (g *generator) multi() request {
	var body []byte
	for range g.pick(6) {
		sub := g.change()
		if g.chance(20) {
			sub = request{wire.OpCheck, (&wire.CheckVersionRequest{Path: g.path(), Version: g.version(), NullPath: g.chance(1)}).Append(nil)}
		}
		if sub.op == wire.OpSetACL && g.chance(95) {
			continue // one of these, and the whole multi is refused
		}
		body = append(wire.AppendMultiOp(body, sub.op), sub.body...)
	}
	return request{wire.OpMulti, wire.AppendMultiEnd(body)}
}

// change returns an operation on one znode.
func (g *generator) change() request {
	switch g.pick(10) {
	case 0, 1, 2:
		op := []wire.OpCode{wire.OpCreate, wire.OpCreate2}[g.pick(2)]
		return request{op, g.creation(wire.CreateMode(g.pick(5))).Append(nil)}
	case 3:
		return request{wire.OpCreateContainer, g.creation(wire.Container).Append(nil)}
	case 4:
		c := g.creation(wire.PersistentTTL + wire.CreateMode(g.pick(2)))
		return request{wire.OpCreateTTL, (&wire.CreateTTLRequest{CreateRequest: *c, TTL: int64(g.pick(4))}).Append(nil)}
	case 5, 6, 7:
		return request{wire.OpDelete, (&wire.DeleteRequest{Path: g.path(), Version: g.version(), NullPath: g.chance(1)}).Append(nil)}
	case 8:
		return request{wire.OpSetData, (&wire.SetDataRequest{Path: g.path(), Data: g.data(), Version: g.version(), NullPath: g.chance(1)}).Append(nil)}
	}
	return request{wire.OpSetACL, (&wire.SetACLRequest{Path: g.path(), ACL: g.acl(), Version: g.version()}).Append(nil)}
}

func (g *generator) creation(mode wire.CreateMode) *wire.CreateRequest {
	c := &wire.CreateRequest{Path: g.path(), Data: g.data(), ACL: g.acl(), Mode: mode, NullPath: g.chance(1)}
	if mode.IsSequential() && g.chance(50) {
		c.Path += "/"
	}
	if g.chance(1) {
		c.Mode = wire.CreateMode(g.pick(10) - 2)
	}
	return c
}

var oddPaths = []string{"/", "/zookeeper", "", "a", "/a/", "/a//b", "/zookeeper/quota", "/a/.", "/zookeeper/config", "/a\x00", "x/y"}

func (g *generator) path() string {
	if g.chance(3) {
		return oddPaths[g.pick(len(oddPaths))]
	}
	path := ""
	for range 1 + g.pick(3) {
		path += "/" + []string{"a", "b", "n0000000001", "n"}[g.pick(4)]
	}
	return path
}

func (g *generator) version() int32 {
	if g.chance(60) {
		return wire.AnyVersion
	}
	return int32(g.pick(5)) - 2
}

func (g *generator) data() []byte {
	switch g.pick(6) {
	case 0:
		return nil
	case 1:
		return []byte{}
	case 2:
		return make([]byte, g.pick(2000))
	}
	return g.value()
}

// value returns data that nobody else writes.
func (g *generator) value() []byte {
	g.n++
	return fmt.Appendf(nil, "v%d", g.n)
}

func (g *generator) acl() []wire.ACL {
	if g.chance(85) {
		return wire.OpenACL
	}
	perms := int32(g.pick(32))
	world := wire.ACL{Perms: perms | wire.PermDelete | wire.PermCreate, Scheme: "world", ID: "anyone"}
	switch g.pick(6) {
	case 0:
		return []wire.ACL{{Perms: perms, Scheme: "digest", ID: "u2:h"}, {Perms: wire.PermAll, Scheme: "auth", NullID: true}, world}
	case 1:
		return []wire.ACL{world, world}
	case 2:
		return []wire.ACL{{Perms: wire.PermAll, Scheme: "auth"}, {Perms: wire.PermAll, Scheme: "ip", ID: "10.0.0.2/31"}}
	case 3:
		return nil
	case 4:
		return []wire.ACL{world, {Perms: perms, Scheme: "nobody", ID: "x"}}
	}
	return []wire.ACL{{Perms: perms, Scheme: "digest", NullID: true}}
}

// read returns a read of one znode.
func (g *generator) read(path string) request {
	switch g.pick(5) {
	case 0:
		return request{wire.OpExists, (&wire.PathWatch{Path: path}).Append(nil)}
	case 1:
		return request{wire.OpGetChildren2, (&wire.PathWatch{Path: path}).Append(nil)}
	case 2:
		return request{wire.OpSync, wire.AppendString(nil, path)}
	}
	return request{wire.OpGetData, (&wire.PathWatch{Path: path}).Append(nil)}
}
