package replica

import (
	"encoding/binary"
	"strings"
	"unsafe"

	"bellwether/engine/wire"
)

// pathIn returns the path with which the body of a transaction begins. It aliases body, which never changes again.
func pathIn(body []byte) string {
	n := binary.BigEndian.Uint32(body)
	return unsafe.String(unsafe.SliceData(body[4:]), n)
}

// cloneACL copies a list and its strings, which alias a request.
func cloneACL(acl []wire.ACL) []wire.ACL {
	c := make([]wire.ACL, len(acl))
	for i := range acl {
		c[i] = acl[i]
		c[i].Scheme, c[i].ID = strings.Clone(acl[i].Scheme), strings.Clone(acl[i].ID)
	}
	return c
}
