package loadgen

import "unsafe"

// paths spells the names of a run's znodes, all below one root:
//
//	root ─┬─ d000000 ─┬─ k00000000      keys, DirSize to a directory, made before the load
//	      │           └─ k00000001 …
//	      ├─ d000001 …
//	      └─ run-18c3a5f04b2d9e11 ─┬─ s000000 ─── n00000000 …   what session 0 creates during the load
//	                               └─ s000001 …
//
// A path is spelled into one buffer: it is good until the next one is.
type paths struct {
	buf     []byte
	root    int // buf[:root] is the root
	dirSize uint32
	run     string // name of the directory of what is created
}

const (
	maxPrefix = 1024
	maxPath   = maxPrefix + 64
)

func newPaths(c *Config, run string) *paths {
	p := &paths{buf: make([]byte, 0, maxPath), dirSize: uint32(c.DirSize), run: run}
	p.buf = append(append(p.buf, c.Chroot...), c.KeyPrefix...)
	p.root = len(p.buf)
	return p
}

func (p *paths) key(key uint32) string {
	return p.spell(p.number(p.number(p.buf[:p.root], "/d", 6, key/p.dirSize), "/k", 8, key))
}

// dir is the directory with the given number; that of a key is key / dirSize.
func (p *paths) dir(n uint32) string { return p.spell(p.number(p.buf[:p.root], "/d", 6, n)) }

// runDir is where sessions have their directories.
func (p *paths) runDir() string { return p.spell(append(append(p.buf[:p.root], '/'), p.run...)) }

func (p *paths) sessionDir(session uint32) string {
	p.runDir()
	return p.spell(p.number(p.buf, "/s", 6, session))
}

// created is the n-th znode that a session creates.
func (p *paths) created(session, n uint32) string {
	p.sessionDir(session)
	return p.spell(p.number(p.buf, "/n", 8, n))
}

func (p *paths) spell(b []byte) string {
	p.buf = b
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// number appends a name and a decimal number, with zeros in front up to a width of at most ten digits.
func (p *paths) number(b []byte, name string, width int, n uint32) []byte {
	b = append(b, name...)
	for limit := tenTo[width]; uint64(n) >= limit; limit *= 10 {
		width++
	}
	at := len(b)
	b = append(b, "0000000000"[:width]...)
	for i := at + width - 1; n > 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}

var tenTo = [...]uint64{1, 10, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10}
