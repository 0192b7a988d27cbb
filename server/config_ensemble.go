package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Member is one server.N line.
type Member struct {
	ID         int64
	Addresses  []MemberAddress // one, or several joined by | on the line; never empty
	Observer   bool
	ClientHost string // empty is every address
	ClientPort int    // 0 is none
	SecureHost string // empty is every address
	SecurePort int    // 0 is none
}

// MemberAddress is one way to reach a member.
type MemberAddress struct {
	Host         string
	QuorumPort   int
	ElectionPort int
}

// Group is one group.N line: voters that form a majority among themselves.
type Group struct {
	ID      int64
	Members []int64
}

// Weight is one weight.N line.
type Weight struct{ ID, Weight int64 }

// own returns the member this server is: the one its myid names, or the only one there is.
func (e *EnsembleConfig) own() (Member, bool) {
	for _, m := range e.Members {
		if m.ID == e.ServerID || len(e.Members) == 1 {
			return m, true
		}
	}
	return Member{}, false
}

// refuseFellows refuses a configuration that names other servers. This is the only place that decides it: this build
// always serves as an ensemble of one. Started from the file of an ensemble, each server would take writes of its own, and
// what clients see would depend on whom they ask.
func (c *Config) refuseFellows() error {
	if len(c.Ensemble.Members) <= 1 {
		return nil
	}
	lines := make([]string, len(c.Ensemble.Members))
	for i, m := range c.Ensemble.Members {
		lines[i] = fmt.Sprintf("server.%d", m.ID)
	}
	f := c.fault(lines[0], "is one of "+strings.Join(lines, ", ")+", and this build serves as an ensemble of one",
		"leave at most one server line, for a server that serves alone")
	return f
}

// validateEnsemble checks the server lines against each other, as Apache does before it starts.
func (c *Config) validateEnsemble() error {
	e := &c.Ensemble
	if len(e.Members) <= 1 {
		return nil
	}
	var errs []error
	if e.InitLimitTicks == 0 {
		errs = append(errs, c.fault("initLimit", "is missing, and an ensemble needs it", "write initLimit=10 (ticks)"))
	}
	if e.SyncLimitTicks == 0 {
		errs = append(errs, c.fault("syncLimit", "is missing, and an ensemble needs it", "write syncLimit=5 (ticks)"))
	}
	voters := 0
	for _, m := range e.Members {
		if !m.Observer {
			voters++
		}
	}
	if voters == 0 {
		errs = append(errs, c.fault(fmt.Sprintf("server.%d", e.Members[0].ID),
			"all servers are observers, so none can lead", "make at least one server a participant"))
	}
	return errors.Join(errs...)
}

// readServerID reads the file myid in dir. found is false, without an error, where there is no such file.
func readServerID(dir string) (id int64, found bool, err error) {
	path := filepath.Join(dir, "myid")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("server: read the server's id: %w", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	first = strings.TrimSpace(first)
	id, ok := decimal(first)
	if !ok || id < 0 {
		return 0, false, &ConfigError{Source: path, Line: 1, Key: "myid", Value: first,
			Problem: "is not a server's number", Remedy: "write one number, the N of this server's server.N line"}
	}
	return id, true, nil
}
