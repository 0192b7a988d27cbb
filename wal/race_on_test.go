//go:build race

package wal_test

// Under the race detector, which makes them ten times slower and has nothing to find in their one goroutine, the
// enumerations take every 16th call only.
const stride = 16
