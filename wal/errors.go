package wal

import (
	"errors"
	"fmt"
)

// Errors a caller tells apart with errors.Is. After ErrTooLarge, ErrOutOfOrder, ErrReleased and ErrNoSegment the log
// is as it was before the call and stays usable. Any other error of a method that writes is final: every later call
// returns it again.
var (
	// ErrLocked: another process (or another Log of this one) has the directory open. See LockedError.
	ErrLocked = errors.New("wal: directory is locked")
	// ErrDamaged: bytes that had been durable are not what was written. See DamageError.
	ErrDamaged = errors.New("wal: damaged")
	// ErrReleased: the entries asked for were given up by ReleaseBefore or Reset.
	ErrReleased = errors.New("wal: entries were released")
	// ErrTooLarge: the group does not fit a segment.
	ErrTooLarge = errors.New("wal: group is larger than a segment")
	// ErrOutOfOrder: an entry's zxid is not above the one before it.
	ErrOutOfOrder = errors.New("wal: zxid is not above the last one")
	// ErrNoSegment: another segment could not be prepared (a full disk, most often). The cause is wrapped.
	ErrNoSegment = errors.New("wal: no room for another segment")
	// ErrClosed: the Log has been closed.
	ErrClosed = errors.New("wal: closed")
)

// LockedError says who holds a lock.
type LockedError struct {
	Path string // the lock file
	PID  int    // of the holder, 0 when unknown
}

func (e *LockedError) Error() string {
	holder := "another process"
	if e.PID != 0 {
		holder = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("wal: %s is held by %s: stop it or use another directory", e.Path, holder)
}

func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// DamageError names bytes that cannot be what was once made durable: no crash leaves this, only a failing device, a
// bug or a hand. Nothing has been changed on disk when it is returned.
type DamageError struct {
	File   string // path
	Offset int64  // byte where the damaged structure begins
	Reason string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("wal: %s is damaged at byte %d: %s; nothing was changed: check the device, then move this "+
		"directory aside and let the server copy the data from its ensemble, or restore a backup", e.File, e.Offset, e.Reason)
}

func (e *DamageError) Is(target error) bool { return target == ErrDamaged }
