package sim

import (
	"net/netip"
	"strconv"
	"strings"

	"bellwether/engine/wire"
)

// storedACL is the list that is stored for the one a request has given (client-protocol §4.3).
func (t *turn) storedACL(given []wire.ACL) ([]wire.ACL, wire.Code) {
	var stored []wire.ACL
	for i, entry := range given {
		repeated := false
		for _, before := range given[:i] {
			repeated = repeated || before == entry
		}
		if repeated {
			continue
		}
		if entry.Scheme == "auth" {
			proved := false
			for _, id := range t.q.IDs {
				if id.Scheme == "digest" || id.Scheme == "x509" {
					stored = append(stored, wire.ACL{Perms: entry.Perms, Scheme: id.Scheme, ID: strings.Clone(id.ID)})
					proved = true
				}
			}
			if !proved {
				return nil, wire.InvalidACL
			}
			continue
		}
		valid := false
		switch entry.Scheme {
		case "world":
			valid = entry.ID == "anyone"
		case "digest":
			user, hash, _ := strings.Cut(strings.TrimRight(entry.ID, ":"), ":")
			valid = hash != "" && !strings.Contains(hash, ":") && user+hash != ""
		case "ip":
			_, valid = network(entry.ID)
		default:
			return nil, wire.InvalidACL
		}
		if entry.NullID {
			return nil, wire.MarshallingError
		}
		if !valid {
			return nil, wire.InvalidACL
		}
		entry.Scheme, entry.ID = strings.Clone(entry.Scheme), strings.Clone(entry.ID)
		stored = append(stored, entry)
	}
	if len(stored) == 0 {
		return nil, wire.InvalidACL
	}
	return stored, wire.OK
}

// allowed is the check of client-protocol §4.2.
func (t *turn) allowed(n *znode, perm int32) bool {
	if t.options.SkipACL || len(n.acl) == 0 {
		return true
	}
	for _, id := range t.q.IDs {
		if id.Scheme == "super" {
			return true
		}
	}
	for _, entry := range n.acl {
		if entry.Perms&perm == 0 {
			continue
		}
		if entry.Scheme == "world" {
			return true
		}
		for _, id := range t.q.IDs {
			switch {
			case id.Scheme != entry.Scheme:
			case id.Scheme == "ip":
				address, _ := netip.ParseAddr(id.ID)
				if allowed, _ := network(entry.ID); allowed.Contains(address) {
					return true
				}
			case id.ID == entry.ID:
				return true
			}
		}
	}
	return false
}

// network reads an address, or address/bits.
func network(text string) (n netip.Prefix, ok bool) {
	host, length, ranged := strings.Cut(text, "/")
	var a netip.Addr
	if parts := strings.Split(host, "."); len(parts) == 4 {
		var quad [4]byte
		for i, part := range parts {
			n, err := strconv.Atoi(part)
			if err != nil || n < 0 || n > 255 {
				return netip.Prefix{}, false
			}
			quad[i] = byte(n)
		}
		a = netip.AddrFrom4(quad)
	} else if v6, err := netip.ParseAddr(host); err != nil || strings.ContainsAny(host, ".%") {
		return netip.Prefix{}, false
	} else {
		a = v6
	}
	bits := a.BitLen()
	if ranged {
		var err error
		if bits, err = strconv.Atoi(length); err != nil {
			return netip.Prefix{}, false
		}
	}
	n, err := a.Prefix(bits)
	return n, err == nil
}
