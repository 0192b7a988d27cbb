package server

import (
	"sync"
	"time"
)

// LineLimiter keeps whatever repeats itself, such as a client that sends garbage a thousand times a second, from
// filling the log: each cause gets one line per interval, and that line says how many were held back before it. It
// only counts; the caller passes the time and writes the line:
//
//	if held, ok := limiter.Allow("frame too large", now); ok {
//		log.Warn("closing a connection: frame too large", "remote", remote, "held_back", held)
//	}
//
// Causes are a few constant texts. Should there be more than maxCauses, the rest share one count, so that a cause made
// of what a client sent cannot cost memory. It is safe for concurrent use; it stands on failure paths only.
type LineLimiter struct {
	interval time.Duration
	mu       sync.Mutex
	causes   map[string]*causeCount
}

type causeCount struct {
	last time.Time // when the last line was let through
	held uint64    // since then
}

const maxCauses = 64

// otherCauses is the count that all causes beyond maxCauses share.
const otherCauses = ""

// NewLineLimiter returns a limiter that lets one line per cause and interval through.
func NewLineLimiter(interval time.Duration) *LineLimiter {
	return &LineLimiter{interval: interval, causes: make(map[string]*causeCount)}
}

// Allow reports whether a line about cause may be written at now, and how many lines were held back since the last
// one. The first line of a cause passes at once.
func (l *LineLimiter) Allow(cause string, now time.Time) (held uint64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	count, known := l.causes[cause]
	if !known && len(l.causes) >= maxCauses {
		cause = otherCauses
		count, known = l.causes[cause]
	}
	if !known {
		l.causes[cause] = &causeCount{last: now}
		return 0, true
	}
	if now.Sub(count.last) < l.interval {
		count.held++
		return 0, false
	}
	held = count.held
	count.last, count.held = now, 0
	return held, true
}
