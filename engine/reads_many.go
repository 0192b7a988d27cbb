package engine

import (
	"encoding/binary"
	"strings"

	"bellwether/engine/replica"
	"bellwether/engine/wire"
)

// multiRead answers several reads from one state of the tree: all shards concerned are held still together. Each read fails
// by itself. A request that cannot be decoded, or holds something else than reads, is refused as a whole.
func (r *reader) multiRead(dst []byte, who *asker, xid int32, in wire.Reader) []byte {
	mask, ok := r.surveyMultiRead(in)
	if !ok {
		return r.reply(dst, xid, wire.MarshallingError)
	}
	start := len(dst)
	views := r.engine.tree.ViewAll(mask)
	dst = r.begin(dst, xid)
	m := wire.NewMultiReader(in)
	for op, done, _ := m.Next(); !done; op, done, _ = m.Next() {
		_ = r.watch.Decode(&m.Reader) // it decoded before
		v := views.View(r.watch.Path)
		if code := r.mayRead(&v, who); code != wire.OK {
			dst = wire.AppendMultiError(dst, code)
			continue
		}
		dst = wire.AppendMultiResult(dst, op)
		if op == wire.OpGetChildren {
			dst = v.AppendChildren(dst)
			continue
		}
		v.Stat(&r.stat)
		dst = wire.AppendStat(wire.AppendBuffer(dst, v.Data()), &r.stat)
	}
	dst = wire.AppendMultiEnd(dst)
	r.note()
	views.Close()
	wire.EndFrame(dst, start)
	return dst
}

// surveyMultiRead finds the shards of all paths of a multiRead; ok says that every part decodes and is a read.
func (r *reader) surveyMultiRead(in wire.Reader) (mask uint64, ok bool) {
	m := wire.NewMultiReader(in)
	for {
		op, done, err := m.Next()
		if done || err != nil {
			return mask, err == nil
		}
		if !op.InMultiRead() || r.watch.Decode(&m.Reader) != nil || r.watch.NullPath {
			return 0, false
		}
		mask |= r.engine.tree.ShardMask(r.watch.Path)
	}
}

func (r *reader) getAllChildrenNumber(dst []byte, who *asker, xid int32, in *wire.Reader) []byte {
	q := &r.path
	if q.Decode(in) != nil || q.NullPath {
		return r.reply(dst, xid, wire.MarshallingError)
	}
	v := r.engine.tree.View(q.Path)
	if code := r.mayRead(&v, who); code != wire.OK {
		return r.refuse(dst, xid, code, &v)
	}
	v.Close()
	start := len(dst)
	dst = r.begin(dst, xid)
	n, _ := r.engine.tree.CountDescendants(q.Path)
	return r.end(wire.AppendInt(dst, n), start)
}

func (r *reader) getEphemerals(dst []byte, who *asker, xid int32, in *wire.Reader) []byte {
	q := &r.path
	if q.Decode(in) != nil {
		return r.reply(dst, xid, wire.MarshallingError)
	}
	start := len(dst)
	dst = r.begin(dst, xid)
	r.paths = r.engine.tree.Ephemerals(r.paths[:0], who.session)
	return r.end(appendWithPrefix(dst, r.paths, q.Path), start)
}

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

// whoAmI lists the connection's identities; the user of a digest is what stands before its colon.
func (r *reader) whoAmI(dst []byte, who *asker, xid int32) []byte {
	start := len(dst)
	dst = wire.AppendInt(r.begin(dst, xid), int32(len(who.ids)))
	for _, id := range who.ids {
		dst = wire.AppendString(wire.AppendString(dst, id.Scheme), userOf(id))
	}
	return r.end(dst, start)
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
