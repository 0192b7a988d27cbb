package server

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The lines about other servers:
//
//	server.1=host:2888:3888:participant;0.0.0.0:2181      address, role (participant or observer), client's address
//	server.2=10.0.0.2:2888:3888|10.0.1.2:2888:3888;2181   several addresses of one server
//	server.3=[fd00::3]:2888:3888;;2281                    a TLS port alone
//	group.1=1:2:3      weight.1=2                          hierarchical quorums

const memberRemedy = "write server.N=host:quorumPort:electionPort[:participant|:observer][;[host:]clientPort]"

func setMember(c *Config, key string, v keyValue) error {
	id, wrong := lineID(key)
	if wrong != nil {
		return wrong
	}
	m, problem := parseMember(id, v.text)
	if problem != "" {
		return &valueError{problem, memberRemedy}
	}
	c.Ensemble.Members = insertSorted(c.Ensemble.Members, m, func(m Member) int64 { return m.ID })
	return nil
}

func setGroup(c *Config, key string, v keyValue) error {
	id, wrong := lineID(key)
	if wrong != nil {
		return wrong
	}
	g := Group{ID: id}
	for part := range strings.SplitSeq(v.text, ":") {
		member, ok := decimal(strings.TrimSpace(part))
		if !ok {
			return &valueError{fmt.Sprintf("%q is no server's number", part), "write group.N=1:2:3, the numbers of its servers"}
		}
		g.Members = append(g.Members, member)
	}
	c.Ensemble.Groups = insertSorted(c.Ensemble.Groups, g, func(g Group) int64 { return g.ID })
	return nil
}

func setWeight(c *Config, key string, v keyValue) error {
	id, wrong := lineID(key)
	if wrong != nil {
		return wrong
	}
	n, ok := decimal(v.text)
	if !ok || n < 0 {
		return &valueError{"is not a weight", "write weight.N=1, a number from 0"}
	}
	c.Ensemble.Weights = insertSorted(c.Ensemble.Weights, Weight{ID: id, Weight: n}, func(w Weight) int64 { return w.ID })
	return nil
}

func setPeerType(c *Config, _ string, v keyValue) error {
	observer, ok := parseRole(v.text)
	if !ok {
		return &valueError{"is neither participant nor observer", "write one of the two, or leave it out for participant"}
	}
	c.Ensemble.Observer = observer
	return nil
}

// lineID returns the N of server.N, group.N and weight.N.
func lineID(key string) (int64, error) {
	_, digits, _ := strings.Cut(key, ".")
	id, ok := decimal(digits)
	if !ok || id < 0 {
		return 0, &valueError{fmt.Sprintf("%q is not a server's number", digits), "number the servers from 1, as their myid files do"}
	}
	return id, nil
}

// insertSorted puts item into items, which ascend by id, in the place of an earlier one with the same id.
func insertSorted[T any](items []T, item T, id func(T) int64) []T {
	at, found := slices.BinarySearchFunc(items, id(item), func(t T, want int64) int { return cmp.Compare(id(t), want) })
	if found {
		items[at] = item
		return items
	}
	return slices.Insert(items, at, item)
}

// parseMember reads the right side of a server line; problem is empty when all is well.
func parseMember(id int64, text string) (m Member, problem string) {
	m.ID = id
	fields := strings.Split(text, ";")
	if len(fields) > 3 {
		return m, "has more than three parts between semicolons"
	}
	for i, part := range strings.Split(fields[0], "|") {
		address, observer, problem := parseMemberAddress(strings.TrimSpace(part))
		if problem != "" {
			return m, problem
		}
		if i > 0 && observer != m.Observer {
			return m, "has two roles"
		}
		m.Addresses, m.Observer = append(m.Addresses, address), observer
	}
	ends := []struct {
		host *string
		port *int
	}{{&m.ClientHost, &m.ClientPort}, {&m.SecureHost, &m.SecurePort}}
	for i, field := range fields[1:] {
		if field = strings.TrimSpace(field); field == "" {
			continue
		}
		var ok bool
		if *ends[i].host, *ends[i].port, ok = parseClientAddress(field); !ok {
			return m, fmt.Sprintf("%q is no address for clients", field)
		}
	}
	return m, ""
}

// parseMemberAddress reads host:quorumPort:electionPort[:role].
func parseMemberAddress(text string) (a MemberAddress, observer bool, problem string) {
	host, rest, ok := cutHost(text)
	if !ok || host == "" {
		return a, false, fmt.Sprintf("%q names no host", text)
	}
	parts := strings.Split(rest, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return a, false, fmt.Sprintf("%q does not have a quorum port and an election port", text)
	}
	a.Host = host
	var quorumOK, electionOK bool
	a.QuorumPort, quorumOK = parsePort(parts[0])
	a.ElectionPort, electionOK = parsePort(parts[1])
	if !quorumOK || !electionOK {
		return a, false, fmt.Sprintf("%q has a port that is not a number from 1 to 65535", text)
	}
	if a.QuorumPort == a.ElectionPort {
		return a, false, "has the same port for quorum and election"
	}
	if len(parts) == 3 {
		if observer, ok = parseRole(parts[2]); !ok {
			return a, false, fmt.Sprintf("%q is neither participant nor observer", parts[2])
		}
	}
	return a, observer, ""
}

// parseClientAddress reads [host:]port.
func parseClientAddress(text string) (host string, port int, ok bool) {
	if port, ok = parsePort(text); ok {
		return "", port, true
	}
	host, rest, ok := cutHost(text)
	if !ok {
		return "", 0, false
	}
	port, ok = parsePort(rest)
	return host, port, ok
}

// cutHost splits at the colon behind the host, which may be an IPv6 address in brackets.
func cutHost(text string) (host, rest string, ok bool) {
	if !strings.HasPrefix(text, "[") {
		return strings.Cut(text, ":")
	}
	host, rest, ok = strings.Cut(text[1:], "]")
	if !ok {
		return "", "", false
	}
	rest, ok = strings.CutPrefix(rest, ":")
	return host, rest, ok
}

func parsePort(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err == nil && n > 0
}

func parseRole(text string) (observer, ok bool) {
	switch strings.ToLower(text) {
	case "observer":
		return true, true
	case "participant":
		return false, true
	}
	return false, false
}
