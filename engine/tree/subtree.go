package tree

import "slices"

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
			from := len(todo)
			todo = v.shard.appendChildPaths(todo, v.node)
			slices.Reverse(todo[from:]) // the last is taken first
		}
		v.Close()
	}
}

// CountDescendants returns how many znodes there are below path, itself not counted, and whether it exists. Like Walk it
// goes from lock to lock.
func (t *Tree) CountDescendants(path string) (int32, bool) {
	switch path {
	case rootPath:
		return int32(t.NodeCount() - 1), true
	case "": // the alias counts the root among its descendants, as Apache's does
		return int32(t.NodeCount()), true
	}
	count := int32(-1)
	t.Walk(path, func(string, *View) bool {
		count++
		return true
	})
	return max(count, 0), count >= 0
}
