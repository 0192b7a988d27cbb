package wal_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// The enumerations make and forget many small disks; collecting less often halves their time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	os.Exit(m.Run())
}
