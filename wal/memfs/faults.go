package memfs

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
)

// ErrCrashed is the error of the call during which the machine stopped and of every later one.
var ErrCrashed = errors.New("memfs: the machine has stopped")

// Op names a method of wal.FS or wal.File.
type Op string

const (
	OpCreate   Op = "create"
	OpOpen     Op = "open"
	OpRename   Op = "rename"
	OpRemove   Op = "remove"
	OpList     Op = "list"
	OpMkdir    Op = "mkdir"
	OpSyncDir  Op = "sync directory"
	OpLock     Op = "lock"
	OpRead     Op = "read"
	OpWrite    Op = "write"
	OpSync     Op = "sync"
	OpTruncate Op = "truncate"
	OpSize     Op = "size"
)

// Call is one I/O call.
type Call struct {
	N    uint64 // counted from 1
	Op   Op
	Path string
	Len  int // bytes to read or write
}

func (c Call) String() string { return fmt.Sprintf("call %d: %s %s", c.N, c.Op, c.Path) }

// Faults is what is to go wrong. The zero value: nothing.
type Faults struct {
	CrashAt uint64 // the machine stops during this call; 0: never. See Crash
	FailAt  uint64 // this call fails with Err; 0: none
	// FailRate is the probability, from 0 to 1, that a call fails with Err, drawn from seed and call number.
	FailRate float64
	Err      error // of a failing call; nil means EIO
	Short    bool  // a failing write first writes its first half
	// Capacity bounds the sizes of all files together, in bytes; a write that grows a file past it fails with ENOSPC. 0:
	// unbounded.
	Capacity int64
	// Ticks that each call adds to those that Ticks returns: a slow device.
	WriteTicks, SyncTicks uint64
}

// SetFaults replaces the faults. Calls go on being counted from New.
func (fs *FS) SetFaults(f Faults) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.faults = f
}

// Calls returns how many I/O calls there were.
func (fs *FS) Calls() uint64 {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.calls
}

// LastCall returns the last call that was carried out, failed or crashed.
func (fs *FS) LastCall() Call {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.last
}

// Crashed reports whether the machine has stopped.
func (fs *FS) Crashed() bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.crashed
}

// Ticks returns how long the device has taken so far, in the unit of Faults.WriteTicks and SyncTicks.
func (fs *FS) Ticks() uint64 {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.ticks
}

// Flip inverts one bit of a file, on the device and in the process's view: bit rot. Bit 0 is the lowest of byte 0.
func (fs *FS) Flip(path string, bit int64) error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	_, _, node, err := fs.find("flip", path)
	if err != nil {
		return err
	}
	if bit < 0 || bit/8 >= int64(len(node.now)) {
		return &os.PathError{Op: "flip", Path: path, Err: os.ErrInvalid}
	}
	node.own()
	node.now[bit/8] ^= 1 << (bit % 8)
	if bit/8 < int64(len(node.durable)) {
		node.durable[bit/8] ^= 1 << (bit % 8)
	}
	return nil
}

// fault is what happens to one call; the zero value: it succeeds. The call during which the machine stops has an error,
// but its effect may reach the disk like that of any unsynced call. The ones after it have an error and no effect.
type fault struct {
	err     error
	crashes bool // the machine stops during this call
	device  bool // the device failed it
	short   bool
}

func (f fault) failed() bool { return f.err != nil && !f.crashes }

// begin counts a call and decides its fate. It needs fs.mu.
func (fs *FS) begin(op Op, path string, length int) fault {
	if fs.crashed {
		return fault{err: ErrCrashed}
	}
	fs.calls++
	fs.last = Call{fs.calls, op, path, length}
	switch op {
	case OpWrite:
		fs.ticks += fs.faults.WriteTicks
	case OpSync, OpSyncDir:
		fs.ticks += fs.faults.SyncTicks
	}
	if fs.calls == fs.faults.CrashAt {
		fs.crashed = true
		return fault{err: ErrCrashed, crashes: true}
	}
	if fs.calls == fs.faults.FailAt || fs.unlucky() {
		err := fs.faults.Err
		if err == nil {
			err = syscall.EIO
		}
		return fault{err: &os.PathError{Op: string(op), Path: path, Err: err}, device: true, short: fs.faults.Short}
	}
	return fault{}
}

func (fs *FS) unlucky() bool {
	return fs.faults.FailRate > 0 && rand.New(rand.NewPCG(fs.seed, fs.calls)).Float64() < fs.faults.FailRate
}

// fits reports whether the files together may grow by more bytes. It needs fs.mu.
func (fs *FS) fits(more int64) bool {
	if fs.faults.Capacity == 0 || more <= 0 {
		return true
	}
	for _, dir := range fs.dirs {
		for _, node := range dir.now {
			more += int64(len(node.now))
		}
	}
	return more <= fs.faults.Capacity
}
