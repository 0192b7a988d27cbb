package replica

import (
	"crypto/sha1"
	"encoding/base64"
	"net/netip"
	"slices"
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
	host, length, ranged := strings.Cut(pattern, "/")
	addr, ok := parseQuad(host)
	if !ok {
		var err error
		if addr, err = netip.ParseAddr(host); err != nil || addr.Zone() != "" || strings.Contains(host, ".") {
			return netip.Prefix{}, false
		}
	}
	bits := addr.BitLen()
	if ranged {
		var err error
		if bits, err = strconv.Atoi(length); err != nil || bits < 0 || bits > addr.BitLen() {
			return netip.Prefix{}, false
		}
	}
	return netip.PrefixFrom(addr, bits), true
}

// parseQuad reads four decimal numbers. Unlike package netip it takes 010 for ten, as ZooKeeper does.
func parseQuad(text string) (netip.Addr, bool) {
	var quad [4]byte
	for i := range quad {
		part, rest, more := strings.Cut(text, ".")
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || n > 255 || more != (i < 3) {
			return netip.Addr{}, false
		}
		quad[i], text = byte(n), rest
	}
	return netip.AddrFrom4(quad), true
}

// fixACL appends to dst the list that a create or setACL stores: exact duplicates dropped, then entries of scheme auth
// replaced by the connection's own ids, the rest as given. An empty or impossible list is InvalidACL, and a null id where
// one is needed MarshallingError; the first entry that is wrong decides (client-protocol §4.3).
func fixACL(dst, acl []wire.ACL, ids []Identity) ([]wire.ACL, wire.Code) {
	if len(acl) == 0 {
		return dst, wire.InvalidACL
	}
	var seen map[wire.ACL]bool // of a long list: what a client can make long must not cost the square of its length
	if len(acl) > fewEntries {
		seen = make(map[wire.ACL]bool, len(acl))
	}
	for i := range acl {
		entry := acl[i]
		if seen[entry] || seen == nil && slices.Contains(acl[:i], entry) {
			continue
		}
		if seen != nil {
			seen[entry] = true
		}
		switch entry.Scheme {
		case schemeAuth:
			var found bool
			if dst, found = appendOwnIDs(dst, entry.Perms, ids); !found || len(dst) > maxEntries {
				return dst, wire.InvalidACL
			}
		case schemeWorld, schemeIP, schemeDigest:
			if entry.NullID {
				return dst, wire.MarshallingError
			}
			if !validID(entry.Scheme, entry.ID) {
				return dst, wire.InvalidACL
			}
			dst = append(dst, entry)
		default:
			return dst, wire.InvalidACL
		}
	}
	return dst, wire.OK
}

// maxEntries bounds what may become of auth entries: each is replaced by all ids of the connection, and a client can have
// many of both. It is more than a request of the usual size can list.
const maxEntries = 1 << 16

// fewEntries is the length up to which a list is searched for duplicates by comparing each entry with all before it.
const fewEntries = 32

// appendOwnIDs adds an entry for each id of the connection that was proved by a credential: an address is not.
func appendOwnIDs(dst []wire.ACL, perms int32, ids []Identity) (_ []wire.ACL, found bool) {
	for i := range ids {
		if s := ids[i].Scheme; s == schemeDigest || s == schemeX509 {
			dst = append(dst, wire.ACL{Perms: perms, Scheme: s, ID: ids[i].ID})
			found = true
		}
	}
	return dst, found
}

// validID reports whether an ACL may name id under scheme.
func validID(scheme, id string) bool {
	switch scheme {
	case schemeWorld:
		return id == anyone
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
