package server

import (
	"strings"
	"time"
)

// setter stores a value that the key's kind has read. Its error is a *valueError or an adjustment; the caller adds
// where the value stands.
type setter = func(c *Config, key string, v keyValue) error

func setText(field func(*Config) *string) setter {
	return func(c *Config, _ string, v keyValue) error { *field(c) = v.text; return nil }
}

func setInt(field func(*Config) *int) setter {
	return func(c *Config, _ string, v keyValue) error { *field(c) = int(v.number); return nil }
}

func setBool(field func(*Config) *bool) setter {
	return func(c *Config, _ string, v keyValue) error { *field(c) = v.on; return nil }
}

func setDuration(field func(*Config) *time.Duration) setter {
	return func(c *Config, _ string, v keyValue) error { *field(c) = v.duration(); return nil }
}

// setLimit stores a limit where 0 and everything below it mean that there is none.
func setLimit(field func(*Config) *int) setter {
	return func(c *Config, _ string, v keyValue) error { *field(c) = int(max(v.number, 0)); return nil }
}

// setSessionTimeout stores a bound that -1 leaves to the tick.
func setSessionTimeout(field func(*Config) *time.Duration) setter {
	return func(c *Config, _ string, v keyValue) error {
		if v.number == 0 {
			return &valueError{"a session of no length cannot live", "write -1 for the usual number of ticks, or milliseconds"}
		}
		*field(c) = max(v.duration(), 0)
		return nil
	}
}

// minSnapRetainCount is the least number of snapshots Apache ZooKeeper keeps.
const minSnapRetainCount = 3

func setSnapRetainCount(c *Config, _ string, v keyValue) error {
	c.SnapRetainCount = int(max(v.number, minSnapRetainCount))
	if v.number < minSnapRetainCount {
		return adjustment("fewer than 3 snapshots are never kept; it is 3")
	}
	return nil
}

func setWhitelist(c *Config, _ string, v keyValue) error {
	list, unknown := ParseWhitelist(v.text)
	c.FourLetterWords = list
	if len(unknown) > 0 {
		return adjustment("no such four-letter word here: " + strings.Join(unknown, ", "))
	}
	return nil
}

// valueError is what a setter finds wrong: the problem and the remedy of a ConfigError. The server does not start.
type valueError struct{ problem, remedy string }

func (e *valueError) Error() string { return e.problem + ": " + e.remedy }

// adjustment is what a setter made of a value other than it was written. It becomes a notice, and the server starts.
type adjustment string

func (a adjustment) Error() string { return string(a) }
