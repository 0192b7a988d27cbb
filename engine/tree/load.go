package tree

import (
	"encoding/binary"
	"errors"
	"fmt"

	"bellwether/engine/wire"
)

// Loader makes a Tree of znodes given in any order: with Add, or encoded, as a Snapshot has made them, with Write. It is
// not safe for concurrent use. After an error, or Finish, it is of no more use.
type Loader struct {
	tree    *Tree
	partial []byte // the beginning of what Write has not had the end of
	state   loadState
	count   int64 // znodes Write has seen
}

type loadState uint8

const (
	beforeHeader loadState = iota
	inRecords
	behindTrailer
)

// NewLoader returns a Loader of a tree with these options.
func NewLoader(o Options) *Loader { return &Loader{tree: newBare(o)} }

// Add adds one znode. It keeps no reference to what z refers to. A path "" is that of the root.
func (l *Loader) Add(z *Znode) error {
	if z.Path == "" {
		root := *z
		root.Path = rootPath
		z = &root
	}
	if z.Path != rootPath && !hasParent(z.Path) {
		return fmt.Errorf("tree: load: %q is no path", z.Path)
	}
	s, hash := l.tree.shardOf(z.Path)
	if n, _ := s.find(z.Path, hash); n != nil {
		return fmt.Errorf("tree: load: %q is there twice", z.Path)
	}
	l.tree.insert(s, hash, z)
	return nil
}

// Write takes the next part of an encoded tree, cut anywhere. It is an io.Writer that never writes less than all without
// an error. Bytes behind the end are an error.
func (l *Loader) Write(b []byte) (int, error) {
	in := b
	if len(l.partial) > 0 {
		l.partial = append(l.partial, b...)
		in = l.partial
	}
	rest, err := l.parse(in)
	if err != nil {
		return 0, err
	}
	l.partial = append(l.partial[:0], rest...)
	return len(b), nil
}

// parse takes what is whole from in, and returns the rest.
func (l *Loader) parse(in []byte) ([]byte, error) {
	for len(in) > 0 {
		var size int
		var err error
		switch l.state {
		case beforeHeader:
			size, err = l.parseHeader(in)
		case inRecords:
			size, err = l.parseRecord(in)
		case behindTrailer:
			err = errors.New("tree: snapshot: something stands behind the end")
		}
		if size == 0 || err != nil {
			return in, err
		}
		in = in[size:]
	}
	return in, nil
}

// parseHeader returns its size, 0 if it is not all there.
func (l *Loader) parseHeader(in []byte) (int, error) {
	if len(in) < headerSize {
		return 0, nil
	}
	zxid, err := parseHeader(in)
	if err != nil {
		return 0, err
	}
	l.SetZxid(zxid)
	l.state = inRecords
	return headerSize, nil
}

// parseRecord takes a record or the trailer and returns its size, 0 if it is not all there.
func (l *Loader) parseRecord(in []byte) (int, error) {
	if len(in) < 4 {
		return 0, nil
	}
	size := int(binary.BigEndian.Uint32(in))
	if size == 0 {
		if len(in) < trailerSize {
			return 0, nil
		}
		if n := binary.BigEndian.Uint64(in[4:]); n != uint64(l.count) {
			return 0, fmt.Errorf("tree: snapshot: %d znodes, the end says %d", l.count, n)
		}
		l.state = behindTrailer
		return trailerSize, nil
	}
	if size > maxRecord {
		return 0, errRecord
	}
	if len(in) < 4+size {
		return 0, nil
	}
	var z Znode
	if err := z.decode(in[4 : 4+size]); err != nil {
		return 0, err
	}
	l.count++
	return 4 + size, l.Add(&z)
}

// SetZxid sets the zxid of the tree, which Write takes from the header.
func (l *Loader) SetZxid(zxid int64) { l.tree.SetZxid(zxid) }

// Finish makes every znode known to its parent and returns the tree. It is an error if the end of an encoded tree is
// missing, or the root, or the parent of a znode, which it names. Other built-in znodes that are missing are added.
func (l *Loader) Finish() (*Tree, error) {
	if len(l.partial) > 0 || l.state == inRecords {
		return nil, errors.New("tree: snapshot: the end is missing")
	}
	t := l.tree
	s, hash := t.shardOf(rootPath)
	if root, _ := s.find(rootPath, hash); root == nil {
		return nil, errors.New("tree: load: the root is missing")
	}
	for i := range t.shards {
		err := t.shards[i].each(func(n *node, _ uint32) error {
			if path := n.path(); path != rootPath && !t.linkToParent(path) {
				return fmt.Errorf("tree: load: %q is there but its parent %q is not", path, wire.ParentOf(path))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	t.addBuiltins()
	l.tree = nil
	return t, nil
}
