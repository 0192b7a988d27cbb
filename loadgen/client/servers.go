package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"bellwether/engine/wire"
)

// DefaultPort is the port of a server that is named without one.
const DefaultPort = 2181

// ParseServers reads a ZooKeeper connect string: host:port,host:port,…[/chroot]. A port left out is DefaultPort; an IPv6
// address with a port is written in brackets. The chroot is "" or an absolute path without a slash at its end.
func ParseServers(s string) (servers []string, chroot string, err error) {
	hosts := s
	if i := strings.IndexByte(s, '/'); i >= 0 {
		hosts, chroot = s[:i], s[i:]
		if chroot == "/" {
			chroot = ""
		} else if err := wire.ValidatePath(chroot); err != nil {
			return nil, "", fmt.Errorf("chroot %q: %w", chroot, err)
		}
	}
	for host := range strings.SplitSeq(hosts, ",") {
		host = strings.TrimSpace(host)
		if host == "" {
			return nil, "", fmt.Errorf("server list %q has an empty entry: want host:port,host:port", s)
		}
		name, port, err := net.SplitHostPort(host)
		if err != nil { // no port
			name, port = strings.Trim(host, "[]"), strconv.Itoa(DefaultPort)
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || name == "" {
			return nil, "", fmt.Errorf("server %q: want host:port with a port from 1 to 65535", host)
		}
		servers = append(servers, net.JoinHostPort(name, port))
	}
	return servers, chroot, nil
}

// Resolve looks up every address of every server, in order. It fails only if no server has an address; the names that
// have none are then in the error. Addresses are looked up once: a Loop does not ask again.
func Resolve(ctx context.Context, servers []string) ([]netip.AddrPort, error) {
	var addrs []netip.AddrPort
	var failures []error
	for _, server := range servers {
		host, port, err := net.SplitHostPort(server)
		if err != nil {
			return nil, fmt.Errorf("server %q: %w", server, err)
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("server %q: port %q is not a number from 1 to 65535", server, port)
		}
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			failures = append(failures, fmt.Errorf("server %s: %w", server, err))
			continue
		}
		for _, ip := range ips {
			addrs = append(addrs, netip.AddrPortFrom(ip.Unmap(), uint16(n)))
		}
	}
	if len(addrs) == 0 {
		if len(failures) == 0 {
			return nil, errors.New("no servers given")
		}
		return nil, errors.Join(failures...)
	}
	return addrs, nil
}
