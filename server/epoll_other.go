//go:build !linux

package server

// watchFor cannot stop gnet from reading here: the bytes are kept, and the engine closes the connection when they are too
// many.
func (l *loop) watchFor(*conn, bool) {}
