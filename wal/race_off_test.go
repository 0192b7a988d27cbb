//go:build !race

package wal_test

// stride is from one call that is crashed or failed to the next: every one.
const stride = 1
