//go:build !linux

package wal

import "golang.org/x/sys/unix"

// fdatasync falls back to fsync where the system has nothing cheaper that is portable.
func fdatasync(fd int) error { return unix.Fsync(fd) }
