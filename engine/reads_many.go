package engine

import (
	"encoding/binary"
	"strings"

	"bellwether/engine/replica"
	"bellwether/engine/wire"
)

// appendWithPrefix appends those of paths that begin with prefix (a plain string prefix; blank or / stands for all) as a
// vector.
func appendWithPrefix(dst []byte, paths []string, prefix string) []byte {
	if p := strings.TrimSpace(prefix); p == "" || p == "/" {
		prefix = ""
	}
	count, at := 0, len(dst)
	dst = wire.AppendInt(dst, 0)
	for _, path := range paths {
		if strings.HasPrefix(path, prefix) {
			dst = wire.AppendString(dst, path)
			count++
		}
	}
	binary.BigEndian.PutUint32(dst[at:], uint32(count))
	return dst
}

// multiRead answers several reads from one state of the tree: all shards concerned are held still together. Each read fails
// by itself. A request that cannot be decoded, or holds something else than reads, is refused as a whole.
func (c *Conn) multiRead(xid int32, r wire.Reader) {
	t := c.loop.engine.tree
	mask, ok := c.surveyMultiRead(r)
	if !ok {
		c.reply(xid, wire.MarshallingError)
		return
	}
	start := len(c.out)
	views := t.ViewAll(mask)
	c.out = wire.AppendReplyHeader(wire.BeginFrame(c.out), xid, t.Zxid(), wire.OK)
	m := wire.NewMultiReader(r)
	q, st := &c.loop.in.watch, &c.loop.in.stat
	for op, done, _ := m.Next(); !done; op, done, _ = m.Next() {
		_ = q.Decode(&m.Reader) // it decoded before
		v := views.View(q.Path)
		if code := c.mayRead(&v); code != wire.OK {
			c.out = wire.AppendMultiError(c.out, code)
			continue
		}
		c.out = wire.AppendMultiResult(c.out, op)
		if op == wire.OpGetChildren {
			c.out = v.AppendChildren(c.out)
			continue
		}
		v.Stat(st)
		c.out = wire.AppendStat(wire.AppendBuffer(c.out, v.Data()), st)
	}
	c.out = wire.AppendMultiEnd(c.out)
	seq := c.loop.box.pushed.Load()
	views.Close()
	wire.EndFrame(c.out, start)
	c.settle(start, seq)
}

// surveyMultiRead finds the shards of all paths of a multiRead; ok says that every part decodes and is a read.
func (c *Conn) surveyMultiRead(r wire.Reader) (mask uint64, ok bool) {
	m := wire.NewMultiReader(r)
	q := &c.loop.in.watch
	for {
		op, done, err := m.Next()
		if done || err != nil {
			return mask, err == nil
		}
		if !op.InMultiRead() || q.Decode(&m.Reader) != nil || q.NullPath {
			return 0, false
		}
		mask |= c.loop.engine.tree.ShardMask(q.Path)
	}
}

// whoAmI lists the connection's identities; the user of a digest is what stands before its colon.
func (c *Conn) whoAmI(xid int32) {
	start := c.begin(xid)
	c.out = wire.AppendInt(c.out, int32(len(c.ids)))
	for _, id := range c.ids {
		c.out = wire.AppendString(c.out, id.Scheme)
		c.out = wire.AppendString(c.out, userOf(id))
	}
	c.end(start)
}

func userOf(id replica.Identity) string {
	switch id.Scheme {
	case "digest":
		user, _, _ := strings.Cut(id.ID, ":")
		return user
	case "super":
		return ""
	}
	return id.ID
}
