package zkfile

import (
	"errors"
	"fmt"
)

// ErrDamaged is what every *DamageError matches.
var ErrDamaged = errors.New("zkfile: damaged")

// DamageError says that a file does not hold what it should: where, and what is wrong. Nothing that was read before it is
// to be believed to be all there is.
type DamageError struct {
	Path    string
	Offset  int64 // in bytes; of a compressed snapshot, in what it holds uncompressed
	Problem string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("zkfile: %s is damaged at byte %d: %s", e.Path, e.Offset, e.Problem)
}

// Is makes errors.Is(err, ErrDamaged) true.
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }

// GapError says that transactions are missing between a snapshot and the logs, or between two logs.
type GapError struct {
	Path   string // where the next transaction was found
	Offset int64
	After  int64 // zxid of the last one that is there
	Next   int64 // zxid of the next one that is there
}

func (e *GapError) Error() string {
	return fmt.Sprintf("zkfile: transactions between 0x%x and 0x%x are missing; %s goes on with the latter at byte %d", e.After, e.Next, e.Path, e.Offset)
}

var (
	// ErrNoSnapshot says that there are logs but no snapshot they could be applied to.
	ErrNoSnapshot = errors.New("zkfile: there are logs but no snapshot")
	// ErrNoData says that a directory holds neither snapshots nor logs.
	ErrNoData = errors.New("zkfile: neither snapshots nor logs of ZooKeeper")
	// ErrOrder refuses a transaction whose zxid does not rise.
	ErrOrder = errors.New("zkfile: zxids must rise")
)
