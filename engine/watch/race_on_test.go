//go:build race

package watch_test

// raceDetector is on: it multiplies the memory of everything, so tests that measure memory do not run.
const raceDetector = true
