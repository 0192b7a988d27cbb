package wire

// The permissions of an ACL entry.
const (
	PermRead   int32 = 1 << 0
	PermWrite  int32 = 1 << 1
	PermCreate int32 = 1 << 2
	PermDelete int32 = 1 << 3
	PermAdmin  int32 = 1 << 4
	PermAll          = PermRead | PermWrite | PermCreate | PermDelete | PermAdmin
)

// ACL is one entry of an access list: whoever Scheme knows as ID has the permissions Perms. Bits outside PermAll are
// stored as given.
type ACL struct {
	Perms  int32
	NullID bool // the id was null, not empty: legal with the scheme auth only. ID is "" then
	Scheme string
	ID     string
}

// OpenACL gives everyone all permissions. It is shared: do not change it.
var OpenACL = []ACL{{Perms: PermAll, Scheme: "world", ID: "anyone"}}

// IsOpenACL reports whether acl is OpenACL, by value.
func IsOpenACL(acl []ACL) bool { return len(acl) == 1 && acl[0] == OpenACL[0] }

// aclMinSize is the size in bytes of the shortest entry: perms and two empty strings.
const aclMinSize = 12

// openACLText is OpenACL as it is encoded. Nearly every create carries it.
const openACLText = "\x00\x00\x00\x01" + "\x00\x00\x00\x1f" + "\x00\x00\x00\x05world" + "\x00\x00\x00\x06anyone"

// AppendACLs appends a list: -1 when acl is nil.
func AppendACLs(dst []byte, acl []ACL) []byte {
	if acl == nil {
		return appendNull(dst)
	}
	dst = AppendInt(dst, int32(len(acl)))
	for i := range acl {
		dst = acl[i].Append(dst)
	}
	return dst
}

// Append appends the entry.
func (a *ACL) Append(dst []byte) []byte {
	dst = AppendInt(dst, a.Perms)
	dst = AppendString(dst, a.Scheme)
	return AppendNullableString(dst, a.ID, a.NullID)
}

// Decode reads the entry. A null scheme reads as "": no scheme has that name, so both are refused alike.
func (a *ACL) Decode(r *Reader) error {
	a.Perms = r.Int()
	a.Scheme = r.String()
	a.ID, a.NullID = r.NullableString()
	return r.err
}

// ACLs reads a list into dst, which it overwrites from the start and grows at need. It returns nil for null, else a
// slice that is not nil. The strings alias the input, except those of the open list, which are constants.
func (r *Reader) ACLs(dst []ACL) []ACL {
	if rest := r.in[r.pos:]; len(rest) >= len(openACLText) && string(rest[:len(openACLText)]) == openACLText {
		r.pos += len(openACLText)
		return append(dst[:0], OpenACL[0])
	}
	n := r.Count(aclMinSize)
	if n < 0 {
		return nil
	}
	if dst = dst[:0]; dst == nil {
		dst = []ACL{}
	}
	for ; n > 0 && r.err == nil; n-- {
		dst = append(dst, ACL{})
		_ = dst[len(dst)-1].Decode(r)
	}
	return dst
}
