package wal

import "golang.org/x/sys/unix"

// fdatasync skips what a reader of the file does not need (its times), and so spares the file system's journal a
// commit when only bytes inside the file changed.
func fdatasync(fd int) error { return unix.Fdatasync(fd) }
