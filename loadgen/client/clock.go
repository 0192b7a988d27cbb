package client

import "time"

// clockStart is the zero of the clock. All times of this package are nanoseconds since then.
var clockStart = time.Now()

// Now reads the clock that every time in this package is on: nanoseconds since the process started, monotonic. It is safe
// from any goroutine and costs one clock read.
func Now() int64 { return int64(time.Since(clockStart)) }
