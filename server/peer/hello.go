package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"bellwether/engine/zab"
)

// The versions of the message that opens an election link.
const (
	helloOneAddress    int64 = -65536 // one address; what everybody sends unless told otherwise
	helloManyAddresses int64 = -65535 // several, joined by |; servers before 3.6 refuse it
)

// maxHelloText bounds the addresses in the message, in bytes.
const maxHelloText = 2048

const helloHeadSize = 8 + 8 + 4

// Hello opens an election link: it is the first thing that the server which dialed says, and the only thing on such a link
// that is no notification. The other side does not answer it.
//
//	 0        8        16       20
//	┌────────┬────────┬────────┬──────────────────┐
//	│version │ server │ length │ host:port|…      │
//	└────────┴────────┴────────┴──────────────────┘
type Hello struct {
	ID        zab.ServerID
	Addresses []string // host:port where the sender can be called back; none in very old messages
	Many      bool     // the version that allows several addresses
}

// Append appends h. Without Many only the first address is said; there must be one. Whoever sends it does so in one write:
// ZooKeeper reads the text with a single read.
func (h *Hello) Append(dst []byte) []byte {
	version, text := helloOneAddress, h.Addresses[0]
	if h.Many {
		version, text = helloManyAddresses, strings.Join(h.Addresses, "|")
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(version))
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.ID))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(text)))
	return append(dst, text...)
}

// ReadHello reads the message from the beginning of a link, and not a byte more. Addresses that name no single host
// (0.0.0.0, ::) are left out: nobody could be called back there.
func ReadHello(r io.Reader) (Hello, error) {
	var head [helloHeadSize]byte
	if _, err := io.ReadFull(r, head[:8]); err != nil {
		return Hello{}, err
	}
	version := int64(binary.BigEndian.Uint64(head[:]))
	if version >= 0 {
		return Hello{ID: zab.ServerID(version)}, nil // before versions were invented
	}
	if version != helloOneAddress && version != helloManyAddresses {
		return Hello{}, fmt.Errorf("peer: election link opened with the unknown version %d", version)
	}
	if _, err := io.ReadFull(r, head[8:]); err != nil {
		return Hello{}, unexpected(err)
	}
	h := Hello{ID: zab.ServerID(binary.BigEndian.Uint64(head[8:])), Many: version == helloManyAddresses}
	size := int32(binary.BigEndian.Uint32(head[16:]))
	if size <= 0 || size > maxHelloText {
		return h, fmt.Errorf("peer: election link of server %d opened with %d bytes of addresses", h.ID, size)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return h, unexpected(err)
	}
	for _, address := range strings.Split(string(text), "|") {
		host, err := checkAddress(address)
		if err != nil {
			return h, fmt.Errorf("peer: election link of server %d: %w", h.ID, err)
		}
		if !isWildcard(host) {
			h.Addresses = append(h.Addresses, address)
		}
	}
	return h, nil
}

var errAddress = errors.New("peer: not an address of the form host:port")

// checkAddress returns the host of an address of the form host:port.
func checkAddress(address string) (host string, err error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return "", fmt.Errorf("%w: %q", errAddress, address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("%w: %q", errAddress, address)
	}
	return host, nil
}

// isWildcard says that host stands for every address of a machine.
func isWildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsUnspecified()
}

// unexpected makes the end of the stream an error that says it came too early.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
