//go:build !linux

package bench

import (
	"os"
	"syscall"
)

// datasync makes what was written to f durable.
func datasync(f *os.File) error { return f.Sync() }

// childAttributes has nothing to ask for on this platform.
func childAttributes() *syscall.SysProcAttr { return nil }
