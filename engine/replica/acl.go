package replica

import (
	"crypto/sha1"
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"

	"bellwether/engine/wire"
)

// Identity is one id that a connection has proved, such as ip:127.0.0.1 or digest:user:hash.
type Identity struct{ Scheme, ID string }

// The schemes of client-protocol §4.6 that this server knows.
const (
	schemeWorld  = "world"
	schemeIP     = "ip"
	schemeDigest = "digest"
	schemeAuth   = "auth"
	schemeSuper  = "super"
	schemeX509   = "x509"
	anyone       = "anyone"
)

// Allowed reports whether a connection with these ids may do what perm (one or several permission bits, any of
// which suffices) stands for on a znode with this list. An empty list allows everything.
func Allowed(acl []wire.ACL, perm int32, ids []Identity) bool {
	if len(acl) == 0 {
		return true
	}
	for i := range ids {
		if ids[i].Scheme == schemeSuper {
			return true
		}
	}
	for i := range acl {
		if acl[i].Perms&perm != 0 && entryMatches(&acl[i], ids) {
			return true
		}
	}
	return false
}

func entryMatches(entry *wire.ACL, ids []Identity) bool {
	if entry.Scheme == schemeWorld && entry.ID == anyone {
		return true
	}
	for i := range ids {
		if ids[i].Scheme != entry.Scheme {
			continue
		}
		if entry.Scheme == schemeIP {
			if ipMatches(ids[i].ID, entry.ID) {
				return true
			}
		} else if ids[i].ID == entry.ID {
			return true
		}
	}
	return false
}

// ipMatches reports whether the address of a connection lies in what an ACL entry names: an address or
// address/bits.
func ipMatches(address, pattern string) bool {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	prefix, ok := parseIPPattern(pattern)
	return ok && prefix.Contains(addr)
}

func parseIPPattern(pattern string) (netip.Prefix, bool) {
	host, bits, ranged := strings.Cut(pattern, "/")
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" || (addr.Is6() && strings.Contains(host, ".")) {
		return netip.Prefix{}, false
	}
	n := addr.BitLen()
	if ranged {
		if n, err = strconv.Atoi(bits); err != nil || n < 0 || n > addr.BitLen() {
			return netip.Prefix{}, false
		}
	}
	return netip.PrefixFrom(addr, n), true
}

// fixACL appends to dst the list that a create or setACL stores: entries of scheme auth replaced by the
// connection's own ids, exact duplicates dropped, the rest as given. An empty or impossible list is InvalidACL
// (client-protocol §4.3).
func fixACL(dst, acl []wire.ACL, ids []Identity) ([]wire.ACL, wire.Code) {
	if len(acl) == 0 {
		return dst, wire.InvalidACL
	}
	for i := range acl {
		entry := acl[i]
		switch entry.Scheme {
		case schemeWorld:
			if entry.ID != anyone {
				return dst, wire.InvalidACL
			}
			dst = appendEntry(dst, entry)
		case schemeAuth:
			var found bool
			if dst, found = appendOwnIDs(dst, entry.Perms, ids); !found {
				return dst, wire.InvalidACL
			}
		default:
			if !validID(entry.Scheme, entry.ID) {
				return dst, wire.InvalidACL
			}
			dst = appendEntry(dst, entry)
		}
	}
	return dst, wire.OK
}

// appendOwnIDs adds an entry for each id of the connection that was proved by a credential: an address is not.
func appendOwnIDs(dst []wire.ACL, perms int32, ids []Identity) (_ []wire.ACL, found bool) {
	for i := range ids {
		if s := ids[i].Scheme; s == schemeDigest || s == schemeX509 {
			dst = appendEntry(dst, wire.ACL{Perms: perms, Scheme: s, ID: ids[i].ID})
			found = true
		}
	}
	return dst, found
}

func appendEntry(dst []wire.ACL, entry wire.ACL) []wire.ACL {
	for i := range dst {
		if dst[i] == entry {
			return dst
		}
	}
	return append(dst, entry)
}

// validID reports whether an ACL may name id under scheme.
func validID(scheme, id string) bool {
	switch scheme {
	case schemeIP:
		_, ok := parseIPPattern(id)
		return ok
	case schemeDigest:
		return len(strings.Split(strings.TrimRight(id, ":"), ":")) == 2
	case schemeX509:
		return id != ""
	}
	return false
}

// isOpen reports whether a stored list lets everybody do everything: it is kept as no list at all.
func isOpen(acl []wire.ACL) bool {
	return len(acl) == 1 && acl[0].Perms == wire.PermAll && acl[0].Scheme == schemeWorld && acl[0].ID == anyone
}

// DigestIdentity derives the id that the credential "user:password" proves: digest, user:base64(SHA1(credential)).
func DigestIdentity(credential []byte) Identity {
	user, _, _ := strings.Cut(string(credential), ":")
	sum := sha1.Sum(credential)
	return Identity{Scheme: schemeDigest, ID: user + ":" + base64.StdEncoding.EncodeToString(sum[:])}
}

// MaskDigests returns the list as a connection without ADMIN sees it: what follows the first colon of a digest id
// replaced by x (client-protocol §4.4).
func MaskDigests(acl []wire.ACL) []wire.ACL {
	masked := make([]wire.ACL, len(acl))
	for i, entry := range acl {
		if user, _, ok := strings.Cut(entry.ID, ":"); ok && entry.Scheme == schemeDigest {
			entry.ID = user + ":x"
		}
		masked[i] = entry
	}
	return masked
}
