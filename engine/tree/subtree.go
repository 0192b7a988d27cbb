package tree

import (
	"encoding/binary"
	"strings"
)

// Walk calls visit for the znode at path and everything below it, parents first and children in byte order. The View is
// valid during the call only, and visit must not open another; if it returns false what is below is left out. No lock is
// held from one znode to the next, so while the writer works it does not show one state: a znode that comes or goes meanwhile
// may be shown or not. Any goroutine may call it that has no View open and no shard locked.
func (t *Tree) Walk(path string, visit func(path string, v *View) bool) {
	if path == "" {
		path = rootPath
	}
	for todo := []string{path}; len(todo) > 0; {
		path, todo = todo[len(todo)-1], todo[:len(todo)-1]
		v := t.View(path)
		if v.Exists() && visit(path, &v) {
			todo = v.pushChildren(todo, path)
		}
		v.Close()
	}
}

// CountDescendants returns how many znodes there are below path, itself not counted, and whether it exists. Like Walk it
// goes from lock to lock.
func (t *Tree) CountDescendants(path string) (int32, bool) {
	count := int32(-1)
	t.Walk(path, func(string, *View) bool {
		count++
		return true
	})
	return max(count, 0), count >= 0
}

// pushChildren appends the paths of the children, the last first.
func (v *View) pushChildren(todo []string, path string) []string {
	if path == rootPath {
		path = ""
	}
	from := len(todo)
	for names := v.shard.appendKids(nil, v.node); len(names) > 0; {
		end := 4 + binary.BigEndian.Uint32(names)
		todo = append(todo, strings.Join([]string{path, text(names[4:end])}, "/"))
		names = names[end:]
	}
	for i, j := from, len(todo)-1; i < j; i, j = i+1, j-1 {
		todo[i], todo[j] = todo[j], todo[i]
	}
	return todo
}
