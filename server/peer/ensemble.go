package peer

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"bellwether/engine/zab"
)

// Ensemble is a configuration as servers tell it each other: in notifications, in NEWLEADER, in /zookeeper/config.
type Ensemble struct {
	Version int64 // the zxid of the reconfiguration it came by; 0 for one that was only ever read from a file
	Members []Member
	Groups  []Group  // with hierarchical quorums only, then every voter is in one
	Weights []Weight // with hierarchical quorums only
}

// Member is what a server.N line says of one server.
type Member struct {
	ID         zab.ServerID
	Addresses  []Address // never empty
	Observer   bool
	ClientHost string // with ClientPort; 0.0.0.0 is every address
	ClientPort int    // 0 is none
	SecureHost string // with SecurePort
	SecurePort int    // 0 is none; only newer servers understand one
}

// Address is one way to reach a member.
type Address struct {
	Host         string
	QuorumPort   int
	ElectionPort int
}

// Quorum returns the address where the member takes learners' links while it leads.
func (a Address) Quorum() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.QuorumPort)) }

// Election returns the address where the member takes election links.
func (a Address) Election() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.ElectionPort)) }

// Group is a group.N line: voters that form a majority among themselves.
type Group struct {
	ID      int64
	Members []zab.ServerID
}

// Weight is a weight.N line.
type Weight struct {
	ID     zab.ServerID
	Weight int64
}

// maxEnsembleLines bounds what a text may make the parser allocate.
const maxEnsembleLines = 4096

// ParseEnsemble reads a configuration text. What is sorted nowhere else is sorted here: members, groups and weights come
// by number. It refuses what ZooKeeper refuses; the error names the line.
func ParseEnsemble(text []byte) (*Ensemble, error) {
	if n := bytes.Count(text, []byte{'\n'}); n > maxEnsembleLines {
		return nil, fmt.Errorf("peer: configuration text of %d lines", n)
	}
	e := &Ensemble{}
	for line := range strings.Lines(string(text)) {
		key, value, ok := property(line)
		if !ok {
			continue
		}
		if err := e.set(key, value); err != nil {
			return nil, fmt.Errorf("peer: configuration text: %s=%s: %w", key, value, err)
		}
	}
	slices.SortFunc(e.Members, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(e.Groups, func(a, b Group) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(e.Weights, func(a, b Weight) int { return cmp.Compare(a.ID, b.ID) })
	return e, e.check()
}

// property splits a line of a Java properties file. ok is false for comments and empty lines. Escapes are not known:
// nothing that can stand in such a text needs one.
func property(line string) (key, value string, ok bool) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' || line[0] == '!' {
		return "", "", false
	}
	at := strings.IndexAny(line, "=: \t\f")
	if at < 0 {
		return line, "", true
	}
	value = strings.TrimLeft(line[at:], " \t\f")
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], " \t\f")
	}
	return line[:at], value, true
}

func (e *Ensemble) set(key, value string) error {
	kind, number, _ := strings.Cut(key, ".")
	if key == "version" {
		v, err := strconv.ParseInt(value, 16, 64)
		e.Version = v
		return err
	}
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return err
	}
	switch kind {
	case "server":
		m, err := ParseMember(zab.ServerID(id), value)
		e.Members = append(e.Members, m)
		return err
	case "group":
		g := Group{ID: id}
		for _, text := range strings.Split(value, ":") {
			member, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return err
			}
			g.Members = append(g.Members, zab.ServerID(member))
		}
		e.Groups = append(e.Groups, g)
		return nil
	case "weight":
		w, err := strconv.ParseInt(value, 10, 64)
		e.Weights = append(e.Weights, Weight{ID: zab.ServerID(id), Weight: w})
		return err
	}
	return fmt.Errorf("unknown key %q", key)
}

// check refuses what no single line shows.
func (e *Ensemble) check() error {
	for i := range e.Members {
		if i > 0 && e.Members[i].ID == e.Members[i-1].ID {
			return fmt.Errorf("peer: configuration text: server.%d twice", e.Members[i].ID)
		}
	}
	if len(e.Groups) == 0 && len(e.Weights) == 0 {
		return nil
	}
	group := map[zab.ServerID]int64{}
	for _, g := range e.Groups {
		for _, id := range g.Members {
			if other, twice := group[id]; twice {
				return fmt.Errorf("peer: configuration text: server.%d is in group.%d and in group.%d", id, other, g.ID)
			}
			group[id] = g.ID
		}
	}
	for _, m := range e.Members {
		if _, grouped := group[m.ID]; !grouped && !m.Observer {
			return fmt.Errorf("peer: configuration text: server.%d is in no group", m.ID)
		}
	}
	return nil
}

// Member returns the member with this id.
func (e *Ensemble) Member(id zab.ServerID) (Member, bool) {
	for _, m := range e.Members {
		if m.ID == id {
			return m, true
		}
	}
	return Member{}, false
}

// Append appends the text, members in the order they have, without a line end behind the version.
func (e *Ensemble) Append(dst []byte) []byte {
	for i := range e.Members {
		dst = fmt.Appendf(dst, "server.%d=", e.Members[i].ID)
		dst = append(e.Members[i].Append(dst), '\n')
	}
	for _, g := range e.Groups {
		dst = fmt.Appendf(dst, "group.%d=", g.ID)
		for i, id := range g.Members {
			if i > 0 {
				dst = append(dst, ':')
			}
			dst = strconv.AppendInt(dst, int64(id), 10)
		}
		dst = append(dst, '\n')
	}
	for _, w := range e.Weights {
		dst = fmt.Appendf(dst, "weight.%d=%d\n", w.ID, w.Weight)
	}
	return fmt.Appendf(dst, "version=%x", uint64(e.Version))
}
