package server

import (
	"fmt"
	"strings"
)

// origin says where a value was given.
type origin struct {
	source string // a file's name, "SERVER_JVMFLAGS", or a flag with its dashes
	line   int    // in the file, from 1; 0 where there are no lines
	value  string // as written
}

func (o origin) String() string {
	if o.line == 0 {
		return o.source
	}
	return fmt.Sprintf("%s:%d", o.source, o.line)
}

// ConfigError is one thing wrong with the configuration: where it stands, what it says, why that cannot be, and what
// to write instead.
type ConfigError struct {
	Source  string // file, environment variable or flag; empty when the key was not given at all
	Line    int    // in the file, from 1; 0 where there are no lines
	Key     string
	Value   string // as written
	Problem string
	Remedy  string
}

// Error reads, on one line: "zoo.cfg:3: tickTime=0: a tick of 0s cannot be kept: choose between …".
func (e *ConfigError) Error() string {
	var b strings.Builder
	if e.Source != "" {
		b.WriteString(origin{source: e.Source, line: e.Line}.String() + ": ")
	}
	b.WriteString(e.Key)
	if e.Source != "" {
		b.WriteString("=" + e.Value)
	}
	b.WriteString(": " + e.Problem)
	if e.Remedy != "" {
		b.WriteString(": " + e.Remedy)
	}
	return b.String()
}

// fault makes the error for a key whose value was accepted when it was read and turns out wrong now.
func (c *Config) fault(key, problem, remedy string) *ConfigError {
	o := c.origins[key]
	return &ConfigError{Source: o.source, Line: o.line, Key: key, Value: o.value, Problem: problem, Remedy: remedy}
}

// Notice is something the operator should know about the configuration and that does not keep the server from
// starting: a key that has no effect here, an unknown one, one that was given twice. Each is said once, at start.
type Notice struct {
	Where string // "zoo.cfg:12", "SERVER_JVMFLAGS"
	Key   string
	Text  string // why, without the value: values may be passwords
}

func (n Notice) String() string { return fmt.Sprintf("%s: %s: %s", n.Where, n.Key, n.Text) }
