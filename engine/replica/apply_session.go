package replica

import "bellwether/engine/wire"

// closeSession removes a session and its ephemerals in one step: the listed paths first, even those that the tree no
// longer counts as the session's, for replaying a close over a later snapshot must reach the same tree
// (ZOOKEEPER-3145), then whatever else is the session's.
func (a *Applier) closeSession(r *wire.Reader, s *step) error {
	if err := a.close.Decode(r); err != nil {
		return err
	}
	a.paths = append(a.paths[:0], a.close.Paths...)
	a.paths = a.tree.Ephemerals(a.paths, s.session)
	mask := uint64(0)
	for _, path := range a.paths {
		mask |= a.tree.MaskFor(path)
	}
	a.sessions.Remove(s.session)
	a.lock(s, mask)
	for _, path := range a.paths {
		a.deleteZnode(path, s)
	}
	a.unlock(s)
	clear(a.paths)
	return nil
}
