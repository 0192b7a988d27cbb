package peer

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"bellwether/engine/zab"
)

// ParseMember reads what stands behind "server.N=":
//
//	address{|address}[;client[;secure]]
//	address   host:quorumPort:electionPort[:role]      [v6] in brackets; role is participant, if not said, or observer
//	client    [host:]port                              the host is 0.0.0.0 if not said
//	secure    [host:]port
//
// Addresses are sorted by host, as ZooKeeper prints them.
func ParseMember(id zab.ServerID, spec string) (Member, error) {
	m := Member{ID: id}
	parts := strings.Split(spec, ";")
	if len(parts) > 3 {
		return m, errors.New("more than three parts between semicolons")
	}
	role := ""
	for _, text := range strings.Split(parts[0], "|") {
		a, said, err := parseAddress(text)
		if err != nil {
			return m, err
		}
		if said != "" && role != "" && said != role {
			return m, errors.New("addresses with different roles")
		}
		role = cmp.Or(said, role)
		m.Addresses = append(m.Addresses, a)
	}
	m.Observer = role == "observer"
	slices.SortStableFunc(m.Addresses, func(a, b Address) int { return strings.Compare(a.Host, b.Host) })
	var err error
	if len(parts) > 1 && parts[1] != "" {
		if m.ClientHost, m.ClientPort, err = parseClient(parts[1]); err != nil {
			return m, err
		}
	}
	if len(parts) > 2 && parts[2] != "" {
		m.SecureHost, m.SecurePort, err = parseClient(parts[2])
	}
	return m, err
}

// parseAddress reads host:quorumPort:electionPort[:role].
func parseAddress(text string) (a Address, role string, err error) {
	host, rest, ok := cutHost(text)
	fields := strings.Split(rest, ":")
	if !ok || len(fields) < 2 || len(fields) > 3 {
		return a, "", fmt.Errorf("%q is not host:port:port or host:port:port:role", text)
	}
	a.Host = host
	if a.QuorumPort, err = parsePort(fields[0]); err != nil {
		return a, "", err
	}
	if a.ElectionPort, err = parsePort(fields[1]); err != nil {
		return a, "", err
	}
	if len(fields) == 3 {
		role = strings.ToLower(strings.TrimSpace(fields[2]))
		if role != "observer" && role != "participant" {
			return a, "", fmt.Errorf("unknown role %q", fields[2])
		}
	}
	return a, role, nil
}

// cutHost splits host:rest, where host may be an IPv6 address in brackets, which it takes off.
func cutHost(text string) (host, rest string, ok bool) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "[") {
		host, rest, ok = strings.Cut(text[1:], "]")
		return host, strings.TrimPrefix(rest, ":"), ok && host != "" && strings.HasPrefix(rest, ":")
	}
	host, rest, ok = strings.Cut(text, ":")
	return host, rest, ok && host != ""
}

// parseClient reads [host:]port.
func parseClient(text string) (host string, port int, err error) {
	host, rest, ok := cutHost(text)
	if !ok {
		host, rest = "0.0.0.0", strings.TrimSpace(text)
	}
	port, err = parsePort(rest)
	return host, port, err
}

func parsePort(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not a port", text)
	}
	return int(n), nil
}

// Append appends the member as it stands behind "server.N=". The role is always said.
func (m *Member) Append(dst []byte) []byte {
	for i, a := range m.Addresses {
		if i > 0 {
			dst = append(dst, '|')
		}
		dst = append(dst, a.Quorum()...)
		dst = append(dst, ':')
		dst = strconv.AppendInt(dst, int64(a.ElectionPort), 10)
	}
	role := ":participant"
	if m.Observer {
		role = ":observer"
	}
	dst = append(dst, role...)
	if m.ClientPort != 0 || m.SecurePort != 0 {
		dst = append(dst, ';')
	}
	if m.ClientPort != 0 {
		dst = append(dst, net.JoinHostPort(m.ClientHost, strconv.Itoa(m.ClientPort))...)
	}
	if m.SecurePort != 0 {
		dst = append(dst, ';')
		dst = append(dst, net.JoinHostPort(m.SecureHost, strconv.Itoa(m.SecurePort))...)
	}
	return dst
}
